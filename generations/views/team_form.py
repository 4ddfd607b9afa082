"""Forms about people. What their values may be is decided by services.user and services.invite."""

from typing import Any

from django import forms

from generations.models import User
from generations.models.policy import SafeMode
from generations.services import invite as invites

_NUL = {"null_characters_not_allowed": "There is a character in it we cannot keep."}
POLICY = ("", "As the policy says")
_YES_NO = (POLICY, ("yes", "Yes"), ("no", "No"))
_BOOL: dict[str, bool | None] = {"": None, "yes": True, "no": False}
_TEXT = {True: "yes", False: "no", None: ""}


class RoleForm(forms.Form):
    role = forms.ChoiceField(
        label="Role",
        choices=User.Role.choices,
        error_messages={"invalid_choice": "Choose a role of the list."},
    )

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **{"auto_id": "person-%s", "label_suffix": "", **kw})


class ExceptionsForm(forms.Form):
    """A value that is not posted is as the policy says."""

    safe_mode = forms.ChoiceField(
        required=False, label="Safe mode", choices=(POLICY, *SafeMode.choices)
    )
    may_use_team_key = forms.ChoiceField(
        required=False, label="May use the team’s key", choices=_YES_NO
    )
    may_share = forms.ChoiceField(required=False, label="May share outside", choices=_YES_NO)

    def __init__(self, data: Any = None, *, person: User) -> None:
        start = {
            "safe_mode": person.safe_mode,
            "may_use_team_key": _TEXT[person.may_use_team_key],
            "may_share": _TEXT[person.may_share],
        }
        super().__init__(data, initial=start, auto_id="person-%s", label_suffix="")

    @property
    def values(self) -> dict[str, Any]:
        """What services.user takes."""
        given = self.cleaned_data
        return {
            "safe_mode": given["safe_mode"],
            "may_use_team_key": _BOOL[given["may_use_team_key"]],
            "may_share": _BOOL[given["may_share"]],
        }


class InviteForm(forms.Form):
    role = forms.ChoiceField(
        label="Role",
        choices=User.Role.choices,
        initial=User.Role.MEMBER,
        error_messages={"invalid_choice": "Choose a role of the list."},
    )
    days = forms.IntegerField(
        label="Works for, in days",
        initial=invites.DAYS,
        required=False,
        widget=forms.NumberInput(
            attrs={"min": invites.LEAST_DAYS, "max": invites.MOST_DAYS, "inputmode": "numeric"}
        ),
        error_messages={"invalid": "Write a whole number of days."},
    )
    email = forms.CharField(
        required=False,
        label="Email",
        widget=forms.EmailInput(attrs={"autocomplete": "off", "maxlength": 254}),
        error_messages=_NUL,
    )

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **{"auto_id": "invite-%s", "label_suffix": "", **kw})

    @property
    def values(self) -> dict[str, Any]:
        """What services.invite takes; without a number of days its default."""
        given = dict(self.cleaned_data)
        if given["days"] is None:
            given["days"] = invites.DAYS
        return given


class NewPersonForm(forms.Form):
    """Who comes by an invitation, or signs up."""

    name = forms.CharField(
        label="Your name",
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": "Write how the others shall call you.", **_NUL},
    )
    email = forms.CharField(
        label="Email",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
        error_messages={"required": "Write your email: you sign in with it.", **_NUL},
    )
    password = forms.CharField(
        label="Password",
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": "Choose a password.", **_NUL},
    )

    def __init__(self, data: Any = None, *, has_email: bool) -> None:
        """`has_email`: which it is stands elsewhere, and is not asked for."""
        super().__init__(data, label_suffix="")
        if has_email:
            del self.fields["email"]


class AddressForm(forms.Form):
    """Signing up where mail is sent: all else comes after its link."""

    email = NewPersonForm.base_fields["email"]

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, label_suffix="")


class SignUpForm(NewPersonForm):
    """Signing up where no mail is sent; the fields have allauth's names."""

    field_order = ("name", "email", "password1")

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, has_email=False)
        self.fields["password1"] = self.fields.pop("password")
        self.fields["name"].required = False


def add_errors(form: forms.Form, problems: dict[str, str]) -> None:
    for name, sentence in problems.items():
        name = "password1" if name == "password" and "password1" in form.fields else name
        form.add_error(name if name in form.fields else None, sentence)
