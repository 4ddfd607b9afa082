"""Recipes: saving, versions, uses, and who may."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from generations import queries
from generations.models import Generation, Recipe, RecipeVersion
from generations.services import recipe as recipes
from generations.services.errors import Invalid, NotPossible
from tests.builders import make_generation, make_recipe

pytestmark = [pytest.mark.services, pytest.mark.django_db]


def test_a_recipe_keeps_what_was_asked_for(alice):
    made = make_generation(alice, prompt="Domes", negative_prompt="people", variants=3)
    version = recipes.save(alice, generation=made, name="  Canal \n houses ")
    assert (version.recipe.name, version.number, version.recipe.is_team) == (
        "Canal houses",
        1,
        False,
    )
    for name in ("model", "model_name", "prompt", "negative_prompt", "variants", "parameters"):
        assert getattr(version, name) == getattr(made, name)
    assert (version.by, version.generation, version.recipe.latest_number) == (alice, made, 1)


@pytest.mark.parametrize(("keep", "seed"), [(True, 7), (False, None)])
def test_the_seed_is_kept_only_if_asked(alice, keep, seed):
    made = make_generation(alice, seed=7)
    assert recipes.save(alice, generation=made, name="x", keep_seed=keep).seed == seed


@pytest.mark.parametrize("name", ["", "   ", "\n", "x" * 81, "nul\0byte"])
def test_a_bad_name_is_refused_by_its_field(alice, name):
    made = make_generation(alice)
    with pytest.raises(Invalid) as problem:
        recipes.save(alice, generation=made, name=name)
    assert set(problem.value.fields) == {"name"}
    recipe = make_recipe(alice, name="As it was")
    with pytest.raises(Invalid):
        recipes.rename(recipe, name=name)
    recipe.refresh_from_db()
    assert recipe.name == "As it was"
    assert Recipe.objects.count() == 1


def test_a_name_of_eighty_characters_fits(alice):
    assert make_recipe(alice, name="ü" * 80).name == "ü" * 80


def test_a_version_is_added_and_keeps_name_and_readers(alice):
    recipe = make_recipe(alice, name="Houses", is_team=True)
    second = make_generation(alice, prompt="Houses at night")
    version = recipes.save(alice, generation=second, recipe=recipe, name="Ignored")
    recipe.refresh_from_db()
    assert (version.number, recipe.latest_number) == (2, 2)
    assert (recipe.name, recipe.is_team) == ("Houses", True)
    assert [v.prompt for v in recipe.versions.all()] == ["Houses at night", "A stone bridge"]


def test_the_same_saved_again_is_the_same(alice):
    made = make_generation(alice)
    first = recipes.save(alice, generation=made, name="Bridge")
    assert recipes.save(alice, generation=made, name="Bridge") == first
    assert recipes.save(alice, generation=made, recipe=first.recipe) == first
    assert recipes.save(alice, generation=made, name="Bridge", keep_seed=True) != first


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_version", [False, True])
def test_ten_clicks_at_once_save_once(alice, is_version):
    target = make_recipe(alice, name="Target") if is_version else None
    made = make_generation(alice, prompt="Clicked")

    def click():
        try:
            recipes.save(alice, generation=made, name="Clicked", recipe=target)
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert RecipeVersion.objects.filter(prompt="Clicked").count() == 1
    assert Recipe.objects.count() == 1


def test_only_from_a_job_that_one_may_open(alice, bob, ada):
    made = make_generation(alice)
    with pytest.raises(NotPossible):
        recipes.save(bob, generation=made, name="Stolen")
    assert recipes.save(ada, generation=made, name="Looked into").by == ada


def test_only_the_owner_adds_a_version(alice, bob, ada):
    recipe = make_recipe(alice, is_team=True)
    for other in (bob, ada):
        with pytest.raises(NotPossible):
            recipes.save(other, generation=make_generation(other), recipe=recipe)
    assert recipe.versions.count() == 1


def test_uses_are_counted_and_come_first(alice):
    old, new = make_recipe(alice, name="Old"), make_recipe(alice, name="New")
    assert list(queries.own_recipes(alice)) == [new, old]
    recipes.count_use(old)
    recipes.count_use(old)
    assert list(queries.own_recipes(alice)) == [old, new]
    old.refresh_from_db()
    assert old.uses == 2


def test_who_sees_what(alice, bob, ada):
    own, shared = make_recipe(alice, name="Own"), make_recipe(alice, name="Ours", is_team=True)
    assert set(queries.visible_recipes(alice)) == {own, shared}
    for other in (bob, ada):
        assert set(queries.visible_recipes(other)) == {shared}
    recipes.share(shared, is_team=False)
    assert set(queries.visible_recipes(bob)) == set()
    assert queries.recipe_version(bob, shared.pk) is None


def test_who_may_delete(alice, bob, ada):
    own, shared = make_recipe(alice, name="Own"), make_recipe(alice, name="Ours", is_team=True)
    assert set(queries.removable_recipes(alice)) == {own, shared}
    assert set(queries.removable_recipes(ada)) == {shared}
    assert set(queries.removable_recipes(bob)) == set()


def test_a_deletion_can_be_undone_for_a_while(alice):
    recipe = make_recipe(alice)
    recipes.delete(recipe)
    assert not queries.own_recipes(alice).exists()
    assert queries.recipe_version(alice, recipe.pk) is None
    recipes.restore(recipe)
    assert queries.own_recipes(alice).get() == recipe


def test_after_that_it_is_gone_with_the_next_deletion(alice):
    old, new = make_recipe(alice, name="Old"), make_recipe(alice, name="New")
    recipes.delete(old)
    long_ago = timezone.now() - recipes.KEPT - timedelta(minutes=1)
    Recipe.objects.filter(pk=old.pk).update(deleted_at=long_ago)
    recipes.delete(new)
    assert list(Recipe.objects.all()) == [new]
    assert RecipeVersion.objects.count() == 1


def test_a_job_that_goes_leaves_the_recipe(alice):
    recipe = make_recipe(alice)
    Generation.objects.all().delete()
    assert recipe.versions.get().prompt == "A stone bridge"


@pytest.mark.parametrize("text", ["0", "3", "-1", "one", "²", "9" * 5000, "1\0"])
def test_numbers_of_versions_are_hostile(alice, text):
    assert queries.recipe_version(alice, make_recipe(alice).pk, text) is None


def test_search_looks_at_names_and_the_newest_version(alice):
    recipe = make_recipe(alice, name="Canal houses")
    recipes.save(alice, generation=make_generation(alice, prompt="Night fog"), recipe=recipe)
    rows = queries.own_recipes(alice)
    for text in ("canal", "FOG", "houses night turbo", ""):
        assert list(queries.search_recipes(rows, text)) == [recipe], text
    for text in ("stone", "canal stone"):
        assert list(queries.search_recipes(rows, text)) == [], text
