"""The trash: who may, what comes back, and that what is gone is really gone."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from django.utils import timezone

from generations import queries, tasks
from generations.models import (
    Collection,
    CollectionItem,
    Favourite,
    Generation,
    Image,
    ImageTag,
    Pick,
    Share,
    ShareImage,
    Tag,
)
from generations.models.search import ImageMatch, ImageText
from generations.models.spend import Month
from generations.services import search, trash
from tests.builders import make_generation, make_image

pytestmark = [pytest.mark.django_db, pytest.mark.services]


def files() -> list[Path]:
    root = Path(django_settings.STORAGES["default"]["OPTIONS"]["location"])
    return [path for path in root.rglob("*") if path.is_file()]


def folders_of(image: Image) -> list[Path]:
    root = Path(django_settings.STORAGES["default"]["OPTIONS"]["location"])
    return [path for path in root.rglob(str(image.pk)) if path.is_dir()]


def in_trash(*images: Image) -> bool:
    return all(Image.objects.get(pk=image.pk).deleted_at for image in images)


def put(user, *images: Image, ago: timedelta = timedelta()):
    moment = timezone.now() - ago
    trash.delete(user, images=images, at=moment)
    return moment


def test_the_maker_and_admins_delete_others_do_not(alice, bob, rosa, ada):
    mine, another = make_image(alice), make_image(alice)
    for person in (bob, rosa):
        assert trash.delete(person, images=[mine], at=timezone.now()) == 0
    assert not in_trash(mine)
    assert trash.delete(alice, images=[mine], at=timezone.now()) == 1
    assert trash.delete(ada, images=[another], at=timezone.now()) == 1
    assert in_trash(mine, another)


def test_of_many_only_ones_own_go(alice, bob):
    mine, theirs = make_image(alice), make_image(bob)
    assert trash.delete(alice, images=[mine, theirs], at=timezone.now()) == 1
    assert not in_trash(theirs)


def test_it_leaves_the_lists_at_once_and_comes_back(alice):
    image = make_image(alice)
    put(alice, image)
    assert not queries.visible_images(alice).exists()
    assert trash.restore(alice, images=[image]) == 1
    assert queries.visible_images(alice).get() == image
    assert Image.objects.get().deleted_by is None


def test_undo_takes_back_one_deletion_and_only_ones_own(alice, bob, ada):
    first, second = make_image(alice), make_image(alice)
    earlier = put(alice, first, ago=timedelta(seconds=5))
    later = put(alice, second)
    assert trash.undo(ada, at=later) == 0
    assert trash.undo(alice, at=later) == 1
    assert in_trash(first)
    assert not in_trash(second)
    assert trash.undo(alice, at=later) == 0
    assert trash.undo(alice, at=earlier) == 1


def test_deleting_twice_keeps_the_first_moment(alice, ada):
    image = make_image(alice)
    moment = put(alice, image, ago=timedelta(days=3))
    assert trash.delete(ada, images=[image], at=timezone.now()) == 0
    assert Image.objects.get().deleted_at == moment


def test_after_thirty_days_row_and_files_are_gone(alice):
    old, recent, kept = (make_image(alice) for _ in range(3))
    put(alice, old, ago=timedelta(days=31))
    put(alice, recent, ago=timedelta(days=29))
    assert trash.purge() == 1
    assert set(Image.objects.all()) == {recent, kept}
    assert len(files()) == 6
    assert not folders_of(old)
    assert trash.purge() == 0


def test_the_hourly_round_empties_it(alice, settings):
    put(alice, make_image(alice), ago=timedelta(days=31))
    assert settings.CELERY_BEAT_SCHEDULE["trash"]["task"] == tasks.empty_trash.name
    tasks.empty_trash()
    assert not Image.objects.exists()


def test_the_words_it_was_found_by_go_too(alice):
    image = make_image(alice)
    search.reindex([image])
    put(alice, image, ago=timedelta(days=31))
    trash.purge()
    assert not ImageText.objects.exists()
    if connection.vendor == "sqlite":
        assert not ImageMatch.objects.filter(words__match="bridge").exists()


def test_what_it_cost_stays(alice):
    made = make_generation(alice, charged=Decimal("0.04"))
    image = make_image(alice, generation=made)
    put(alice, image, ago=timedelta(days=31))
    trash.purge()
    assert Generation.objects.get().charged == Decimal("0.04")
    [row] = queries.spent_by_person(queries.month_of(Month.current(), None))
    assert row["spent"] == Decimal("0.04")


def test_all_that_pointed_to_it_lets_go(alice):
    image = make_image(alice)
    place = Collection.objects.create(user=alice, name="Book", cover=image)
    CollectionItem.objects.create(collection=place, image=image, added_by=alice)
    share = Share.objects.create(user=alice, token_hash="x", token="x")
    ShareImage.objects.create(share=share, image=image)
    Pick.objects.create(share=share, image=image, choice="yes")
    Favourite.objects.create(user=alice, image=image)
    ImageTag.objects.create(image=image, tag=Tag.objects.create(name="bridge"))
    made = make_generation(alice, made_from=image)
    put(alice, image, ago=timedelta(days=31))
    assert trash.purge() == 1
    place.refresh_from_db()
    made.refresh_from_db()
    assert place.cover is None
    assert made.made_from is None
    for model in (CollectionItem, ShareImage, Pick, Favourite, ImageTag):
        assert not model.objects.exists()


def test_files_that_are_gone_already_do_not_stop_it(alice):
    image = make_image(alice)
    default_storage.delete(image.original)
    put(alice, image, ago=timedelta(days=31))
    assert trash.purge() == 1
    assert not files()


def test_more_than_a_batch(alice, monkeypatch):
    monkeypatch.setattr(trash, "_BATCH", 2)
    put(alice, *(make_image(alice) for _ in range(5)), ago=timedelta(days=31))
    assert trash.purge() == 5
    assert not files()


def test_for_good_only_from_the_trash_and_only_ones_own(alice, bob):
    shown, gone = make_image(alice), make_image(alice)
    put(alice, gone)
    assert trash.erase(bob, images=[gone]) == 0
    assert trash.erase(alice, images=[shown, gone]) == 1
    assert Image.objects.get() == shown


def test_while_the_storage_keeps_its_files_the_row_stays(alice, monkeypatch):
    """Without a row nobody would find the files again."""
    stuck, loose = make_image(alice), make_image(alice)
    put(alice, stuck, loose, ago=timedelta(days=31))
    real = FileSystemStorage.delete

    def delete(self, name):
        if name == stuck.original:
            raise PermissionError(13, "Permission denied")
        real(self, name)

    monkeypatch.setattr(FileSystemStorage, "delete", delete)
    assert trash.purge() == 1
    assert Image.objects.get() == stuck


def test_what_came_of_a_job_stays_in_its_account(alice, ada, sign_in):
    made = make_generation(alice, charged=Decimal("0.04"), price=Decimal("0.04"))
    images = [make_image(alice, generation=made) for _ in range(3)]
    client = sign_in(ada)

    def told():
        csv = client.get("/team/usage.csv").getvalue().decode().splitlines()[1]
        totals = client.get("/team/usage/").context
        return csv, totals["totals"], totals["people"], totals["models"]

    before = told()
    put(alice, *images[:2], ago=timedelta(days=31))
    assert trash.purge() == 2
    assert told() == before
    assert ",succeeded,3," in before[0]
