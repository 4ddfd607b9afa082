"""The team's policy: every rule on one page, saved at once."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods

from generations import queries
from generations.forms import SwitchField, mark_errors
from generations.models import Policy, VeniceModel
from generations.models.policy import Always, SafeMode, Who
from generations.services import blocked, policy
from generations.services.errors import Invalid
from generations.views import words
from generations.views.access import Request, admin
from generations.views.spend import SeeOther

_WHOLE = {"invalid": "Write a whole number of days.", "required": "Write a number of days."}


def _choice(label: str, choices: Any) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label,
        choices=choices,
        error_messages={"invalid_choice": "Choose one of the list."},
    )


def _days(label: str) -> forms.IntegerField:
    attrs = {"min": 1, "max": 3650, "inputmode": "numeric"}
    return forms.IntegerField(
        label=label,
        min_value=1,
        max_value=3650,
        widget=forms.NumberInput(attrs=attrs),
        error_messages=_WHOLE
        | {"min_value": "From 1 to 3,650 days.", "max_value": "From 1 to 3,650 days."},
    )


class PolicyForm(forms.Form):
    """What is not posted stays as it is; what may be set is decided by services.policy."""

    second_factor_for = _choice("Second factor needed", Who.choices)
    is_signup_open = SwitchField(required=False, label="Anybody may sign up")
    safe_mode_member = _choice("Safe mode of members", SafeMode.choices)
    safe_mode_reviewer = _choice("Safe mode of reviewers", SafeMode.choices)
    safe_mode_admin = _choice("Safe mode of admins", SafeMode.choices)
    private_models_only = SwitchField(required=False, label="Private models only")
    allowed_models = forms.MultipleChoiceField(required=False, label="Models")
    blocked_terms = forms.CharField(
        required=False,
        label="Blocked words and phrases",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "autocomplete": "off"}),
    )
    sharing_for = _choice("Who may share outside", Who.choices)
    share_days = _days("A link lives, unless said otherwise")
    share_most_days = _days("A link lives at most")
    share_needs_password = SwitchField(required=False, label="Every link needs a password")
    watermark = _choice("Venice’s watermark", Always.choices)
    metadata = _choice("Settings in the file", Always.choices)
    trash_days = _days("The trash keeps images for")
    team_key_for = _choice("Who may use the team’s key", Who.choices)
    # When the policy was changed that this form was made from; "" while it never was.
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, standing: Policy) -> None:
        initial = {name: getattr(standing, name) for name in policy.FIELDS}
        initial["seen"] = _seen(standing)
        super().__init__(data, initial=initial, label_suffix="", auto_id="policy-%s")
        known = [(m.pk, m.name) for m in VeniceModel.objects.all()]
        self.fields["allowed_models"].choices = known  # type: ignore[attr-defined]
        for name in self.fields:
            if self.is_bound and name not in self.data:
                self.fields[name].required = False

    @property
    def values(self) -> dict[str, Any]:
        """What policy.change takes. No model ticked means all of them: a form of boxes that are
        all empty posts nothing, so `models` says which was meant."""
        given = {
            name: value
            for name, value in self.cleaned_data.items()
            if name in self.data and name in policy.FIELDS and value is not None
        }
        if self.data.get("models") == "all":
            given["allowed_models"] = []
        return given

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        is_none = not self.data.get("allowed_models")
        if self.data.get("models") == "some" and is_none:
            self.add_error("allowed_models", "Choose the models, or allow all of them.")
        return cleaned


def _seen(standing: Policy) -> str:
    return standing.changed_at.isoformat() if standing.changed_at else ""


def _moment(text: str) -> datetime | None:
    try:
        return parse_datetime(text)
    except ValueError:
        return None


@require_http_methods(["GET", "HEAD", "POST"])
@admin
def rules(request: Request) -> HttpResponse:
    if request.method != "POST":
        standing = policy.current()
        return _page(request, PolicyForm(standing=standing), standing)
    form = PolicyForm(request.POST, standing=policy.current())
    if form.is_valid() and _saved(request, form):
        messages.success(request, "Saved. It holds from now on.")
        return SeeOther(reverse("team-policy"))
    return _page(request, form, policy.current(), status=422)


def _saved(request: Request, form: PolicyForm) -> bool:
    try:
        policy.change(form.values, by=request.user, seen=_moment(form.cleaned_data["seen"]))
    except Invalid as problem:
        for name, sentence in problem.fields.items():
            form.add_error(name if name in form.fields else None, sentence)
    return not form.errors


def _page(request: Request, form: PolicyForm, standing: Policy, status: int = 200) -> HttpResponse:
    mark_errors(form)
    chosen = set(form["allowed_models"].value() or [])
    said = form.data.get("models")
    offered = VeniceModel.objects.filter(Q(is_offered=True) | Q(pk__in=standing.allowed_models))
    terms = len(blocked.lines_of(standing.blocked_terms))
    context = {
        "section": "policy",
        "form": form,
        "models": [_model(model, chosen) for model in offered],
        "is_all": said == "all" if said else not chosen,
        # Of the policy as it stands, also after somebody else's change: whoever saves again has
        # been told.
        "seen": _seen(standing),
        "changed_label": _changed(standing),
        "terms_label": f"{terms:,}" if terms else "none",
        "differences": _differences(form, standing) if form.non_field_errors() else [],
        "exceptions": list(queries.with_exceptions()[:MOST_NAMED]),
    }
    return render(request, "team/policy.html", context, status=status)


# People with exceptions that the page names.
MOST_NAMED = 60


def _changed(standing: Policy) -> str:
    if standing.changed_at is None:
        return ""
    by = f" by {standing.changed_by}" if standing.changed_by else ""
    when = words.when(standing.changed_at)
    return f"Changed {when[0].lower()}{when[1:]}{by}."


def _model(model: VeniceModel, chosen: set[str]) -> dict[str, Any]:
    notes = [words.privacy(model.privacy)] if model.privacy else []
    return {
        "id": model.pk,
        "name": model.name,
        "note": ", ".join(notes if model.is_offered else [*notes, "not offered now"]),
        "is_chosen": model.pk in chosen,
    }


def _differences(form: PolicyForm, standing: Policy) -> list[str]:
    """What stands now where the form says something else, in words."""
    values = form.values if form.is_valid() or form.cleaned_data else {}
    return [
        f"{form.fields[name].label}: {_in_words(form.fields[name], getattr(standing, name))} now."
        for name, value in values.items()
        if not _is_same(value, getattr(standing, name))
    ]


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return set(one) == set(other)
    if isinstance(one, str):
        return blocked.lines_of(one) == blocked.lines_of(other)
    return bool(one == other)


def _in_words(field: forms.Field, value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return f"{len(value):,} chosen" if value else "all of them"
    if isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        return str(dict(choices).get(value, value)).lower()
    if isinstance(value, int):
        return words.days(timedelta(days=value))
    return f"{len(blocked.lines_of(value)):,} of them"
