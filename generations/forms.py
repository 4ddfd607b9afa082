"""Forms. They turn text into types; what a model takes is decided by services.parameters."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from django import forms
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from generations import queries
from generations.models import Generation, Image, Recipe, User, VeniceModel
from generations.queries import Limits
from generations.services import signup
from generations.services.parameters import FORMATS, MOST_IMAGES, Rules

# What a form post may hold besides the parameters.
_ENVELOPE = frozenset(
    {
        "csrfmiddlewaretoken",
        "form_token",
        "model",
        "confirm_price",
        "price_list",
        "shown_price",
        "seen",
        "visibility",
        "made_from",
    }
)


# A list to choose from, not to search in.
MOST_RECIPES = 30


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-up is by invitation, unless the policy opens it."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return signup.is_open()


class Checkbox(forms.CheckboxInput):
    """A checkbox whose "off" is sent too: a post that says nothing keeps the default.

    Otherwise a script that posts only a prompt would switch safe mode off.
    """

    def render(self, name: str, value: Any, *args: Any, **kwargs: Any) -> SafeString:
        box = super().render(name, value, *args, **kwargs)
        return format_html('<input type="hidden" name="{}" value="off">{}', name, box)

    def value_from_datadict(  # type: ignore[override]
        self, data: Any, files: Any, name: str
    ) -> bool | None:
        values = data.getlist(name) if hasattr(data, "getlist") else [data.get(name)]
        return {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}.get(
            str(values[-1]).lower() if values else ""
        )

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return name not in data


class SwitchField(forms.NullBooleanField):
    widget = Checkbox


def _text(rows: int, **attrs: str) -> forms.CharField:
    return forms.CharField(
        required=False, strip=False, widget=forms.Textarea(attrs={"rows": rows, **attrs})
    )


def _number(label: str, **attrs: Any) -> forms.IntegerField:
    return forms.IntegerField(required=False, label=label, widget=forms.NumberInput(attrs=attrs))


def _choice(label: str, choices: Sequence[str], empty: str = "") -> forms.CharField:
    # A CharField: whether the value is one of the choices is for the rules to say, in our words.
    options = [("", empty)] if empty else []
    widget = forms.Select(choices=options + [(choice, choice) for choice in choices])
    return forms.CharField(required=False, label=label, widget=widget)


def form_fields(rules: Rules) -> tuple[str, ...]:
    """The parameters a form shows: pixel models are sized by ratio chips too."""
    return (*rules.fields, "aspect_ratio") if rules.sizing == "pixels" else rules.fields


class GenerationForm(forms.Form):
    """The composer for one model: only the fields which that model takes.

    What the template shows beside the fields is put here by views.composer.
    """

    chosen: VeniceModel
    model_choices: list[dict[str, Any]]
    ratio_choices: list[dict[str, Any]]
    resolution_choices: list[dict[str, Any]]
    quality_choices: list[dict[str, Any]]
    prompt_limit = 0
    pay_label = price_label = budget_label = ""
    amount = ""
    budget_ratio: int | None = None
    blocked_reason = blocked_url = switch_note = ""
    size_hint = style_hint = catalogue_note = ""
    # What the team's policy has set: field -> its value, and that in words.
    fixed: dict[str, tuple[bool, str]]
    # Address of the image it builds on.
    parent = ""
    # Filled from a picture: a draft must not write over it.
    is_filled = more_is_open = False

    def __init__(
        self,
        rules: Rules,
        styles: Sequence[str],
        data: Any = None,
        *,
        every: bool = False,
        **kw: Any,
    ):
        """`every`: all fields that any model has, to read a form made for another model."""
        super().__init__(data, label_suffix="", **kw)
        self.rules, self.styles, self._is_every = rules, styles, every
        every_field = self._every_field(styles)
        names = form_fields(rules) if not every else tuple(every_field)
        self.fields.update({n: field for n, field in every_field.items() if n in names})
        self.fields["form_token"] = forms.CharField(
            required=False, max_length=64, widget=forms.HiddenInput(attrs={"id": "form-token"})
        )
        # Not a parameter of Venice: who here will see what comes.
        self.fields["visibility"] = forms.ChoiceField(
            required=False, label="Who sees it", choices=Image.Visibility.choices
        )
        # The image it builds on; services.generation asks whether this person may see it.
        self.fields["made_from"] = forms.CharField(required=False, widget=forms.HiddenInput)
        self.fields["confirm_price"] = forms.BooleanField(
            required=False, label="Make it without knowing the price"
        )

    def _every_field(self, styles: Sequence[str]) -> dict[str, forms.Field]:
        rules = self.rules
        side: dict[str, Any] = {
            "min": rules.divisor,
            "max": 1280,
            "step": rules.divisor,
            "inputmode": "numeric",
        }
        return {
            "prompt": _text(2, placeholder="What should the image show?"),
            "negative_prompt": _text(1),
            "variants": _number("Images", min=1, max=MOST_IMAGES),
            "aspect_ratio": _choice("Ratio", rules.ratios),
            "width": _number("Width", **side),
            "height": _number("Height", **side),
            "resolution": _choice("Resolution", rules.resolutions),
            "quality": _choice("Quality", rules.qualities),
            # A list to type into: 76 styles are too many to scroll through.
            "style_preset": forms.CharField(
                required=False,
                label="Style",
                widget=forms.TextInput(
                    attrs={"list": "styles", "placeholder": "None", "autocomplete": "off"}
                ),
            ),
            "seed": _number("Seed", inputmode="numeric", placeholder="random"),
            "steps": _number("Steps", min=1, max=rules.most_steps),
            "cfg_scale": forms.FloatField(
                required=False,
                label="Guidance",
                widget=forms.NumberInput(attrs={"min": 0.5, "max": 20, "step": 0.5}),
            ),
            "lora_strength": _number("LoRA strength", min=0, max=100),
            "format": _choice("Format", FORMATS),
            "safe_mode": SwitchField(required=False, label="Blur adult content"),
            "hide_watermark": SwitchField(required=False, label="Leave it out"),
            "embed_exif_metadata": SwitchField(required=False, label="Settings in the file"),
            "enhance_prompt": SwitchField(required=False, label="Let Venice add detail"),
            "enable_web_search": SwitchField(required=False, label="Look things up first"),
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self._is_every:
            return cleaned
        parameters = self.parameters
        for name, sentence in self._forged().items():
            self.add_error(None, f"{name}: {sentence}")
        # A field whose text is no number has its message already.
        checked = {name: value for name, value in parameters.items() if name not in self.errors}
        for name, sentence in self.rules.check(checked).items():
            if name not in self.errors:
                self.add_error(name if name in self.fields else None, sentence)
        return cleaned

    @property
    def parameters(self) -> dict[str, Any]:
        """What is asked for, under Venice's names: empty fields left out, sizes worked out."""
        given = {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in _ENVELOPE
            and value not in (None, "")
            # Off is Venice's own default for all switches but this one.
            and (value is not False or name == "safe_mode")
        }
        given.setdefault("prompt", "")
        given.setdefault("variants", 1)
        given.setdefault("format", FORMATS[0])
        if "safe_mode" in self.rules.fields:
            given.setdefault("safe_mode", True)
        return self._sized(given)

    def _sized(self, given: dict[str, Any]) -> dict[str, Any]:
        rules = self.rules
        ratio = given.get("aspect_ratio", rules.default_ratio)
        if rules.sizing != "pixels":
            if rules.ratios:
                given.setdefault("aspect_ratio", ratio)
            if rules.resolutions:
                given.setdefault("resolution", rules.default_resolution)
            if rules.qualities:
                given.setdefault("quality", rules.default_quality)
            return given
        if ratio in rules.ratios:
            given.pop("aspect_ratio", None)
        if not given.get("width") and not given.get("height"):
            given["width"], given["height"] = rules.pixels_for(ratio)
        given.setdefault("width", given.get("height"))
        given.setdefault("height", given["width"])
        return given

    def _forged(self) -> dict[str, str]:
        """Names that the page never offered for this model."""
        known = self.fields.keys() | _ENVELOPE
        return {
            str(name)[:40]: "this model does not take it."
            for name in self.data
            if name not in known and str(self.data.get(name, "")).strip()
        }


class HistoryFilter(forms.Form):
    """What the history's address may say. What makes no sense is passed over, not an error."""

    q = forms.CharField(required=False, max_length=200, empty_value="")
    state = forms.ChoiceField(required=False, choices=Generation.State.choices)
    model = forms.CharField(required=False, max_length=120)
    person = forms.RegexField(r"^(all|\d{1,18})$", required=False)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)
    price = forms.DecimalField(required=False, min_value=0, max_digits=12, decimal_places=6)


class ProfileForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("name", "default_visibility")
        labels = {"name": "Name", "default_visibility": "New images"}  # noqa: RUF012

    default_visibility = forms.ChoiceField(
        required=False, label="New images", choices=Image.Visibility.choices
    )

    def clean_default_visibility(self) -> str:
        """A post that says nothing of it keeps what is."""
        return str(self.cleaned_data["default_visibility"] or self.instance.default_visibility)


class RecipeForm(forms.Form):
    """Name and readers. What a name may be is decided by services.recipe."""

    name = forms.CharField(
        required=False,
        label="Name",
        error_messages={
            "null_characters_not_allowed": "There is a character in it we cannot keep."
        },
        widget=forms.TextInput(attrs={"maxlength": Recipe.NAME_LIMIT, "autocomplete": "off"}),
    )
    is_team = SwitchField(required=False, label="Everybody here may use it")

    def __init__(self, *args: Any, **kw: Any):
        super().__init__(*args, **{"auto_id": "recipe-%s", "label_suffix": "", **kw})


class SaveRecipeForm(RecipeForm):
    """A job as a new recipe, or as the next version of one of one's own."""

    generation = forms.UUIDField(widget=forms.HiddenInput)
    recipe = forms.UUIDField(required=False, label="Save as", widget=forms.Select)
    keep_seed = SwitchField(required=False, label="Keep the seed")

    def __init__(self, user: User, generation: Generation, data: Any = None):
        super().__init__(data, initial={"generation": generation.pk})
        own = queries.own_recipes(user)[:MOST_RECIPES]
        versions = [(str(r.pk), f"{r.name}, version {r.latest_number + 1}") for r in own]
        self.fields["recipe"].widget.choices = [("", "A new recipe"), *versions]
        self.has_recipes = bool(versions)
        if generation.seed is None:
            del self.fields["keep_seed"]


class VeniceKeyForm(forms.Form):
    venice_key = forms.CharField(
        label="Venice key",
        max_length=400,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Paste the key first."},
    )


class AmountField(forms.DecimalField):
    """Dollars and cents. A "$" before them is no mistake; a comma is, for it means two things."""

    widget = forms.TextInput
    default_error_messages: ClassVar = {
        "invalid": "Write an amount in dollars, like 20 or 12.50.",
        "min_value": "Not below 0. Leave it empty for no limit.",
        "max_value": "At most $99,999,999.99.",
        "max_decimal_places": "At most two decimals.",
    }

    def __init__(self, **kwargs: Any) -> None:
        most = Decimal("99999999.99")
        super().__init__(required=False, min_value=0, max_value=most, decimal_places=2, **kwargs)

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        amount = super().to_python(value.strip().removeprefix("$") if value else value)
        # -0 is 0. Not by adding 0, which "sNaN" and 1e9999999 answer with an error.
        return Decimal(0) if amount is not None and not amount else amount

    def widget_attrs(self, widget: forms.Widget) -> dict[str, str]:
        return {"inputmode": "decimal", "autocomplete": "off"}


class BudgetsForm(forms.Form):
    """The team's limit, everyone's, and one for each person. Empty: no limit of that kind."""

    def __init__(self, data: Any, *, people: Sequence[User], limits: Limits) -> None:
        super().__init__(data, label_suffix="")
        self.people = {f"person_{person.pk}": person for person in people}
        self.fields["team"] = AmountField(label="The whole team", initial=limits.team)
        self.fields["everyone"] = AmountField(label="Each person", initial=limits.everyone)
        for name, person in self.people.items():
            own = limits.people.get(person.pk)
            self.fields[name] = AmountField(label=f"Limit of {person}", initial=own)

    @property
    def changes(self) -> list[tuple[str, User | None, Decimal | None]]:
        """What spend.set_budgets takes; a field that was not posted stays as it is."""
        return [
            ("person" if name in self.people else name, self.people.get(name), amount)
            for name, amount in self.cleaned_data.items()
            if name in self.changed_data and name in self.data
        ]


def mark_errors(form: forms.Form) -> None:
    """aria-invalid and the id of its message on every field that has one.

    Django adds these only for fields it renders with its own templates.
    """
    for name in form.errors:
        if name in form.fields:
            form.fields[name].widget.attrs |= {
                "aria-invalid": "true",
                "aria-describedby": f"{name}-error",
            }


def initial_from(parameters: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """Of an earlier request, what still fits this model; for Remix, Use all and Use seed."""
    problems = rules.check(parameters)
    return {name: value for name, value in parameters.items() if name not in problems}
