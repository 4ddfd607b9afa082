"""Archives: what is in them, what they are called, that they are as large as they say."""

import io
import json
import tracemalloc
import zipfile
from datetime import UTC, datetime

import pytest
from django.core.files.storage import default_storage
from hypothesis import given
from hypothesis import strategies as st

from generations.models import Tag
from generations.services import archive
from tests.builders import make_generation, make_image

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def written(packed: archive.Archive) -> zipfile.ZipFile:
    data = b"".join(packed.pieces())
    assert len(data) == packed.size
    opened = zipfile.ZipFile(io.BytesIO(data))
    assert opened.testzip() is None
    return opened


def entry(name: str, data: bytes) -> archive.Entry:
    return archive.Entry(name, len(data), NOON, lambda: data)


def image_of(user, prompt: str, **fields):
    made = make_generation(user, prompt=prompt)
    return make_image(user, generation=made, created_at=NOON, **fields)


@pytest.mark.django_db
def test_it_holds_the_originals_and_what_is_known_of_them(alice):
    image = image_of(alice, "A stone bridge at dawn", rating=4, note="for the book")
    image.tags.add(Tag.objects.create(name="bridge"))
    opened = written(archive.pack([image]))
    name = "2026-11-20 A stone bridge at dawn.webp"
    assert opened.namelist() == ["metadata.json", name]
    with default_storage.open(image.original) as file:
        assert opened.read(name) == file.read()
    [told] = json.loads(opened.read("metadata.json"))["images"]
    assert told["file"] == name
    assert (told["prompt"], told["seed"]) == ("A stone bridge at dawn", 7)
    assert (told["rating"], told["tags"], told["note"]) == (4, ["bridge"], "for the book")
    assert told["made_by"] == "Alice Moretti"


@pytest.mark.django_db
def test_a_guest_reads_neither_prompt_nor_maker(alice):
    image = image_of(alice, "The secret plan", note="not for them")
    packed = archive.pack([image], kind="w1024", has_prompts=False, has_details=False)
    opened = written(packed)
    assert opened.namelist() == ["metadata.json", "2026-11-20.webp"]
    told = opened.read("metadata.json").decode()
    for secret in ("secret", "not for them", "Alice", str(image.pk), "z-image"):
        assert secret not in told


@pytest.mark.django_db
def test_files_removed_behind_our_back_are_named_not_sent(alice):
    kept, lost = image_of(alice, "Kept"), image_of(alice, "Lost")
    default_storage.delete(lost.original)
    opened = written(archive.pack([kept, lost]))
    assert opened.namelist() == ["metadata.json", "2026-11-20 Kept.webp"]
    [missing] = json.loads(opened.read("metadata.json"))["missing"]
    assert (missing["id"], missing["file"]) == (str(lost.pk), None)


@pytest.mark.django_db
def test_a_file_that_changes_while_it_is_sent_ends_the_archive(alice):
    image = image_of(alice, "Kept")
    packed = archive.pack([image])
    default_storage.delete(image.original)
    with pytest.raises(archive.Changed):
        b"".join(packed.pieces())
    with pytest.raises(archive.Changed):
        b"".join(archive.Archive([archive.Entry("x", 3, NOON, lambda: b"four")]).pieces())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("../../etc/passwd", "2026-11-20 etc passwd.webp"),
        ("C:\\Windows\\con", "2026-11-20 C Windows con.webp"),
        ("con. . .", "2026-11-20 con.webp"),
        ("", "2026-11-20.webp"),
        ("a\x00b\nc\u202egnp", "2026-11-20 a b c gnp.webp"),
        ("Brücke über 川 🌉", "2026-11-20 Brücke über 川 🌉.webp"),
        ("é", "2026-11-20 é.webp"),
        ("x" * 500, f"2026-11-20 {'x' * 60}.webp"),
    ],
)
def test_a_name_that_every_system_takes(alice, prompt, title):
    image = image_of(alice, "kept")
    image.generation.prompt = prompt
    assert archive.names_of([image]) == [title]


@given(prompts=st.lists(st.text(max_size=300), max_size=6))
def test_no_prompt_makes_a_name_twice_or_leaves_the_folder(prompts):
    from generations.models import Generation, Image

    images = [
        Image(generation=Generation(prompt=p), created_at=NOON, format="png") for p in prompts
    ]
    names = archive.names_of(images)
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert len(name.encode()) <= 255
        assert not set(name) & set('<>:"/\\|?*\0')
        assert name.startswith("2026-11-20")
        assert name.endswith(".png")


@pytest.mark.django_db
def test_the_same_prompt_twice_is_numbered_whatever_its_case(alice):
    images = [image_of(alice, prompt) for prompt in ("Bridge", "bridge", "Bridge")]
    assert archive.names_of(images) == [
        "2026-11-20 Bridge.webp",
        "2026-11-20 bridge (2).webp",
        "2026-11-20 Bridge (3).webp",
    ]


@pytest.mark.parametrize("limits", [(100, 0xFFFF), (0xFFFFFFFF, 3), (100, 3)])
def test_a_large_archive_has_the_64_bit_records(monkeypatch, limits):
    monkeypatch.setattr(archive, "MOST_BYTES", limits[0])
    monkeypatch.setattr(archive, "MOST_ENTRIES", limits[1])
    contents = {f"{number}.bin": bytes([number]) * 90 for number in range(7)}
    packed = archive.Archive([entry(name, data) for name, data in contents.items()])
    opened = written(packed)
    assert {name: opened.read(name) for name in opened.namelist()} == contents


def test_an_empty_archive_and_an_empty_file():
    assert written(archive.Archive([])).namelist() == []
    assert written(archive.Archive([entry("empty", b"")])).read("empty") == b""


def test_times_before_1980_are_the_earliest_there_is():
    old = archive.Entry("old", 0, datetime(1970, 1, 1, tzinfo=UTC), bytes)
    assert written(archive.Archive([old])).getinfo("old").date_time == (1980, 1, 1, 0, 0, 0)


def test_its_memory_is_that_of_one_picture():
    megabyte = 1024 * 1024
    entries = [
        archive.Entry(f"{number}.png", megabyte, NOON, lambda: bytes(megabyte))
        for number in range(300)
    ]
    packed = archive.Archive(entries)
    tracemalloc.start()
    sent = sum(len(piece) for piece in packed.pieces())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sent == packed.size > 300 * megabyte
    assert peak < 4 * megabyte
