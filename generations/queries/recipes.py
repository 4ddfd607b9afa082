"""Recipes: who may read which, and their versions."""

import uuid

from django.db.models import Count, F, Prefetch, Q, QuerySet

from generations.models import Recipe, RecipeVersion, User
from generations.queries.images import visible_images


def visible_recipes(user: User) -> QuerySet[Recipe]:
    """What this person may read and use: their own recipes and the team's, newest use first."""
    rows = Recipe.objects.filter(Q(user=user) | Q(is_team=True), deleted_at=None)
    return rows.order_by("-used_at", "-id")


def own_recipes(user: User) -> QuerySet[Recipe]:
    return visible_recipes(user).filter(user=user)


def removable_recipes(user: User) -> QuerySet[Recipe]:
    """What this person may delete, and take back: their own, and for admins the team's."""
    theirs = Q(user=user) | Q(is_team=True) if user.is_admin else Q(user=user)
    return Recipe.objects.filter(theirs)


def recipe_counts(user: User) -> dict[str, int]:
    return visible_recipes(user).aggregate(
        mine=Count("pk", filter=Q(user=user)), team=Count("pk", filter=Q(is_team=True))
    )


def search_recipes(rows: QuerySet[Recipe], text: str) -> QuerySet[Recipe]:
    """Recipes whose name, or newest prompt or model, holds every word of the text."""
    for word in text.split()[:10]:
        newest = Q(versions__prompt__icontains=word) | Q(versions__model_name__icontains=word)
        found = newest | Q(name__icontains=word)
        rows = rows.filter(found, versions__number=F("latest_number"))
    return rows


def with_latest(recipes: QuerySet[Recipe], user: User) -> QuerySet[Recipe]:
    """With `newest`: a list of the newest version alone, as `recipe_versions` has it."""
    newest = recipe_versions(user).filter(number=F("recipe__latest_number"))
    return recipes.select_related("user").prefetch_related(
        Prefetch("versions", newest, to_attr="newest")
    )


def recipe_versions(user: User) -> QuerySet[RecipeVersion]:
    """Newest first, with the job each was saved from and its `pictures` that this person sees."""
    pictures = Prefetch(
        "generation__images",
        visible_images(user).filter(is_hidden=False).order_by("number"),
        to_attr="pictures",
    )
    rows = RecipeVersion.objects.filter(recipe__in=visible_recipes(user).order_by())
    return (
        rows.select_related("recipe__user", "by", "generation")
        .prefetch_related(pictures)
        .order_by("-number")
    )


def recipe_version(user: User, pk: uuid.UUID, number: str = "") -> RecipeVersion | None:
    """The version with that number, as text from outside; without one the newest."""
    rows = recipe_versions(user).filter(recipe=pk)
    if number:
        rows = rows.filter(number=int(number)) if _is_number(number) else rows.none()
    return rows.first()


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 10
