"""The form of a webhook. What its values may be is decided by services.webhook."""

from typing import Any

from django import forms

from generations.forms import SwitchField
from generations.models.webhook import Happening
from generations.services import webhook as services

# Field -> what it stands for.
EVENTS = {happening.value.partition(".")[2]: happening for happening in Happening}
_NUL = {"null_characters_not_allowed": "There is a character in it we cannot keep."}


class WebhookForm(forms.Form):
    url = forms.CharField(
        required=False,
        label="Address",
        widget=forms.TextInput(
            attrs={
                "inputmode": "url",
                "placeholder": "https://",
                "autocomplete": "off",
                "maxlength": services.LONGEST_URL,
            }
        ),
        error_messages={
            "null_characters_not_allowed": "There is a character in it we cannot keep."
        },
    )
    succeeded = SwitchField(required=False, label="Succeeded", initial=True)
    failed = SwitchField(required=False, label="Failed", initial=True)
    unknown = SwitchField(required=False, label="Outcome unknown", initial=True)
    cancelled = SwitchField(required=False, label="Cancelled", initial=True)

    def __init__(self, *args: Any, **kw: Any):
        super().__init__(*args, **{"auto_id": "webhook-%s", "label_suffix": "", **kw})

    @property
    def values(self) -> dict[str, Any]:
        """What services.webhook takes."""
        given = self.cleaned_data
        chosen = [happening.value for name, happening in EVENTS.items() if given[name]]
        return {"url": given["url"], "events": chosen}

    def add_problems(self, problems: dict[str, str]) -> None:
        for name, sentence in problems.items():
            field = "succeeded" if name == "events" else name
            self.add_error(field if field in self.fields else None, sentence)
