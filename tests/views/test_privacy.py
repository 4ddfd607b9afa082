"""From the composer to the image: who will see it, and what it was made from."""

import pytest

from generations.models import Generation, Image
from generations.services import generation as generations
from generations.services import mark
from generations.services.errors import Invalid
from tests.builders import SMALL, make_generation, make_image

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(alice, sign_in, stocked):
    return sign_in(alice)


def ask(client, **more):
    data = {"model": "z-image-turbo", "prompt": "A stone bridge", **SMALL, **more}
    return client.post("/generations/", data)


@pytest.mark.parametrize("default", ["team", "private"])
@pytest.mark.parametrize("said", ["", "team", "private"])
def test_the_image_is_what_was_said_or_the_default(client, alice, run_jobs, default, said):
    alice.default_visibility = default
    alice.save()
    assert ask(client, **({"visibility": said} if said else {})).status_code == 302
    assert Generation.objects.get().visibility == (said or default)
    run_jobs()
    assert Image.objects.get().visibility == (said or default)


def test_nothing_else_can_be_said(client, alice):
    for said in ("world", "x\0"):
        assert ask(client, visibility=said).status_code == 422
    assert not Generation.objects.exists()
    with pytest.raises(Invalid):
        generations.submit(
            alice,
            model="z-image-turbo",
            parameters={"prompt": "x", **SMALL},
            visibility="world",
        )


def test_the_form_begins_with_the_default(client, alice):
    for level in ("team", "private"):
        client.post("/settings/profile/", {"name": "Alice", "default_visibility": level})
        alice.refresh_from_db()
        assert alice.default_visibility == level
        assert client.get("/").context["form"]["visibility"].value() == level
    client.post("/settings/profile/", {"name": "Alice", "default_visibility": "world"})
    client.post("/settings/profile/", {"name": "Alice M."})
    alice.refresh_from_db()
    assert (alice.default_visibility, alice.name) == ("private", "Alice M.")


def test_another_model_keeps_what_was_chosen(client):
    shown = client.get("/composer/?model=qwen-image&visibility=private").content.decode()
    assert '<option value="private" selected>' in shown


def test_the_studio_marks_what_is_private(client, alice):
    made = make_generation(alice, visibility="private")
    mark = ">Private</span>"
    assert mark in client.get("/").content.decode()
    first = make_image(alice, generation=made, visibility="private")
    assert mark in client.get("/").content.decode()
    Image.objects.filter(pk=first.pk).update(visibility="team")
    assert mark not in client.get("/").content.decode()


# --- made from --------------------------------------------------------------------------------


def test_a_remix_remembers_its_image(client, alice, bob, run_jobs):
    image = make_image(bob)
    for use in ("remix", "all"):
        form = client.get(f"/?image={image.pk}&use={use}")
        assert f'name="made_from" value="{image.pk}"' in form.content.decode()
    assert 'name="made_from"' not in client.get(f"/?image={image.pk}&use=seed").content.decode()
    ask(client, made_from=str(image.pk))
    made = Generation.objects.get(user=alice)
    assert made.made_from == image
    run_jobs()
    assert Image.objects.get(user=alice).has_parent
    again = generations.retry(
        Generation.objects.get(pk=made.pk), by=alice, form_token=generations.new_token()
    )
    assert again.made_from == image


@pytest.mark.parametrize("fields", [{"visibility": "private"}, {"state": "held"}])
def test_what_one_may_not_see_one_makes_nothing_from(client, alice, bob, fields):
    image = make_image(bob, **fields)
    for value in (str(image.pk), "x", "0" * 500):
        assert ask(client, made_from=value).status_code == 302
    assert set(Generation.objects.filter(user=alice).values_list("made_from", flat=True)) == {None}
    shown = client.get(f"/?image={image.pk}&use=remix").content.decode()
    assert 'name="made_from"' not in shown


def test_a_form_that_was_wrong_keeps_its_image(client, alice):
    image = make_image(alice)
    shown = ask(client, prompt="", made_from=str(image.pk))
    assert shown.status_code == 422
    assert f'name="made_from" value="{image.pk}"' in shown.content.decode()


def test_what_builds_on_something_private_starts_private(client, alice):
    ask(client, visibility="private")
    Generation.objects.update(state=Generation.State.SUCCEEDED)
    made = Generation.objects.get()
    image = make_image(alice, generation=made, visibility="private")
    for url in (f"/?image={image.pk}&use=remix", f"/?from={made.pk}&use=all"):
        assert client.get(url).context["form"]["visibility"].value() == "private"
    again = generations.retry(made, by=alice, form_token=None)
    assert again.visibility == "private"


def test_what_builds_on_something_made_private_starts_private(alice, sign_in, stocked):
    image = make_image(alice)
    address, client = f"/?image={image.pk}&use=remix", sign_in(alice)
    assert client.get(address).context["form"]["visibility"].value() == "team"
    mark.show_to(alice, images=[image], visibility="private")
    assert client.get(address).context["form"]["visibility"].value() == "private"


@pytest.mark.parametrize("fields", [{"visibility": "private"}, {"is_hidden": True}])
def test_an_admin_finds_no_address_of_what_only_its_maker_sees(alice, ada, sign_in, fields):
    made = make_generation(alice)
    shown, image = make_image(alice, generation=made), make_image(alice, generation=made, **fields)
    for page in ("/generations/?person=all", f"/generations/{made.pk}/"):
        text = sign_in(ada).get(page).content.decode()
        assert (str(shown.pk) in text, str(image.pk) in text) == (True, False), page
    assert str(image.pk) in sign_in(alice).get(f"/generations/{made.pk}/").content.decode()
