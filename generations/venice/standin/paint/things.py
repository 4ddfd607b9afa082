"""Things close by: dahlias, cut leaves, bottles on a table."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

from PIL import Image, ImageDraw

from .canvas import Color, Point, falloff, haze, mix, ramp, shade, vertical
from .scene import Brief, halved

PROFILES = (
    ((0.0, 0.2), (0.02, 0.22), (0.5, 0.23), (0.62, 0.16), (0.7, 0.075), (0.98, 0.07), (1.0, 0.085)),
    ((0.0, 0.16), (0.05, 0.2), (0.35, 0.36), (0.6, 0.34), (0.8, 0.16), (0.9, 0.14), (1.0, 0.2)),
    ((0.0, 0.18), (0.03, 0.2), (0.4, 0.14), (0.7, 0.1), (0.86, 0.11), (1.0, 0.16)),
    ((0.0, 0.14), (0.1, 0.26), (0.4, 0.4), (0.55, 0.42), (0.57, 0.4)),
)


def blooms(brief: Brief) -> Image.Image:
    """Dahlias on a quiet ground, leaves behind them."""
    rng, mood = brief.rng, brief.mood
    ground = [mix(mood.sky[0], mood.near, 0.45), mix(mood.deep, mood.near, 0.4)]
    image = vertical((brief.width * 2, brief.height * 2), ground)
    unit = brief.unit * 2
    leaf = mix((70, 110, 84), mood.near, 0.4)
    for _ in range(46):
        at = (rng.uniform(0, image.width), rng.uniform(0, image.height))
        tone = shade(leaf, rng.uniform(-0.25, 0.12))
        _leaf(image, at, rng.uniform(0, 360), unit * rng.uniform(0.14, 0.24), tone)
    paints = sorted(mood.accents, key=lambda color: max(color) - min(color))[2:]
    places = _spread(rng, image.size, unit * 0.3, 9)
    for at in places:
        size = unit * rng.uniform(0.13, 0.22)
        _dahlia(image, rng, at, size, rng.choice(paints))
    return halved(image)


def _spread(rng: random.Random, size: tuple[int, int], gap: float, count: int) -> list[Point]:
    """Up to `count` places that keep their distance."""
    found: list[Point] = []
    for _ in range(120):
        at = (rng.uniform(0, size[0]), rng.uniform(0, size[1]))
        if all(math.dist(at, other) > gap for other in found):
            found.append(at)
    return found[:count]


def _dahlia(image: Image.Image, rng: random.Random, at: Point, size: float, paint: Color) -> None:
    shadow = int(size * 2.5)
    spot = falloff((shadow, shadow), 1.2, 0.6)
    image.paste((8, 10, 16), (int(at[0] - shadow / 2), int(at[1] - shadow * 0.42)), spot)
    rings = 6
    for ring in range(rings):
        share = ring / (rings - 1)
        reach = size * (1 - 0.8 * share)
        count = 17 - ring * 2
        turn = rng.uniform(0, 6.28)
        for i in range(count):
            angle = turn + 6.283 * i / count
            light = 0.26 * share - 0.24 + 0.12 * math.cos(angle + 0.9) + rng.uniform(-0.04, 0.04)
            _petal(image, at, angle, reach, 6.283 / count, shade(paint, light))
    core = size * 0.1
    box = (at[0] - core, at[1] - core, at[0] + core, at[1] + core)
    ImageDraw.Draw(image).ellipse(box, fill=shade(paint, 0.45))


def _petal(
    image: Image.Image, at: Point, angle: float, reach: float, spread: float, tone: Color
) -> None:
    def place(along: float, aside: float) -> Point:
        turned = angle + aside * spread
        return at[0] + math.cos(turned) * along * reach, at[1] + math.sin(turned) * along * reach

    outline = [
        (0.2, 0),
        (0.55, -0.52),
        (0.82, -0.5),
        (1.0, -0.08),
        (1.0, 0.08),
        (0.82, 0.5),
        (0.55, 0.52),
    ]
    draw = ImageDraw.Draw(image)
    draw.polygon([place(*p) for p in outline], fill=tone, outline=shade(tone, -0.16))
    draw.line([place(0.3, 0), place(0.9, 0)], fill=shade(tone, 0.12), width=2)


def leaves(brief: Brief) -> Image.Image:
    """Cut leaves, layer on layer, each with two sides of light."""
    rng, mood = brief.rng, brief.mood
    image = Image.new("RGB", (brief.width * 2, brief.height * 2), shade(mood.near, -0.1))
    unit = brief.unit * 2
    gap = unit * 0.17
    places = [
        (x * gap + rng.uniform(-0.4, 0.4) * gap, y * gap + rng.uniform(-0.4, 0.4) * gap)
        for x in range(int(image.width / gap) + 2)
        for y in range(int(image.height / gap) + 2)
    ]
    rng.shuffle(places)
    for at in places:
        tone = mix(rng.choice(mood.accents), mood.near, rng.uniform(0, 0.2))
        _leaf(image, at, rng.uniform(0, 360), unit * rng.uniform(0.2, 0.34), tone, has_shadow=True)
    return halved(image)


def _leaf(
    image: Image.Image,
    at: Point,
    degrees: float,
    length: float,
    tone: Color,
    *,
    has_shadow: bool = False,
) -> None:
    angle, draw = math.radians(degrees), ImageDraw.Draw(image)
    cos, sin = math.cos(angle), math.sin(angle)

    def place(along: float, aside: float, drop: float = 0.0) -> Point:
        x, y = along * length, aside * length
        return at[0] + x * cos - y * sin + drop, at[1] + x * sin + y * cos + drop

    steps = [i / 10 - 0.5 for i in range(11)]
    bulge = [0.23 * math.sin(math.pi * (s + 0.5) ** 0.85) for s in steps]
    upper = list(zip(steps, bulge, strict=True))
    lower = [(s, -b) for s, b in reversed(upper)]
    if has_shadow:
        drop = length * 0.035
        draw.polygon([place(*p, drop) for p in upper + lower], fill=shade(tone, -0.62))
    draw.polygon([place(*p) for p in upper] + [place(s, 0) for s in reversed(steps)], fill=tone)
    draw.polygon([place(*p) for p in lower] + [place(s, 0) for s in steps], fill=shade(tone, -0.13))
    rib = shade(tone, 0.22)
    draw.line([place(-0.5, 0), place(0.5, 0)], fill=rib, width=max(2, int(length * 0.008)))
    for s in (-0.3, -0.18, -0.06, 0.06, 0.18, 0.3):
        for side in (-1, 1):
            draw.line([place(s, 0), place(s + 0.13, side * 0.13)], fill=shade(tone, 0.07), width=2)


def bottles(brief: Brief) -> Image.Image:
    """Still life: a few vessels on a table in even light."""
    rng, mood = brief.rng, brief.mood
    wall = mix(mood.haze, (214, 202, 184), 0.5)
    size = (brief.width * 2, brief.height * 2)
    image = vertical(size, [shade(wall, -0.2), wall])
    table = int(size[1] * 0.66)
    ImageDraw.Draw(image).rectangle((0, table, *size), fill=shade(wall, -0.12))
    haze(image, table, size[1], shade(wall, -0.45), 0.5)
    count = rng.randint(3, 5)
    unit, middle = brief.unit * 2, size[0] / 2
    paints = rng.sample(list(mood.accents), len(mood.accents))
    order = sorted(range(count), key=lambda i: -abs(i - count / 2) + rng.random())
    for i in order:
        x = middle + (i - (count - 1) / 2) * unit * 0.2
        base = table + unit * rng.uniform(0.03, 0.13)
        _vessel(image, rng, (x, base), unit * rng.uniform(0.26, 0.5), paints[i % len(paints)])
    return halved(image)


def _vessel(image: Image.Image, rng: random.Random, foot: Point, tall: float, paint: Color) -> None:
    """A turned profile, shaded across from light to dark."""
    profile = rng.choice(PROFILES)
    side = int(tall * 1.0)
    cast = falloff((side * 2, side // 3), 1.3, 0.55)
    image.paste((20, 18, 18), (int(foot[0] - side * 0.8), int(foot[1] - side / 6)), cast)
    mask = Image.new("L", (side, int(tall) + 8))
    right = [(side / 2 + reach * tall, tall - up * tall + 4) for up, reach in _turned(profile)]
    left = [(side - x, y) for x, y in reversed(right)]
    ImageDraw.Draw(mask).polygon(right + left, fill=255)
    tones = [shade(paint, -0.12), shade(paint, 0.34), paint, shade(paint, -0.3), shade(paint, -0.5)]
    skin = Image.new("RGB", (64, 1))
    skin.putdata([ramp(tones, i / 63) for i in range(64)])
    skin = skin.resize(mask.size, Image.Resampling.BILINEAR)
    image.paste(skin, (int(foot[0] - side / 2), int(foot[1] - tall - 4)), mask)


def _turned(profile: Sequence[Point]) -> list[Point]:
    """The profile with its corners rounded off, as on a wheel (two rounds of corner cutting)."""
    line = list(profile)
    for _ in range(2):
        cut: list[Point] = [line[0]]
        for (x, y), (u, v) in itertools.pairwise(line):
            cut += [
                (x * 0.75 + u * 0.25, y * 0.75 + v * 0.25),
                (x * 0.25 + u * 0.75, y * 0.25 + v * 0.75),
            ]
        line = [*cut, line[-1]]
    return line
