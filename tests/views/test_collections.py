"""Collections as people meet them: who may, what is said, what comes from outside."""

import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from generations import queries as reads
from generations.models import Collection, Image, SavedSearch
from generations.services import collection as services
from tests.builders import make_collection, make_generation, make_image
from tests.views.test_queries import MOST_A_PAGE, queries

pytestmark = pytest.mark.django_db
EVIL = '"><img src=x onerror=alert(1)>'


@pytest.fixture
def client(alice, sign_in) -> Client:
    return sign_in(alice)


def page(collection: Collection, name: str = "detail") -> str:
    return reverse(f"collection-{name}", args=[collection.pk])


def text(client: Client, url: str, **more) -> str:
    return client.get(url, **more).content.decode()


def shown(page: str) -> list[str]:
    """The images of a page, in its order."""
    return list(dict.fromkeys(re.findall(r'data-(?:image|place)="([0-9a-f-]{36})"', page)))


def order(user, collection):
    return [image.pk for image in reads.collection_images(user, collection)]


# --- making, changing, deleting -----------------------------------------------------------------


def test_one_is_made_changed_and_deleted(client, alice):
    response = client.post("/collections/", {"name": " Harbour  book ", "visibility": "team"})
    made = Collection.objects.get()
    assert (response.status_code, response["Location"]) == (303, page(made))
    assert (made.name, made.visibility, made.user) == ("Harbour book", "team", alice)
    assert "Harbour book" in text(client, "/collections/")
    given = {"name": "Canals", "description": "Two\nlines", "visibility": "private"}
    client.post(page(made), given)
    assert "Two<br>lines" in text(client, page(made))
    gone = client.post(f"{page(made)}delete/", follow=True).content.decode()
    assert f'action="{page(made)}restore/"' in gone
    assert client.get(page(made)).status_code == 404
    client.post(f"{page(made)}restore/")
    assert "Canals" in text(client, page(made))


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "nul\0"])
def test_a_bad_name_is_named_and_nothing_is_lost(client, alice, name):
    made = make_collection(alice)
    for url in ("/collections/", page(made)):
        data = {"name": name, "description": "Kept in sight", "visibility": "team"}
        response = client.post(url, data)
        said = response.content.decode()
        assert response.status_code == 422
        assert 'id="name-error"' in said
        assert re.search(r'name="name"[^>]*aria-invalid="true"', said)
        assert "Kept in sight" in said
    made.refresh_from_db()
    assert (made.name, made.visibility, Collection.objects.count()) == ("Book", "private", 1)


def test_a_circle_is_named(client, alice):
    parent = make_collection(alice, name="Parent")
    child = make_collection(alice, name="Child", parent=parent)
    data = {"name": "Parent", "visibility": "private", "parent": str(child.pk)}
    response = client.post(page(parent), data)
    assert response.status_code == 422
    assert 'id="parent-error"' in response.content.decode()


def test_where_it_stands_is_shown(client, alice):
    parent = make_collection(alice, name="Parent")
    child = make_collection(alice, name="Child", parent=parent)
    assert f'<a href="{page(parent)}">Parent</a>' in text(client, page(child))
    assert "Child" in text(client, page(parent))
    assert "Child" not in text(client, "/collections/").split("<main")[1].split("<form")[0]


def test_what_people_write_is_escaped(client, alice, bob, sign_in):
    image = make_image(alice, generation=make_generation(alice, prompt=EVIL))
    made = make_collection(alice, name=EVIL, description=EVIL, visibility="team", images=[image])
    make_collection(alice, name=EVIL, parent=made, visibility="team")
    urls = ("/collections/", page(made), f"{page(made)}?arrange=1", "/collections/?arrange=1")
    for viewer in (client, sign_in(bob)):
        for url in urls:
            assert "<img src=x" not in text(viewer, url), url
    asked = client.post("/collections/add/", {"images": image.pk, "name": EVIL * 9})
    assert asked.status_code == 422
    assert "<img src=x" not in asked.content.decode()
    said = client.post(f"{page(made)}delete/", follow=True).content.decode()
    assert "<img src=x" not in said


# --- who may ------------------------------------------------------------------------------------


@pytest.fixture
def cast(alice, bob, rosa, ada, sign_in, client):
    """The owner, who may view, who may add, another of the team, a reviewer, nobody at all."""
    from tests.builders import make_user

    viewer, adder = make_user("view@example.com"), make_user("add@example.com")

    def grant(collection):
        for person, may in ((viewer, "view"), (adder, "add")):
            services.name_person(alice, collection=collection, person=person, may=may)

    people = {"viewer": viewer, "adder": adder, "other": bob, "reviewer": rosa, "admin": ada}
    clients = {name: sign_in(person) for name, person in people.items()}
    return grant, {"owner": client, **clients, "anonymous": Client()}


# visibility -> who opens it, who adds to it. Only its owner ever changes it.
MATRIX = {
    "private": ({"owner"}, {"owner"}),
    "people": ({"owner", "viewer", "adder"}, {"owner", "adder"}),
    "team": ({"owner", "viewer", "adder", "other", "reviewer", "admin"}, {"owner", "adder"}),
}


@pytest.mark.parametrize("visibility", MATRIX)
def test_who_may_do_what(alice, cast, visibility):
    grant, clients = cast
    image, extra = make_image(alice), make_image(alice)
    made = make_collection(alice, visibility=visibility, images=[image])
    grant(made)
    opens, adds = MATRIX[visibility]
    before = {"name": made.name, "items": order(alice, made)}
    for name, client in clients.items():
        refused = 302 if name == "anonymous" else 404
        assert client.get(page(made)).status_code == (200 if name in opens else refused), name
        listed = made.name in client.get("/collections/").content.decode()
        assert listed == (name in opens), name
        asked = client.post("/collections/add/", {"images": extra.pk}).content.decode()
        assert (str(made.pk) in asked) == (name in adds), name
        data = {"images": extra.pk, "collection": made.pk}
        added = client.post("/collections/add/", data).status_code
        assert added == (303 if name in adds else refused), name
        assert made.items.filter(image=extra).exists() == (name in adds), name
        made.items.filter(image=extra).delete()
        if name == "owner":
            continue
        posts = {
            page(made): {"name": "Mine now", "visibility": "team"},
            page(made, "people"): {"person": alice.pk, "may": "add"},
            page(made, "order"): {"item": image.pk, "move": "first"},
            page(made, "cover"): {"item": image.pk},
            reverse("collections-order"): {"item": made.pk, "move": "first"},
        }
        for url, data in posts.items():
            assert client.post(url, data).status_code == refused, (name, url)
        client.post(page(made, "remove"), {"images": image.pk})
        if not (name == "admin" and visibility == "team"):
            assert client.post(page(made, "delete")).status_code == refused, name
    made.refresh_from_db()
    assert {"name": made.name, "items": order(alice, made)} == before


def test_an_admin_deletes_what_is_the_teams(alice, ada, sign_in):
    admin = sign_in(ada)
    for visibility, status in (("team", 303), ("people", 404), ("private", 404)):
        made = make_collection(alice, visibility=visibility)
        assert admin.post(page(made, "delete")).status_code == status


def test_private_images_stay_private(client, alice, bob, sign_in):
    images = [make_image(alice), make_image(alice, visibility="private")]
    made = make_collection(alice, visibility="team", images=images)
    assert len(shown(text(client, page(made)))) == 2
    assert "1 of your images here is private" in text(client, page(made))
    theirs = text(sign_in(bob), page(made))
    assert shown(theirs) == [str(images[0].pk)]
    assert str(images[1].pk) not in theirs
    assert "1 image<" in theirs
    assert "private" not in theirs.split("<main")[1]


def test_people_are_named_and_named_no_more(client, alice, bob):
    made = make_collection(alice)
    for may, kept in (("view", False), ("add", True)):
        client.post(page(made, "people"), {"person": bob.pk, "may": may})
        assert made.members.get().may_add is kept
        assert "Bob Brandt" in text(client, page(made))
    client.post(page(made, "people"), {"person": bob.pk, "may": "none"})
    assert not made.members.exists()


@pytest.mark.parametrize("person", ["", "x", "0", "9" * 30, "\0", "-1"])
@pytest.mark.parametrize("may", ["add", "own", ""])
def test_nobody_hostile_is_named(client, alice, person, may):
    made = make_collection(alice)
    assert client.post(page(made, "people"), {"person": person, "may": may}).status_code == 303
    assert not made.members.exists()


# --- filling ------------------------------------------------------------------------------------


def test_a_selection_goes_into_a_new_one(client, alice):
    images = [make_image(alice) for _ in range(3)]
    data = {"images": [image.pk for image in images], "next": "/gallery/?q=bridge"}
    asked = client.post("/collections/add/", data)
    assert asked.status_code == 200
    assert asked.content.decode().count('name="images"') == 3
    done = client.post("/collections/add/", data | {"name": "Picks"})
    assert (done.status_code, done["Location"]) == (303, "/gallery/?q=bridge")
    assert order(alice, Collection.objects.get()) == [image.pk for image in images]
    again = client.post(
        "/collections/add/", data | {"collection": Collection.objects.get().pk}, follow=True
    )
    assert "has them all already" in again.content.decode()


def test_all_results_go_in(client, alice):
    make_image(alice)
    made = make_collection(alice)
    client.post("/collections/add/", {"all": "", "collection": made.pk})
    assert made.items.count() == 1


@pytest.mark.parametrize("name", ["", "x" * 81, "nul\0"])
def test_a_new_one_needs_a_name(client, alice, name):
    response = client.post("/collections/add/", {"images": make_image(alice).pk, "name": name})
    assert response.status_code == 422
    assert 'id="name-error"' in response.content.decode()
    assert not Collection.objects.exists()


def test_hostile_selections_change_nothing(client, alice, bob):
    made, good = make_collection(alice), make_image(alice)
    private = make_image(bob, visibility="private")
    held = make_image(alice, state="held")
    for ids in ([], ["x"], ["\0"], [private.pk], [held.pk], [good.pk, uuid.uuid4()]):
        data = {"images": ids, "collection": made.pk, "next": "//evil.example/"}
        response = client.post("/collections/add/", data)
        assert (response.status_code, response["Location"]) == (303, "/gallery/")
    many = {"images": [str(uuid.uuid4()) for _ in range(10_001)], "collection": made.pk}
    assert client.post("/collections/add/", many).status_code == 303
    for target in ("x", "\0", uuid.uuid4()):
        data = {"images": good.pk, "collection": target}
        assert client.post("/collections/add/", data).status_code == 404
    assert not made.items.exists()


def test_taking_out_offers_its_undo(client, alice):
    images = [make_image(alice) for _ in range(3)]
    made = make_collection(alice, images=images)
    before = order(alice, made)
    said = client.post(page(made, "remove"), {"images": images[1].pk}, follow=True)
    assert order(alice, made) == [images[0].pk, images[2].pk]
    undo = re.search(r'action="([^"]+/put-back/[^"]+)"', said.content.decode())[1]
    assert client.post(undo).status_code == 303
    assert order(alice, made) == before
    for token in ("", "x", "\0"):
        url = page(made, "put-back")
        late = client.post(f"{url}?token={token}".replace("\0", "%00"), follow=True)
        assert "too long ago" in late.content.decode()


def test_all_of_it_is_taken_out(client, alice):
    outside = make_image(alice)
    made = make_collection(alice, images=[make_image(alice), make_image(alice)])
    client.post(page(made, "remove"), {"all": f"collection={made.pk}"})
    assert not made.items.exists()
    assert Image.objects.filter(pk=outside.pk).exists()


# --- order --------------------------------------------------------------------------------------


def test_images_move_without_a_script(client, alice):
    images = [make_image(alice) for _ in range(3)]
    made = make_collection(alice, images=images)
    here = f"{page(made)}?arrange=1"
    assert shown(text(client, here)) == [str(image.pk) for image in images]
    moved = client.post(page(made, "order"), {"item": images[2].pk, "move": "first"})
    assert moved["Location"] == f"{here}#i-{images[2].pk.hex}"
    client.post(page(made, "order"), {"item": images[0].pk, "after": images[1].pk})
    assert order(alice, made) == [images[2].pk, images[1].pk, images[0].pk]
    client.post(page(made, "order"), {"item": images[0].pk, "after": ""})
    assert order(alice, made)[0] == images[0].pk


def test_collections_move_without_a_script(client, alice):
    a, b = make_collection(alice, name="A"), make_collection(alice, name="B")
    here = reverse("collections-order")
    assert client.post(here, {"item": b.pk, "move": "first"}).status_code == 303
    assert shown(text(client, "/collections/?arrange=1")) == [str(b.pk), str(a.pk)]
    client.post(here, {"item": b.pk, "after": a.pk})
    assert shown(text(client, "/collections/?arrange=1")) == [str(a.pk), str(b.pk)]


def test_hostile_moves_are_refused(client, alice, bob):
    image, stranger = make_image(alice), make_image(alice)
    made, theirs = make_collection(alice, images=[image]), make_collection(bob)
    url, all_url = page(made, "order"), reverse("collections-order")
    for data in ({}, {"item": "x"}, {"item": image.pk}, {"item": image.pk, "after": "\0"}):
        assert client.post(url, data).status_code == 404, data
    for data in ({"item": stranger.pk, "move": "first"}, {"item": image.pk, "move": "x\0"}):
        answer = client.post(url, data, headers={"HX-Request": "true"})
        assert (answer.status_code, answer["Content-Type"]) == (409, "text/plain")
    for data in ({"item": theirs.pk, "move": "first"}, {"item": made.pk, "after": theirs.pk}):
        assert client.post(all_url, data).status_code == 404
    assert order(alice, made) == [image.pk]


def test_the_cover_is_chosen_and_let_go(client, alice):
    images = [make_image(alice), make_image(alice)]
    made = make_collection(alice, images=images)
    assert f"{images[0].pk}/w512" in text(client, "/collections/")
    client.post(page(made, "cover"), {"item": images[1].pk})
    assert f"{images[1].pk}/w512" in text(client, "/collections/")
    client.post(page(made, "cover"), {"item": images[1].pk})
    assert f"{images[0].pk}/w512" in text(client, "/collections/")


def test_the_next_page_follows(client, alice):
    images = [make_image(alice) for _ in range(70)]
    made = make_collection(alice, images=images)
    for suffix in ("", "?arrange=1"):
        first = text(client, page(made) + suffix)
        url = re.search(r'hx-get="([^"]+)"[^>]*hx-trigger="revealed', first)[1]
        rest = text(client, url.replace("&amp;", "&"), headers={"HX-Request": "true"})
        assert "<html" not in rest
        assert shown(first) + shown(rest) == [str(image.pk) for image in images]


@pytest.mark.parametrize("after", ["x", "_", "1_", "9" * 30 + "_1", "-", "%00", "1_2_3", "²_1"])
def test_a_hostile_cursor_is_the_beginning_or_empty(client, alice, after):
    made = make_collection(alice, images=[make_image(alice)])
    assert client.get(f"{page(made)}?after={after}").status_code == 200
    smart = make_collection(alice, search="q=bridge")
    assert client.get(f"{page(smart)}?after={after}").status_code == 200


# --- smart ones ---------------------------------------------------------------------------------


def test_a_saved_search_fills_one_for_whoever_looks(client, alice, bob, sign_in):
    SavedSearch.objects.create(user=alice, name="Bridges", query="q=bridge")
    seen = make_image(bob, generation=make_generation(bob, prompt="A stone bridge"))
    hidden = make_image(alice, visibility="private")
    make_image(alice, generation=make_generation(alice, prompt="Dunes"))
    assert 'value="q=bridge"' in text(client, "/collections/")
    data = {"name": "Bridges", "visibility": "team", "search": "q=bridge"}
    client.post("/collections/", data)
    made = Collection.objects.get()
    assert made.is_smart
    assert set(shown(text(client, page(made)))) == {str(seen.pk), str(hidden.pk)}
    assert f"{made.cover_id}/w512" in text(client, "/collections/")
    assert shown(text(sign_in(bob), page(made))) == [str(seen.pk)]
    data = {"images": seen.pk, "collection": made.pk}
    assert client.post("/collections/add/", data).status_code == 404


@pytest.mark.parametrize(
    "search", ["view=trash", "view=mine", "%00", "q=%22", "person=x", "collection=x", "&&&="]
)
def test_a_smart_one_never_leaks_nor_breaks(client, alice, bob, sign_in, search):
    from django.utils import timezone

    private = make_image(alice, visibility="private")
    trashed = make_image(alice, deleted_at=timezone.now())
    made = make_collection(alice, visibility="team", search="q=bridge")
    Collection.objects.update(search=search)
    theirs = sign_in(bob).get(page(made))
    assert theirs.status_code == 200
    for image in (private, trashed):
        assert str(image.pk) not in theirs.content.decode()
    assert str(trashed.pk) not in text(client, page(made))


@pytest.mark.parametrize("search", ["x", "person=x", "nul\0", "q=%00", "after=1", "&" * 99])
def test_a_search_that_is_none_fills_nothing(client, search):
    response = client.post("/collections/", {"name": "x", "search": search})
    assert response.status_code == 422
    assert 'id="search-error"' in response.content.decode()
    assert not Collection.objects.exists()


# --- many ---------------------------------------------------------------------------------------


def test_empty_lists_lead_on(client, alice):
    assert "Choose images in the gallery" in text(client, "/collections/")
    assert "Nothing stands here yet" in text(client, page(make_collection(alice)))
    smart = make_collection(alice, search="q=nothing-like-this")
    assert "The search finds nothing now" in text(client, page(smart))


def test_a_list_costs_the_same_for_one_and_for_sixty(client, alice, bob):
    def more():
        for user in (alice, bob):
            make_collection(user, visibility="team", images=[make_image(user)])

    more()
    urls = ("/collections/", "/collections/?arrange=1")
    client.get("/")  # the first request writes down that the session lives
    one = [queries(client, url) for url in urls]
    for _ in range(30):
        more()
    assert [queries(client, url) for url in urls] == one
    assert max(one) <= MOST_A_PAGE


def test_a_collection_costs_the_same_for_one_and_for_sixty(client, alice, bob, sign_in):
    top = make_collection(alice, visibility="team")
    made = make_collection(alice, visibility="team", parent=top, images=[make_image(alice)])
    make_collection(alice, parent=made, visibility="team", images=[make_image(alice)])
    viewers, urls = (client, sign_in(bob)), (page(made), f"{page(made)}?arrange=1")
    for viewer in viewers:
        viewer.get("/")
    one = [queries(viewer, url) for viewer in viewers for url in urls]
    images = [make_image(alice) for _ in range(60)]
    services.add(alice, collection=made, images=images)
    for image in images:
        make_collection(alice, parent=made, visibility="team", images=[image])
    many = [queries(viewer, url) for viewer in viewers for url in urls]
    assert many == one
    assert max(one) <= MOST_A_PAGE, one
