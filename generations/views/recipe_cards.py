"""What people read of a recipe, as plain strings: its card, its model, what a version changed."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from generations.models import Image, Recipe, RecipeVersion, User, VeniceModel
from generations.services import catalogue
from generations.services import generation as generations
from generations.services.parameters import Rules, expected_ratio
from generations.views import cards, words
from generations.views.generations import facts

Models = dict[str, VeniceModel]
# More words than this in one place are not quoted: the prompt itself is a click away.
MOST_QUOTED = 80


@dataclass(frozen=True)
class Standing:
    """How a recipe's model stands today."""

    price_label: str = ""
    note: str = ""
    is_gone: bool = False
    # The model that takes its place when it is gone: Venice's own word, and offered.
    replacement: str = ""


@dataclass
class RecipeCard:
    dom_id: str
    url: str
    use_url: str
    name: str
    prompt: str
    edge: list[str]
    standing: Standing
    uses_label: str
    who: str
    is_team: bool
    frame: cards.Frame | None
    ratio_class: str
    look: str = "done"


def card(recipe: Recipe, models: Models, user: User) -> RecipeCard:
    """A recipe from `queries.with_latest` as a card."""
    version: RecipeVersion = recipe.newest[0]  # type: ignore[attr-defined]
    picture = picture_of(version)
    ratio = expected_ratio(version.parameters)
    url = reverse("recipe-detail", args=[recipe.pk])
    return RecipeCard(
        dom_id=f"r-{recipe.pk}",
        url=url,
        use_url=f"{url}use/",
        name=recipe.name,
        prompt=words.clip(version.prompt, 280),
        edge=_edge(version, ratio),
        standing=standing(version, models),
        uses_label=uses(recipe),
        who="You" if recipe.user_id == user.pk else recipe.user.display_name,
        is_team=recipe.is_team,
        frame=cards.frame(picture, version.prompt) if picture else None,
        ratio_class=cards.ratio_class(picture.ratio if picture else ratio),
    )


def picture_of(version: RecipeVersion) -> Image | None:
    """An image of the job it was saved from, if this person may see one."""
    if version.generation is None:
        return None
    pictures: list[Image] = version.generation.pictures  # type: ignore[attr-defined]
    return pictures[0] if pictures else None


def _edge(version: RecipeVersion, ratio: float) -> list[str]:
    parts = [version.model_name, words.ratio(version.parameters, ratio)]
    return [*parts, words.images(version.variants)] if version.variants > 1 else parts


def uses(recipe: Recipe) -> str:
    if recipe.uses < 2:
        return ("Not used yet", "Used once")[recipe.uses]
    return f"Used {recipe.uses:,} times"


# --- the model ------------------------------------------------------------------------------


def standing(version: RecipeVersion, models: Models) -> Standing:
    model = models.get(version.model)
    if model is None:
        return Standing(note=f"{version.model_name} has ended.", is_gone=True)
    if model.is_offered and not catalogue.is_over(model):
        price = Rules(catalogue.info(model)).price(generations.envelope(version))
        return Standing(words.money(price), _ending(model, models))
    return Standing(
        note=_gone(model, models), is_gone=True, replacement=_replacement(model, models)
    )


def _ending(model: VeniceModel, models: Models) -> str:
    ends = catalogue.info(model).deprecation_date
    return f"{model.name} ends on {words.date(ends)}.{_advice(model, models)}" if ends else ""


def _gone(model: VeniceModel, models: Models) -> str:
    entry = catalogue.info(model)
    if entry.deprecation_date and catalogue.is_over(model):
        return (
            f"{model.name} ended on {words.date(entry.deprecation_date)}.{_advice(model, models)}"
        )
    if entry.offline:
        return f"{model.name} is offline at Venice for now."
    return f"{model.name} has ended.{_advice(model, models)}"


def _advice(model: VeniceModel, models: Models) -> str:
    wished = catalogue.info(model).deprecation_replacement
    if not wished:
        return ""
    return f" Venice suggests {models[wished].name if wished in models else wished}."


def _replacement(model: VeniceModel, models: Models) -> str:
    wished = models.get(catalogue.info(model).deprecation_replacement or "")
    is_there = wished is not None and wished.is_offered and not catalogue.is_over(wished)
    return wished.id if wished is not None and is_there else ""


# --- versions -------------------------------------------------------------------------------


def version_rows(recipe: Recipe, versions: list[RecipeVersion], shown: int) -> list[dict[str, Any]]:
    """Newest first; the last one is the first version, or one more than the page shows."""
    url = reverse("recipe-detail", args=[recipe.pk])
    older: list[RecipeVersion | None] = [*versions[1:], None]
    return [
        {
            "number": version.number,
            "url": f"{url}?version={version.number}",
            "is_shown": version.number == shown,
            "changes": changes(before, version) if before else ["First version"],
            "when": words.when(version.created_at),
            "who": version.by.display_name,
        }
        for version, before in zip(versions, older, strict=True)
        if before or version.number == 1
    ]


def changes(older: RecipeVersion, newer: RecipeVersion) -> list[str]:
    """What is different, in a few words for each thing."""
    said = [
        _text_change("Prompt", older.prompt, newer.prompt),
        _text_change("Negative prompt", older.negative_prompt, newer.negative_prompt),
    ]
    before, after = _settings(older), _settings(newer)
    said += [_change(n, before.get(n), after.get(n)) for n in dict.fromkeys([*before, *after])]
    return [sentence for sentence in said if sentence]


def _settings(version: RecipeVersion) -> dict[str, str]:
    return {label: value for label, value in facts(version) if label != "When"}


def _change(label: str, before: str | None, after: str | None) -> str:
    if before == after:
        return ""
    if before is None:
        return f"{label} {after} added"
    if after is None:
        return f"{label} {before} taken out"
    return f"{label} from {before} to {after}"


def _text_change(label: str, before: str, after: str) -> str:
    """The one place where the words differ, quoted when it is short enough."""
    if before == after:
        return ""
    gone, come = _middle(before.split(), after.split())
    if max(len(gone), len(come)) > MOST_QUOTED or not (gone or come):
        return f"{label} {'rewritten' if before and after else 'added' if after else 'taken out'}"
    if not gone or not come:
        return f"{label}: “{gone or come}” {'added' if come else 'taken out'}"
    return f"{label}: “{gone}” became “{come}”"


def _middle(before: list[str], after: list[str]) -> tuple[str, str]:
    """What is left of both without the words that they begin and end with alike."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    before, after = before[start:], after[start:]
    while before and after and before[-1] == after[-1]:
        del before[-1], after[-1]
    return " ".join(before).strip(",;"), " ".join(after).strip(",;")
