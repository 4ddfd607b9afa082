"""Making, changing and ending share links."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from generations import crypto, queries
from generations.models import Collection, CollectionItem, Image, Pick, Policy, Share, User
from generations.models.policy import Who
from generations.services import guest as guests
from generations.services import policy
from generations.services import share as shares
from generations.services.errors import Invalid
from tests.builders import make_collection, make_image, make_share

pytestmark = [pytest.mark.django_db, pytest.mark.services]


def problems(user, **fields):
    with pytest.raises(Invalid) as caught:
        shares.create(user, **fields)
    assert not Share.objects.exists()
    return set(caught.value.fields)


def test_a_token_is_long_and_only_its_hash_is_found(alice):
    share, path = make_share(alice)
    token = path.split("/")[2]
    assert len(token) == 43
    stored = Share.objects.filter(pk=share.pk).values().get()
    assert token not in str(stored)
    assert stored["token_hash"] == shares.hash_of(token)
    assert crypto.decrypt(stored["token"]) == token
    assert guests.find(token) == share
    assert guests.find(stored["token_hash"]) is None


def test_a_token_that_cannot_be_read_any_more_is_not_shown(alice):
    share, _ = make_share(alice)
    share.token = "rubbish"
    assert shares.token_of(share) == ""


@pytest.mark.parametrize(
    ("expires", "days"), [("", 30), ("1", 1), (" 7 ", 7), ("365", 365), ("007", 7)]
)
def test_days_count_from_now(alice, expires, days):
    share, _ = make_share(alice, expires=expires)
    assert abs(share.expires_at - timezone.now() - timedelta(days=days)) < timedelta(minutes=1)


def test_a_date_is_meant_whole(alice):
    day = timezone.now().date() + timedelta(days=3)
    share, _ = make_share(alice, expires=day.isoformat())
    assert share.expires_at == datetime.combine(day, datetime.max.time(), UTC)
    today, _ = make_share(alice, expires=timezone.now().date().isoformat())
    assert today.expires_at > timezone.now()
    latest = shares.latest_expiry(policy.for_user(alice))
    last, _ = make_share(alice, expires=latest.isoformat())
    assert last.expires_at.date() == latest


LATE = ("0", "-1", "366", "99999", "9" * 40, "never", "2020-01-01", "9999-12-31")
ODD = ("soon", "2027-13-01", "²", "1.5", "\0", "x" * 5000, "0001-01-01T00:00+23:59")


@pytest.mark.parametrize("expires", LATE + ODD)
def test_no_link_lives_for_ever(alice, expires):
    assert problems(alice, images=[make_image(alice)], expires=expires) == {"expires"}


def test_the_policy_decides_how_long(alice):
    Policy.objects.create(share_days=5, share_most_days=7)
    assert problems(alice, images=[make_image(alice)], expires="8") == {"expires"}
    share, _ = make_share(alice)
    assert share.expires_at.date() == timezone.now().date() + timedelta(days=5)
    longest, _ = make_share(alice, expires="7")
    assert longest.expires_at.date() == shares.latest_expiry(policy.for_user(alice))


def test_a_longest_that_has_become_shorter_holds_at_once(alice):
    share, path = make_share(alice, expires="60")
    token = path.split("/")[2]
    Share.objects.update(created_at=timezone.now() - timedelta(days=10))
    assert guests.find(token) == share
    Policy.objects.create(share_days=5, share_most_days=10)
    found = guests.find(token)
    assert shares.ends_at(found).date() == timezone.now().date()
    Policy.objects.update(share_most_days=9)
    assert guests.find(token) is None
    row = queries.with_counts(Share.objects.all()).get()
    assert not row.works
    assert shares.ends_at(row) < timezone.now()
    assert list(queries.ended_shares(Share.objects.all())) == [share]


def test_a_link_is_not_made_longer_than_the_policy_lets_it_live(alice):
    share, _ = make_share(alice, expires="60")
    Share.objects.update(created_at=timezone.now() - timedelta(days=300))
    share.refresh_from_db()
    with pytest.raises(Invalid, match="until"):
        change(share, expires="66")
    change(share, expires="65")


def change(share, **given):
    same = {"expires": None, "label": "", "title": "", "download": False, "picks": False}
    shares.change(share, **{**same, "show_prompt": False, **given})


@pytest.mark.parametrize("who", Who.values)
@pytest.mark.parametrize("exception", [None, True, False])
def test_who_may_not_share_has_no_link_that_works(alice, rosa, ada, who, exception):
    made = {person: make_share(person) for person in (alice, rosa, ada)}
    Policy.objects.create(sharing_for=who)
    User.objects.update(may_share=exception)
    for person, (share, path) in made.items():
        person.refresh_from_db()
        may = person.role in Who(who).roles if exception is None else exception
        assert policy.for_user(person).may_share is may
        assert (guests.find(path.split("/")[2]) == share) is may
        if may:
            make_share(person)
            continue
        with pytest.raises(Invalid, match="share nothing"):
            make_share(person)
        with pytest.raises(Invalid, match="share nothing"):
            change(Share.objects.get(pk=share.pk), label="x")


def test_a_link_to_the_teams_collection_stops_with_the_right_of_who_made_it(alice, bob):
    collection = make_collection(alice, images=[make_image(alice)], visibility="team")
    share, path = make_share(bob, collection=collection)
    token = path.split("/")[2]
    assert guests.find(token) == share
    User.objects.filter(pk=bob.pk).update(may_share=False)
    assert guests.find(token) is None


def test_a_team_may_ask_for_passwords(alice):
    bare, bare_path = make_share(alice)
    share, path = make_share(alice, password="low tide")
    Policy.objects.create(share_needs_password=True)
    assert guests.find(bare_path.split("/")[2]) is None
    assert guests.find(path.split("/")[2]) == share
    with pytest.raises(Invalid) as caught:
        make_share(alice)
    assert set(caught.value.fields) == {"password"}
    with pytest.raises(Invalid):
        change(share, no_password=True)
    change(bare, password="high tide")
    assert guests.find(bare_path.split("/")[2]) == bare


@pytest.mark.parametrize(
    ("field", "value"),
    [("label", "x" * 81), ("title", "x" * 121), ("password", "abc"), ("password", "x" * 129)],
)
def test_what_does_not_fit_is_a_sentence(alice, field, value):
    assert problems(alice, images=[make_image(alice)], **{field: value}) == {field}


def test_a_password_is_hashed(alice):
    share, _ = make_share(alice, password="low tide")
    assert "low tide" not in share.password
    assert guests.unlock(share, "low tide", address="x")


def test_only_what_one_may_see_is_shared(alice, bob, rosa):
    private = make_image(bob, visibility=Image.Visibility.PRIVATE)
    deleted = make_image(alice, deleted_at=timezone.now())
    held = make_image(alice, state=Image.State.HELD)
    for user, image in ((alice, private), (alice, deleted), (alice, held), (rosa, held)):
        assert problems(user, images=[make_image(alice), image]) == {""}
    assert problems(alice) == {""}
    assert make_share(bob, images=[private, private])[0].items.get().was_private


def test_a_collection_is_shared_by_its_owner_and_a_teams_by_the_team(alice, bob, ada):
    own = Collection.objects.create(user=alice, name="Book")
    for other in (bob, ada):
        assert problems(other, collection=own) == {""}
    own.visibility = Collection.Visibility.PEOPLE
    own.save()
    assert problems(bob, collection=own) == {""}
    image = make_image(alice)
    assert problems(alice, collection=own, images=[image]) == {""}
    own.deleted_at = timezone.now()
    own.save()
    assert problems(alice, collection=own) == {""}
    own.deleted_at, own.visibility = None, Collection.Visibility.TEAM
    own.save()
    assert make_share(bob, collection=own)[0].collection == own


def test_a_collection_that_fills_itself_is_not_shared(alice):
    smart = Collection.objects.create(user=alice, name="Bridges", search="q=bridge")
    assert problems(alice, collection=smart) == {""}


def test_a_collection_is_shown_in_its_order(alice):
    own = Collection.objects.create(user=alice, name="Book")
    images = [make_image(alice) for _ in range(3)]
    for place, image in zip((3, 1, 2), images, strict=True):
        CollectionItem.objects.create(collection=own, image=image, position=place, added_by=alice)
    share, _ = make_share(alice, collection=own)
    other = Collection.objects.create(user=alice, name="Other")
    CollectionItem.objects.create(collection=other, image=images[0], added_by=alice)
    assert list(queries.shared_images(share)) == [images[1], images[2], images[0]]


def test_images_are_shown_in_the_order_of_the_selection(alice):
    images = [make_image(alice) for _ in range(4)][::-1]
    make_share(alice, images=images[::-1])
    share, _ = make_share(alice, images=images)
    assert list(queries.shared_images(share)) == images


def test_revoking_ends_what_still_worked(alice, bob):
    mine, theirs = make_share(alice)[0], make_share(bob)[0]
    assert shares.revoke(queries.own_shares(alice), by=alice) == 1
    assert shares.revoke(queries.own_shares(alice), by=alice) == 0
    for share in (mine, theirs):
        share.refresh_from_db()
    assert (mine.revoked_at is None, theirs.revoked_at is None) == (False, True)
    assert list(queries.ended_shares(queries.own_shares(alice))) == [mine]
    assert list(queries.working_shares(queries.openable_shares(bob))) == [theirs]


def test_changing_leaves_what_is_not_named(alice):
    share, path = make_share(alice, password="low tide", expires="5")
    before = share.expires_at
    values = {"label": "A", "title": "B", "download": True, "show_prompt": True, "picks": True}
    shares.change(share, expires=None, **values)
    share.refresh_from_db()
    assert (share.label, share.title, share.expires_at) == ("A", "B", before)
    assert guests.unlock(share, "low tide", address="x")
    assert guests.find(path.split("/")[2]) == share
    with pytest.raises(Invalid):
        shares.change(share, expires="999", **values)


def test_counts_are_of_what_is_shown_now(alice):
    images = [make_image(alice) for _ in range(4)]
    share, _ = make_share(alice, images=images, picks=True)
    for image, choice in zip(images, ("yes", "no", "", "yes"), strict=True):
        guests.pick(share, image, choice=choice, note="n" if choice != "yes" else "", address="x")
    counts = {"all": 4, "yes": 2, "no": 1, "open": 1, "note": 2}
    assert queries.pick_counts(share) == counts
    rows = queries.with_picks(queries.shared_images(share), share)
    for show, count in counts.items():
        show = "" if show == "all" else show
        assert queries.filter_picks(rows, show).count() == count, show
    Image.objects.filter(pk=images[0].pk).update(deleted_at=timezone.now())
    assert queries.pick_counts(share)["yes"] == 1
    assert Pick.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_a_pick_on_what_is_erased_in_this_moment_is_refused(alice):
    share, _ = make_share(alice, images=[image := make_image(alice)], picks=True)
    Image.objects.get().delete()
    with pytest.raises(Invalid):
        guests.pick(share, image, choice="yes", address="here")
    assert not Pick.objects.exists()
