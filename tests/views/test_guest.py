"""Share links from outside: who gets what, at each address, at each moment."""

import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image as Pixels

from generations.models import Collection, CollectionItem, Image, Pick, Share
from generations.services import guest as guests
from generations.services import share as shares
from tests.builders import make_generation, make_image, make_share, picture

pytestmark = [pytest.mark.django_db, pytest.mark.services]

KINDS = ("w512", "w1024", "original")
GUEST = {"X-Robots-Tag": "noindex, nofollow", "Referrer-Policy": "no-referrer"}
PASSWORD = "low tide at dusk"


@pytest.fixture
def guest():
    return Client()


def files(path, image):
    return [f"{path}images/{image.pk}/{kind}" for kind in KINDS]


def everything(path, image):
    """Every address below a link at which something is seen."""
    return [path, f"{path}images/{image.pk}/", *files(path, image), f"{path}zip"]


def statuses(client, addresses):
    return [client.get(address).status_code for address in addresses]


# --- the matrix ---------------------------------------------------------------------------------


def revoked(share, image):
    shares.revoke(Share.objects.filter(pk=share.pk), by=share.user)


def expired(share, image):
    Share.objects.filter(pk=share.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def deactivated(share, image):
    share.user.is_active = False
    share.user.save()


@pytest.mark.parametrize("end", [revoked, expired, deactivated])
@pytest.mark.parametrize("password", ["", PASSWORD])
def test_a_link_that_ended_opens_nothing(alice, guest, end, password):
    image = make_image(alice)
    share, path = make_share(alice, images=[image], download=True, picks=True, password=password)
    if password:
        guest.post(f"{path}unlock/", {"password": password})
    assert statuses(guest, everything(path, image)) == [200] * 6
    end(share, image)
    assert statuses(guest, everything(path, image)) == [404] * 6
    for action in (f"images/{image.pk}/pick", "send/", "unlock/"):
        assert guest.post(path + action, {"choice": "yes"}).status_code == 404
    assert not Pick.objects.exists()


def deleted(image):
    image.deleted_at = timezone.now()


def held(image):
    image.state = Image.State.HELD


def private_again(image):
    image.visibility = Image.Visibility.PRIVATE


@pytest.mark.parametrize("change", [deleted, held, private_again])
@pytest.mark.parametrize("by", ["images", "collection"])
def test_an_image_that_is_taken_back_is_gone_everywhere(alice, guest, change, by):
    image, other = make_image(alice), make_image(alice)
    if by == "collection":
        collection = Collection.objects.create(user=alice, name="Book")
        for one in (image, other):
            CollectionItem.objects.create(collection=collection, image=one, added_by=alice)
        _, path = make_share(alice, collection=collection, download=True, picks=True)
    else:
        _, path = make_share(alice, images=[image, other], download=True, picks=True)
    assert statuses(guest, everything(path, image)) == [200] * 6
    change(image)
    image.save()
    page, one, *rest, archive = statuses(guest, everything(path, image))
    assert (page, one, rest, archive) == (200, 404, [404] * 3, 200)
    assert str(image.pk) not in guest.get(path).content.decode()
    assert guest.post(f"{path}images/{image.pk}/pick", {"choice": "yes"}).status_code == 404
    assert len(names_in(guest.get(f"{path}zip"))) == 1
    assert statuses(guest, everything(path, other)) == [200] * 6


def test_anonymous_people_without_the_link_get_nothing(alice, guest):
    image = make_image(alice)
    make_share(alice, images=[image], download=True)
    _, path = make_share(alice)
    for kind in KINDS:
        response = guest.get(f"/images/{image.pk}/{kind}")
        assert (response.status_code, response["Location"][:16]) == (302, "/accounts/login/")
        # Another link's address leads to another link's images alone.
        assert guest.get(f"{path}images/{image.pk}/{kind}").status_code == 404


@pytest.mark.parametrize("person", ["alice", "bob", "rosa", "ada"])
def test_being_signed_in_opens_no_more(request, sign_in, alice, person):
    """Members, reviewers, admins and the owner see at a link what a guest sees."""
    client = sign_in(request.getfixturevalue(person))
    held_one = make_image(alice, state=Image.State.HELD)
    image = make_image(alice)
    share, path = make_share(alice, images=[image], password=PASSWORD)
    Share.objects.get(pk=share.pk).items.create(image=held_one, position=9)
    assert statuses(client, everything(path, image)) == [200, *[404] * 5]
    assert b"low tide" not in client.get(path).content
    client.post(f"{path}unlock/", {"password": PASSWORD})
    page = client.get(path)
    assert statuses(client, everything(path, image)) == [200, 200, 200, 200, 404, 404]
    assert statuses(client, everything(path, held_one))[1:] == [404] * 5
    for word in ("Alice", "Bob", "Rosa", "Ada", "example.com", "/gallery/", "/accounts/"):
        assert word not in page.content.decode()


def test_without_downloads_there_is_no_original(alice, guest):
    image = make_image(alice)
    _, path = make_share(alice, images=[image], show_prompt=True, picks=True)
    assert statuses(guest, files(path, image)) == [200, 200, 404]
    assert guest.get(f"{path}zip").status_code == 404
    for address in (path, f"{path}images/{image.pk}/"):
        page = guest.get(address).content.decode()
        assert "original" not in page
        assert "zip" not in page


def test_a_collection_is_shown_as_it_is_and_only_while_it_may_be(alice, bob, guest):
    team = Collection.Visibility.TEAM
    collection = Collection.objects.create(user=alice, name="A secret name", visibility=team)
    first, private = make_image(alice), make_image(bob, visibility=Image.Visibility.PRIVATE)
    for one in (first, private):
        CollectionItem.objects.create(collection=collection, image=one, added_by=bob)
    _, path = make_share(bob, collection=collection)
    assert guest.get(path).context["count"] == 1
    assert "A secret name" not in guest.get(path).content.decode()
    later = make_image(alice)
    CollectionItem.objects.create(collection=collection, image=later, added_by=alice)
    assert statuses(guest, files(path, later)) == [200, 200, 404]
    assert statuses(guest, files(path, private)) == [404] * 3
    Collection.objects.filter(pk=collection.pk).update(visibility=Collection.Visibility.PRIVATE)
    assert guest.get(path).status_code == 404


def test_a_private_image_that_its_maker_shares_is_shown(alice, guest):
    image = make_image(alice, visibility=Image.Visibility.PRIVATE)
    _, path = make_share(alice, images=[image])
    assert statuses(guest, files(path, image)) == [200, 200, 404]


# --- nothing is told ----------------------------------------------------------------------------


def test_every_wrong_token_is_answered_alike(alice, guest):
    image = make_image(alice)
    share, path = make_share(alice, images=[image])
    gone, over = (make_share(alice, images=[image])[1] for _ in range(2))
    revoked(shares_by(gone), image)
    expired(shares_by(over), image)
    token = path.split("/")[2]
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    tokens = [
        wrong,
        "x",
        "a" * 5000,
        "%00",
        "%ff%fe",
        "ä",
        token.swapcase(),
        token + "%0a",
        "..%2f..",
    ]
    addresses = [
        gone,
        over,
        *(f"/s/{one}/" for one in tokens),
        f"{path}nothing",
        f"{path}images/x/w512",
    ]
    addresses += [f"{gone}images/{image.pk}/w512", f"{path}images/{share.pk}/original"]
    answers = set()
    for address in addresses:
        response = guest.get(address)
        # The number of the request is every answer's own, whatever it answers.
        headers = {**response.headers}
        assert headers.pop("X-Request-ID")
        answers.add((response.status_code, response.content, tuple(sorted(headers.items()))))
    assert len(answers) == 1
    status, body, headers = answers.pop()
    assert status == 404
    assert b"This link opens nothing" in body
    assert GUEST.items() <= dict(headers).items()
    assert dict(headers)["Cache-Control"] == "no-store"


def shares_by(path):
    return Share.objects.get(token_hash=shares.hash_of(path.split("/")[2]))


def test_every_wrong_token_is_as_much_work(alice, guest):
    image = make_image(alice)
    _, gone = make_share(alice, images=[image])
    revoked(shares_by(gone), image)
    guest.get(gone)
    counts = [queries(guest, address, 404) for address in (gone, "/s/unknown/", f"{gone}zip")]
    assert counts == [1, 1, 1]


@pytest.mark.parametrize("method", ["get", "head"])
def test_every_answer_has_the_headers_of_a_secret(alice, guest, method):
    image = make_image(alice)
    _, path = make_share(alice, images=[image], download=True, picks=True)
    _, locked = make_share(alice, password=PASSWORD)
    for address in [*everything(path, image), locked, f"{locked}zip"]:
        response = getattr(guest, method)(address)
        assert GUEST.items() <= dict(response.headers).items(), address
        assert response["Cache-Control"] == "no-store", address
        assert "default-src 'none'" in response["Content-Security-Policy"], address
        assert "unsafe" not in response["Content-Security-Policy"], address
        assert response["X-Content-Type-Options"] == "nosniff", address
        assert response["X-Frame-Options"] == "DENY", address
        assert "ETag" not in response, address
        assert "Last-Modified" not in response, address
        assert not response.cookies, address


def test_there_is_no_answer_not_modified(alice, guest):
    image = make_image(alice)
    _, path = make_share(alice, images=[image])
    headers = {"If-None-Match": f'"{image.sha256[:32]}-w512"', "If-Modified-Since": "x"}
    assert guest.get(f"{path}images/{image.pk}/w512", headers=headers).status_code == 200
    assert (
        guest.get(f"{path}images/{image.pk}/w512", headers={"If-None-Match": "*"}).status_code
        == 200
    )


def test_the_page_tells_nothing_but_what_was_meant(alice, guest):
    made = make_generation(alice, prompt="A secret <b>prompt</b>", seed=48151623)
    image = make_image(alice, generation=made, seed=48151623, note="A private note")
    given = {"images": [image], "label": "For Rossi", "title": "Two <i>houses</i>"}
    _, path = make_share(alice, **given)
    for address in (path, f"{path}images/{image.pk}/"):
        page = guest.get(address).content.decode()
        assert "Two &lt;i&gt;houses" in page
        for word in (
            "secret",
            "48151623",
            "Z-Image",
            "Alice",
            "private note",
            "Rossi",
            "veniceweb",
        ):
            assert word not in page, word
        for way_in in ("/gallery/", "/accounts/", "/images/" + str(image.pk) + '"', 'href="/"'):
            assert way_in not in page, way_in
    _, path = make_share(alice, show_prompt=True, **given)
    for address in (path, f"{path}images/{image.pk}/"):
        page = guest.get(address).content.decode()
        assert "A secret &lt;b&gt;prompt" in page
        for word in ("48151623", "Z-Image", "Alice", "private note", "Rossi"):
            assert word not in page, word


# --- files --------------------------------------------------------------------------------------


def with_words(alice, format):
    """An image whose original tells its prompt."""
    image = make_image(alice, format=format)
    exif = Pixels.Exif()
    exif[0x010E] = "A SECRET PROMPT"
    data = picture(format=format.upper(), exif=exif.tobytes())
    default_storage.delete(image.original)
    default_storage.save(image.original, ContentFile(data))
    return image


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_a_download_is_stripped(alice, guest, format):
    image = with_words(alice, format)
    _, path = make_share(alice, images=[image], download=True, show_prompt=True)
    response = guest.get(f"{path}images/{image.pk}/original")
    assert response["Content-Type"] == f"image/{format}"
    assert response["Content-Disposition"].startswith("attachment")
    assert "bridge" not in response["Content-Disposition"]
    found = Pixels.open(io.BytesIO(response.content))
    assert found.size == (64, 64)
    assert not dict(found.getexif())
    assert b"SECRET" not in response.content
    archive = zipfile.ZipFile(io.BytesIO(b"".join(guest.get(f"{path}zip"))))
    assert archive.testzip() is None
    assert archive.namelist() == [f"image-001.{format}"]
    assert archive.read(f"image-001.{format}") == response.content


def names_in(response):
    return zipfile.ZipFile(io.BytesIO(b"".join(response))).namelist()


def test_files_that_are_lost_or_spoilt_are_no_error(alice, guest):
    lost, spoilt, whole = make_image(alice), make_image(alice), make_image(alice)
    _, path = make_share(alice, images=[lost, spoilt, whole], download=True)
    for kind in KINDS:
        default_storage.delete(getattr(lost, kind))
    default_storage.delete(spoilt.original)
    default_storage.save(spoilt.original, ContentFile(b"no picture"))
    assert statuses(guest, files(path, lost)) == [404] * 3
    assert guest.get(f"{path}images/{spoilt.pk}/original").status_code == 404
    assert names_in(guest.get(f"{path}zip")) == ["image-003.webp"]
    assert guest.get(path).status_code == 200


# --- password -----------------------------------------------------------------------------------


def test_a_password_opens_the_link_and_only_for_who_gave_it(alice, guest):
    image = make_image(alice)
    _, path = make_share(alice, images=[image], password=PASSWORD, download=True)
    assert statuses(guest, everything(path, image)) == [200, *[404] * 5]
    assert "w512" not in guest.get(path).content.decode()
    response = guest.post(f"{path}unlock/", {"password": "wrong"})
    assert (response.status_code, dict(response.cookies)) == (422, {})
    response = guest.post(f"{path}unlock/", {"password": PASSWORD})
    assert (response.status_code, response["Location"]) == (303, path)
    ticket = response.cookies["share"]
    assert (ticket["path"], ticket["httponly"], ticket["samesite"]) == (path, True, "Lax")
    assert PASSWORD not in ticket.value
    assert statuses(guest, everything(path, image)) == [200] * 6
    assert statuses(Client(), everything(path, image)) == [200, *[404] * 5]


def test_a_password_in_the_address_opens_nothing(alice, guest):
    image = make_image(alice)
    _, path = make_share(alice, images=[image], password=PASSWORD)
    assert guest.get(f"{path}unlock/?password={PASSWORD}").status_code == 405
    guest.get(f"{path}?password={PASSWORD}")
    assert statuses(guest, files(path, image)) == [404] * 3


def test_a_ticket_is_for_one_link_and_one_password(alice, guest):
    image = make_image(alice)
    share, path = make_share(alice, images=[image], password=PASSWORD)
    _, other = make_share(alice, images=[image], password=PASSWORD)
    guest.post(f"{path}unlock/", {"password": PASSWORD})
    ticket = guest.cookies["share"].value
    for value in (ticket, ticket[:-1], "open", ""):
        stranger = Client(headers={"Cookie": f"share={value}"})
        assert stranger.get(f"{other}images/{image.pk}/w512").status_code == 404
    values = {"expires": None, "label": "", "title": "", "download": False}
    values |= {"show_prompt": False, "picks": False}
    shares.change(share, password="another one", **values)
    assert guest.get(f"{path}images/{image.pk}/w512").status_code == 404
    shares.change(share, no_password=True, **values)
    assert Client().get(f"{path}images/{image.pk}/w512").status_code == 200


def test_a_ticket_does_not_last_for_ever(alice, guest, monkeypatch):
    image = make_image(alice)
    _, path = make_share(alice, images=[image], password=PASSWORD)
    guest.post(f"{path}unlock/", {"password": PASSWORD})
    monkeypatch.setattr(guests, "OPEN_FOR", -1)
    assert guest.get(f"{path}images/{image.pk}/w512").status_code == 404


def test_guessing_ends_for_who_guesses_and_for_nobody_else(alice, guest):
    _, path = make_share(alice, password=PASSWORD)
    _, other = make_share(alice, password=PASSWORD)
    url = f"{path}unlock/"
    answers = [guest.post(url, {"password": f"guess {n}"}) for n in range(guests.TRIES + 2)]
    assert [a.status_code for a in answers] == [422] * guests.TRIES + [429, 429]
    refused, right = answers[-1], guest.post(url, {"password": PASSWORD})
    assert (right.status_code, right.content) == (429, refused.content)
    assert not right.cookies
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert elsewhere.post(url, {"password": PASSWORD}).status_code == 303
    assert guest.post(f"{other}unlock/", {"password": PASSWORD}).status_code == 303


def test_one_place_has_not_a_try_at_every_link(alice, guest, monkeypatch):
    monkeypatch.setattr(guests, "TRIES_AT_ALL", 3)
    paths = [make_share(alice, password=PASSWORD)[1] for _ in range(5)]
    found = [guest.post(f"{path}unlock/", {"password": "x"}).status_code for path in paths]
    assert found == [422, 422, 422, 429, 429]


@pytest.mark.parametrize(
    ("addresses", "is_one"),
    [
        (("198.51.100.1", "198.51.100.1"), True),
        (("198.51.100.1", "198.51.100.2"), False),
        (("2001:db8::1", "2001:db8::ffff"), True),
        (("2001:db8::1", "2001:db8:0:1::1"), False),
        (("rubbish", ""), True),
    ],
)
def test_what_one_place_is(alice, addresses, is_one, monkeypatch):
    monkeypatch.setattr(guests, "TRIES", 1)
    _, path = make_share(alice, password=PASSWORD)
    found = [
        Client(REMOTE_ADDR=one).post(f"{path}unlock/", {"password": "x"}).status_code
        for one in addresses
    ]
    assert found == [422, 429 if is_one else 422]


def test_a_forwarded_address_counts_behind_a_proxy_alone(alice, settings, monkeypatch):
    monkeypatch.setattr(guests, "TRIES", 1)
    _, path = make_share(alice, password=PASSWORD)

    def post(hops):
        headers = {"X-Forwarded-For": hops}
        return Client().post(f"{path}unlock/", {"password": "x"}, headers=headers).status_code

    assert [post("192.0.2.1"), post("192.0.2.2")] == [422, 429]
    settings.PROXIES = 1
    # What a guest claims stands before what the proxy wrote.
    assert [post("192.0.2.9, 192.0.2.1"), post("192.0.2.8, 192.0.2.1")] == [422, 429]


# --- visits -------------------------------------------------------------------------------------


def test_visits_are_counted_and_not_requests(alice, guest):
    image = make_image(alice)
    share, path = make_share(alice, images=[image], download=True)
    for _ in range(3):
        statuses(guest, everything(path, image))
    guest.get("/s/unknown/")
    share.refresh_from_db()
    assert share.visits == 1
    assert share.visited_at is not None
    Client(REMOTE_ADDR="192.0.2.7").get(path)
    share.refresh_from_db()
    assert share.visits == 2


def test_who_only_sees_the_password_form_has_not_visited(alice, guest):
    share, path = make_share(alice, password=PASSWORD)
    guest.get(path)
    share.refresh_from_db()
    assert share.visits == 0


def test_a_visitor_gets_no_cookie_and_no_session(alice, guest):
    from django.contrib.sessions.models import Session

    image = make_image(alice)
    _, path = make_share(alice, images=[image], picks=True)
    statuses(guest, everything(path, image))
    guest.post(f"{path}images/{image.pk}/pick", {"choice": "yes"})
    assert not guest.cookies
    assert not Session.objects.exists()


# --- picks --------------------------------------------------------------------------------------


@pytest.fixture
def asked(alice):
    image = make_image(alice)
    share, path = make_share(alice, images=[image], picks=True)
    return share, path, image, f"{path}images/{image.pk}/pick"


def test_a_guest_picks_and_changes_their_mind(asked, guest):
    share, path, image, url = asked
    response = guest.post(url, {"choice": "yes", "back": "1"})
    assert (response.status_code, response["Location"]) == (303, f"{path}#image-{image.pk.hex}")
    guest.post(url, {"note": "Calmer <script>alert(1)</script>\r\nplease"})
    row = share.picks.get()
    assert (row.choice, row.note) == ("yes", "Calmer <script>alert(1)</script>\nplease")
    guest.post(url, {"choice": "no"})
    guest.post(url, {"choice": ""})
    row = share.picks.get()
    assert (row.choice, row.note[:6]) == ("", "Calmer")
    assert b"<script>alert" not in guest.get(path).content


def test_htmx_gets_the_picks_place_and_the_tally(asked, guest):
    _, _, image, url = asked
    headers = {"HX-Request": "true"}
    page = guest.post(url, {"choice": "yes", "number": "1"}, headers=headers).content.decode()
    assert f'id="pick-{image.pk.hex}"' in page
    assert "<b>1</b> of 1 decided" in page
    page = guest.post(url, {"note": "x"}, headers=headers).content.decode()
    assert f'id="pick-{image.pk.hex}"' not in page
    assert "Saved" in page


@pytest.mark.parametrize(
    "given",
    [
        {"choice": "maybe"},
        {"choice": "yes" * 9000},
        {"note": "x" * 501},
        {"note": "x" * 600_000},
        {"choice": "\0"},
    ],
)
def test_hostile_picks_are_a_sentence(asked, guest, given):
    _, _, _, url = asked
    response = guest.post(url, given)
    assert response.status_code == 400
    assert response["Content-Type"].startswith("text/plain")
    assert not Pick.objects.exists()


@pytest.mark.parametrize("given", [{"note": "a\0b"}, {"back": "../../x", "choice": "no"}, {}])
def test_odd_picks_do_no_harm(asked, guest, given):
    _, path, _, url = asked
    response = guest.post(url, given)
    assert response.status_code == 303
    assert response["Location"].startswith(path)


def test_a_note_of_500_lines_fits(asked, guest):
    share, _, _, url = asked
    guest.post(url, {"note": "x" + "\r\n" * 498 + "y"})
    assert len(share.picks.get().note) == 500


def test_picks_are_not_taken_where_none_were_asked_for(alice, guest):
    image = make_image(alice)
    _, path = make_share(alice, images=[image])
    assert guest.post(f"{path}images/{image.pk}/pick", {"choice": "yes"}).status_code == 404
    assert guest.post(f"{path}send/").status_code == 404
    _, path = make_share(alice, picks=True)
    assert guest.post(f"{path}images/{image.pk}/pick", {"choice": "yes"}).status_code == 404
    assert not Pick.objects.exists()


def test_a_flood_of_picks_ends(asked, guest, monkeypatch):
    _, path, _, url = asked
    monkeypatch.setattr(guests, "PICKS", 3)
    found = [guest.post(url, {"choice": "yes"}).status_code for _ in range(5)]
    assert found == [303, 303, 303, 429, 429]
    assert guest.post(f"{path}send/").status_code == 429


def test_another_site_cannot_pick_for_a_guest(asked, guest):
    _, _, _, url = asked
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert guest.post(url, {"choice": "yes"}, headers=headers).status_code == 404
    assert not Pick.objects.exists()


def test_a_browser_that_sends_no_origin_can_pick(asked):
    """As it does from a page without referrers; there is no CSRF token to send."""
    _, _, _, url = asked
    strict = Client(enforce_csrf_checks=True)
    headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert strict.post(url, {"choice": "yes"}, headers=headers).status_code == 303


def test_sending_says_so_to_the_owner(asked, guest):
    share, path, _, _ = asked
    assert guest.post(f"{path}send/")["Location"] == f"{path}#tally"
    share.refresh_from_db()
    assert share.sent_at is not None
    assert b"Sent. You can still change them." in guest.get(path).content


# --- many ---------------------------------------------------------------------------------------


def queries(client, url, status=200):
    with CaptureQueriesContext(connection) as found:
        assert client.get(url).status_code == status
    return len(found)


@pytest.mark.parametrize("given", [{}, {"picks": True, "show_prompt": True, "download": True}])
def test_a_page_costs_the_same_for_one_and_for_sixty(alice, guest, given):
    images = [make_image(alice) for _ in range(61)]
    _, few = make_share(alice, images=images[:1], **given)
    _, many = make_share(alice, images=images, **given)
    for path in (few, many):
        guest.get(path)
    assert queries(guest, few) == queries(guest, many) <= 12
    one = f"images/{images[0].pk}/"
    assert queries(guest, few + one) == queries(guest, many + one) <= 12
    assert queries(guest, f"{many}{one}w512") == 2


def test_pages_go_on_in_the_order_of_the_selection(alice, guest):
    images = [make_image(alice) for _ in range(63)][::-1]
    _, path = make_share(alice, images=images)
    first, second = guest.get(path).context, guest.get(f"{path}?page=2").context
    shown = [p.dom_id for p in [*first["pictures"], *second["pictures"]]]
    assert shown == [f"image-{image.pk.hex}" for image in images]
    assert second["pictures"][0].number == 61
    for odd in ("0", "-1", "x", "99999999", "²"):
        assert guest.get(path, {"page": odd}).status_code == 200


def test_the_viewer_leads_through_them_and_not_out(alice, guest):
    images = [make_image(alice) for _ in range(3)]
    _, path = make_share(alice, images=images)
    context = guest.get(f"{path}images/{images[1].pk}/").context
    assert context["previous_url"] == f"{path}images/{images[0].pk}/"
    assert context["next_url"] == f"{path}images/{images[2].pk}/"
    assert guest.get(f"{path}images/{images[0].pk}/").context["previous_url"] == ""
    assert json.dumps(context["all_url"]) == f'"{path}#image-{images[1].pk.hex}"'
