"""The stand-in's painter: a real picture for every prompt, the same one for the same request.

Words of the prompt choose scene and light, the seed and everything else the composition.
"""

from __future__ import annotations

import functools
import hashlib
import io
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from .paint import city, land, pattern, things, water
from .paint.canvas import grain, vignette
from .paint.moods import mood_for
from .paint.scene import Brief

LARGEST_PAINTED = 1_250_000  # pixels; larger pictures are painted smaller and enlarged
SMALLEST_SIDE = 64
EXIF_DESCRIPTION, EXIF_SOFTWARE = 0x010E, 0x0131
KEPT = 24

Scene = Callable[[Brief], Image.Image]

SCENES: dict[str, tuple[Scene, str]] = {
    "aurora": (land.aurora, r"auroras?|northern lights|polar lights?"),
    "bridge": (city.bridge, r"(foot)?bridges?|arch(es)?|canals?|viaduct|gondolas?"),
    "houses": (water.houses, r"houses?|fishermen\S*|village|cottages?|street|townhouses?|burano"),
    "skyline": (
        city.skyline,
        r"skylines?|city|cities|domes?|towers?|cathedral|venice|harbou?r|town",
    ),
    "regatta": (water.regatta, r"boats?|regatta|sail\w*|yachts?|ships?|ocean|sea|waves?|beach"),
    "planet": (land.planet, r"planets?|space|galaxy|saturn|mars|cosmos|astronaut\w*|orbit|rings?"),
    "moonwater": (
        water.moonwater,
        r"moons?|moonlit|moonlight|posts|lake|lagoon|water|reflections?",
    ),
    "dunes": (land.dunes, r"dunes?|desert|sand|sahara"),
    "mountains": (
        land.mountains,
        r"mountains?|peaks?|hills?|ridges?|alps|valley|landscape|volcano",
    ),
    "forest": (land.forest, r"forests?|trees?|woods?|pines?|jungle|fox|deer|wolf|cabin"),
    "blooms": (
        things.blooms,
        r"flowers?|dahlias?|roses?|peon\w+|bloom\w*|bouquet|garden|blossoms?",
    ),
    "leaves": (things.leaves, r"lea(f|ves)|foliage|autumn|botanical|feathers?"),
    "bottles": (
        things.bottles,
        r"bottles?|vases?|still life|cups?|ceramics?|pottery|product|watch|coffee",
    ),
    "paper": (pattern.paper, r"papercut|(cut|stacked|layered) paper|paper|layers?|abyss|cave"),
    "marble": (pattern.marble, r"marbl\w+|liquid|ink|fluid|agate|smoke|silk|velvet"),
    "tiles": (pattern.tiles, r"tiles?|geometric\w*|bauhaus|pattern|mosaic|isometric|grid|poster"),
    "contours": (pattern.contours, r"contours?|maps?|topograph\w+|terrain|island"),
    "flow": (pattern.flow, r"flow\w*|lines?|currents?|wind|hair|fur|abstract"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything a picture depends on. `note` is embedded as EXIF, None leaves EXIF out."""

    prompt: str
    model: str
    width: int
    height: int
    seed: int
    style: str = ""
    format: str = "webp"
    steps: int | None = None
    cfg_scale: float | None = None
    note: str | None = None


@functools.lru_cache(maxsize=KEPT)
def paint(picture: Picture) -> bytes:
    """The picture as a file of exactly the size and format asked for. The last few are kept."""
    image = _composed(picture)
    if image.size != (picture.width, picture.height):
        image = image.resize((picture.width, picture.height), Image.Resampling.BICUBIC)
    return _encoded(image, picture)


def scene_for(words: str, rng: random.Random) -> Scene:
    """The scene whose word comes first in the prompt, else any."""
    found = [
        (match.start(), name)
        for name, (_, named) in SCENES.items()
        if (match := re.search(rf"\b(?:{named})\b", words))
    ]
    return SCENES[min(found)[1] if found else rng.choice(sorted(SCENES))][0]


def _composed(picture: Picture) -> Image.Image:
    words = picture.prompt.lower()
    theme = random.Random(_digest(words))
    scene, mood = scene_for(words, theme), mood_for(f"{words} {picture.style.lower()}", theme)
    rng = random.Random(_digest(words, picture.model, picture.style, str(picture.seed)))
    width, height = _painted_size(picture)
    brief = Brief(rng=rng, width=width, height=height, mood=mood, words=words)
    image = _styled(scene(brief), picture.style)
    if picture.cfg_scale is not None:
        image = ImageEnhance.Contrast(image).enhance(0.9 + min(picture.cfg_scale, 20) / 75)
    vignette(image, 0.22)
    return grain(image, rng, 2.5 + 0.05 * (picture.steps or 0))


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).digest()


def _painted_size(picture: Picture) -> tuple[int, int]:
    pixels = picture.width * picture.height
    scale = min(1.0, (LARGEST_PAINTED / pixels) ** 0.5)
    width, height = round(picture.width * scale), round(picture.height * scale)
    return max(SMALLEST_SIDE, width), max(SMALLEST_SIDE, height)


def _styled(image: Image.Image, style: str) -> Image.Image:
    """A hint of the style preset, for the styles where a filter can give one."""
    match style:
        case "Monochrome" | "Film Noir" | "Line Art" | "Silhouette":
            return ImageOps.autocontrast(image.convert("L"), cutoff=1).convert("RGB")
        case "Pixel Art":
            small = image.resize((max(1, image.width // 8), max(1, image.height // 8)))
            return small.quantize(24).convert("RGB").resize(image.size, Image.Resampling.NEAREST)
        case "Analog Film" | "Long Exposure":
            return ImageEnhance.Color(image).enhance(0.78)
        case "Watercolor" | "Impressionist" | "Pointillism":
            half = image.reduce(2).filter(ImageFilter.ModeFilter(5))
            return half.resize(image.size, Image.Resampling.BICUBIC)
        case "Pop Art" | "Comic Book" | "Cubist" | "Lowpoly" | "Stained Glass":
            return ImageEnhance.Color(ImageOps.posterize(image, 3)).enhance(1.35)
        case "Cinematic" | "Hyperrealism" | "Photographic":
            return ImageEnhance.Contrast(image).enhance(1.1)
        case _:
            return image


def _encoded(image: Image.Image, picture: Picture) -> bytes:
    options: dict[str, Any] = {
        "png": {"compress_level": 1},
        "jpeg": {"quality": 88},
        "webp": {"quality": 84, "method": 0},
    }[picture.format]
    if picture.note is not None:
        exif = Image.Exif()
        exif[EXIF_DESCRIPTION], exif[EXIF_SOFTWARE] = picture.note, "Venice stand-in"
        options = options | {"exif": exif}
    out = io.BytesIO()
    image.save(out, picture.format.upper(), **options)
    return out.getvalue()
