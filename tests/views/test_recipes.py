"""Recipes as people meet them: who may, what is said, what a name may be."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from generations.models import Image, Recipe, VeniceModel
from generations.services import recipe as recipes
from tests.builders import make_generation, make_image, make_recipe
from tests.views.test_queries import MOST_A_PAGE, queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(alice, sign_in) -> Client:
    return sign_in(alice)


def page(recipe: Recipe) -> str:
    return reverse("recipe-detail", args=[recipe.pk])


def text(client: Client, url: str) -> str:
    return client.get(url).content.decode()


def test_a_job_is_saved_and_stands_in_the_list(client, alice, stocked):
    made = make_generation(alice, prompt="Painted houses in a row")
    response = client.post(
        "/recipes/", {"generation": made.pk, "name": "Houses", "is_team": "on", "keep_seed": "on"}
    )
    recipe = Recipe.objects.get()
    assert (response.status_code, response["Location"]) == (303, page(recipe))
    assert (recipe.is_team, recipe.versions.get().seed) == (True, 7)
    for url in ("/recipes/", "/recipes/?show=team"):
        shown = text(client, url)
        for part in ("Houses", "Painted houses in a row", "Z-Image Turbo", "1:1", "$0.01"):
            assert part in shown, (url, part)


@pytest.mark.parametrize("field", ["name", "is_team", "keep_seed", "recipe"])
def test_the_job_and_its_image_offer_to_save(client, alice, field):
    make_recipe(alice)
    image = make_image(alice)
    for name, pk in (("generation-detail", image.generation_id), ("image-detail", image.pk)):
        assert f'name="{field}"' in text(client, reverse(name, args=[pk]))


def test_an_image_whose_job_is_anothers_offers_nothing_to_save(alice, bob, ada, sign_in):
    url = reverse("image-detail", args=[make_image(alice).pk])
    assert "Save as recipe" not in text(sign_in(bob), url)
    assert "Save as recipe" in text(sign_in(ada), url)


# --- who may --------------------------------------------------------------------------------

VERBS = {
    "read": lambda c, r: c.get(page(r)),
    "use": lambda c, r: c.post(f"{page(r)}use/"),
    "rename": lambda c, r: c.post(page(r), {"name": "New", "is_team": "on" if r.is_team else ""}),
    "delete": lambda c, r: c.post(f"{page(r)}delete/"),
    "restore": lambda c, r: c.post(f"{page(r)}restore/"),
}
OF_THE_OWNER = set(VERBS)
MAY = {
    ("alice", False): OF_THE_OWNER,
    ("alice", True): OF_THE_OWNER,
    ("bob", False): set(),
    ("bob", True): {"read", "use"},
    ("rosa", False): set(),
    ("rosa", True): {"read", "use"},
    ("ada", False): set(),
    ("ada", True): {"read", "use", "delete", "restore"},
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("who", "is_team"), MAY)
def test_who_may_do_what(request, stocked, alice, sign_in, who, is_team, verb):
    recipe = make_recipe(alice, is_team=is_team)
    person = request.getfixturevalue(who)
    response = VERBS[verb](sign_in(person), recipe)
    if verb in MAY[who, is_team]:
        assert response.status_code in (200, 303)
        return
    recipe.refresh_from_db()
    assert response.status_code == 404
    assert (recipe.name, recipe.uses, recipe.deleted_at) == ("Bridge", 0, None)


@pytest.mark.parametrize("verb", VERBS)
def test_who_was_let_go_may_nothing(alice, charlie, sign_in, verb):
    recipe = make_recipe(alice, is_team=True)
    response = VERBS[verb](sign_in(charlie), recipe)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_the_list_shows_what_one_may_read(stocked, alice, bob, sign_in):
    make_recipe(alice, name="Alices own")
    make_recipe(alice, name="Alices for all", is_team=True)
    mine, team = (text(sign_in(bob), f"/recipes/{show}") for show in ("", "?show=team"))
    assert "Alices for all" in team
    assert "Alices own" not in mine + team
    assert "Alices for all" not in mine


@pytest.mark.parametrize("other", ["bob", "rosa"])
def test_nobody_saves_from_a_job_they_may_not_open(request, alice, sign_in, other):
    made = make_generation(alice)
    client = sign_in(request.getfixturevalue(other))
    assert client.post("/recipes/", {"generation": made.pk, "name": "x"}).status_code == 404
    own = make_recipe(request.getfixturevalue(other))
    for url, more in ((page(own), {}), ("/recipes/", {"recipe": own.pk})):
        assert client.post(url, {"generation": made.pk, **more}).status_code == 404
    assert own.versions.count() == 1
    assert Recipe.objects.count() == 1


def test_nobody_adds_a_version_to_anothers_recipe(alice, bob, ada, sign_in):
    recipe = make_recipe(alice, is_team=True)
    for other in (bob, ada):
        client, made = sign_in(other), make_generation(other)
        for url, more in ((page(recipe), {}), ("/recipes/", {"recipe": recipe.pk})):
            assert client.post(url, {"generation": made.pk, **more}).status_code == 404
    assert recipe.versions.count() == 1


@pytest.mark.parametrize("fields", [{"state": "held"}, {"visibility": "private"}])
def test_the_picture_is_only_for_those_who_see_it(stocked, alice, bob, sign_in, fields):
    image = make_image(alice, **fields)
    recipe = make_recipe(alice, generation=image.generation, is_team=True)
    for url in ("/recipes/?show=team", page(recipe)):
        assert f"{image.pk}/w512" not in text(sign_in(bob), url)
    Image.objects.update(state="shown", visibility="team")
    for url in ("/recipes/?show=team", page(recipe)):
        assert f"{image.pk}/w512" in text(sign_in(bob), url)


def test_anothers_recipe_fills_no_studio(stocked, alice, bob, sign_in):
    recipe = make_recipe(alice, generation=make_generation(alice, prompt="A hidden prompt"))
    client = sign_in(bob)
    assert "A hidden prompt" not in text(client, f"/?recipe={recipe.pk}")
    assert client.get(f"/?recipe={recipe.pk}&version=1").status_code == 200


@pytest.mark.parametrize("value", ["", "x", "\0", "0", None])
def test_what_comes_from_outside_is_hostile(stocked, client, alice, value):
    recipe = make_recipe(alice)
    assert client.post("/recipes/", {"generation": value or "", "name": "x"}).status_code == 404
    assert client.get("/recipes/", {"q": value or "", "page": value or ""}).status_code == 200
    if value:
        assert client.get(page(recipe), {"version": value}).status_code == 404
        assert client.get("/", {"recipe": recipe.pk, "version": value}).status_code == 200
        assert client.post(f"{page(recipe)}use/", {"version": value}).status_code == 404
    recipe.refresh_from_db()
    assert recipe.uses == 0


# --- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "nul\0byte"])
def test_a_bad_name_is_named_and_nothing_is_lost(stocked, client, alice, name):
    made = make_generation(alice, prompt="Kept in sight")
    recipe = make_recipe(alice)
    posts = (
        ("/recipes/", {"generation": made.pk, "name": name, "is_team": "on"}, "Kept in sight"),
        (page(recipe), {"name": name, "is_team": "on"}, "A stone bridge"),
    )
    for url, data, kept in posts:
        response = client.post(url, data)
        shown = response.content.decode()
        assert response.status_code == 422
        assert 'id="name-error"' in shown
        assert re.search(r'name="name"[^>]*aria-invalid="true"', shown)
        assert re.search(r'name="is_team"[^>]* checked', shown)
        assert kept in shown
    recipe.refresh_from_db()
    assert (recipe.name, recipe.is_team) == ("Bridge", False)


def test_a_rename_that_says_nothing_of_the_team_keeps_it(client, alice):
    recipe = make_recipe(alice, is_team=True)
    client.post(page(recipe), {"name": "Renamed"})
    recipe.refresh_from_db()
    assert (recipe.name, recipe.is_team) == ("Renamed", True)
    client.post(page(recipe), {"name": "Renamed", "is_team": "off"})
    recipe.refresh_from_db()
    assert recipe.is_team is False


def test_what_people_write_is_escaped(stocked, client, alice):
    evil = '"><img src=x onerror=alert(1)>'
    made = make_generation(alice, prompt=evil, negative_prompt=evil, model_name=evil, model="gone")
    recipe = make_recipe(alice, generation=made, name=evil)
    other = make_generation(alice, prompt=f"{evil} more", parameters={"style_preset": evil})
    recipes.save(alice, generation=other, recipe=recipe)
    urls = ("/recipes/", page(recipe), f"{page(recipe)}?version=1", f"/recipes/?q={evil}")
    job = reverse("generation-detail", args=[made.pk])
    for url in (*urls, job, f"/?recipe={recipe.pk}"):
        assert "<img src=x" not in text(client, url), url
    shown = client.post(f"{page(recipe)}delete/", follow=True).content.decode()
    assert "<img src=x" not in shown
    assert "&lt;img src=x" in shown


# --- versions and uses ----------------------------------------------------------------------


def test_versions_say_what_changed(stocked, client, alice):
    first = make_generation(
        alice, prompt="A stone bridge, early light, no people", parameters={"steps": 8}
    )
    recipe = make_recipe(alice, generation=first, keep_seed=True)
    second = make_generation(
        alice,
        prompt="A stone bridge, blue night, no people",
        negative_prompt="text",
        parameters={"steps": 12, "style_preset": "Anime"},
        variants=4,
    )
    client.post("/recipes/", {"generation": second.pk, "recipe": recipe.pk, "name": ""})
    shown = text(client, page(recipe))
    for part in (
        "Prompt: “early light” became “blue night”",
        "Negative prompt: “text” added",
        "Steps from 8 to 12",
        "Style Anime added",
        "Seed 7 taken out",
        "Images from 1 to 4",
        "First version",
    ):
        assert part in shown, part
    old = text(client, f"{page(recipe)}?version=1")
    assert "early light, no people" in old
    assert "Use version 1" in old


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("a b c", "a x c", "Prompt: “b” became “x”"),
        ("a c", "a b c", "Prompt: “b” added"),
        ("a b c", "a c", "Prompt: “b” taken out"),
        ("a a", "a a a", "Prompt: “a” added"),
        ("a  b", "a b", "Prompt rewritten"),
        ("x " * 99, "y " * 99, "Prompt rewritten"),
        ("", "z" * 99, "Prompt added"),
        ("z" * 99, "", "Prompt taken out"),
        ("same", "same", ""),
    ],
)
def test_a_change_of_words_is_quoted_when_it_is_short(before, after, said):
    from generations.views.recipe_cards import _text_change

    assert _text_change("Prompt", before, after) == said


def test_using_counts_and_fills_the_studio(stocked, client, alice):
    made = make_generation(alice, prompt="Painted houses", negative_prompt="boats", variants=2)
    recipe = make_recipe(alice, generation=made, keep_seed=True)
    recipes.save(alice, generation=make_generation(alice, prompt="Night"), recipe=recipe)
    response = client.post(f"{page(recipe)}use/", {"version": "1"})
    assert response.status_code == 303
    assert response["Location"] == f"/?recipe={recipe.pk}&version=1"
    form = client.get(response["Location"]).context["form"]
    asked = {name: form[name].value() for name in ("prompt", "negative_prompt", "variants", "seed")}
    assert asked == {
        "prompt": "Painted houses",
        "negative_prompt": "boats",
        "variants": 2,
        "seed": 7,
    }
    newest = client.get(f"/?recipe={recipe.pk}").context["form"]
    assert (newest["prompt"].value(), newest["seed"].value()) == ("Night", None)
    recipe.refresh_from_db()
    assert recipe.uses == 1


@pytest.mark.parametrize("url", ["/?recipe={}", "/recipes/{}/", "/recipes/{}/use/"])
def test_looking_counts_nothing(stocked, client, alice, url):
    recipe = make_recipe(alice)
    client.get(url.format(recipe.pk))
    recipe.refresh_from_db()
    assert recipe.uses == 0


def test_a_deletion_offers_its_undo(stocked, client, alice):
    recipe = make_recipe(alice)
    shown = client.post(f"{page(recipe)}delete/", follow=True).content.decode()
    assert f'action="{page(recipe)}restore/"' in shown
    assert client.get(page(recipe)).status_code == 404
    client.post(f"{page(recipe)}restore/")
    assert client.get(page(recipe)).status_code == 200


# --- the model -------------------------------------------------------------------------------


def ends(model: str, days: int, **more) -> None:
    spec = VeniceModel.objects.get(pk=model).spec
    date = (timezone.now() + timedelta(days=days)).strftime("%Y-%m-%dT00:00:00.000Z")
    spec["deprecation"] = {"date": date, "replacementModelId": "qwen-image"}
    VeniceModel.objects.filter(pk=model).update(spec=spec, **more)


def test_a_vanished_model_is_still_readable(stocked, client, alice):
    gone = make_generation(alice, model="gone", model_name="Gone XL", prompt="From long ago")
    recipe = make_recipe(alice, generation=gone)
    for url in ("/recipes/", page(recipe)):
        shown = text(client, url)
        assert "From long ago" in shown
        assert "Gone XL has ended." in shown
    used = client.post(f"{page(recipe)}use/", follow=True)
    assert "Gone XL is not offered now; Z-Image Turbo takes its place." in used.content.decode()


def test_an_announced_end_is_said_with_the_replacement(stocked, client, alice):
    recipe = make_recipe(alice)
    ends("z-image-turbo", 10)
    for url in ("/recipes/", page(recipe)):
        shown = text(client, url)
        assert "Z-Image Turbo ends on " in shown
        assert "Venice suggests Qwen Image." in shown
        assert "$0.01" in shown


@pytest.mark.parametrize("is_offered", [True, False])
def test_after_its_end_the_replacement_is_used(stocked, client, alice, is_offered):
    recipe = make_recipe(alice)
    ends("z-image-turbo", -2, is_offered=is_offered)
    shown = text(client, "/recipes/")
    assert "Z-Image Turbo ended on " in shown
    assert "$0.01" not in shown
    response = client.post(f"{page(recipe)}use/")
    assert response["Location"].endswith("&model=qwen-image")
    filled = client.get(response["Location"])
    assert filled.context["form"].chosen.id == "qwen-image"
    assert "Z-Image Turbo is not offered now; Qwen Image takes its place" in (
        filled.content.decode()
    )


def test_offline_is_not_the_end(stocked, client, alice):
    make_recipe(alice)
    model = VeniceModel.objects.get(pk="z-image-turbo")
    VeniceModel.objects.update(spec=model.spec | {"offline": True}, is_offered=False)
    assert "is offline at Venice for now" in text(client, "/recipes/")


def test_a_surcharge_has_no_price(stocked, client, alice):
    make_recipe(alice, generation=make_generation(alice, parameters={"enhance_prompt": True}))
    assert "price unknown" in text(client, "/recipes/")


def test_without_a_catalogue_recipes_still_stand(client, alice):
    recipe = make_recipe(alice)
    for url in ("/recipes/", page(recipe), f"/?recipe={recipe.pk}"):
        assert client.get(url).status_code == 200


# --- empty, many -----------------------------------------------------------------------------


def test_empty_lists_lead_on(stocked, client, alice, bob):
    assert "Choose a job to save" in text(client, "/recipes/")
    assert "Nobody has shared a recipe yet" in text(client, "/recipes/?show=team")
    make_recipe(bob, is_team=True)
    assert "See the team’s recipes" in text(client, "/recipes/")
    for show in ("", "&show=team"):
        assert "Show all of them" in text(client, f"/recipes/?q=nothing{show}")


def test_a_list_costs_the_same_for_one_and_for_sixty(stocked, alice, client):
    def more():
        image = make_image(alice)
        make_recipe(alice, generation=image.generation, name=str(image.pk), is_team=True)

    more()
    urls = ("/recipes/", "/recipes/?show=team", "/recipes/?q=bridge")
    client.get("/")  # the first request writes down that the session lives
    one = [queries(client, url) for url in urls]
    for _ in range(60):
        more()
    assert [queries(client, url) for url in urls] == one
    assert max(one) <= MOST_A_PAGE


def test_the_next_page_follows(stocked, alice, client):
    for number in range(40):
        make_recipe(alice, name=f"Number {number}")
    first = text(client, "/recipes/")
    rest = text(client, re.search(r'href="([^"]+)" rel="next"', first)[1].replace("&amp;", "&"))
    names = re.findall(r">(Number \d+)</a>", first + rest)
    assert len(names) == len(set(names)) == 40


def test_a_recipe_with_many_versions_is_few_queries(stocked, alice, client):
    recipe = make_recipe(alice)
    few = queries(client, page(recipe))
    for number in range(60):
        made = make_image(alice, generation=make_generation(alice, seed=number)).generation
        recipes.save(alice, generation=made, recipe=recipe, keep_seed=True)
    assert queries(client, page(recipe)) <= min(few + 1, MOST_A_PAGE)
    assert "Older ones are kept" in text(client, page(recipe))


def test_what_offers_to_save_stays_few_queries(stocked, alice, client):
    image = make_image(alice)
    for number in range(60):
        make_recipe(alice, name=str(number))
    for name, pk in (("generation-detail", image.generation_id), ("image-detail", image.pk)):
        assert queries(client, reverse(name, args=[pk])) <= MOST_A_PAGE
