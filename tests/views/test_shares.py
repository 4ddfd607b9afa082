"""Share links as their owner and admins see them."""

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from generations.models import Collection, CollectionItem, Image, Pick, Share
from generations.services import guest as guests
from generations.services import share as shares
from tests.builders import make_collection, make_image, make_share

pytestmark = pytest.mark.django_db
NEW = "/shares/new/"


def text(response):
    return response.content.decode()


# --- making -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_form_shows_what_will_be_shared_and_makes_nothing(alice, sign_in, method):
    images = [make_image(alice) for _ in range(3)]
    given = {"images": [str(image.pk) for image in images]}
    page = text(getattr(sign_in(alice), method)(NEW, given))
    assert "Share 3 images" in page
    for image in images:
        assert f'name="images" value="{image.pk}"' in page
    assert not Share.objects.exists()


def test_a_link_is_made_and_shown_to_its_owner(alice, sign_in, settings):
    settings.PUBLIC_URL = "https://studio.example.com"
    client, images = sign_in(alice), [make_image(alice) for _ in range(2)]
    day = (timezone.now() + timedelta(days=3)).date().isoformat()
    given = {"images": [i.pk for i in images], "expires": day, "password": "low tide"}
    given |= {"download": "on", "show_prompt": "on", "picks": "on", "label": "Rossi", "title": "T"}
    response = client.post("/shares/", given)
    share = Share.objects.get()
    assert (response.status_code, response["Location"]) == (303, f"/shares/{share.pk}/")
    assert (share.may_download, share.shows_prompt, share.asks_picks) == (True, True, True)
    assert (share.label, share.title, share.expires_at.date().isoformat()) == ("Rossi", "T", day)
    page = text(client.get(response["Location"]))
    link = f"https://studio.example.com/s/{shares.token_of(share)}/"
    assert f'value="{link}"' in page
    assert f'data-copy="{link}"' in text(client.get("/shares/"))


def test_what_is_not_said_is_off(alice, sign_in):
    sign_in(alice).post("/shares/", {"images": [make_image(alice).pk]})
    share = Share.objects.get()
    assert (share.may_download, share.shows_prompt, share.asks_picks) == (False, False, False)
    assert share.password == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [("expires", "366"), ("password", "x"), ("label", "x" * 81), ("title", "a\0b")],
)
def test_a_wrong_field_is_named_and_nothing_is_made(alice, sign_in, field, value):
    image = make_image(alice)
    response = sign_in(alice).post("/shares/", {"images": [image.pk], field: value})
    assert response.status_code == 422
    assert f'id="{field}-error"' in text(response)
    assert f'name="images" value="{image.pk}"' in text(response)
    assert not Share.objects.exists()


def test_a_search_is_shared_as_a_whole(alice, sign_in):
    client, _ = sign_in(alice), [make_image(alice) for _ in range(3)]
    page = text(client.post(NEW, {"all": ""}))
    assert "Share 3 images" in page
    assert '<input type="hidden" name="all" value="">' in page
    assert 'name="images"' not in page
    client.post("/shares/", {"all": ""})
    assert Share.objects.get().items.count() == 3


def test_a_collection_is_shared(alice, sign_in):
    own = Collection.objects.create(user=alice, name="Canal houses")
    for fields in ({}, {"visibility": Image.Visibility.PRIVATE}):
        image = make_image(alice, **fields)
        CollectionItem.objects.create(collection=own, image=image, added_by=alice)
    client = sign_in(alice)
    page = text(client.get(NEW, {"collection": own.pk}))
    assert "Canal houses" in page
    assert "One of your images in it stays out" in page
    client.post("/shares/", {"collection": own.pk})
    assert Share.objects.get().collection == own


def test_an_empty_collection_is_not(alice, sign_in):
    own = Collection.objects.create(user=alice, name="Canal houses")
    assert "A link would show nothing" in text(sign_in(alice).get(NEW, {"collection": own.pk}))


def test_a_smart_collection_is_refused_with_a_reason(alice, sign_in):
    smart = Collection.objects.create(user=alice, name="Bridges", search="q=bridge")
    client = sign_in(alice)
    for response in (
        client.get(NEW, {"collection": smart.pk}),
        client.post("/shares/", {"collection": smart.pk}),
    ):
        assert response.status_code == 422
        assert "fills itself" in text(response)


def test_what_was_picked_goes_into_a_collection(alice, sign_in, picked):
    _, images, url = picked
    context = sign_in(alice).get(url).context
    response = sign_in(alice).post(context["collect_url"], {"images": context["yes_ids"]})
    assert response.status_code == 200
    assert str(images[0].pk) in text(response)


def test_ids_from_outside_are_hostile(alice, bob, sign_in):
    client = sign_in(bob)
    private = make_image(alice, visibility=Image.Visibility.PRIVATE)
    own = Collection.objects.create(user=alice, name="Book")
    for given in (
        {"images": [private.pk]},
        {"images": [make_image(bob).pk, private.pk]},
        {"images": ["x"]},
        {"images": ["\0"]},
        {"images": [f"{n}" for n in range(11_000)]},
        {"images": [""]},
        {"collection": own.pk},
        {"collection": "x"},
        {"collection": "\0"},
        {"collection": own.pk, "images": [private.pk]},
        {},
    ):
        for address in (NEW, "/shares/"):
            response = client.post(address, given)
            assert response.status_code in (200, 400, 404, 422), given
        if len(given.get("images", [])) < 100:
            assert client.get(f"{NEW}?{urlencode(given, doseq=True)}").status_code in (
                200,
                404,
                422,
            )
    assert not Share.objects.exists()


def test_a_post_without_its_token_is_refused(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice, backend="allauth.account.auth_backends.AuthenticationBackend")
    share, _ = make_share(alice)
    for address in ("/shares/", f"/shares/{share.pk}/revoke/", "/shares/revoke/"):
        assert client.post(address).status_code == 403
    share.refresh_from_db()
    assert share.revoked_at is None


# --- looking after them -------------------------------------------------------------------------


def test_my_links_are_listed_and_ended_ones_apart(alice, bob, sign_in):
    make_share(alice, label="Works", images=[make_image(alice), make_image(alice)])
    revoked, _ = make_share(alice, label="Revoked")
    shares.revoke(Share.objects.filter(pk=revoked.pk), by=alice)
    make_share(bob, label="Bobs")
    client = sign_in(alice)
    page, ended = text(client.get("/shares/")), text(client.get("/shares/?show=ended"))
    assert ("Works" in page, "2 images" in page, "Revoked" in page) == (True, True, False)
    assert ("Revoked" in ended, "data-copy" in ended) == (True, False)
    assert "Bobs" not in page + ended


def test_why_a_link_opens_nothing_is_said(alice, bob, sign_in):
    image, past = make_image(alice), timezone.now() - timedelta(days=1)
    team = Collection.Visibility.TEAM
    own = Collection.objects.create(user=alice, name="Book", visibility=team)
    found = {}
    for name in ("revoked", "over", "gone"):
        found[name] = make_share(
            bob, **({"collection": own} if name == "gone" else {"images": [image]})
        )[0]
    shares.revoke(Share.objects.filter(pk=found["revoked"].pk), by=bob)
    Share.objects.filter(pk=found["over"].pk).update(expires_at=past)
    Collection.objects.filter(pk=own.pk).update(visibility=Collection.Visibility.PRIVATE)
    client = sign_in(bob)
    page = text(client.get("/shares/?show=ended"))
    assert "Book" not in page
    for reason, share in zip(
        ("Revoked", "Ended", "Opens nothing now"), found.values(), strict=True
    ):
        assert reason in page
        one = text(client.get(reverse("share-detail", args=[share.pk])))
        assert reason in one
        assert 'id="link"' not in one


def test_a_link_is_its_owners_and_admins_may_end_it(alice, bob, rosa, ada, sign_in):
    share, path = make_share(alice, label="For Rossi")
    token, url = path.split("/")[2], reverse("share-detail", args=[share.pk])
    for other in (bob, rosa):
        for address in (url, f"{url}poll/"):
            assert sign_in(other).get(address).status_code == 404
        for address in (url, f"{url}revoke/"):
            assert sign_in(other).post(address).status_code == 404
        assert sign_in(other).get("/team/shares/").status_code == 404
    client = sign_in(ada)
    for address in (url, "/team/shares/"):
        assert "For Rossi" in text(client.get(address))
        assert token not in text(client.get(address))
    assert "For Rossi" not in text(client.get("/shares/"))
    assert client.post(url, {"label": "Mine"}).status_code == 404
    assert client.get(f"{url}poll/").status_code == 404
    assert client.post(f"{url}revoke/")["Location"] == "/team/shares/"
    assert Client().get(path).status_code == 404


def test_all_are_revoked_at_once(alice, bob, ada, sign_in):
    paths = [make_share(user)[1] for user in (alice, alice, bob)]

    def works():
        return [Client().get(path).status_code == 200 for path in paths]

    sign_in(alice).post("/shares/revoke/", {"everybody": "on"})
    assert works() == [False, False, True]
    sign_in(ada).post("/shares/revoke/")
    assert works() == [False, False, True]
    assert sign_in(ada).post("/shares/revoke/", {"everybody": "on"})["Location"] == "/team/shares/"
    assert works() == [False, False, False]


def test_a_link_is_changed(alice, sign_in):
    share, path = make_share(alice, password="low tide", expires="5")
    ends, url = share.expires_at, reverse("share-detail", args=[share.pk])
    client = sign_in(alice)
    day = ends.date().isoformat()
    response = client.post(url, {"label": "New", "expires": day, "picks": "on"})
    assert response["Location"] == url
    share.refresh_from_db()
    assert (share.label, share.asks_picks, share.expires_at) == ("New", True, ends)
    assert share.password
    assert client.post(url, {"expires": "999"}).status_code == 422
    client.post(url, {"expires": "7", "no_password": "on"})
    share.refresh_from_db()
    assert (share.password, share.expires_at > ends) == ("", True)
    assert Client().get(path).context["count"] == 1


# --- picks --------------------------------------------------------------------------------------


@pytest.fixture
def picked(alice):
    images = [make_image(alice) for _ in range(3)]
    share, _ = make_share(alice, images=images, picks=True)
    guests.pick(share, images[0], choice="yes", note="Calmer <b>please</b>", address="x")
    guests.pick(share, images[1], choice="no", address="x")
    return share, images, reverse("share-detail", args=[share.pk])


def shown(response):
    return [picture.number for picture in response.context["pictures"]]


def test_picks_are_seen_and_filtered(alice, sign_in, picked):
    _, images, url = picked
    client = sign_in(alice)
    page = text(client.get(url))
    assert "Calmer &lt;b&gt;please" in page
    found = {
        show: len(shown(client.get(f"{url}?show={show}")))
        for show in ("yes", "no", "open", "note", "", "rubbish")
    }
    assert found == {"yes": 1, "no": 1, "open": 1, "note": 1, "": 3, "rubbish": 3}
    assert f"/images/{images[0].pk}/ Calmer" in client.get(url).context["yes_text"]
    assert client.get(url).context["yes_ids"] == [images[0].pk]


def poller(page):
    found = re.search(r'id="poller"[^>]*hx-get="([^"]+)"', page)
    return found and found[1].replace("&amp;", "&")


def test_picks_come_by_themselves(alice, sign_in, picked):
    share, images, url = picked
    client = sign_in(alice)
    address = poller(text(client.get(url)))
    with CaptureQueriesContext(connection) as found:
        assert client.get(address).status_code == 204
    assert len(found) <= 2
    guests.pick(share, images[2], note="At last", address="x")
    page = text(client.get(address))
    assert "At last" in page
    assert f'id="pick-{images[2].pk.hex}"' in page
    assert client.get(poller(page)).status_code == 204


def test_only_what_changed_comes(alice, sign_in, picked):
    share, images, url = picked
    share.picks.filter(image=images[1]).update(changed_at=timezone.now() - timedelta(minutes=5))
    client = sign_in(alice)
    address = poller(text(client.get(url)))
    guests.pick(share, images[2], choice="yes", address="x")
    page = text(client.get(address))
    assert [f"pick-{image.pk.hex}" in page for image in images[1:]] == [False, True]


def test_sending_is_seen_too(alice, sign_in, picked):
    share, _, url = picked
    client = sign_in(alice)
    address = poller(text(client.get(url)))
    guests.send(share, address="x")
    assert "Sent Today" in text(client.get(address))


def test_a_filtered_list_comes_whole(alice, sign_in, picked):
    share, images, url = picked
    client = sign_in(alice)
    address = poller(text(client.get(f"{url}?show=open")))
    guests.pick(share, images[2], choice="yes", address="x")
    page = text(client.get(address))
    assert 'id="picks" hx-swap-oob="true"' in page
    assert "None of that kind" in page


def test_picks_come_to_the_collections_page(alice, bob, sign_in):
    team = Collection.Visibility.TEAM
    own = Collection.objects.create(user=alice, name="Book", visibility=team)
    image = make_image(alice)
    CollectionItem.objects.create(collection=own, image=image, added_by=alice)
    client, url = sign_in(alice), reverse("collection-detail", args=[own.pk])
    assert poller(text(client.get(url))) is None
    share, _ = make_share(alice, collection=own, picks=True, label="Rossi")
    page = text(client.get(url))
    assert "Rossi" in page
    address = poller(page)
    with CaptureQueriesContext(connection) as found:
        assert client.get(address).status_code == 204
    assert len(found) <= 2
    guests.pick(share, image, choice="yes", note="Calmer", address="x")
    page = text(client.get(address))
    for part in ("1 yes", "0 no", "1 with a note", f"/shares/{share.pk}/?show=yes"):
        assert part in page
    assert client.get(poller(page)).status_code == 204
    # Somebody else's links, and what guests said there, are not told.
    assert "Rossi" not in text(sign_in(bob).get(url)) + text(sign_in(bob).get(address))
    Collection.objects.filter(pk=own.pk).update(visibility=Collection.Visibility.PRIVATE)
    assert sign_in(bob).get(address).status_code == 404


@pytest.mark.parametrize("seen", ["", "x", "9" * 30, "-1", "\0", "²-²"])
def test_a_hostile_poll_is_answered(alice, sign_in, picked, seen):
    _, _, url = picked
    response = sign_in(alice).get(f"{url}poll/", {"seen": seen, "page": seen, "show": seen})
    assert response.status_code == 200


def test_nothing_is_polled_where_nothing_can_come(alice, sign_in, picked):
    share, _, url = picked
    client = sign_in(alice)
    shares.revoke(Share.objects.filter(pk=share.pk), by=alice)
    assert poller(text(client.get(url))) is None
    other, _ = make_share(alice)
    assert poller(text(client.get(reverse("share-detail", args=[other.pk])))) is None


# --- many ---------------------------------------------------------------------------------------


def queries(client, url):
    with CaptureQueriesContext(connection) as found:
        assert client.get(url).status_code == 200
    return len(found)


def test_lists_cost_the_same_for_one_and_for_sixty(alice, ada, sign_in):
    member, admin = sign_in(alice), sign_in(ada)
    image = make_image(alice)
    own = Collection.objects.create(user=alice, name="Book")
    pages = [(member, "/shares/"), (admin, "/team/shares/"), (member, "/shares/?show=ended")]
    make_share(alice, images=[image])
    make_share(alice, collection=own)
    shares.revoke(Share.objects.filter(pk=make_share(alice, images=[image])[0].pk), by=alice)
    for client, url in pages:
        client.get(url)
    one = [queries(client, url) for client, url in pages]
    for n in range(60):
        share, _ = make_share(alice, images=[image])
        make_share(alice, collection=own)
        if n % 2:
            shares.revoke(Share.objects.filter(pk=share.pk), by=alice)
    assert [queries(client, url) for client, url in pages] == one
    assert max(one) <= 12
    assert len(member.get("/shares/").context["rows"]) == 50
    assert "page=2" in text(member.get("/shares/"))


def test_one_links_page_costs_the_same_for_one_and_for_sixty(alice, sign_in):
    client, images = sign_in(alice), [make_image(alice) for _ in range(60)]
    found = []
    for some in (images[:1], images):
        share, _ = make_share(alice, images=some, picks=True)
        for image in some:
            guests.pick(share, image, choice="yes", address="x")
        url = reverse("share-detail", args=[share.pk])
        client.get(url)
        found.append(queries(client, url))
    assert found[0] == found[1] <= 12
    ids = "&".join(f"images={image.pk}" for image in images)
    assert queries(client, f"{NEW}?images={images[0].pk}") == queries(client, f"{NEW}?{ids}") <= 12


def test_what_i_do_not_see_of_a_collection_is_not_counted(alice, bob, sign_in):
    images = [make_image(alice), make_image(alice, visibility="private")]
    shared = make_collection(alice, images=images, visibility="team")
    address = f"{NEW}?collection={shared.pk}"
    assert "One of your images in it stays out" in text(sign_in(alice).get(address))
    page = text(sign_in(bob).get(address))
    assert "1 image" in page
    assert "out:" not in page


def test_picks_on_what_is_hidden_by_now_are_not_counted(alice, bob, sign_in):
    image = make_image(bob)
    shared = make_collection(alice, images=[image, make_image(alice)], visibility="team")
    share, _ = make_share(alice, collection=shared, picks=True)
    Pick.objects.create(share=share, image=image, choice="yes", note="The left one")
    page, address = sign_in(alice), reverse("collection-detail", args=[shared.pk])
    assert "1 yes" in text(page.get(address))
    Image.objects.filter(pk=image.pk).update(visibility="private")
    assert "0 yes" in text(page.get(address))
