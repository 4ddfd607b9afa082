"""Recipes: keeping what a job asked for, changing one's own, counting uses."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from generations import queries
from generations.models import Generation, Recipe, RecipeVersion, User
from generations.services.errors import Invalid, NotPossible

# How long a deletion can be undone.
KEPT = timedelta(days=30)
_COPIED = ("model", "model_name", "prompt", "negative_prompt", "variants", "parameters")


def save(
    user: User,
    *,
    generation: Generation,
    name: str = "",
    is_team: bool = False,
    keep_seed: bool = False,
    recipe: Recipe | None = None,
) -> RecipeVersion:
    """Keep what a job asked for as a new recipe, or as the next version of one's own.

    Saving the same again, as a double click does, gives the version that is there. A version
    keeps its recipe's name and readers. Raises Invalid, and NotPossible for what is not theirs.
    """
    if not queries.openable_generations(user).filter(pk=generation.pk).exists():
        raise NotPossible("This job is not yours to save.")
    if recipe is not None and recipe.user_id != user.pk:
        raise NotPossible("Only its owner changes a recipe.")
    content = _content(generation, keep_seed=keep_seed)
    wanted = "" if recipe else checked_name(name)
    with transaction.atomic():
        _lock(user)
        kept = recipe or _twin(user, wanted, content) or _new(user, wanted, is_team)
        return _latest(kept, content) or _next(kept, content, user, generation)


def checked_name(name: str) -> str:
    """The name as it is stored. Raises Invalid."""
    if "\0" in name:
        raise Invalid({"name": "There is a character in it that cannot be kept. Type it again."})
    name = " ".join(name.split())
    if not name:
        raise Invalid({"name": "Give it a name."})
    if len(name) > Recipe.NAME_LIMIT:
        over = len(name) - Recipe.NAME_LIMIT
        raise Invalid({"name": f"{over:,} characters too long: at most {Recipe.NAME_LIMIT}."})
    return name


def _content(generation: Generation, *, keep_seed: bool) -> dict[str, Any]:
    copied = {name: getattr(generation, name) for name in _COPIED}
    return {**copied, "seed": generation.seed if keep_seed else None}


def _lock(user: User) -> None:
    """One save of a person at a time, so that two clicks at once see each other."""
    User.objects.select_for_update().get(pk=user.pk)


def _twin(user: User, name: str, content: dict[str, Any]) -> Recipe | None:
    rows = queries.own_recipes(user).filter(name=name)
    return next((recipe for recipe in rows if _latest(recipe, content)), None)


def _new(user: User, name: str, is_team: bool) -> Recipe:
    return Recipe.objects.create(user=user, name=name, is_team=is_team)


def _latest(recipe: Recipe, content: dict[str, Any]) -> RecipeVersion | None:
    """The newest version, when it says the same."""
    latest = recipe.versions.first()
    is_same = latest and all(getattr(latest, name) == value for name, value in content.items())
    return latest if is_same else None


def _next(
    recipe: Recipe, content: dict[str, Any], user: User, generation: Generation
) -> RecipeVersion:
    changes = {"latest_number": F("latest_number") + 1, "changed_at": timezone.now()}
    Recipe.objects.filter(pk=recipe.pk).update(**changes)
    recipe.refresh_from_db(fields=list(changes))
    return RecipeVersion.objects.create(
        recipe=recipe, number=recipe.latest_number, by=user, generation=generation, **content
    )


def rename(recipe: Recipe, *, name: str) -> None:
    """Raises Invalid."""
    recipe.name, recipe.changed_at = checked_name(name), timezone.now()
    recipe.save(update_fields=["name", "changed_at"])


def share(recipe: Recipe, *, is_team: bool) -> None:
    """With the team, or with nobody again."""
    recipe.is_team, recipe.changed_at = is_team, timezone.now()
    recipe.save(update_fields=["is_team", "changed_at"])


def delete(recipe: Recipe) -> None:
    """Out of all lists; really gone with the first deletion after KEPT."""
    now = timezone.now()
    Recipe.objects.filter(deleted_at__lt=now - KEPT).delete()
    Recipe.objects.filter(pk=recipe.pk, deleted_at=None).update(deleted_at=now)


def restore(recipe: Recipe) -> None:
    Recipe.objects.filter(pk=recipe.pk).update(deleted_at=None)


def count_use(recipe: Recipe) -> None:
    Recipe.objects.filter(pk=recipe.pk).update(uses=F("uses") + 1, used_at=timezone.now())
