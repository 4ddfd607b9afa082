"""The gallery's page: what its address asks for, and nothing else, whoever asks."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from generations import queries
from generations.models import Collection, CollectionItem, Image, SavedSearch
from generations.services import mark, search
from generations.services.errors import Invalid
from tests.builders import make_generation, make_image

pytestmark = [pytest.mark.django_db, pytest.mark.services]

MOMENT = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def wall(alice, bob):
    """Images by name, each a day older than the one before."""
    named = {
        "newest": {"prompt": "A stone bridge"},
        "wide": {"model": "flux-dev", "width": 160, "height": 90},
        "tall": {"style": "Film Noir", "width": 60, "height": 90, "prompt": "A stone tower"},
        "bobs": {"user": bob, "model": "flux-dev", "style": "Film Noir"},
        "dear": {"price": Decimal("2.5")},
        "cheap": {"price": Decimal("0.01")},
        "rated": {"rating": 4},
        "remix": {"has_parent": True},
        "secret": {"visibility": "private"},
        "hidden": {"is_hidden": True},
        "held": {"state": "held"},
        "gone": {"deleted_at": MOMENT},
    }
    made = {}
    for days, (name, fields) in enumerate(named.items()):
        user = fields.pop("user", alice)
        prompt, model = fields.pop("prompt", name), fields.get("model", "z-image-turbo")
        generation = make_generation(user, prompt=prompt, model=model)
        moment = MOMENT - timedelta(days=days)
        made[name] = make_image(user, generation=generation, created_at=moment, **fields)
    mark.tag(alice, images=[made["newest"], made["bobs"]], names=["for the book"])
    mark.favourite(alice, images=[made["bobs"], made["cheap"]], is_on=True)
    return made


SHOWN = ["newest", "wide", "tall", "bobs", "dear", "cheap", "rated", "remix", "secret"]


@pytest.fixture
def find(wall, alice):
    """The names of what somebody finds, newest first."""

    def found(user=alice, **given):
        rows = queries.gallery_images(user, urlencode(given))
        names = {image.pk: name for name, image in wall.items()}
        return [names[image.pk] for image in rows]

    return found


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, SHOWN),
        ({"view": "team"}, SHOWN),
        ({"view": "mine"}, [name for name in SHOWN if name != "bobs"]),
        ({"view": "favourites"}, ["bobs", "cheap"]),
        ({"view": "trash"}, ["gone"]),
        ({"model": "flux-dev"}, ["wide", "bobs"]),
        ({"style": "Film Noir"}, ["tall", "bobs"]),
        ({"ratio": "landscape"}, ["wide"]),
        ({"ratio": "portrait"}, ["tall"]),
        ({"ratio": "square", "model": "flux-dev"}, ["bobs"]),
        ({"ratio": "16:9"}, ["wide"]),
        ({"ratio": "2:3"}, ["tall"]),
        ({"ratio": "3:2"}, []),
        ({"since": "2026-10-31"}, ["newest", "wide"]),
        ({"since": "2026-10-30", "until": "2026-10-31"}, ["wide", "tall"]),
        ({"until": "2026-10-31", "model": "flux-dev", "style": "Film Noir"}, ["bobs"]),
        ({"tag": "for the book"}, ["newest", "bobs"]),
        ({"tag": " For  The BOOK "}, ["newest", "bobs"]),
        ({"tag": "book"}, []),
        ({"tag": "for the book", "since": "2026-11-01"}, ["newest"]),
        ({"rating": "4"}, ["rated"]),
        ({"rating": "5"}, []),
        ({"rating": "1", "model": "z-image-turbo"}, ["rated"]),
        ({"min_price": "0.02"}, ["dear"]),
        ({"min_price": "0.01", "max_price": "0.02"}, ["cheap"]),
        ({"max_price": "2.5"}, ["dear", "cheap"]),
        ({"max_price": "2.5", "q": "dear"}, ["dear"]),
        ({"parent": "1"}, ["remix"]),
        ({"parent": "1", "view": "mine"}, ["remix"]),
        ({"q": "stone"}, ["newest", "tall"]),
        ({"q": "stone", "ratio": "portrait"}, ["tall"]),
        ({"q": "-stone", "view": "favourites"}, ["bobs", "cheap"]),
        ({"q": "gone"}, []),
        ({"q": "gone", "view": "trash"}, ["gone"]),
        ({"q": "held"}, []),
        ({"q": "moretti", "tag": "for the book"}, ["newest"]),
        ({"unknown": "x", "after": "", "day": "Today"}, SHOWN),
    ],
)
def test_every_filter_alone_and_together(find, given, expected):
    assert find(**given) == expected


def test_a_persons_images_are_theirs_as_far_as_one_sees_them(find, alice, bob):
    assert find(person=bob.pk) == ["bobs"]
    assert find(bob, person=alice.pk) == [n for n in SHOWN if n not in ("bobs", "secret")]
    assert find(bob, view="mine") == ["bobs"]
    assert find(bob, view="favourites") == find(bob, view="trash") == []
    assert find(bob, q="secret") == []
    assert find(person=999_999) == []


def test_what_is_common_is_found_on_the_way(find, monkeypatch):
    """The other way to read rare and common links gives the same."""
    monkeypatch.setattr("generations.queries.wall._FEW", 0)
    assert find(view="favourites") == ["bobs", "cheap"]
    assert find(min_price="0.02") == ["dear"]
    assert find(max_price="0.02") == ["cheap"]
    assert find(q="cheap", max_price="0.02", view="favourites") == ["cheap"]


def test_a_collection_is_a_filter_to_those_who_see_it(find, wall, alice, bob):
    collection = Collection.objects.create(user=alice, name="Bridges")
    for name in ("tall", "newest", "secret", "gone"):
        CollectionItem.objects.create(
            collection=collection, image=wall[name], added_by=alice, position=1
        )
    assert find(collection=collection.pk) == ["newest", "tall", "secret"]
    assert find(collection=collection.pk, q="stone", style="Film Noir") == ["tall"]
    assert find(bob, collection=collection.pk) == []
    collection.visibility = "team"
    collection.save()
    assert find(bob, collection=collection.pk) == ["newest", "tall"]
    assert find(collection=uuid.uuid4()) == []


def test_admins_see_the_teams_trash_but_nobodys_private_one(find, wall, ada):
    assert find(ada, view="trash") == ["gone"]
    Image.objects.filter(pk=wall["gone"].pk).update(visibility="private")
    assert find(ada, view="trash") == []


HOSTILE = [
    ("person", "x"),
    ("person", "0"),
    ("person", "99999999999999999999"),
    ("person", "1 or 1=1"),
    ("model", "x" * 121),
    ("model", "a\0b"),
    ("style", "\0"),
    ("ratio", "16:10"),
    ("view", "everything"),
    ("since", "yesterday"),
    ("since", "0001-01-01"),
    ("until", "9999-12-31"),
    ("until", "2026-02-30"),
    ("collection", "1"),
    ("collection", "' or ''='"),
    ("tag", "x" * 41),
    ("tag", "\0"),
    ("rating", "0"),
    ("rating", "6"),
    ("rating", "five"),
    ("min_price", "-1"),
    ("min_price", "NaN"),
    ("max_price", "1e400"),
    ("max_price", "Infinity"),
    ("max_price", "0.12345678"),
    ("parent", "maybe"),
    ("q", "x" * 201),
    ("q", "\0"),
]


@pytest.mark.parametrize(("name", "value"), HOSTILE)
def test_what_makes_no_sense_finds_nothing_and_says_so(find, alice, sign_in, name, value):
    assert find(**{name: value}) == []
    answer = sign_in(alice).get("/gallery/", {name: value})
    assert answer.status_code == 200
    assert b'role="alert"' in answer.content
    for url in ("/gallery/count/", "/gallery/filters/"):
        assert sign_in(alice).get(url, {name: value}).status_code == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("after", value) for value in ("x", "0", "-1", "9" * 30, "1-2", "9" * 5000, "é-é")),
        *(("after", f"{10**18}-{uuid.UUID(int=1).hex}"), ("after", str(2**63))),
        *(("at", value) for value in ("x", "0001-01-01", "9999-12-31", "2026-02-30", "\0")),
        ("day", "\0"),
        ("size", "xxl"),
    ],
)
def test_a_place_that_is_none_is_the_beginning(wall, alice, sign_in, name, value):
    client = sign_in(alice)
    for more in ({}, {"q": "stone"}):
        assert client.get("/gallery/", {name: value, **more}).status_code == 200


def page(client, url, **headers):
    answer = client.get(url, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def many(alice):
    generation = make_generation(alice, prompt="Many bridges")
    made = [
        make_image(
            alice, generation=generation, number=number, created_at=MOMENT - timedelta(hours=number)
        )
        for number in range(130)
    ]
    return [str(image.pk) for image in made]


def tiles(text):
    return [part[:36] for part in text.split('data-image="')[1:]]


def more(text):
    return text.split('hx-get="/gallery/?', 1)[1].split('"')[0].replace("&amp;", "&")


@pytest.mark.parametrize("query", ["", "q=bridges", "q=bridges&ratio=square", "ratio=square"])
def test_pages_follow_each_other_without_gap_or_repetition(many, alice, sign_in, query):
    client, found = sign_in(alice), []
    text = page(client, f"/gallery/?{query}")
    while True:
        found += tiles(text)
        if "sentinel-more" not in text:
            break
        text = page(client, f"/gallery/?{more(text)}", hx_request="true")
        assert "<html" not in text
    assert found == many


def test_images_of_one_moment_are_all_shown(alice, sign_in):
    generation = make_generation(alice, prompt="Many bridges")
    made = {
        str(make_image(alice, generation=generation, number=n, created_at=MOMENT).pk)
        for n in range(70)
    }
    client = sign_in(alice)
    for query in ("", "q=bridges"):
        first = page(client, f"/gallery/?{query}")
        second = page(client, f"/gallery/?{more(first)}")
        assert len(tiles(first)) == 60
        assert set(tiles(first) + tiles(second)) == made


def test_a_date_is_jumped_to(many, alice, sign_in):
    client = sign_in(alice)
    for query in ("", "&q=bridges"):
        text = page(client, f"/gallery/?at=2026-10-30{query}")
        assert tiles(text) == many[37:97]
        assert "30 October 2026" in text


def test_after_a_jump_there_is_a_way_to_what_is_newer(many, alice, sign_in):
    client = sign_in(alice)
    newer = re.compile(r'href="([^"]+)">Newer<')
    for query, back in (("", ""), ("&q=bridges", "q=bridges")):
        a_page_on = newer.search(page(client, f"/gallery/?at=2026-10-28{query}"))
        assert parse_qs(urlsplit(unescape(a_page_on[1])).query)["at"] == ["2026-10-31"]
        newest = newer.search(page(client, f"/gallery/?at=2026-10-30{query}"))
        assert urlsplit(newest[1]).query == back
        for path in (f"/gallery/?at=2026-11-01{query}", f"/gallery/?{query}"):
            assert not newer.search(page(client, path))


def test_days_that_are_here_as_a_whole_say_how_many(many, alice, sign_in):
    client = sign_in(alice)
    first = page(client, "/gallery/")
    # What is left of a cut day stands on the next page without a heading.
    for text in (first, page(client, f"/gallery/?{more(first)}")):
        counts = re.findall(r"data-of-day>(\d+)<", text)
        assert counts == (["13", "24"] if text == first else ["24", "24"])


def test_counts_end_somewhere(many, alice, sign_in, monkeypatch):
    client = sign_in(alice)
    assert "<b>130</b> images" in page(client, "/gallery/count/")
    assert "<b>0</b> images" in page(client, "/gallery/count/?q=nowhere")
    monkeypatch.setattr("generations.queries.wall.MOST_COUNTED", 100)
    assert "<b>100+</b> images" in page(client, "/gallery/count/?q=bridges")


def test_a_page_that_is_all_says_how_many_at_once(wall, alice, sign_in):
    text = page(sign_in(alice), "/gallery/?model=flux-dev")
    assert "<b>2</b> images" in text
    assert "/gallery/count/" not in text


def test_every_filter_is_a_chip_that_can_be_taken_away(wall, alice, bob, sign_in):
    given = {"model": "flux-dev", "person": bob.pk, "rating": 3, "min_price": "0.5"}
    text = page(sign_in(alice), f"/gallery/?{urlencode(given)}")
    for label in ("Bob Brandt", "flux-dev", "3 and more", "$0.50"):
        assert f"<b>{label}</b>" in text
    for name in given:
        rest = {key: value for key, value in given.items() if key != name}
        order = sorted(rest, key=["person", "model", "rating", "min_price"].index)
        query = urlencode({key: rest[key] for key in order})
        assert f'href="/gallery/?{query}"'.replace("&", "&amp;") in text


def test_what_people_wrote_is_escaped(alice, sign_in):
    prompt = '"><script>alert(1)</script> 100% %(alt)s {{ x }}'
    make_image(alice, generation=make_generation(alice, prompt=prompt))
    client = sign_in(alice)
    for url in ("/gallery/", "/gallery/?q=alert", "/gallery/?" + urlencode({"q": prompt})):
        text = page(client, url)
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt; 100% %(alt)s {{ x }}" in text


def test_the_fields_are_a_part_or_a_page(wall, alice, sign_in):
    client = sign_in(alice)
    part = page(client, "/gallery/filters/?rating=4&view=mine", hx_request="true")
    assert "<html" not in part
    assert '<option value="4" selected>' in part
    assert 'name="view" value="mine"' in part
    assert "<html" in page(client, "/gallery/filters/?rating=4")


def test_the_size_of_the_tiles_is_remembered(wall, alice, sign_in):
    client = sign_in(alice)
    assert 'class="gallery is-m"' in page(client, "/gallery/")
    assert 'class="gallery is-l"' in page(client, "/gallery/?size=l")
    assert 'class="gallery is-l"' in page(client, "/gallery/")


def test_empty_views_say_what_would_be_there(alice, sign_in):
    client = sign_in(alice)
    for query, words in (
        ("", "What the team makes"),
        ("view=mine", "What you make"),
        ("view=favourites", "No favourites yet"),
        ("view=trash", "The trash is empty"),
        ("q=x", "Nothing in the gallery matches"),
    ):
        assert words in page(client, f"/gallery/?{query}")


# --- saved searches -------------------------------------------------------------------------------


def test_a_search_is_saved_used_and_deleted(wall, alice, sign_in):
    client = sign_in(alice)
    query = "q=stone&ratio=portrait&after=x&csrfmiddlewaretoken=y"
    answer = client.post("/searches/", {"name": " The  tower ", "query": query})
    assert answer.url == "/gallery/?q=stone&ratio=portrait"
    saved = alice.saved_searches.get()
    assert (saved.name, saved.query) == ("The tower", "q=stone&ratio=portrait")
    text = page(client, "/gallery/")
    assert 'href="/gallery/?q=stone&amp;ratio=portrait"' in text
    client.post("/searches/", {"name": "The tower", "query": "rating=4"})
    assert alice.saved_searches.get().query == "rating=4"
    client.post(f"/searches/{saved.pk}/delete/")
    assert not SavedSearch.objects.exists()


def test_somebody_elses_search_is_not_there(wall, alice, bob, sign_in):
    saved = search.save(alice, name="Mine", query="q=stone")
    client = sign_in(bob)
    assert client.post(f"/searches/{saved.pk}/delete/").status_code == 404
    assert "q=stone" not in page(client, "/gallery/")
    assert SavedSearch.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("", "q=x"),
        ("   ", "q=x"),
        ("a\0b", "q=x"),
        ("x" * 81, "q=x"),
        ("Everything", ""),
        ("Wrong", "rating=9"),
        ("Wrong", "q=%00"),
        ("Wrong", "&".join(f"a{n}=1" for n in range(900))),
        ("Wrong", "%"),
    ],
)
def test_what_cannot_be_saved_changes_nothing_and_says_why(alice, sign_in, name, query):
    client = sign_in(alice)
    answer = client.post("/searches/", {"name": name, "query": query}, follow=True)
    assert answer.status_code == 200
    assert b"is-error" in answer.content
    assert not SavedSearch.objects.exists()


def test_searches_are_kept_up_to_a_number(alice):
    SavedSearch.objects.bulk_create(
        SavedSearch(user=alice, name=f"{n}", query="q=x") for n in range(search.MOST_SAVED)
    )
    search.save(alice, name="7", query="q=y")
    with pytest.raises(Invalid):
        search.save(alice, name="One more", query="q=y")


def test_a_wall_of_one_and_of_sixty_are_as_many_queries(many, alice, sign_in):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = sign_in(alice)
    some = urlencode({"q": "bridges", "person": alice.pk, "min_price": "0", "view": "favourites"})
    counts = []
    for query in ("", "q=bridges", "view=favourites", "min_price=0", some):
        for rows in (Image.objects.filter(pk__in=many[:1]), Image.objects.all()):
            Image.objects.update(is_hidden=True)
            rows.update(is_hidden=False, price=Decimal("0.01"))
            client.get(f"/gallery/?{query}")
            with CaptureQueriesContext(connection) as found:
                client.get(f"/gallery/?{query}")
            counts.append(len(found))
        assert counts[-1] == counts[-2] <= 12, query


def test_hidden_jobs_leave_hidden_images(stocked, alice, run_jobs):
    """The copies that the gallery filters by are written with the image."""
    from tests.builders import submit

    parent = make_image(alice)
    job = submit(alice, style_preset="Anime")
    type(job).objects.filter(pk=job.pk).update(is_hidden=True, made_from=parent)
    run_jobs()
    image = job.images.get()
    assert (image.model, image.is_hidden, image.has_parent) == (job.model, True, True)
    assert image.style == job.parameters.get("style_preset", "")
    assert not queries.gallery(alice).filter(pk=image.pk).exists()
    assert image.text.body
