"""Forms. They turn text into types; what a model takes is decided by services.parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django import forms
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from generations.models import User, VeniceModel
from generations.services.parameters import FORMATS, MOST_IMAGES, Rules

# What a form post may hold besides the parameters.
_ENVELOPE = frozenset({"csrfmiddlewaretoken", "form_token", "model", "confirm_price", "price_list"})


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-up is by invitation only."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


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
    model_error = ""
    prompt_limit = 0
    pay_label = price_label = budget_label = ""
    budget_ratio: int | None = None
    blocked_reason = blocked_url = switch_note = ""
    size_hint = ""
    more_is_open = False

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
        self.rules, self._is_every = rules, every
        every_field = self._every_field(styles)
        names = form_fields(rules) if not every else tuple(every_field)
        self.fields.update({n: field for n, field in every_field.items() if n in names})
        self.fields["form_token"] = forms.CharField(
            required=False, max_length=64, widget=forms.HiddenInput(attrs={"id": "form-token"})
        )
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
            "style_preset": _choice("Style", styles, empty="None"),
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


class ProfileForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("name",)
        labels = {"name": "Name"}  # noqa: RUF012


class VeniceKeyForm(forms.Form):
    venice_key = forms.CharField(
        label="Venice key",
        max_length=400,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Paste the key first."},
    )


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
