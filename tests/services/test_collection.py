"""Collections: what they hold, where they stand, who may do what."""

import pytest
from django.utils import timezone

from generations import queries
from generations.models import Collection, Image
from generations.services import arrangement
from generations.services import collection as services
from generations.services.errors import Invalid, NotPossible
from tests.builders import make_collection, make_image

pytestmark = [pytest.mark.services, pytest.mark.django_db]


def order(user, collection):
    return [image.pk for image in queries.collection_images(user, collection)]


def names(rows):
    return [row.name for row in rows]


@pytest.fixture
def images(alice):
    return [make_image(alice) for _ in range(4)]


@pytest.fixture
def filled(alice, images):
    return make_collection(alice, images=images)


# --- making and changing ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": " \n "},
        {"name": "x" * 81},
        {"name": "nul\0"},
        {"name": "x", "description": "nul\0"},
        {"name": "x", "description": "y" * 2001},
        {"name": "x", "visibility": "world"},
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(alice, fields):
    with pytest.raises(Invalid) as problem:
        services.create(alice, **fields)
    assert set(problem.value.fields) <= set(fields)
    assert not Collection.objects.exists()


def test_it_is_changed_by_its_owner_alone(alice, bob, ada):
    collection = make_collection(alice, name="  The   book ")
    assert collection.name == "The book"
    given = {"name": "New", "description": "a\r\nb", "visibility": "team", "parent": None}
    for other in (bob, ada):
        with pytest.raises(NotPossible):
            services.change(other, collection=collection, **given)
    services.change(alice, collection=collection, **given)
    collection.refresh_from_db()
    assert (collection.name, collection.description, collection.visibility) == (
        "New",
        "a\nb",
        "team",
    )


def nest(user, collection, parent):
    services.change(
        user,
        collection=Collection.objects.get(pk=collection.pk),
        name=collection.name,
        description="",
        visibility=collection.visibility,
        parent=parent and Collection.objects.get(pk=parent.pk),
    )


def test_there_are_no_circles(alice):
    a, b, c = (make_collection(alice, name=name) for name in "abc")
    nest(alice, b, a)
    nest(alice, c, b)
    for inner in (a, b, c):
        with pytest.raises(Invalid) as problem:
            nest(alice, a, inner)
        assert list(problem.value.fields) == ["parent"]
    a.refresh_from_db()
    assert a.parent is None


def test_they_stand_five_deep_at_most(alice):
    chain = [make_collection(alice, name="0")]
    for number in range(1, services.MOST_DEEP):
        chain.append(make_collection(alice, name=str(number), parent=chain[-1]))
    with pytest.raises(Invalid):
        make_collection(alice, name="too deep", parent=chain[-1])
    pair = make_collection(alice, name="pair")
    make_collection(alice, name="below", parent=pair)
    with pytest.raises(Invalid):
        nest(alice, pair, chain[-2])
    nest(alice, pair, chain[-3])
    found = queries.ancestors(alice, chain[-1], services.MOST_DEEP)
    assert names(found) == ["0", "1", "2", "3"]


def test_they_stand_in_ones_own_only(alice, bob):
    theirs = make_collection(bob, visibility="team")
    deleted = make_collection(alice)
    services.delete(deleted)
    deleted.refresh_from_db()
    for parent in (theirs, deleted):
        with pytest.raises(Invalid):
            make_collection(alice, name="x", parent=parent)


def test_deleting_takes_nothing_along(alice, filled):
    inside = make_collection(alice, name="Inside", parent=filled)
    services.delete(filled)
    assert names(queries.top_collections(alice)) == ["Inside"]
    assert Image.objects.count() == 4
    services.restore(filled)
    assert names(queries.top_collections(alice)) == ["Book"]
    assert list(queries.collections_inside(alice, filled)) == [inside]


def test_the_deleted_are_really_gone_in_the_end(alice, filled):
    old, inside = make_collection(alice), make_collection(alice, parent=filled)
    Collection.objects.filter(pk=filled.pk).update(deleted_at=timezone.now() - 2 * services.KEPT)
    services.delete(old)
    assert not Collection.objects.filter(pk=filled.pk).exists()
    inside.refresh_from_db()
    assert inside.parent is None
    assert Image.objects.count() == 4


# --- who sees what ----------------------------------------------------------------------------


def test_who_opens_and_who_fills(alice, bob, rosa, ada, charlie):
    everybody = (alice, bob, rosa, ada)
    collection = make_collection(alice)
    services.name_person(alice, collection=collection, person=bob, may="view")
    services.name_person(alice, collection=collection, person=rosa, may="add")

    def may(rows):
        return [rows(person).filter(pk=collection.pk).exists() for person in everybody]

    for visibility, opens, fills in (
        ("private", [1, 0, 0, 0], [1, 0, 0, 0]),
        ("people", [1, 1, 1, 0], [1, 0, 1, 0]),
        ("team", [1, 1, 1, 1], [1, 0, 1, 0]),
    ):
        Collection.objects.update(visibility=visibility)
        assert may(queries.visible_collections) == opens, visibility
        assert may(queries.fillable_collections) == fills, visibility
    with pytest.raises(Invalid):
        services.name_person(alice, collection=collection, person=charlie, may="view")
    with pytest.raises(Invalid):
        services.name_person(alice, collection=collection, person=alice, may="add")
    with pytest.raises(NotPossible):
        services.name_person(rosa, collection=collection, person=ada, may="add")
    services.name_person(alice, collection=collection, person=bob, may="none")
    assert collection.members.count() == 1


def test_it_shows_nobody_what_they_may_not_see(alice, bob, rosa, images, filled):
    Collection.objects.update(visibility="team")
    Image.objects.filter(pk=images[0].pk).update(visibility="private")
    Image.objects.filter(pk=images[1].pk).update(state="held")
    Image.objects.filter(pk=images[2].pk).update(deleted_at=timezone.now())
    assert order(alice, filled) == [images[0].pk, images[3].pk]
    for other in (bob, rosa):
        assert order(other, filled) == [images[3].pk]
        (card,) = queries.with_covers(queries.top_collections(other), other)
        assert (card.seen, queries.covers([card], other)[card.pk].pk) == (1, images[3].pk)
    assert queries.count_inside(alice, filled) == {"seen": 2, "hidden": 1}
    assert queries.count_inside(bob, filled) == {"seen": 1, "hidden": 0}


def test_a_cover_that_one_may_not_see_is_the_first_image(alice, bob, images, filled):
    Collection.objects.update(visibility="team")
    services.set_cover(alice, collection=filled, image=images[2])
    Image.objects.filter(pk=images[2].pk).update(visibility="private")
    for person, cover in ((alice, images[2]), (bob, images[0])):
        (card,) = queries.with_covers(queries.top_collections(person), person)
        assert queries.covers([card], person)[card.pk].pk == cover.pk
    with pytest.raises(NotPossible):
        services.set_cover(bob, collection=filled, image=images[0])


def test_a_child_whose_parent_one_may_not_see_stands_at_the_top(alice, bob):
    parent = make_collection(alice, name="Parent")
    child = make_collection(alice, name="Child", parent=parent, visibility="team")
    assert names(queries.top_collections(alice)) == ["Parent"]
    assert names(queries.top_collections(bob)) == ["Child"]
    assert queries.ancestors(bob, child, services.MOST_DEEP) == []


# --- filling ----------------------------------------------------------------------------------


def test_what_is_in_it_is_not_added_again(alice, images, filled):
    new = make_image(alice)
    assert services.add(alice, collection=filled, images=[images[0], new, new]) == 1
    assert order(alice, filled) == [image.pk for image in (*images, new)]


def test_nobody_adds_where_they_may_not(alice, bob, ada, filled):
    Collection.objects.update(visibility="team")
    for other in (bob, ada):
        with pytest.raises(NotPossible):
            services.add(other, collection=filled, images=[make_image(other)])
    assert filled.items.count() == 4


def test_nobody_adds_what_they_do_not_see(alice, bob, filled):
    hidden = make_image(bob, visibility="private")
    assert services.add(alice, collection=filled, images=[hidden]) == 0


def test_a_collection_is_not_endless(alice, images, filled, monkeypatch):
    monkeypatch.setattr(services, "MOST_IMAGES", 5)
    with pytest.raises(Invalid):
        services.add(alice, collection=filled, images=[make_image(alice), make_image(alice)])
    assert filled.items.count() == 4


def test_who_may_add_takes_out_what_they_added(alice, bob, images, filled):
    Collection.objects.update(visibility="people")
    services.name_person(alice, collection=filled, person=bob, may="add")
    theirs = make_image(bob)
    services.add(bob, collection=filled, images=[theirs])
    with pytest.raises(NotPossible):
        services.remove(bob, collection=filled, images=[theirs, images[0]])
    assert filled.items.count() == 5
    assert services.remove(bob, collection=filled, images=[theirs])[0] == 1
    services.name_person(alice, collection=filled, person=bob, may="view")
    with pytest.raises(NotPossible):
        services.remove(bob, collection=filled, images=[images[0]])


def test_what_was_taken_out_goes_back_to_its_place(alice, bob, images, filled):
    before = order(alice, filled)
    count, token = services.remove(alice, collection=filled, images=images[1:3])
    assert (count, order(alice, filled)) == (2, [images[0].pk, images[3].pk])
    for person, given in ((bob, token), (alice, "another")):
        with pytest.raises(NotPossible):
            services.put_back(person, collection=filled, token=given)
    gone = images[1].pk
    images[1].delete()
    assert services.put_back(alice, collection=filled, token=token) == 1
    services.put_back(alice, collection=filled, token=token)
    assert order(alice, filled) == [pk for pk in before if pk != gone]


def test_a_deleted_one_is_not_filled(alice, filled):
    services.delete(filled)
    with pytest.raises(NotPossible):
        services.add(alice, collection=filled, images=[make_image(alice)])


# --- order ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("move", "moved"),
    [
        ("first", [2, 0, 1, 3]),
        ("earlier", [0, 2, 1, 3]),
        ("later", [0, 1, 3, 2]),
        ("last", [0, 1, 3, 2]),
    ],
)
def test_an_image_moves(alice, images, filled, move, moved):
    arrangement.move_image(alice, collection=filled, image=images[2], move=move)
    assert order(alice, filled) == [images[number].pk for number in moved]


def test_at_the_ends_it_stays(alice, images, filled):
    before = order(alice, filled)
    for image, move in ((images[0], "earlier"), (images[0], "first"), (images[3], "later")):
        arrangement.move_image(alice, collection=filled, image=image, move=move)
        assert order(alice, filled) == before


def test_a_move_passes_over_what_one_does_not_see(alice, images, filled):
    Image.objects.filter(pk=images[1].pk).update(deleted_at=timezone.now())
    arrangement.move_image(alice, collection=filled, image=images[2], move="earlier")
    assert order(alice, filled) == [images[2].pk, images[0].pk, images[3].pk]


def test_it_is_dropped_after_another(alice, images, filled):
    for after, moved in ((3, [1, 2, 3, 0]), (1, [1, 0, 2, 3]), (None, [0, 1, 2, 3])):
        previous = None if after is None else images[after]
        arrangement.place_image_after(alice, collection=filled, image=images[0], after=previous)
        assert order(alice, filled) == [images[number].pk for number in moved]


def test_room_between_two_is_made_again(alice, images, filled):
    for number in range(40):
        arrangement.place_image(
            alice, collection=filled, image=images[number % 2 + 1], before=images[3]
        )
    assert order(alice, filled) == [images[n].pk for n in (0, 1, 2, 3)]
    places = list(filled.items.values_list("position", flat=True))
    assert len(set(places)) == 4


def test_many_moves_to_the_front_keep_their_order(alice, images, filled):
    for image in images:
        arrangement.move_image(alice, collection=filled, image=image, move="first")
    assert order(alice, filled) == [image.pk for image in reversed(images)]


def test_only_its_owner_arranges_it(alice, bob, images, filled):
    Collection.objects.update(visibility="team")
    services.name_person(alice, collection=filled, person=bob, may="add")
    with pytest.raises(NotPossible):
        arrangement.move_image(bob, collection=filled, image=images[2], move="first")
    with pytest.raises(NotPossible):
        arrangement.move(bob, collection=filled, move="first")


def test_hostile_moves_change_nothing(alice, images, filled):
    before, stranger = order(alice, filled), make_image(alice)
    with pytest.raises(Invalid):
        arrangement.move_image(alice, collection=filled, image=images[0], move="sideways")
    for image, after in ((stranger, None), (images[0], stranger), (images[0], images[0])):
        with pytest.raises(NotPossible):
            arrangement.place_image_after(alice, collection=filled, image=image, after=after)
    assert order(alice, filled) == before


def test_collections_move_among_their_siblings(alice, bob):
    make_collection(bob, name="Bobs", visibility="team")
    a, b, c = (make_collection(alice, name=name) for name in "abc")
    inside = make_collection(alice, name="inside", parent=a)
    arrangement.move(alice, collection=c, move="first")
    assert names(queries.top_collections(alice)) == ["c", "a", "b", "Bobs"]
    arrangement.move(alice, collection=c, move="later")
    assert names(queries.top_collections(alice)) == ["a", "c", "b", "Bobs"]
    arrangement.place_after(alice, collection=a, after=b)
    assert names(queries.top_collections(alice)) == ["c", "b", "a", "Bobs"]
    with pytest.raises(NotPossible):
        arrangement.place_after(alice, collection=a, after=inside)
    # Of a deleted one what was inside stands, and moves, at the top.
    services.delete(a)
    arrangement.move(alice, collection=inside, move="first")
    assert names(queries.top_collections(alice)) == ["inside", "c", "b", "Bobs"]


def test_filling_costs_the_same_for_one_and_for_sixty(alice, django_assert_max_num_queries):
    collection = make_collection(alice)
    images = [make_image(alice) for _ in range(60)]
    with django_assert_max_num_queries(10):
        services.add(alice, collection=collection, images=images)


def test_who_may_not_fill_it_any_more_puts_nothing_back(alice, bob):
    shared = make_collection(alice, visibility="people")
    services.name_person(alice, collection=shared, person=bob, may="add")
    services.add(bob, collection=shared, images=[image := make_image(bob)])
    _, token = services.remove(bob, collection=shared, images=[image])
    services.name_person(alice, collection=shared, person=bob, may="view")
    with pytest.raises(NotPossible, match="may not add"):
        services.put_back(bob, collection=shared, token=token)
    assert not shared.items.exists()


def test_what_is_put_back_does_not_overfill_it(alice, filled, images, monkeypatch):
    monkeypatch.setattr(services, "MOST_IMAGES", 4)
    _, token = services.remove(alice, collection=filled, images=images[:2])
    services.add(alice, collection=filled, images=[make_image(alice)])
    with pytest.raises(NotPossible, match="at most"):
        services.put_back(alice, collection=filled, token=token)
    assert filled.items.count() == 3


def test_only_what_is_inside_is_a_cover(alice, filled, images):
    with pytest.raises(NotPossible):
        services.set_cover(alice, collection=filled, image=make_image(alice))
    services.set_cover(alice, collection=filled, image=images[1])
    services.remove(alice, collection=filled, images=images[:2])
    filled.refresh_from_db()
    assert filled.cover is None


def test_a_change_undoes_nothing_that_happened_since(alice, filled, images):
    stale = Collection.objects.get(pk=filled.pk)
    given = {"name": "New", "description": "", "visibility": "team", "parent": None}
    services.set_cover(alice, collection=filled, image=images[1])
    services.change(alice, collection=stale, **given)
    filled.refresh_from_db()
    assert (filled.name, filled.cover) == ("New", images[1])
    services.delete(filled)
    with pytest.raises(NotPossible):
        services.change(alice, collection=stale, **given)
    filled.refresh_from_db()
    assert filled.deleted_at
