"""A flag on an image, and the next request on every route finds nothing of it.

Each address below is asked first while the image is shown, so that whatever could be kept warm is;
a route that is not here has to be named in OTHERS.
"""

import io
import re
import zipfile
from html import escape

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from generations import queries
from generations.models import Case, CollectionItem, Favourite, Image, Pick, Share
from generations.services import archive, holding, mark
from generations.services import guest as guests
from generations.services import review as services
from tests.builders import (
    decide,
    hold,
    make_collection,
    make_generation,
    make_image,
    make_recipe,
    make_share,
)

pytestmark = pytest.mark.django_db

WORD = "zebrafinch"
HTMX = {"HX-Request": "true"}
# Routes that name no image, or that change something and are tried with POST below.
OTHERS = set(
    re.findall(
        r"\S+",
        """
composer-file composer-price generation-bulk generation-cancel generation-retry
generation-dismiss generation-resolve search-save search-delete images-delete images-restore
images-erase images-zip collection-add collections-order collection-people collection-delete
collection-restore collection-order collection-cover collection-remove collection-put-back
image-marks image-mark image-answer image-appeal images-seen recipe-use recipe-delete
recipe-restore share-revoke-all share-revoke guest-unlock guest-send guest-pick guest-nothing
theme healthz readyz metrics invite review review-many review-decided review-statistics review-undo
review-image review-skip review-claim review-ask review-blur settings settings-profile
settings-key-test settings-key-remove security sessions-end session-end settings-usage
settings-usage-csv settings-tokens settings-token-revoke settings-webhooks settings-webhook-test
settings-webhook-delete team-members team-person team-person-role team-person-exceptions
team-person-deactivate team-person-activate team-person-sessions team-person-links team-invites
team-invite-withdraw team-policy team-key team-key-test team-key-remove team-usage
team-usage-csv team-budgets team-server team-audit team-audit-csv team-audit-jsonl
generation-poll team-shares
""",
    )
)


class World:
    """One image, and everything that could show it."""

    def __init__(self, alice, bob):
        self.alice, self.bob = alice, bob
        parent = make_image(alice)
        made = make_generation(
            alice, prompt=f"A {WORD} on a branch", made_from=parent, parameters={"style_preset": ""}
        )
        self.image = make_image(alice, generation=made, rating=5)
        self.sibling = make_image(alice, generation=make_generation(bob, prompt="Plain"))
        child = make_image(bob, generation=make_generation(bob, made_from=self.image))
        self.parent, self.child, self.made = parent, child, made
        for user in (alice, bob):
            mark.favourite(user, images=[self.image], is_on=True)
        mark.tag(alice, images=[self.image], names=["onlyhere"])
        self.book = make_collection(
            alice, images=[self.image, self.sibling], visibility="team", name="Book"
        )
        self.smart = make_collection(bob, search=f"q={WORD}", name="Smart", visibility="team")
        images = [self.image, self.sibling]
        self.share, self.guest = make_share(
            alice, images=images, picks=True, download=True, show_prompt=True
        )
        self.whole, self.guest_book = make_share(alice, collection=self.book, picks=True)
        guests.pick(self.share, self.image, choice="yes", note="Lovely", address="x")
        self.recipe = make_recipe(bob, generation=make_generation(bob), name="Plain", is_team=True)

    @property
    def pages(self):
        """Name of the route -> addresses for anybody of the team."""
        pk = self.image.pk
        return {
            "studio": [f"/?image={pk}&use=remix", f"/?image={pk}&use=all", "/"],
            "composer": [f"/composer/?model=z-image-turbo&made_from={pk}"],
            "generations": ["/generations/", f"/generations/?q={WORD}"],
            "gallery": [
                *("/gallery/", f"/gallery/?q={WORD}", "/gallery/?tag=onlyhere"),
                *("/gallery/?rating=5", "/gallery/?view=favourites", "/gallery/?parent=1"),
                *(f"/gallery/?collection={self.book.pk}", f"/gallery/?person={self.alice.pk}"),
                *("/gallery/?model=z-image-turbo", "/gallery/?ratio=square&rating=5"),
                "/gallery/?view=trash",
            ],
            "gallery-count": [f"/gallery/count/?q={WORD}"],
            "gallery-filters": ["/gallery/filters/"],
            "images-compare": [f"/gallery/compare/?images={pk}&images={self.sibling.pk}"],
            "collections": ["/collections/"],
            "collection-detail": [
                f"/collections/{self.book.pk}/",
                f"/collections/{self.smart.pk}/",
            ],
            "tags": ["/tags/?tags=only", "/tags/?tag=only", "/tags/?q=only"],
            "image-detail": [
                f"/images/{pk}/",
                *(f"/images/{one.pk}/" for one in (self.parent, self.child, self.sibling)),
            ],
            "image-file": [f"/images/{pk}/{kind}" for kind in ("original", "w512", "w1024")],
            "image-report": [f"/images/{pk}/report/"],
            "recipes": ["/recipes/", "/recipes/?show=team"],
            "recipe-detail": [f"/recipes/{self.recipe.pk}/"],
            "share-new": [f"/shares/new/?images={pk}"],
        }

    @property
    def makers(self):
        """What is the maker's alone."""
        return {
            "generation-detail": [f"/generations/{self.made.pk}/"],
            "shares": ["/shares/"],
            "share-detail": [f"/shares/{self.share.pk}/", f"/shares/{self.share.pk}/?show=yes"],
            "share-poll": [f"/shares/{self.share.pk}/poll/"],
            "share-collected": [f"/shares/collections/{self.book.pk}/"],
        }

    @property
    def guests(self):
        pk = self.image.pk
        return {
            "guest": [self.guest, self.guest_book],
            "guest-image": [f"{self.guest}images/{pk}/", f"{self.guest_book}images/{pk}/"],
            "guest-file": [
                f"{self.guest}images/{pk}/{kind}" for kind in ("w512", "w1024", "original")
            ],
            "guest-zip": [f"{self.guest}zip"],
        }


@pytest.fixture
def world(stocked, alice, bob):
    return World(alice, bob)


def each(*groups):
    return [path for group in groups for paths in group.values() for path in paths]


def body(response):
    return b"".join(response.streaming_content) if response.streaming else response.content


def read(client, path, **headers):
    """Status and text; the path itself does not count, for a page may name it."""
    response = client.get(path, headers=headers)
    text = body(response).decode("utf-8", "replace")
    return response.status_code, text


def warm(world, sign_in):
    """Everything once while it is shown; returns the clients, and the ETags of files."""
    alice, bob, guest = sign_in(world.alice), sign_in(world.bob), Client()
    etags = {}
    for client, group in (
        (alice, world.pages),
        (bob, world.pages),
        (alice, world.makers),
        (guest, world.guests),
    ):
        for path in each(group):
            response = client.get(path)
            if path.startswith("/images/") and "ETag" in response:
                etags[path] = response["ETag"]
                assert client.get(path, headers={"If-None-Match": etags[path]}).status_code == 304
            else:
                assert response.status_code in (200, 204), path
            body(response)
    return alice, bob, guest, etags


STATES = {
    "held": lambda world, rosa: hold(world.image),
    "reported": lambda world, rosa: holding.report(world.bob, image=world.image, reason="violence"),
    "rejected": lambda world, rosa: decide(rosa, hold(world.image), "reject"),
    "locked": lambda world, rosa: Image.objects.filter(pk=world.image.pk).update(
        state="locked", has_minor=True
    ),
    "blocked term": lambda world, rosa: holding.hold_blocked_terms([WORD]),
    "undone": lambda world, rosa: services.undo(
        rosa, decision=decide(rosa, hold(world.image), "approve")
    ),
}


def test_no_route_is_forgotten(world):
    # What programs get is walked in tests/api/test_api_policy.py.
    patterns = get_resolver("generations.urls").url_patterns
    ours = {p.name for p in patterns if isinstance(p, URLPattern) and p.name}
    known = {*world.pages, *world.makers, *world.guests, *OTHERS}
    assert ours - known == set()


def test_everything_shows_it_before(world, sign_in):
    """What follows proves nothing about an address that never showed it."""
    alice, bob, guest, etags = warm(world, sign_in)
    pk = str(world.image.pk)
    silent = {"composer", "gallery-count", "gallery-filters", "tags", "recipes", "recipe-detail"}
    for name, paths in world.pages.items():
        if name not in silent | {"image-file", "generations"}:
            assert any(pk in read(bob, path)[1] for path in paths), name
    for path in each(world.makers):
        assert (
            pk in read(alice, path)[1]
            or "poll" in path
            or path in ("/shares/",)
            or ("collections" in path)
        ), path
    assert pk in read(guest, world.guest)[1]
    assert len(etags) == 3


@pytest.mark.parametrize("how", STATES)
def test_held_is_nowhere(world, sign_in, rosa, how):
    alice, bob, guest, etags = warm(world, sign_in)
    STATES[how](world, rosa)
    pk = str(world.image.pk)

    for client, paths in ((bob, each(world.pages)), (guest, each(world.guests))):
        for path in paths:
            for headers in ({}, HTMX):
                status, text = read(client, path, **headers)
                if pk in path:
                    assert status in (200, 302, 404, 422), path
                    # Forms of the bar lead back to where they are.
                    text = text.replace(escape(path), "")
                assert f"A {WORD} on" not in text, path
                assert pk not in text, path
    for path in (f"/images/{pk}/", f"/images/{pk}/report/"):
        assert bob.get(path).status_code == 404
    assert bob.get(f"/?image={pk}&use=remix").status_code == 200

    for client in (alice, bob):
        for path, etag in etags.items():
            asked = ({}, {"If-None-Match": etag}, {"If-None-Match": "*"}, {"Range": "bytes=0-9"})
            for headers in asked:
                response = client.get(path, headers=headers)
                assert response.status_code == 404, (path, headers)
                assert "ETag" not in response
    for path in world.guests["guest-file"]:
        assert guest.get(path).status_code == 404

    for path in each(world.pages, world.makers):
        status, text = read(alice, path)
        assert status in (200, 204, 302, 404, 422), path
        text = text.replace(path, "")  # the page that says it is not there
        assert not re.search(rf"{pk}/(original|w512|w1024)", text), path
    neutral = read(alice, f"/images/{pk}/")[1]
    assert "<img" not in neutral.partition("<main")[2].partition("</main")[0]


@pytest.mark.parametrize("how", ["held", "rejected", "locked"])
def test_no_count_knows_of_it(world, sign_in, rosa, how):
    _, bob, _, _ = warm(world, sign_in)
    before = read(bob, f"/gallery/count/?q={WORD}")[1]
    STATES[how](world, rosa)
    assert read(bob, f"/gallery/count/?q={WORD}")[1] != before
    assert queries.gallery_images(world.bob, f"q={WORD}").count() == 0
    assert queries.pick_counts(Share.objects.get(pk=world.share.pk))["all"] == 1
    assert queries.count_inside(world.bob, world.book)["seen"] == 1


@pytest.mark.parametrize("how", ["held", "rejected", "locked"])
def test_nothing_can_be_done_with_it(world, sign_in, rosa, how):
    alice, bob, guest, _ = warm(world, sign_in)
    STATES[how](world, rosa)
    pk, shares = str(world.image.pk), Share.objects.count()
    kept = Image.objects.values().get(pk=pk)
    Favourite.objects.all().delete()
    CollectionItem.objects.all().delete()
    Pick.objects.all().delete()
    for client in (alice, bob):
        for path, more in (
            ("/gallery/zip/", {}),
            ("/gallery/delete/", {}),
            ("/gallery/erase/", {}),
            ("/collections/add/", {"collection": str(world.book.pk)}),
            ("/images/marks/", {"favourite": "on", "rating": "1", "tags": "x"}),
            (f"/images/{pk}/marks/", {"favourite": "on"}),
            (f"/images/{pk}/report/", {"reason": "adult"}),
            ("/shares/", {"expires": "7"}),
        ):
            response = client.post(path, {"images": pk, **more}, headers=HTMX)
            assert response.status_code in (404, 409, 422), path
    for path in (f"{world.guest}images/{pk}/pick", f"{world.guest_book}images/{pk}/pick"):
        assert guest.post(path, {"choice": "yes"}).status_code == 404
    assert Image.objects.values().get(pk=pk) == kept
    assert Share.objects.count() == shares
    assert not Favourite.objects.exists()
    assert not CollectionItem.objects.exists()
    assert not Pick.objects.exists()


def test_a_zip_under_way_goes_on_without_it(world, sign_in):
    packed = guests.archive_of(world.share)
    pieces = packed.pieces()
    hold(world.image)
    names = zipfile.ZipFile(io.BytesIO(b"".join(pieces))).namelist()
    assert len(names) == 1


def test_a_zip_of_the_team_stops_before_it(world):
    packed = archive.pack([world.sibling, world.image])
    pieces = packed.pieces()
    next(pieces)
    hold(world.image)
    with pytest.raises(archive.Changed):
        b"".join(pieces)


def test_approved_it_is_back_everywhere(world, sign_in, rosa):
    _, bob, guest, etags = warm(world, sign_in)
    before = {path: read(bob, path) for path in each(world.pages) if "form_token" not in path}
    decide(rosa, hold(world.image))
    pk = str(world.image.pk)
    for path, (status, text) in before.items():
        again, shown = read(bob, path)
        assert (again, pk in shown) == (status, pk in text), path
    for path, etag in etags.items():
        assert bob.get(path).status_code == 200
        assert bob.get(path, headers={"If-None-Match": etag}).status_code == 304
    for path in each(world.guests):
        assert guest.get(path).status_code == 200, path


def test_reviewers_open_what_is_held_and_rejected_and_nothing_that_is_locked(
    world, sign_in, rosa, ada
):
    pk = world.image.pk
    files = [f"/images/{pk}/{kind}" for kind in ("original", "w512", "w1024")]
    pages = [f"/images/{pk}/", f"/review/{pk}/", f"/review/{pk}/blur", *files]
    clients = [sign_in(rosa), sign_in(ada)]
    case = hold(world.image)
    for client in clients:
        assert [client.get(path).status_code for path in pages] == [200] * 6
    decide(rosa, case, "reject")
    for client in clients:
        assert [client.get(path).status_code for path in files] == [200] * 3
    Image.objects.filter(pk=pk).update(state="locked", has_minor=True)
    for client in clients:
        statuses = [client.get(path).status_code for path in (*files, f"/review/{pk}/blur")]
        assert statuses == [404] * 4
        assert client.get(f"/images/{pk}/").status_code == 404
        record = client.get(f"/review/{pk}/")
        assert record.status_code == 200
        assert b"<img" not in record.content.partition(b"<main")[2]
    assert Case.objects.get().image_id == pk


def test_to_the_maker_it_says_what_and_why(world, sign_in, rosa):
    client, pk = sign_in(world.alice), world.image.pk
    decide(rosa, hold(world.image), "reject", code="rights", note="<b>A logo</b>")
    for path in ("/", "/generations/", f"/generations/{world.made.pk}/", f"/images/{pk}/"):
        text = client.get(path).content.decode()
        assert "Rejected" in text
        assert "rights or brand" in text
        assert "&lt;b&gt;A logo" in text
