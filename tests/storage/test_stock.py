"""Missing files, files left over, and what heals, in a folder and in a bucket."""

import hashlib
import os
import time
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from generations.models import Image
from generations.services import stock
from generations.services.stock import Kind
from tests.builders import make_image, picture
from tests.faults.studio import free_port
from tests.storage.conftest import use

pytestmark = [pytest.mark.django_db, pytest.mark.services]
NOW = timedelta(0)
STRAY = "ab/abababab-0000-4000-8000-000000000000/w512.webp"


@pytest.fixture(params=["folder", "bucket"])
def stored(request, bucket, prefix, settings):
    if request.param == "bucket":
        use(settings, bucket.url(prefix))


def made(user, **fields):
    digest = hashlib.sha256(picture()).hexdigest()
    return make_image(user, **{"sha256": digest, **fields})


def put(name, data=b"x"):
    default_storage.save(name, ContentFile(data))


def test_nothing_is_wrong(stored, alice):
    for _ in range(3):
        made(alice)
    assert list(stock.missing()) == []
    assert list(stock.orphans(older_than=NOW)) == []
    assert list(stock.heal(older_than=NOW)) == []


def test_what_is_missing_is_named(stored, alice):
    image, other = made(alice), made(alice)
    default_storage.delete(image.original)
    default_storage.delete(image.w512)
    default_storage.delete(other.original)
    put(other.original, b"half")
    found = {(one.kind, one.image, one.part, one.name) for one in stock.missing()}
    assert found == {
        (Kind.MISSING_ORIGINAL, image.pk, "original", image.original),
        (Kind.MISSING_COPY, image.pk, "w512", image.w512),
        (Kind.DAMAGED_ORIGINAL, other.pk, "original", other.original),
    }


def test_a_copy_that_was_never_made_is_missing_after_a_while(stored, alice):
    made(alice, w512="")
    long_ago = made(alice, w512="", created_at=timezone.now() - timedelta(hours=1))
    assert [(one.image, one.name) for one in stock.missing()] == [(long_ago.pk, "")]


def test_what_no_row_names_is_an_orphan_when_it_is_old_enough(stored, alice):
    kept = made(alice)
    beside = kept.w512.replace("w512.webp", "w512_abcdefg.webp")
    for name in (STRAY, beside, "backups/monday.zip", "ab/notes.txt", "zz/x/original.png"):
        put(name)
    assert list(stock.orphans()) == []
    found = list(stock.orphans(older_than=NOW))
    assert {one.name for one in found} == {STRAY, beside}
    assert {(one.kind, one.size, one.image) for one in found} == {(Kind.ORPHAN, 1, None)}
    assert all(one.modified_at <= timezone.now() for one in found)


def test_what_can_be_healed_is(stored, alice):
    image, lost = made(alice), made(alice, w1024="", created_at=timezone.now() - stock.DAY)
    default_storage.delete(image.w512)
    default_storage.delete(lost.original)
    put(STRAY)
    told = {(one.finding.kind, one.finding.part, one.is_done) for one in stock.heal(older_than=NOW)}
    assert told == {
        (Kind.MISSING_COPY, "w512", True),
        (Kind.MISSING_ORIGINAL, "original", False),
        (Kind.MISSING_COPY, "w1024", False),
        (Kind.ORPHAN, "", True),
    }
    with default_storage.open(image.w512) as file:
        assert file.read()[8:12] == b"WEBP"
    assert not default_storage.exists(STRAY)
    assert Image.objects.filter(pk=lost.pk).exists()
    assert default_storage.exists(lost.w512)


def test_a_copy_that_had_no_name_gets_one(stored, alice):
    image = made(alice, created_at=timezone.now() - stock.DAY)
    name = image.w512
    default_storage.delete(name)
    Image.objects.update(w512="")
    assert [one.is_done for one in stock.heal()] == [True]
    image.refresh_from_db()
    assert image.w512 == name
    assert list(stock.missing()) == []


def test_nothing_is_made_from_another_picture(stored, alice):
    image = made(alice, sha256="0" * 64)
    default_storage.delete(image.w512)
    [told] = stock.heal()
    assert (told.is_done, told.why) == (False, "Its original is missing or damaged.")


def test_of_another_database_nothing_is_deleted(alice, monkeypatch):
    monkeypatch.setattr(stock, "_FEW", 2)
    for number in range(3):
        put(STRAY.replace("w512", f"w512_{number}"))
    with pytest.raises(stock.TooManyOrphans):
        list(stock.heal(older_than=NOW))
    assert sum(1 for _ in stock.orphans(older_than=NOW)) == 3
    assert len(list(stock.heal(older_than=NOW, is_sure=True))) == 3


def test_a_file_that_another_row_names_is_no_orphan(alice):
    """Whatever the id in its name says."""
    put(STRAY, picture())
    image = made(alice)
    Image.objects.filter(pk=image.pk).update(w512=STRAY)
    default_storage.delete(image.w512)
    assert list(stock.heal(older_than=NOW)) == []
    assert default_storage.exists(STRAY)


def test_age_is_that_of_the_file(alice):
    put(STRAY)
    two_days_ago = time.time() - 2 * 86_400
    os.utime(default_storage.path(STRAY), (two_days_ago, two_days_ago))
    assert [one.name for one in stock.orphans()] == [STRAY]


def test_a_storage_that_is_away_loses_nothing(bucket, alice, settings):
    use(settings, bucket.url("x").replace(str(bucket.port), str(free_port())))
    for ask in (stock.missing, stock.orphans, stock.heal):
        with pytest.raises(OSError):
            list(ask())
