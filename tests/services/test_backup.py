"""Archives: what is in them, what is not, what is refused; and the backup of the day."""

import gzip
import hashlib
import io
import json
import stat
import tarfile
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone

from generations import checks
from generations.models import Backup, Event, Generation, Image, User
from generations.services import backup, queue, trash
from generations.services.backup import rows, tar
from generations.services.backup.files import Written
from generations.services.backup.plan import plan
from generations.services.backup.verify import verify
from tests.builders import make_generation, make_image, make_key, make_share, make_user

# A snapshot is a transaction of its own.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]


@pytest.fixture
def images(alice):
    return [make_image(alice) for _ in range(3)]


@pytest.fixture
def archive(tmp_path, images):
    path = tmp_path / "studio.tar"
    backup.make(path)
    return path


def members(path):
    with tarfile.open(path) as file:
        return {info.name: file.extractfile(info).read() for info in file}


def written(path, content):
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as file:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def sealed(path, content, **changes):
    """As somebody would forge it: with every sum right."""
    told = json.loads(content[tar.MANIFEST]) | changes
    told["members"] = [
        [name, len(data), hashlib.sha256(data).hexdigest()]
        for name, data in content.items()
        if not name.startswith((tar.FILES, tar.MANIFEST, tar.SEAL))
    ]
    manifest = json.dumps(told).encode()
    seal = hashlib.sha256(manifest).hexdigest().encode()
    return written(path, {**content, tar.MANIFEST: manifest, tar.SEAL: seal})


# --- making -----------------------------------------------------------------------------------


def test_it_holds_every_table_and_every_file(archive, images, alice):
    found = members(archive)
    told = json.loads(found[tar.MANIFEST])
    assert told["tables"]["generations_image"]["rows"] == 3
    assert (told["files"], told["missing"], told["vanished"]) == (9, 0, 0)
    assert told["migrations"]["generations"] == rows.migrations()["generations"]
    assert told["database"] == connection.vendor
    lines = gzip.decompress(found["tables/generations_user/00001.jsonl.gz"]).splitlines()
    columns = told["tables"]["generations_user"]["columns"]
    assert dict(zip(columns, json.loads(lines[0]), strict=True))["email"] == alice.email
    for image in images:
        with default_storage.open(image.original) as file:
            assert found[f"files/{image.original}"] == file.read()
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert not archive.with_name("studio.tar.partial").exists()


def test_every_table_of_the_database_is_kept_or_left_out_with_a_reason():
    there = set(connection.introspection.table_names())
    shadows = {name for name in there if name.startswith("generations_imagefts_")}
    kept = {model._meta.db_table for model in rows.kept()}
    assert there - shadows <= kept | set(rows.LEFT_OUT)
    assert not kept & set(rows.LEFT_OUT)


def test_secrets_stay_encrypted_and_keys_are_left_out(tmp_path, settings, alice):
    key = make_key(alice)
    make_share(alice)
    texts = {}
    for with_secrets in (False, True):
        path = tmp_path / f"{with_secrets}.tar"
        backup.make(path, with_secrets=with_secrets)
        found = members(path)
        texts[with_secrets] = b"".join(
            gzip.decompress(data) if name.endswith(".gz") else data for name, data in found.items()
        )
        assert f"key-of-{alice.pk}-0123456789".encode() not in texts[with_secrets]
        assert key.secret.encode() in texts[with_secrets]
    for value in (settings.SECRET_KEY, settings.ENCRYPTION_KEYS[0]):
        assert value.encode() not in texts[False]
        assert value.encode() in texts[True]
    assert verify(path).has_secrets


def test_it_overwrites_nothing(archive):
    before = archive.read_bytes()
    with pytest.raises(backup.Refused, match="not overwritten"):
        backup.make(archive)
    assert archive.read_bytes() == before


def test_what_a_killed_one_left_is_written_over(tmp_path, images):
    (tmp_path / "studio.tar.partial").write_bytes(b"half" * 100_000)
    backup.make(tmp_path / "studio.tar")
    assert verify(tmp_path / "studio.tar").files == 9


def test_two_at_once_do_not_write_into_each_other(tmp_path, images):
    seen = []

    def second():
        if not seen:
            seen.append("asked")
            with pytest.raises(backup.Refused, match="under way"):
                backup.make(tmp_path / "studio.tar")
        return False

    backup.make(tmp_path / "studio.tar", should_stop=second)
    assert verify(tmp_path / "studio.tar").files == 9


def test_one_that_is_stopped_leaves_nothing(tmp_path, images):
    with pytest.raises(backup.Stopped):
        backup.make(tmp_path / "studio.tar", should_stop=lambda: True)
    assert [path.name for path in tmp_path.glob("*.tar*")] == []
    assert connection.in_atomic_block is False
    assert User.objects.exists()


def test_rows_are_of_one_moment_and_nobody_waits(tmp_path, images, alice):
    """While tables are read one after the other, people go on; none of it is in the archive."""
    later = []

    def go_on():
        if not later:
            with ThreadPoolExecutor(1) as pool:
                later.append(pool.submit(_somebody_works, alice).result(timeout=30))
        return False

    path = tmp_path / "studio.tar"
    backup.make(path, should_stop=go_on)
    told = json.loads(members(path)[tar.MANIFEST])
    assert told["tables"]["generations_generation"]["rows"] == Generation.objects.count() - 1
    assert told["tables"]["generations_image"]["rows"] == Image.objects.count() - 1
    assert told["tables"]["generations_user"]["rows"] == User.objects.count() - 1


def _somebody_works(alice):
    try:
        make_user("later@example.com")
        return make_image(alice).pk
    finally:
        connection.close()


def test_files_that_people_delete_meanwhile_are_named(tmp_path, images, alice):
    def erase():
        # The first question is asked within the snapshot, of one table's part.
        if Image.objects.filter(pk=images[1].pk).exists() and not _in_snapshot():
            with transaction.atomic():
                Image.objects.filter(pk=images[1].pk).update(deleted_at=timezone.now())
            assert trash.erase(alice, images=[images[1]]) == 1
        return False

    path = tmp_path / "studio.tar"
    made = backup.make(path, should_stop=erase)
    assert (made.files + made.vanished, made.missing) == (9, 0)
    assert made.vanished >= 2
    assert verify(path).files == made.files


def _in_snapshot():
    if connection.vendor == "sqlite":
        return connection.connection.in_transaction
    return connection.in_atomic_block


def test_files_that_are_lost_are_counted(tmp_path, images):
    default_storage.delete(images[0].w512)
    made = backup.make(tmp_path / "studio.tar")
    assert (made.files, made.missing, made.vanished) == (8, 1, 0)
    assert verify(tmp_path / "studio.tar").files == 8


# --- reading ----------------------------------------------------------------------------------


def test_a_changed_byte_is_found(archive, tmp_path):
    whole, checked = archive.read_bytes(), verify(archive)
    changed = tmp_path / "changed.tar"
    found = 0
    for place in range(0, len(whole), 397):
        changed.write_bytes(whole[:place] + bytes([whole[place] ^ 0x20]) + whole[place + 1 :])
        try:
            # What fills a block up to 512 bytes is nobody's.
            assert verify(changed) == checked
            assert whole[place] == 0
        except tar.Unusable:
            found += 1
    assert found > 20


def test_half_an_archive_is_named(archive, tmp_path):
    whole = archive.read_bytes()
    end = whole.rindex(tar.SEAL.encode()) + 512 + 64
    half = tmp_path / "half.tar"
    for size in range(0, end, 1733):
        half.write_bytes(whole[:size])
        with pytest.raises(tar.Unusable):
            verify(half)
    half.write_bytes(whole[: end // 2])
    with pytest.raises(tar.Unusable, match="half a backup"):
        verify(half)


@pytest.mark.parametrize(
    "name",
    [
        "files/../../secrets/secret_key",
        "/etc/passwd",
        "files//etc/passwd",
        "files/a/../../b",
        "files/.hidden",
        "files/a\\b",
        "files/a\0b",
        "tables/../x/00001.jsonl.gz",
        "secrets/other",
        "anything",
    ],
)
def test_names_that_are_none_of_ours(archive, tmp_path, name):
    content = members(archive)
    with pytest.raises(tar.Unusable):
        verify(
            sealed(
                tmp_path / "forged.tar", {tar.HEAD: content.pop(tar.HEAD), name: b"x", **content}
            )
        )


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE]
)
def test_what_is_no_file(tmp_path, kind):
    with tarfile.open(tmp_path / "forged.tar", "w") as file:
        info = tarfile.TarInfo(tar.HEAD)
        info.type, info.linkname = kind, "/etc/passwd"
        file.addfile(info)
    with pytest.raises(tar.Unusable):
        verify(tmp_path / "forged.tar")


@pytest.mark.parametrize("size", [2**33, 2**62])
def test_a_size_that_cannot_be(archive, tmp_path, size):
    info = tarfile.TarInfo("files/aa/x.webp")
    info.size = size
    head = archive.read_bytes()[:1024]
    (tmp_path / "forged.tar").write_bytes(head + info.tobuf(tarfile.GNU_FORMAT) + b"x" * 1024)
    with pytest.raises(tar.Unusable):
        verify(tmp_path / "forged.tar")


def test_a_part_that_unfolds_to_too_much(monkeypatch):
    monkeypatch.setattr(tar, "MOST_PART", 10_000)
    with pytest.raises(tar.Unusable, match="unfolds"):
        list(tar.lines(gzip.compress(b"0" * 20_000)))
    with pytest.raises(tar.Unusable, match="unfolds"):
        list(tar.lines(gzip.compress(b"0\n" * 20_000)))
    assert len(list(tar.lines(gzip.compress(b"0\n" * 4_000)))) == 4_000


@pytest.mark.parametrize(
    "data", [b"", b"PK\3\4" + b"x" * 2000, b"\0" * 10_240, b"x" * 5000], ids=range(4)
)
def test_what_is_no_archive(tmp_path, data):
    (tmp_path / "other").write_bytes(data)
    with pytest.raises(tar.Unusable):
        verify(tmp_path / "other")


@pytest.mark.parametrize(
    "head", [b"{}", b"[]", b"no", b'{"format": 2, "veniceweb": "9"}', b"[" * 9999]
)
def test_another_head(archive, tmp_path, head):
    with pytest.raises(tar.Unusable):
        verify(sealed(tmp_path / "forged.tar", {**members(archive), tar.HEAD: head}))


def test_another_format_is_told(archive, tmp_path):
    head = b'{"format": 2, "veniceweb": "9.1"}'
    with pytest.raises(tar.Unusable, match="format 2, made by veniceweb 9"):
        verify(sealed(tmp_path / "forged.tar", {**members(archive), tar.HEAD: head}))


def forged(archive, path, **changes):
    return plan(verify(sealed(path, members(archive), **changes)))


def test_it_fits_this_version(archive, tmp_path):
    assert forged(archive, tmp_path / "same.tar").manifest == verify(archive)


def test_a_newer_version_is_refused(archive, tmp_path):
    newer = json.loads(members(archive)[tar.MANIFEST])["migrations"] | {"generations": "0999_x"}
    with pytest.raises(tar.Unusable, match="update this installation first"):
        forged(archive, tmp_path / "forged.tar", migrations=newer)


@pytest.mark.parametrize(
    ("table", "app", "count", "said"),
    [
        ("generations_other", "generations", 0, "nothing here knows"),
        ("generations_worker", "generations", 1, "nothing here knows"),
        ("other_table", "other", 3, "not switched on"),
    ],
)
def test_unknown_tables(archive, tmp_path, table, app, count, said):
    tables = json.loads(members(archive)[tar.MANIFEST])["tables"]
    tables[table] = {"app": app, "columns": ["id"], "rows": count}
    with pytest.raises(tar.Unusable, match=said):
        forged(archive, tmp_path / "forged.tar", tables=tables)


def test_parts_of_what_is_not_installed_do_not_matter_when_empty(archive, tmp_path):
    tables = json.loads(members(archive)[tar.MANIFEST])["tables"]
    tables["other_table"] = {"app": "other", "columns": ["id"], "rows": 0}
    assert "other_table" not in forged(archive, tmp_path / "forged.tar", tables=tables).tables


def test_other_columns(archive, tmp_path):
    tables = json.loads(members(archive)[tar.MANIFEST])["tables"]
    for columns in (["id"], [*tables["generations_tag"]["columns"], "more"], ["name", "name"]):
        tables["generations_tag"]["columns"] = columns
        with pytest.raises(tar.Unusable, match="other columns"):
            forged(archive, tmp_path / "forged.tar", tables=tables)


def test_an_installation_that_holds_data_is_left_alone(archive):
    before = User.objects.count(), Event.objects.count(), Image.objects.count()
    with pytest.raises(tar.Unusable, match="holds data"):
        backup.restore(archive)
    assert (User.objects.count(), Event.objects.count(), Image.objects.count()) == before


def test_jobs_that_waited_are_not_sent_by_themselves(stocked, alice, run_jobs, bells):
    job = make_generation(alice, state="queued", key=make_key(alice), price="0.01", charged=None)
    assert queue.end_restored() == 1
    assert run_jobs() == 0
    queue.sweep(5)
    job.refresh_from_db()
    assert (job.state, job.charged, job.error_code) == ("unknown", None, "outcome_unknown")
    assert "may have been sent" in job.error_message


def test_what_was_erased_meanwhile_is_erased_in_the_end(images, alice):
    """Its row is in the archive, its files are not."""
    default_storage.delete(images[0].original)
    assert trash.finish([images[0].pk, uuid.uuid4()]) == 1
    assert set(Image.objects.all()) == set(images[1:])
    assert Generation.objects.get(pk=images[0].generation_id).erased == 1


# --- files ------------------------------------------------------------------------------------

NAME = f"ab/{uuid.uuid4()}/original.webp"


def stored(name):
    with default_storage.open(name) as file:
        return file.read()


def test_files_come_back_as_they_were():
    with Written() as written:
        written.put(NAME, b"bytes")
    assert (stored(NAME), written.count) == (b"bytes", 1)


def test_half_a_file_of_a_killed_restore_is_written_again():
    default_storage.save(NAME, ContentFile(b"byt"))
    with Written() as written:
        written.put(NAME, b"bytes")
    assert stored(NAME) == b"bytes"


def test_files_are_taken_back_but_not_what_was_there():
    other = NAME.replace("original", "w512")
    default_storage.save(other, ContentFile(b"mine"))
    with pytest.raises(OSError, match="full"):
        _fill_the_disk(other)
    assert stored(other) == b"mine"
    assert not default_storage.exists(NAME)


def _fill_the_disk(other):
    with Written() as written:
        written.put(other, b"mine")
        written.put(NAME, b"bytes")
        raise OSError("full")


@pytest.mark.parametrize("name", ["secret_key", "ab/picture.webp", "ab/cd/original.webp"])
def test_files_of_no_image_are_refused(name):
    with pytest.raises(tar.Unusable, match="belongs to no image"), Written() as written:
        written.put(name, b"x")
    assert not default_storage.exists(name)


# --- every day --------------------------------------------------------------------------------


@pytest.fixture
def folder(settings, tmp_path):
    settings.BACKUPS, settings.BACKUPS_KEPT = tmp_path / "backups", 2
    return settings.BACKUPS


def let_a_day_pass():
    Backup.objects.update(succeeded_at=timezone.now() - timedelta(days=1))


def test_without_a_folder_there_is_none(settings):
    assert settings.BACKUPS is None
    assert not backup.run_if_due()
    assert backup.last() is None


def test_a_folder_that_cannot_be_stops_the_start(settings, tmp_path):
    settings.BACKUPS = settings.MEDIA_ROOT / "backups"
    (problem,) = checks.backups(None)
    assert "among the images" in problem.msg
    (tmp_path / "file").touch()
    settings.BACKUPS = tmp_path / "file" / "backups"
    (problem,) = checks.backups(None)
    assert "cannot be written" in problem.msg
    settings.BACKUPS = tmp_path / "backups"
    assert checks.backups(None) == []


def test_one_a_day(folder, images):
    assert backup.run_if_due()
    assert not backup.run_if_due()
    (path,) = folder.iterdir()
    assert verify(path).files == 9
    assert timezone.now() - backup.last() < timedelta(minutes=1)
    assert backup.problem() == ""


def test_of_many_processes_one_makes_it(folder, images):
    start = threading.Barrier(4)

    def ask(_):
        try:
            start.wait(20)
            return backup.run_if_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(ask, range(4))) == [False, False, False, True]
    assert len(list(folder.iterdir())) == 1


def test_only_its_own_old_ones_go(folder, images):
    folder.mkdir()
    others = ["mine.tar", "veniceweb-20200101T000000Z.tar.old", "veniceweb-2020.tar"]
    old = ["veniceweb-20200101T000000Z.tar", "veniceweb-20200102T000000Z.tar"]
    half = "veniceweb-20200103T000000Z.tar.partial"
    for name in [*others, *old, half]:
        (folder / name).write_text("x")
    assert backup.run_if_due()
    (new,) = {p.name for p in folder.iterdir()} - {*others, *old, half}
    assert {p.name for p in folder.iterdir()} == {*others, old[1], new}


def test_one_that_fails_is_told_and_tried_again(folder, images):
    folder.write_text("no folder")
    assert not backup.run_if_due()
    assert backup.problem()
    assert backup.last() is None
    folder.unlink()
    assert backup.run_if_due()
    assert backup.problem() == ""


def test_one_that_was_stopped_or_killed_is_made_later(folder, images):
    assert not backup.run_if_due(lambda: True)
    assert list(folder.iterdir()) == []
    Backup.objects.update(claimed_until=timezone.now() + timedelta(hours=1))
    assert not backup.run_if_due()
    Backup.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert backup.run_if_due()
