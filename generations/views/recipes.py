"""Recipes: finding, reading, saving, using."""

import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from generations import queries
from generations.forms import RecipeForm, SaveRecipeForm, mark_errors
from generations.models import Generation, Recipe, RecipeVersion
from generations.services import recipe as services
from generations.services.errors import Invalid
from generations.views import cards, recipe_cards, words
from generations.views.access import (
    Request,
    member,
    openable_generation,
    own_recipe,
    recipe_version,
    removable_recipe,
    uuid_or_404,
    visible_recipe,
)
from generations.views.generations import facts

PAGE = 36
MOST_PAGES = 1000
MOST_VERSIONS = 50


@require_http_methods(["GET", "HEAD", "POST"])
@member
def collection(request: Request) -> HttpResponse:
    if request.method != "POST":
        return _list(request)
    target = request.POST.get("recipe")
    return _save(request, own_recipe(request.user, uuid_or_404(target)) if target else None)


# --- finding --------------------------------------------------------------------------------


def _list(request: Request) -> HttpResponse:
    q = request.GET.get("q", "").replace("\0", "").strip()[:200]
    is_team, page = request.GET.get("show") == "team", _page_number(request)
    user, counts = request.user, queries.recipe_counts(request.user)
    rows = queries.visible_recipes(user)
    rows = rows.filter(is_team=True) if is_team else rows.filter(user=user)
    rows = queries.with_latest(queries.search_recipes(rows, q), user)
    found = list(rows[(page - 1) * PAGE : page * PAGE + 1])
    models = queries.known_models() if found else {}
    context = {
        "cards": [recipe_cards.card(row, models, user) for row in found[:PAGE]],
        "q": q,
        "is_team": is_team,
        "tabs": _tabs(q, is_team, counts),
        "next_url": _address(q, is_team, page + 1) if len(found) > PAGE else "",
        "has_team": bool(counts["team"]),
    }
    return render(request, "recipes/list.html", context)


def _page_number(request: Request) -> int:
    text = request.GET.get("page", "")
    return min(max(int(text), 1), MOST_PAGES) if text.isdecimal() and len(text) < 9 else 1


def _tabs(q: str, is_team: bool, counts: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "url": _address(q, value),
            "is_current": value == is_team,
            "count": counts[name],
        }
        for value, label, name in ((False, "Mine", "mine"), (True, "Team", "team"))
    ]


def _address(q: str, is_team: bool, page: int = 1) -> str:
    query = {"show": "team" if is_team else "", "q": q, "page": str(page) if page > 1 else ""}
    given = urlencode({name: value for name, value in query.items() if value})
    return f"{reverse('recipes')}{'?' if given else ''}{given}"


# --- reading --------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@member
def detail(request: Request, pk: uuid.UUID) -> HttpResponse:
    if request.method != "POST":
        return _page(request, visible_recipe(request.user, pk))
    recipe = own_recipe(request.user, pk)
    return _save(request, recipe) if "generation" in request.POST else _change(request, recipe)


def _page(
    request: Request, recipe: Recipe, form: RecipeForm | None = None, status: int = 200
) -> HttpResponse:
    user = request.user
    shown = recipe_version(user, recipe.pk, request.GET.get("version", ""))
    rows = queries.recipe_versions(user).filter(recipe=recipe)
    versions = list(rows[: MOST_VERSIONS + 1])
    standing = recipe_cards.standing(shown, queries.known_models())
    is_mine = recipe.user_id == user.pk
    context = {
        "recipe": recipe,
        "shown": shown,
        "is_latest": shown.number == recipe.latest_number,
        "facts": _facts(recipe, shown, standing),
        "standing": standing,
        "picture": _picture(shown),
        "versions": recipe_cards.version_rows(recipe, versions, shown.number),
        "is_cut": len(versions) > MOST_VERSIONS,
        "may_delete": is_mine or (user.is_admin and recipe.is_team),
        "form": (form or RecipeForm(initial=_initial(recipe))) if is_mine else None,
        "is_wrong": form is not None,
    }
    return render(request, "recipes/detail.html", context, status=status)


def _initial(recipe: Recipe) -> dict[str, Any]:
    return {"name": recipe.name, "is_team": recipe.is_team}


def _facts(
    recipe: Recipe, version: RecipeVersion, standing: recipe_cards.Standing
) -> list[tuple[str, str]]:
    asked = [row for row in facts(version) if row[0] != "When"]
    used = recipe_cards.uses(recipe).removeprefix("Used ")
    last = [("Last used", words.when(recipe.used_at))] if recipe.uses else []
    return [*asked, ("Price now", standing.price_label or "none"), ("Used", used), *last]


def _picture(version: RecipeVersion) -> cards.Frame | None:
    picture = recipe_cards.picture_of(version)
    return cards.frame(picture, version.prompt) if picture else None


# --- saving ---------------------------------------------------------------------------------


def _save(request: Request, recipe: Recipe | None) -> HttpResponse:
    """A job as a new recipe, or as the next version of one's own."""
    generation = openable_generation(request.user, uuid_or_404(request.POST.get("generation")))
    form = SaveRecipeForm(request.user, generation, request.POST)
    if not form.is_valid():
        return _save_again(request, form, generation)
    try:
        version = services.save(
            request.user,
            generation=generation,
            name=form.cleaned_data["name"],
            is_team=bool(form.cleaned_data["is_team"]),
            keep_seed=bool(form.cleaned_data.get("keep_seed")),
            recipe=recipe,
        )
    except Invalid as problem:
        form.add_error("name", problem.fields["name"])
        return _save_again(request, form, generation)
    messages.success(request, f"“{version.recipe.name}” is saved, version {version.number}.")
    return _to(version.recipe)


def _save_again(request: Request, form: SaveRecipeForm, generation: Generation) -> HttpResponse:
    mark_errors(form)
    context = {"recipe_form": form, "prompt": generation.prompt, "generation": generation}
    return render(request, "recipes/save.html", context, status=422)


def _change(request: Request, recipe: Recipe) -> HttpResponse:
    form = RecipeForm(request.POST)
    try:
        if form.is_valid():
            services.rename(recipe, name=form.cleaned_data["name"])
    except Invalid as problem:
        form.add_error("name", problem.fields["name"])
    if form.errors:
        mark_errors(form)
        return _page(request, visible_recipe(request.user, recipe.pk), form, status=422)
    if (is_team := form.cleaned_data["is_team"]) is not None:
        services.share(recipe, is_team=is_team)
    messages.success(request, "Saved.")
    return _to(recipe)


@require_POST
@member
def delete(request: Request, pk: uuid.UUID) -> HttpResponse:
    recipe = removable_recipe(request.user, pk)
    services.delete(recipe)
    undo = reverse("recipe-restore", args=[pk])
    messages.success(request, f"“{recipe.name}” is deleted.", extra_tags=undo)
    return HttpResponseRedirect(reverse("recipes"), status=303)


@require_POST
@member
def restore(request: Request, pk: uuid.UUID) -> HttpResponse:
    recipe = removable_recipe(request.user, pk)
    services.restore(recipe)
    return _to(recipe)


def _to(recipe: Recipe) -> HttpResponse:
    return HttpResponseRedirect(reverse("recipe-detail", args=[recipe.pk]), status=303)


# --- using ----------------------------------------------------------------------------------


@require_POST
@member
def use(request: Request, pk: uuid.UUID) -> HttpResponse:
    """Count it, and fill the studio with it. Where its model is gone, with the one that Venice
    names in its place; the studio says so."""
    number = request.POST.get("version", "")
    version = recipe_version(request.user, pk, number)
    services.count_use(version.recipe)
    standing = recipe_cards.standing(version, queries.known_models())
    query = {"recipe": str(pk), "version": number, "model": standing.replacement}
    given = urlencode({name: value for name, value in query.items() if value})
    return HttpResponseRedirect(f"{reverse('studio')}?{given}", status=303)
