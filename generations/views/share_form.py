"""The form of a share link. What its values may be is decided by services.share."""

from typing import Any

from django import forms
from django.utils import timezone

from generations.forms import SwitchField
from generations.models import Share
from generations.services import policy
from generations.services import share as services

_NUL = {"null_characters_not_allowed": "There is a character in it we cannot keep."}


def _text(label: str, most: int) -> forms.CharField:
    attrs = {"maxlength": most, "autocomplete": "off"}
    widget = forms.TextInput(attrs=attrs)
    return forms.CharField(required=False, label=label, widget=widget, error_messages=_NUL)


class ShareForm(forms.Form):
    title = _text("Title on the page", 120)
    label = _text("For whom", Share.LABEL_LIMIT)
    # A date, or a number of days from a script.
    expires = forms.CharField(
        required=False,
        label="Works until",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages=_NUL,
    )
    password = forms.CharField(
        required=False,
        strip=False,
        label="Password",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages=_NUL,
    )
    no_password = SwitchField(required=False, label="Take the password away")
    picks = SwitchField(required=False, label="Ask for picks")
    download = SwitchField(required=False, label="Allow downloads")
    show_prompt = SwitchField(required=False, label="Show the prompts")

    def __init__(
        self, rules: policy.Allowed, data: Any = None, *, share: Share | None = None, **kw: Any
    ):
        """`rules` of whoever shares; `share` when it is there already."""
        super().__init__(data, **{"auto_id": "share-%s", "label_suffix": "", **kw})
        attrs = self.fields["expires"].widget.attrs
        attrs["min"] = timezone.now().date().isoformat()
        latest = services.latest_expiry(rules, share.created_at if share else None)
        attrs["max"] = latest.isoformat()
        self.needs_password = rules.share_needs_password

    @property
    def values(self) -> dict[str, Any]:
        """What services.share takes; a switch that was not posted is off."""
        given = dict(self.cleaned_data)
        del given["no_password"]
        for name in ("picks", "download", "show_prompt"):
            given[name] = bool(given[name])
        return given


def initial(share: Share) -> dict[str, Any]:
    expires = share.expires_at.date().isoformat() if share.expires_at else ""
    return {
        "title": share.title,
        "label": share.label,
        "expires": expires,
        "picks": share.asks_picks,
        "download": share.may_download,
        "show_prompt": share.shows_prompt,
    }


def add_errors(form: ShareForm, problems: dict[str, str]) -> None:
    for name, sentence in problems.items():
        form.add_error(name if name in form.fields else None, sentence)
