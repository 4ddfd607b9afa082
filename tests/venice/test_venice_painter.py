"""Pictures: exact in size and format, the same for the same request, different otherwise."""

from __future__ import annotations

import io
import random
from dataclasses import replace

import pytest
from PIL import Image, ImageStat

from generations.venice.standin.painter import (
    EXIF_DESCRIPTION,
    SCENES,
    Picture,
    paint,
    scene_for,
)

BASE = Picture(prompt="a boat", model="m", width=96, height=64, seed=3, format="png")

CALLED_BY = {
    "aurora": "northern lights",
    "blooms": "roses",
    "bottles": "a vase",
    "bridge": "an arch over a canal",
    "contours": "topographic map",
    "dunes": "the desert",
    "flow": "abstract wind",
    "forest": "tall pines",
    "houses": "a village street",
    "leaves": "a leaf",
    "marble": "liquid silk",
    "moonwater": "the moon over a lake",
    "mountains": "an alpine valley",
    "paper": "stacked paper",
    "planet": "saturn",
    "regatta": "sailing on the sea",
    "skyline": "a city of domes",
    "tiles": "bauhaus",
}


def opened(content):
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("size", [(1, 1), (8, 1280), (64, 128), (200, 40), (1280, 720)])
def test_size_and_format_are_exact(kind, size):
    picture = replace(BASE, format=kind, width=size[0], height=size[1])
    image = opened(paint(picture))
    assert (image.size, image.format) == (size, kind.upper())


def test_a_large_picture_is_enlarged_to_the_pixel():
    assert opened(paint(replace(BASE, width=2368, height=1776, format="webp"))).size == (2368, 1776)


@pytest.mark.parametrize("prompt", CALLED_BY.values(), ids=CALLED_BY)
def test_a_picture_can_be_painted_again(prompt):
    picture = replace(BASE, prompt=prompt)
    first = paint(picture)
    paint.cache_clear()
    assert paint(picture) == first


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a forest"},
        {"seed": 4},
        {"model": "n"},
        {"style": "Pixel Art"},
        {"style": "Monochrome"},
        {"cfg_scale": 20.0},
        {"steps": 50},
        {"width": 104},
    ],
)
def test_every_part_of_a_request_shows(change):
    assert paint(replace(BASE, **change)) != paint(BASE)


def test_every_scene_is_called_by_a_word():
    nobody = random.Random(0)
    called = {name: scene_for(words, nobody) for name, words in CALLED_BY.items()}
    assert called == {name: scene for name, (scene, _) in SCENES.items()}


@pytest.mark.parametrize("words", CALLED_BY.values(), ids=CALLED_BY)
@pytest.mark.parametrize("size", [(128, 128), (40, 160), (160, 40)])
def test_every_scene_shows_something_in_every_shape(words, size):
    picture = replace(BASE, prompt=words, width=size[0], height=size[1])
    assert ImageStat.Stat(opened(paint(picture)).convert("L")).stddev[0] > 6


def test_light_follows_the_words():
    def lightness(prompt):
        image = opened(paint(replace(BASE, prompt=prompt))).convert("L")
        return ImageStat.Stat(image).mean[0]

    assert lightness("bridge in fog") > lightness("bridge at night") + 60


def test_parameters_are_embedded_only_when_asked_for():
    for kind in ("png", "jpeg", "webp"):
        noted = opened(paint(replace(BASE, format=kind, note="a boat, seed 3")))
        assert noted.getexif()[EXIF_DESCRIPTION] == "a boat, seed 3"
        assert not opened(paint(replace(BASE, format=kind))).getexif()


def test_the_last_pictures_are_kept_but_not_all():
    paint.cache_clear()
    for seed in range(40):
        paint(replace(BASE, seed=seed, width=16, height=16))
    paint(replace(BASE, seed=39, width=16, height=16))
    info = paint.cache_info()
    assert info.hits == 1
    assert info.currsize == info.maxsize < 40
