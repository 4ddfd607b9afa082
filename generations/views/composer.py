"""The composer: the form for one model, with its choices, its price, and why it cannot be sent."""

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from generations import queries
from generations.forms import GenerationForm, form_fields, initial_from, mark_errors
from generations.models import Account, Generation, Image, RecipeVersion, User, VeniceModel
from generations.models.policy import SafeMode
from generations.services import catalogue, policy, spend
from generations.services import generation as generations
from generations.services.errors import Invalid
from generations.services.parameters import MOST_IMAGES, SURCHARGED, Rules, ratio_of
from generations.views import words

NOTHING_OFFERED = "Venice’s models are not loaded yet."


class NothingOffered(Exception):
    """There is no catalogue yet: Venice could not be asked since the installation."""


class NothingAllowed(NothingOffered):
    """Of the models that are offered the policy lets this person use none."""


@dataclass
class Offer:
    """The models to choose from, and the one that is chosen."""

    models: list[VeniceModel]
    chosen: VeniceModel
    rules: policy.Allowed


def offer(user: User, model: str | None) -> Offer:
    """What is offered and what the policy lets this person use. Raises NothingOffered."""
    offered, rules = catalogue.offered(), policy.for_user(user)
    models = [m for m in offered if not rules.model_problem(m)]
    if not models:
        raise NothingAllowed if offered else NothingOffered
    return Offer(models, next((m for m in models if m.id == model), models[0]), rules)


def empty(user: User, query: QueryDict) -> GenerationForm:
    """The form as a page shows it first: defaults, or an earlier request to build on."""
    source = _source(user, query)
    offered = offer(user, query.get("model") or (_successor(source.model) if source else None))
    rules, styles = _rules(offered.chosen)
    initial = _defaults(rules, user, offered.rules)
    if source is not None:
        # A recipe has a seed only when its owner asked to keep it.
        with_seed = query.get("use") in ("all", "seed") or isinstance(source, RecipeVersion)
        given = generations.envelope(source, with_seed=with_seed)
        if query.get("use") == "seed":
            given = {"seed": given["seed"], "prompt": ""}
        else:
            initial |= _lineage(source, query)
        initial |= _kept(given, rules)
    form = GenerationForm(rules, styles, initial=initial)
    return dress(form, user, offered, note=_dropped(source, offered.chosen, rules, query))


def from_settings(user: User, given: dict[str, Any]) -> GenerationForm:
    """The form with settings that were found in a picture."""
    offered = offer(user, given.get("model"))
    rules, styles = _rules(offered.chosen)
    settings = {name: value for name, value in given.items() if name != "model"}
    initial = _defaults(rules, user, offered.rules) | _kept(settings, rules)
    form = GenerationForm(rules, styles, initial=initial)
    form.is_filled = True
    lost = [name for name in settings if name in rules.check(settings) and name != "prompt"]
    note = _note(lost, offered.chosen)
    if given.get("model") and given["model"] != offered.chosen.id:
        note = f"The picture names the model {given['model'][:60]}, which is not offered. {note}"
    return dress(form, user, offered, note=note.strip())


def _successor(model: str) -> str:
    """The model itself while it is offered, else the replacement that Venice named for it."""
    row = VeniceModel.objects.filter(pk=model).first()
    if row is None or (row.is_offered and not catalogue.is_over(row)):
        return model
    return catalogue.info(row).deprecation_replacement or model


def _kept(given: dict[str, Any], rules: Rules) -> dict[str, Any]:
    """What fits, without the empty; a size that a ratio stands for becomes that ratio.

    Otherwise the pixels of the earlier request would overrule the ratio that is chosen next.
    """
    kept = {k: v for k, v in initial_from(given, rules).items() if v is not None}
    size = (kept.get("width"), kept.get("height"))
    if rules.sizing == "pixels" and size != (None, None):
        ratio = next((text for text in rules.ratios if rules.pixels_for(text) == size), None)
        if ratio:
            kept = {k: v for k, v in kept.items() if k not in ("width", "height")}
            kept["aspect_ratio"] = ratio
    return kept


def switched(user: User, query: QueryDict) -> GenerationForm:
    """The same request on another model: what fits comes along, the rest is named."""
    offered = offer(user, query.get("model"))
    rules, styles = _rules(offered.chosen)
    initial = _defaults(rules, user, offered.rules)
    before = GenerationForm(rules, styles, query, every=True)
    before.is_valid()
    if chosen := before.cleaned_data.get("visibility"):
        initial["visibility"] = chosen
    envelope = ("model", "form_token", "confirm_price", "visibility", "made_from")
    given = {
        k: v for k, v in before.cleaned_data.items() if v not in (None, "") and k not in envelope
    }
    kept = {k: v for k, v in given.items() if k in form_fields(rules) and _fits(rules, k, v)}
    form = GenerationForm(rules, styles, initial=initial | kept)
    lost = [k for k in given if k not in kept and given[k] is not False]
    return dress(form, user, offered, note=_note(lost, offered.chosen))


def _fits(rules: Rules, name: str, value: Any) -> bool:
    if name == "aspect_ratio":
        return value in rules.ratios
    return name not in rules.check({"prompt": "x", name: value})


def bound(user: User, data: QueryDict) -> GenerationForm:
    """The form as it was sent. An unknown model is an error of its own field."""
    offered = offer(user, data.get("model"))
    rules, styles = _rules(offered.chosen)
    form = GenerationForm(rules, styles, data)
    if data.get("model") and data["model"] != offered.chosen.id:
        form.add_error(None, _not_offered(offered.rules, str(data["model"])))
    return dress(form, user, offered)


def _not_offered(rules: policy.Allowed, model: str) -> str:
    row = next((m for m in catalogue.offered() if m.id == model), None)
    problem = rules.model_problem(row) if row else ""
    return problem or "This model is not offered. Choose another one."


def dress(form: GenerationForm, user: User, offered: Offer, *, note: str = "") -> GenerationForm:
    """Everything the template shows beside the fields, as plain values."""
    rules = form.rules
    form.switch_note = note
    form.chosen = offered.chosen
    parent = made_from(user, form["made_from"].value())
    form.parent = reverse("image-detail", args=[parent.pk]) if parent else ""
    form.model_choices = [_model_choice(m, offered.chosen) for m in offered.models]
    form.prompt_limit = rules.prompt_limit
    form.ratio_choices = _ratio_choices(form)
    form.resolution_choices = _choices(form, "resolution", rules.resolutions)
    form.quality_choices = _choices(form, "quality", rules.qualities)
    form.blocked_reason, form.blocked_url = _blocked(user, offered.rules)
    form.fixed = offered.rules.fixed
    form.initial.update({name: value for name, (value, _) in form.fixed.items()})
    form.style_hint = f"{len(form.styles)} to choose from"
    if rules.sizing == "pixels":
        form.size_hint = f"steps of {rules.divisor}, most 1280"
    form.budget_label, form.budget_ratio = _budget(user)
    form.catalogue_note = _catalogue_note()
    form.more_is_open = bool(note) or _has_errors_below(form)
    _price(form)
    mark_errors(form)
    return form


def redress(form: GenerationForm) -> GenerationForm:
    """After services found more to say than the form did."""
    form.more_is_open = form.more_is_open or _has_errors_below(form)
    mark_errors(form)
    return form


def _has_errors_below(form: GenerationForm) -> bool:
    return form.is_bound and bool(set(form.errors) - {"prompt", "__all__", "confirm_price"})


def _rules(model: VeniceModel) -> tuple[Rules, list[str]]:
    styles = catalogue.offered_styles()
    return catalogue.rules_for(model, frozenset(styles)), styles


def _defaults(rules: Rules, user: User, allowed: policy.Allowed) -> dict[str, Any]:
    return {
        "visibility": user.default_visibility,
        "variants": 1,
        "aspect_ratio": rules.default_ratio,
        "resolution": rules.default_resolution,
        "quality": rules.default_quality,
        "format": "webp",
        "safe_mode": allowed.safe_mode != SafeMode.FREE,
        "hide_watermark": True,
        "form_token": generations.new_token(),
    }


def _price(form: GenerationForm) -> None:
    """The exact price of the request as the form stands; of a broken form, of its defaults."""
    values = {name: form[name].value() for name in form.fields}
    try:
        count = min(max(int(values.get("variants") or 1), 1), MOST_IMAGES)
    except (TypeError, ValueError):
        count = 1
    price = form.rules.price(
        {
            "variants": count,
            "resolution": values.get("resolution"),
            "quality": values.get("quality"),
            **{name: values.get(name) for name in SURCHARGED},
        }
    )
    form.pay_label = f"Generate {count}" if count > 1 else "Generate"
    form.price_label = words.money(price)
    form.amount = "" if price is None else str(price)
    if price is not None:
        del form.fields["confirm_price"]


def _catalogue_note() -> str:
    """Said while Venice is away and the last good copy serves."""
    age = catalogue.age()
    if age is None:
        return ""
    return f"Models and prices as of {words.hours(age)} ago; Venice could not be asked since."


def _budget(user: User) -> tuple[str, int | None]:
    """What is left this month, and how much of the limit that is, in per cent."""
    standing = spend.standing(user)
    if standing.limit is None or standing.left is None:
        return "", None
    share = standing.left / standing.limit if standing.limit else Decimal(0)
    left, limit = words.money(standing.left), words.money(standing.limit)
    return f"{left} left of {limit} this month", round(share * 100)


def _blocked(user: User, rules: policy.Allowed) -> tuple[str, str]:
    try:
        generations.usable_key(user, rules)
    except Invalid as problem:
        first = next(iter(problem.fields.values()))
        return _SHORT.get(first, "Check the key first"), reverse("settings")
    return "", ""


_SHORT = {
    generations.NO_KEY: "Add a Venice key first",
    policy.TEAM_KEY: "Add a key of your own first",
    generations.STOPPED[Account.Problem.NO_CREDIT]: "No credit at Venice: check the key",
    generations.STOPPED[Account.Problem.BAD_KEY]: "Venice refused the key: check it",
}


def _model_choice(model: VeniceModel, chosen: VeniceModel) -> dict[str, Any]:
    entry = catalogue.info(model)
    price = entry.price()
    varies = len({p for r in entry.constraints.resolutions if (p := entry.price(resolution=r))}) > 1
    ends = entry.deprecation_date
    return {
        "id": model.id,
        "name": model.name,
        "price_label": ("from " if varies else "") + words.money(price),
        "privacy_label": words.privacy(model.privacy),
        "is_private": model.privacy == "private",
        "is_chosen": model.pk == chosen.pk,
        "note": f"ends {words.day(ends)}" if ends else "beta" if entry.beta else "",
    }


def _ratio_choices(form: GenerationForm) -> list[dict[str, Any]]:
    chosen = form["aspect_ratio"].value() if "aspect_ratio" in form.fields else None
    if chosen not in form.rules.ratios:
        chosen = form.rules.default_ratio
    return [
        {"value": text, "label": text, "is_chosen": text == chosen, **_ratio_icon(text)}
        for text in form.rules.ratios
    ]


def _ratio_icon(text: str) -> dict[str, float]:
    """Width and height of a rectangle of this ratio inside a 16 unit square."""
    across = ratio_of(text)
    width, height = (12.0, 12 / across) if across >= 1 else (12 * across, 12.0)
    return {"icon_width": round(max(width, 3.0), 1), "icon_height": round(max(height, 3.0), 1)}


def _choices(form: GenerationForm, name: str, values: tuple[str, ...]) -> list[dict[str, Any]]:
    chosen = str(form[name].value() or "") if name in form.fields else ""
    return [{"value": v, "label": v, "is_chosen": v == chosen} for v in values]


# --- building on an earlier request ----------------------------------------------------------


def _source(user: User, query: QueryDict) -> Generation | RecipeVersion | None:
    """The generation named in the address, if this person may see it or one of its images, or
    the recipe."""
    if pk := _uuid(query.get("recipe")):
        return queries.recipe_version(user, pk, query.get("version", ""))
    if pk := _uuid(query.get("from")):
        return queries.openable_generations(user).filter(pk=pk).first()
    if pk := _uuid(query.get("image")):
        image = queries.visible_images(user).select_related("generation").filter(pk=pk).first()
        return image.generation if image else None
    return None


def _lineage(source: Generation | RecipeVersion, query: QueryDict) -> dict[str, Any]:
    """What it is made from; and what builds on something private starts as private."""
    if isinstance(source, RecipeVersion):
        return {}
    parent = query.get("image") or str(source.made_from_id or "")
    visibility = generations.visibility_of(source)
    is_private = visibility == Image.Visibility.PRIVATE
    return {"made_from": parent} | ({"visibility": visibility} if is_private else {})


def made_from(user: User, text: str | None) -> Image | None:
    """The image that a form or an address names to build on, if this person sees it."""
    pk = _uuid(text)
    return queries.visible_images(user).filter(pk=pk).first() if pk else None


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None


def _dropped(
    source: Generation | RecipeVersion | None, chosen: VeniceModel, rules: Rules, query: QueryDict
) -> str:
    if source is None or query.get("use") == "seed":
        return ""
    lost = [k for k in rules.check(generations.envelope(source)) if k != "prompt"]
    if source.model != chosen.id:
        return f"{source.model_name} is not offered now; {chosen.name} takes its place." + (
            f" Left out: {', '.join(_name(k) for k in lost)}." if lost else ""
        )
    return (
        f"Left out, the model does not take it now: {', '.join(map(_name, lost))}." if lost else ""
    )


def _note(lost: list[str], chosen: VeniceModel) -> str:
    if not lost:
        return ""
    names = ", ".join(_name(name) for name in lost)
    return f"Switched to {chosen.name}: {names} did not come along, this model does not take it."


def _name(parameter: str) -> str:
    return {
        "aspect_ratio": "ratio",
        "style_preset": "style",
        "cfg_scale": "guidance",
        "enable_web_search": "web search",
        "negative_prompt": "negative prompt",
    }.get(parameter, parameter.replace("_", " "))
