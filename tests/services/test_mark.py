"""What people say of images: who may, what is kept, and that nothing is done half-way."""

import pytest
from django.utils import timezone

from generations import queries
from generations.models import Favourite, Image, Tag
from generations.services import mark
from generations.services.errors import Invalid
from tests.builders import make_image, make_share

pytestmark = [pytest.mark.services, pytest.mark.django_db]


def tags_of(image):
    return sorted(image.tags.values_list("name", flat=True))


def test_a_favourite_is_each_persons_own(alice, bob):
    image = make_image(alice)
    for _ in range(2):
        assert mark.favourite(bob, images=[image], is_on=True) == 1
    assert queries.is_favourite(bob, image)
    assert not queries.is_favourite(alice, image)
    mark.favourite(alice, images=[image], is_on=False)
    assert Favourite.objects.count() == 1
    mark.favourite(bob, images=[image], is_on=False)
    assert not Favourite.objects.exists()


@pytest.mark.parametrize(
    "fields", [{"visibility": "private"}, {"state": "held"}, {"deleted_at": timezone.now()}]
)
def test_what_one_does_not_see_one_does_not_mark(alice, bob, rosa, fields):
    image = make_image(alice, **fields)
    for person in (bob, rosa):
        assert mark.favourite(person, images=[image], is_on=True) == 0
        assert mark.rate(person, images=[image], rating=5) == 0
        assert mark.tag(person, images=[image], names=["x"]) == 0
        assert mark.untag(person, images=[image], names=["x"]) == 0
        assert mark.show_to(person, images=[image], visibility="team") == 0
        with pytest.raises(Invalid):
            mark.note(person, image=image, text="x")
    image.refresh_from_db()
    assert (image.rating, image.note, tags_of(image)) == (None, "", [])
    assert not Favourite.objects.exists()


def test_everybody_who_sees_it_rates_it(alice, bob):
    image = make_image(alice)
    for person, rating in ((bob, 4), (alice, None), (bob, 1)):
        assert mark.rate(person, images=[image], rating=rating) == 1
        image.refresh_from_db()
        assert image.rating == rating


@pytest.mark.parametrize("rating", [0, 6, -1, 10**9])
def test_a_rating_is_1_to_5(alice, rating):
    with pytest.raises(Invalid):
        mark.rate(alice, images=[make_image(alice)], rating=rating)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("  Blue   Hour ", ["blue hour"]),
        ("a, B ,, a", ["a", "b"]),
        ("ÄÖ", ["äö"]),
        ("a\u0308", ["ä"]),
        ("x" * 40, ["x" * 40]),
        ("<b>", ["<b>"]),
    ],
)
def test_tags_are_written_one_way(text, names):
    assert mark.cleaned_tags(text) == names


@pytest.mark.parametrize("text", ["", " , ,", "x" * 41, "nul\0", ",".join(map(str, range(31)))])
def test_bad_tags_are_refused(text):
    with pytest.raises(Invalid) as problem:
        mark.cleaned_tags(text)
    assert list(problem.value.fields) == ["tag"]


def test_tags_go_on_and_off(alice, bob):
    images = [make_image(alice) for _ in range(3)]
    assert mark.tag(bob, images=images, names=["night", "blue"]) == 3
    assert mark.tag(alice, images=images[:1], names=["night", "wide"]) == 1
    assert [tags_of(image) for image in images] == [["blue", "night", "wide"]] + [
        ["blue", "night"]
    ] * 2
    assert mark.untag(alice, images=images, names=["night", "none such"]) == 3
    assert tags_of(images[0]) == ["blue", "wide"]
    assert Tag.objects.filter(name="night").count() == 1


def test_too_many_tags_change_nothing(alice):
    full, empty = make_image(alice), make_image(alice)
    mark.tag(alice, images=[full], names=[f"t{number}" for number in range(mark.MOST_TAGS)])
    with pytest.raises(Invalid):
        mark.tag(alice, images=[full, empty], names=["one more"])
    assert (full.tags.count(), empty.tags.count()) == (mark.MOST_TAGS, 0)
    mark.tag(alice, images=[full, empty], names=["t3"])
    assert (full.tags.count(), empty.tags.count()) == (mark.MOST_TAGS, 1)


def test_tags_on_a_private_image_are_suggested_to_its_maker_alone(alice, bob):
    mark.tag(alice, images=[make_image(alice, visibility="private")], names=["secret client"])
    mark.tag(alice, images=[make_image(alice)], names=["night"])
    names = [list(queries.visible_tags(one).values_list("name", flat=True)) for one in (alice, bob)]
    assert names == [["night", "secret client"], ["night"]]


def test_the_note_is_the_makers(alice, bob, ada):
    image = make_image(alice)
    mark.note(alice, image=image, text=" For the\r\nbook ")
    for other in (bob, ada):
        with pytest.raises(Invalid):
            mark.note(other, image=image, text="mine now")
    image.refresh_from_db()
    assert image.note == "For the\nbook"


@pytest.mark.parametrize("text", ["x" * (mark.NOTE_LIMIT + 1), "nul\0"])
def test_a_bad_note_is_refused(alice, text):
    with pytest.raises(Invalid):
        mark.note(alice, image=make_image(alice), text=text)


def test_visibility_is_the_makers_and_others_stay(alice, bob, ada):
    mine, theirs = make_image(alice), make_image(bob)
    assert mark.show_to(alice, images=[mine, theirs], visibility="private") == 1
    assert mark.show_to(ada, images=[mine, theirs], visibility="private") == 0
    levels = Image.objects.in_bulk([mine.pk, theirs.pk])
    assert (levels[mine.pk].visibility, levels[theirs.pk].visibility) == ("private", "team")
    with pytest.raises(Invalid):
        mark.show_to(alice, images=[mine], visibility="world")


def test_many_images_cost_few_queries(alice, django_assert_max_num_queries):
    images = [make_image(alice) for _ in range(40)]
    with django_assert_max_num_queries(14):
        mark.tag(alice, images=images, names=["a", "b"])


def test_what_turns_private_is_taken_back_from_every_link(alice):
    image = make_image(alice, visibility="private")
    link, _ = make_share(alice, images=[image])
    mark.show_to(alice, images=[image], visibility="private")
    assert queries.shared_images(link).get() == image
    mark.show_to(alice, images=[image], visibility="team")
    mark.show_to(alice, images=[image], visibility="private")
    assert not queries.shared_images(link).exists()
