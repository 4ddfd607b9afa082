"""Finding images by words: the same on both databases."""

import importlib
import uuid
from datetime import UTC, datetime

import pytest
from django.apps import apps

from generations import queries
from generations.models import Image, ImageTag, ImageText, Tag
from generations.queries import text
from generations.services import search
from tests.builders import make_generation, make_image

pytestmark = [pytest.mark.django_db, pytest.mark.services]


@pytest.fixture
def hang(alice):
    """Hangs an image with this prompt; further fields are the generation's or the image's."""

    def hung(prompt, *, tags=(), user=alice, note="", seed=7, negative_prompt="", **made):
        generation = make_generation(
            user, prompt=prompt, negative_prompt=negative_prompt, seed=seed, **made
        )
        image = make_image(user, generation=generation, note=note, seed=seed)
        for name in tags:
            ImageTag.objects.create(image=image, tag=Tag.objects.get_or_create(name=name)[0])
        search.reindex([image])
        return image

    return hung


@pytest.fixture
def find(bob):
    """The prompts that a search finds, newest first."""

    def found(words):
        rows = queries.gallery_images(bob, _query(words))
        return [image.generation.prompt for image in rows]

    return found


def _query(words):
    from django.http import QueryDict

    query = QueryDict(mutable=True)
    query["q"] = words
    return query


BRIDGE, BOATS, FERRY = "A stone bridge", "Boats below a bridge of stone", "The ferry, at night"


@pytest.fixture
def wall(hang):
    return [hang(prompt) for prompt in (BRIDGE, BOATS, FERRY)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("bridge", [BOATS, BRIDGE]),
        ("BRIDGE", [BOATS, BRIDGE]),
        ("bridge boats", [BOATS]),
        ('"stone bridge"', [BRIDGE]),
        ('"bridge of stone"', [BOATS]),
        ('"bridge stone"', []),
        ("bridge -boats", [BRIDGE]),
        ('bridge -"stone bridge"', [BOATS]),
        ("-bridge", [FERRY]),
        ("-bridge -ferry", []),
        ("bri*", [BOATS, BRIDGE]),
        ("bo* sto*", [BOATS]),
        ("-bri*", [FERRY]),
        ("bri", []),
        ("b*", []),
        ("ferry,", [FERRY]),
        ("(ferry)", [FERRY]),
        ("ferry-night", []),
        ("ferry-at", [FERRY]),
        ("", [FERRY, BOATS, BRIDGE]),
        ("   ", [FERRY, BOATS, BRIDGE]),
        ('!? -- * " -"" \'', [FERRY, BOATS, BRIDGE]),
    ],
)
def test_words_phrases_minus_and_beginnings(wall, find, words, expected):
    assert find(words) == expected


@pytest.mark.parametrize(
    "words",
    [
        "bridge OR ferry",
        "bridge AND NOT ferry",
        "NEAR(bridge ferry)",
        "body:bridge",
        "bridge & !ferry | boats",
        "'; drop table generations_image; --",
        '"bridge',
        'bridge"',
        '""',
        '"',
        "bridge:*",
        "^bridge",
        "{bridge}",
        "bridge <-> ferry",
        "\\",
        "%s %",
        "-",
        "*",
        "a" * 200,
        "é" * 200,
        " ".join("abcdefghijklmnopqrstuvwxyz" * 3),
        "\u202e\u200b\ufffd",
        "🜁 🌉",
        "yy zz wbridge",
    ],
)
def test_what_looks_like_a_language_is_text(wall, find, words):
    found = find(words)
    assert found in ([], [BOATS, BRIDGE], [FERRY, BOATS, BRIDGE])


def test_a_nul_finds_nothing_and_breaks_nothing(wall, find, bob, sign_in):
    assert find("bri\0dge") == []
    assert sign_in(bob).get("/gallery/", {"q": "bri\0dge"}).status_code == 200


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("Café au lait", "cafe"),
        ("Cafe au lait", "CAFÉ"),
        ("Cafe\u0301 au lait", "caf\u00e9"),
        ("Straße im Nebel", "strasse"),
        ("STRASSE", "straße"),
        ("Ночной Мост", "мост"),
        ("ΓΕΦΥΡΑ", "γεφυρα"),
        ("Γέφυρα", "γεφυρα"),
        ("İstanbul", "istanbul"),
        ("夜の石橋", "石橋"),
        ("夜の石橋", "橋"),
        ("夜の石橋", "夜*"),
        ("한국의 다리", "다리"),
        ("ﬁne ﬂowers", "fine"),
        ("पुल रात में", "पुल"),
        ("size ① and x²", "1"),
        ("a z-image of 3/4", "z-image"),
        ("it's don’t", "don't"),
        ("1e5 0x1f 3.14 me@example.com http://example.com/a_b", "1e5 0x1f 3.14"),
        ("1e5 0x1f 3.14 me@example.com http://example.com/a_b", "me@example.com a_b"),
        ("-5 +5", "5"),
    ],
)
def test_case_accents_and_scripts(hang, find, prompt, words):
    hang(prompt)
    assert find(words) == [prompt]


def test_kana_that_differ_by_their_dots_differ(hang, find):
    hang("かき")
    assert find("がき") == []


def test_every_field_that_says_something_is_searched(hang, find, alice):
    hang(BRIDGE, tags=["for the book"], note="Print this one", seed=123456, negative_prompt="fog")
    hang(FERRY, model="flux-dev", model_name="FLUX Dev")
    for words in ("book", '"for the book"', "print", "123456", "fog", "book print -night"):
        assert find(words) == [BRIDGE], words
    assert find("flux") == find("flux-dev") == [FERRY]
    # A phrase ends with its field.
    assert find('"stone bridge fog"') == []
    assert find("moretti") == [FERRY, BRIDGE]
    assert find("moretti flux") == [FERRY]
    assert find("-moretti") == []
    alice.name = "Alice Bianchi"
    alice.save()
    assert find("moretti") == []
    assert find("bian*") == [FERRY, BRIDGE]


def test_the_index_follows_tags_and_notes(hang, find):
    image = hang(BRIDGE, tags=["lagoon"])
    assert find("lagoon") == [BRIDGE]
    image.image_tags.all().delete()
    Image.objects.update(note="evening")
    search.reindex([image])
    assert (find("lagoon"), find("evening")) == ([], [BRIDGE])
    image.delete()
    assert (find("evening"), ImageText.objects.count()) == ([], 0)


def test_two_images_of_one_microsecond_both_have_a_place(alice):
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    ids = [uuid.UUID(int=number) for number in range(1, 4)]
    images = [make_image(alice, id=pk, created_at=moment) for pk in ids]
    places = ImageText.objects.order_by("id").values_list("id", flat=True)
    assert list(places) == [text.place_at(moment) + number for number in range(3)]
    search.reindex(images)
    assert ImageText.objects.count() == 3


def test_what_one_may_not_see_is_not_found(hang, find, alice):
    for fields in (
        {"visibility": "private"},
        {"state": "held"},
        {"deleted_at": datetime(2026, 11, 1, tzinfo=UTC)},
        {"is_hidden": True},
    ):
        Image.objects.filter(pk=hang(BRIDGE).pk).update(**fields)
    assert find("bridge") == find("alice") == find("") == []


def test_images_that_were_there_before_are_written_down_by_the_migration(hang, find, alice):
    kept = hang(BRIDGE, tags=["lagoon"], parameters={"style_preset": "Anime"})
    hidden = hang(FERRY, is_hidden=True)
    made = make_generation(alice, prompt=BOATS, made_from=kept)
    same = make_image(alice, generation=made, created_at=kept.created_at)
    ImageText.objects.all().delete()
    Image.objects.update(model="", style="", is_hidden=False, has_parent=False)
    migration = importlib.import_module("generations.migrations.0007_search_text")
    migration.copy(apps, None)
    migration.write(apps, None)
    found = {image.pk: image for image in Image.objects.all()}
    assert (found[kept.pk].model, found[kept.pk].style) == ("z-image-turbo", "Anime")
    assert (found[hidden.pk].is_hidden, found[hidden.pk].style) == (True, "")
    assert (found[same.pk].has_parent, found[kept.pk].has_parent) == (True, False)
    assert (find("lagoon"), find("ferry"), find("boats")) == ([BRIDGE], [], [BOATS])


def test_reindexing_many_costs_as_many_queries_as_one(alice, django_assert_num_queries):
    images = [make_image(alice) for _ in range(12)]
    with django_assert_num_queries(4):
        search.reindex(images[:1])
    with django_assert_num_queries(4):
        search.reindex(images)
