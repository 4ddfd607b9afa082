"""The form of an API token. What its values may be is decided by services.token."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from generations.forms import AmountField, SwitchField
from generations.models import User
from generations.services import token as services

_NUL = {"null_characters_not_allowed": "There is a character in it we cannot keep."}


class TokenForm(forms.Form):
    name = forms.CharField(
        required=False,
        label="Name",
        widget=forms.TextInput(attrs={"maxlength": services.NAME_LIMIT, "autocomplete": "off"}),
        error_messages=_NUL,
    )
    generate = SwitchField(required=False, label="Make images", initial=True)
    read = SwitchField(required=False, label="Read", initial=True)
    # Of the doors that these two open none is built yet; a token made now will have them.
    share = SwitchField(required=False, label="Share")
    review = SwitchField(required=False, label="Review")
    expires_at = forms.DateField(
        required=False,
        label="Works until",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": "Choose a day to come, or none."},
    )
    monthly_usd = AmountField(label="Budget a month, in dollars")

    def __init__(self, user: User, *args: Any, **kw: Any):
        super().__init__(*args, **{"auto_id": "token-%s", "label_suffix": "", **kw})
        self.scopes = services.scopes_for(user)
        for scope in ("generate", "read", "share", "review"):
            if scope not in self.scopes:
                del self.fields[scope]
        tomorrow = timezone.now().date() + timedelta(days=1)
        self.fields["expires_at"].widget.attrs["min"] = tomorrow.isoformat()

    @property
    def values(self) -> dict[str, Any]:
        """What services.token takes. It works until the end of its last day, UTC."""
        given, last = self.cleaned_data, self.cleaned_data["expires_at"]
        return {
            "name": given["name"],
            "scopes": [scope for scope in self.scopes if given[scope]],
            "expires_at": datetime.combine(last, time.max, UTC) if last else None,
            "monthly_usd": given["monthly_usd"],
        }

    def add_problems(self, problems: dict[str, str]) -> None:
        for name, sentence in problems.items():
            field = "generate" if name == "scopes" else name
            self.add_error(field if field in self.fields else None, sentence)
