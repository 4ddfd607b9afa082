"""Marks of images as people make them: on the page of one, and on a selection."""

import re
import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from generations.models import Favourite, Image
from generations.services import mark as services
from tests.builders import make_collection, make_generation, make_image
from tests.views.test_queries import MOST_A_PAGE, queries

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
EVIL = '"><img src=x onerror=alert(1)>'


@pytest.fixture
def client(alice, sign_in):
    return sign_in(alice)


def page(image):
    return reverse("image-detail", args=[image.pk])


def marks(image):
    return reverse("image-mark", args=[image.pk])


def text(client, url):
    return client.get(url).content.decode()


# --- one ------------------------------------------------------------------------------------


def test_one_is_marked_without_a_script(client, alice):
    image = make_image(alice)
    for data in (
        {"favourite": "on"},
        {"rating": "4"},
        {"tag": "Blue  hour, night"},
        {"note": "For the book"},
        {"visibility": "private"},
    ):
        response = client.post(marks(image), data)
        assert (response.status_code, response["Location"]) == (303, page(image))
    image.refresh_from_db()
    assert (image.rating, image.note, image.visibility) == (4, "For the book", "private")
    said = text(client, page(image))
    for part in ("blue hour", "night", "For the book", "Only you see it", "#heart-on"):
        assert part in said, part
    assert said.count("#star-on") == 4
    for data in ({"favourite": "off"}, {"rating": "none"}, {"untag": "night"}, {"note": ""}):
        client.post(marks(image), data)
    image.refresh_from_db()
    assert (image.rating, image.note, image.tags.get().name) == (None, "", "blue hour")
    assert not Favourite.objects.exists()


def test_with_a_script_only_the_part_comes_back(client, alice):
    image = make_image(alice)
    heart = client.post(marks(image), {"favourite": "on"}, headers=HTMX).content.decode()
    assert heart.startswith('<form id="favourite"')
    assert 'aria-pressed="true"' in heart
    part = client.post(marks(image), {"tag": "night"}, headers=HTMX).content.decode()
    assert part.startswith('<section class="marks" id="marks"')
    assert ">night</b>" in part


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tag", "x" * 41),
        ("tag", "nul\0"),
        ("tag", ","),
        ("note", "x" * 2001),
        ("note", "nul\0"),
        ("rating", "6"),
        ("rating", "²"),
        ("rating", "-1"),
    ],
)
def test_what_is_wrong_is_named(client, alice, field, value, headers):
    image = make_image(alice)
    response = client.post(marks(image), {field: value}, headers=headers)
    assert response.status_code == 422
    said = response.content.decode()
    assert f'id="{field}-error"' in said
    assert field == "rating" or value in said
    image.refresh_from_db()
    assert (image.note, image.rating, image.tags.count()) == ("", None, 0)


def test_who_may(alice, bob, rosa, ada, sign_in):
    image = make_image(alice)
    for person in (bob, rosa, ada):
        client = sign_in(person)
        assert client.post(marks(image), {"rating": "3", "tag": person.name}).status_code == 303
        assert client.post(marks(image), {"note": "x"}).status_code == 422
        client.post(marks(image), {"visibility": "private"})
        said = text(client, page(image))
        assert 'name="note"' not in said
        assert 'name="visibility"' not in said
    image.refresh_from_db()
    assert (image.note, image.visibility, image.tags.count()) == ("", "team", 3)


@pytest.mark.parametrize(
    "fields", [{"visibility": "private"}, {"state": "held"}, {"deleted_at": timezone.now()}]
)
def test_what_one_does_not_see_one_does_not_mark(alice, bob, rosa, sign_in, fields):
    image = make_image(alice, **fields)
    for person in (bob, rosa):
        client = sign_in(person)
        for data in ({"favourite": "on"}, {"rating": "1"}, {"note": "x"}, {"tag": "x"}, {}):
            assert client.post(marks(image), data).status_code == 404
        response = client.post("/images/marks/", {"images": image.pk, "rating": "1"})
        assert response.status_code == 303
    image.refresh_from_db()
    assert image.rating is None
    assert not Favourite.objects.exists()


def test_a_reviewer_marks_nothing_that_is_held(alice, rosa, sign_in):
    image = make_image(alice, state="held")
    said = text(sign_in(rosa), page(image))
    assert 'id="marks"' not in said
    assert 'id="favourite"' not in said


def test_what_people_write_is_escaped(client, alice, bob, sign_in):
    image = make_image(alice)
    services.note(alice, image=image, text=EVIL)
    services.tag(alice, images=[image], names=services.cleaned_tags(EVIL[:40]))
    make_collection(alice, name=EVIL, visibility="team", images=[image])
    for viewer in (client, sign_in(bob)):
        assert "<img src=x" not in text(viewer, page(image))
    options = client.get("/tags/", {"tag": f"{EVIL}, {EVIL[:5]}"}).content.decode()
    assert "<img src=x" not in options
    asked = client.post("/images/marks/", {"images": image.pk, "tag": EVIL * 3})
    assert "<img src=x" not in asked.content.decode()


def test_the_collections_that_one_sees_are_named(client, alice, bob, sign_in):
    image = make_image(alice)
    make_collection(alice, name="For the team", visibility="team", images=[image])
    make_collection(alice, name="Alices own", images=[image])
    mine, theirs = (text(viewer, page(image)) for viewer in (client, sign_in(bob)))
    assert "For the team" in theirs
    assert "Alices own" in mine
    assert "Alices own" not in theirs


# --- completions ----------------------------------------------------------------------------


def test_tags_are_completed(client, alice, bob, sign_in):
    services.tag(alice, images=[make_image(alice)], names=["blue hour", "blue", "night"])
    private = make_image(alice, visibility="private")
    services.tag(alice, images=[private], names=["blue secret"])

    def options(viewer, given):
        found = viewer.get("/tags/", {"tag": given}).content.decode()
        return re.findall(r'value="([^"]+)"', found)

    assert options(client, "BLU") == ["blue", "blue hour", "blue secret"]
    assert options(sign_in(bob), "blu") == ["blue", "blue hour"]
    assert options(client, "wide, ni") == ["wide, night"]
    for given in ("", " ", ",", "%", "\0", "x" * 5000):
        assert options(client, given) == []


# --- many -----------------------------------------------------------------------------------


def test_a_selection_is_marked_at_once(client, alice, bob):
    images = [make_image(alice), make_image(bob)]
    data = {
        "images": [image.pk for image in images],
        "tag": "night",
        "rating": "5",
        "favourite": "on",
        "visibility": "private",
        "next": "/gallery/?q=x",
    }
    response = client.post("/images/marks/", data)
    assert (response.status_code, response["Location"]) == (303, "/gallery/?q=x")
    said = text(client, "/gallery/")
    for part in ("2 images tagged.", "2 images rated 5.", "1 image for only you now.", "of others"):
        assert part in said, part
    assert list(Image.objects.order_by("user").values_list("visibility", flat=True)) == [
        "private",
        "team",
    ]
    assert Favourite.objects.count() == 2
    toast = client.post("/images/marks/", data | {"rating": "none"}, headers=HTMX)
    assert "The rating of 2 images is gone." in toast.content.decode()


def test_a_selection_without_a_word_asks(client, alice, bob):
    mine, theirs = make_image(alice), make_image(bob)
    asked = client.post("/images/marks/", {"images": mine.pk}).content.decode()
    assert "Mark 1 image" in asked
    assert f'name="images" value="{mine.pk}"' in asked
    assert 'name="visibility"' in asked
    other = client.post("/images/marks/", {"images": theirs.pk, "rating": ""}).content.decode()
    assert 'name="visibility"' not in other
    everything = client.post("/images/marks/", {"all": "q=bridge"}).content.decode()
    assert 'name="all" value="q=bridge"' in everything


def test_what_is_wrong_with_many_is_named_and_nothing_is_done(client, alice):
    full, image = make_image(alice), make_image(alice)
    services.tag(alice, images=[full], names=[f"t{number}" for number in range(30)])
    data = {"images": [full.pk, image.pk], "tag": "one more", "rating": "5", "favourite": "on"}
    response = client.post("/images/marks/", data)
    assert response.status_code == 422
    assert 'id="tag-error"' in response.content.decode()
    assert not Favourite.objects.exists()
    assert set(Image.objects.values_list("rating", flat=True)) == {None}
    assert client.post("/images/marks/", data, headers=HTMX).status_code == 409


def test_hostile_selections_change_nothing(client, alice, bob):
    good, private = make_image(alice), make_image(bob, visibility="private")
    for ids in ([], ["x"], ["\0"], [good.pk, private.pk], [str(uuid.uuid4())] * 3):
        response = client.post("/images/marks/", {"images": ids, "rating": "5"})
        assert response.status_code == 303
    many = [str(uuid.uuid4()) for _ in range(10_001)]
    assert client.post("/images/marks/", {"images": many, "rating": "5"}).status_code == 303
    assert set(Image.objects.values_list("rating", flat=True)) == {None}


# --- lineage --------------------------------------------------------------------------------


def test_where_it_comes_from(client, alice, bob, sign_in):
    parent = make_image(alice)
    child = make_image(bob, generation=make_generation(bob, made_from=parent))
    secret = make_image(
        bob, generation=make_generation(bob, made_from=parent), visibility="private"
    )
    above = text(client, page(parent))
    assert page(child) in above
    assert "1 made from it" in above
    assert str(secret.pk) not in above
    assert page(parent) in text(client, page(child))
    assert "2 made from it" in text(sign_in(bob), page(parent))
    Image.objects.filter(pk=parent.pk).update(visibility="private")
    theirs = text(sign_in(bob), page(child))
    assert str(parent.pk) not in theirs
    assert "Where it comes from" not in theirs


def test_many_children_are_counted(client, alice):
    parent = make_image(alice)
    for _ in range(9):
        make_image(alice, generation=make_generation(alice, made_from=parent))
    said = text(client, page(parent))
    assert "9 made from it" in said
    assert "+3" in said


def test_an_image_page_stays_few_queries(stocked, client, alice):
    parent = make_image(alice)
    image = make_image(alice, generation=make_generation(alice, made_from=parent))
    client.get(page(image))
    one = queries(client, page(image))
    for number in range(20):
        make_image(alice, generation=make_generation(alice, made_from=image))
        make_collection(alice, name=str(number), images=[image])
    services.tag(alice, images=[image], names=[f"t{number}" for number in range(20)])
    assert queries(client, page(image)) == one <= MOST_A_PAGE


@pytest.mark.parametrize(
    "wrong", [{"rating": "0"}, {"rating": "9"}, {"visibility": "all"}, {"note": "x" * 5000}]
)
def test_a_form_with_one_wrong_field_changes_nothing(client, alice, wrong):
    image = make_image(alice)
    right = {"note": "kept", "tag": "sea", "favourite": "on", "rating": "4"}
    assert client.post(marks(image), {**right, **wrong}).status_code == 422
    if "note" not in wrong:
        many = client.post(reverse("image-marks"), {"images": [image.pk], **right, **wrong})
        assert many.status_code == 422
    image.refresh_from_db()
    assert (image.note, image.rating, image.visibility) == ("", None, "team")
    assert not image.tags.exists()
    assert not Favourite.objects.exists()
