"""Scenes without a waterline: ridges, dunes, forest, planet, aurora, blooms, leaves, bottles."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from PIL import Image, ImageDraw

from .canvas import (
    Color,
    Point,
    clouds,
    colored,
    falloff,
    glow,
    haze,
    mix,
    noise,
    ramp,
    shade,
    stars,
    vertical,
    warped,
)
from .water import Brief, halved, sky, sun


def ridge(
    rng: random.Random, width: int, height: float, rough: float, steps: int = 7
) -> list[Point]:
    """A mountain line by halving: `height` the first displacement, `rough` how fast it calms."""
    line = [rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(-1, 1)]
    reach = 1.0
    for _ in range(steps):
        middles = [
            (a + b) / 2 + rng.uniform(-reach, reach) for a, b in zip(line, line[1:], strict=False)
        ]
        line = [value for pair in zip(line, middles, strict=False) for value in pair] + [line[-1]]
        reach *= rough
    return [(i * width / (len(line) - 1), y * height) for i, y in enumerate(line)]


def mountains(brief: Brief) -> Image.Image:
    """Ridges behind ridges, each nearer to the dark, mist lying between them."""
    rng, mood = brief.rng, brief.mood
    image = sky(brief, 0.72)
    width, height = image.size
    at = (width * rng.uniform(0.25, 0.75), height * rng.uniform(0.2, 0.34))
    sun(image, brief, at, brief.unit * rng.uniform(0.06, 0.16))
    if not mood.is_dark:
        _birds(image, brief)
    layers = rng.randint(5, 7)
    for i in range(layers):
        share = i / (layers - 1)
        base = height * (0.42 + 0.48 * share)
        line = ridge(rng, width, height * (0.1 - 0.02 * share), 0.56)
        tone = mix(mix(mood.far, mood.haze, 0.35), mood.near, share**1.1)
        points = [(x, base + y) for x, y in line]
        ImageDraw.Draw(image).polygon([*points, (width, height), (0, height)], fill=tone)
        if i < layers - 1:
            haze(image, base, base + height * 0.22, mix(mood.haze, tone, 0.3), mood.mist * 0.9)
    return halved(image)


def _birds(image: Image.Image, brief: Brief) -> None:
    rng, draw, unit = brief.rng, ImageDraw.Draw(image), brief.unit * 0.02
    x, y = rng.uniform(0.1, 0.7) * image.width, rng.uniform(0.12, 0.25) * image.height
    for _ in range(rng.randint(0, 7)):
        left, up = x + rng.uniform(-6, 6) * unit, y + rng.uniform(-2, 2) * unit
        for side in (0, 1):
            box = (left + side * unit, up, left + (side + 1) * unit, up + unit * 0.7)
            draw.arc(box, 190, 350, fill=brief.mood.near, width=3)


def dunes(brief: Brief) -> Image.Image:
    """Sand in long curves, one side of each crest in the light."""
    rng, mood = brief.rng, brief.mood
    image = sky(brief, 0.5)
    width, height = image.size
    if rng.random() < 0.6:
        at = (width * rng.uniform(0.2, 0.8), height * rng.uniform(0.14, 0.26))
        sun(image, brief, at, brief.unit * 0.08)
    sand = (
        mix((226, 178, 124), mood.haze, 0.3) if not mood.is_dark else mix(mood.far, mood.sun, 0.2)
    )
    layers = 6
    for i in range(layers):
        share = i / (layers - 1)
        base = height * (0.36 + 0.5 * share**1.15)
        tone = mix(mix(sand, mood.haze, 0.45 * (1 - share)), mood.near, 0.32 * share)
        _dune(image, rng, base, height * (0.02 + 0.05 * share), tone)
    return halved(image)


def _dune(image: Image.Image, rng: random.Random, base: float, swing: float, tone: Color) -> None:
    width, height = image.size
    waves = [(rng.uniform(0.5, 1.4), rng.uniform(0, 6.28), 1.0)]
    waves.append((rng.uniform(1.8, 3.2), rng.uniform(0, 6.28), 0.35))
    lean = rng.uniform(-0.08, 0.08) * height

    def crest(x: float) -> float:
        t = x / width
        curve = sum(weight * math.sin(6.28 * rate * t + phase) for rate, phase, weight in waves)
        return base + curve * swing + lean * (t - 0.5)

    top = [(x, crest(x)) for x in range(0, width + 24, 24)]
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).polygon([*top, (width, height), (0, height)], fill=255)
    start = max(0, int(min(y for _, y in top)))
    light = vertical((width, height - start), [shade(tone, 0.3), tone, shade(tone, -0.22)])
    image.paste(light, (0, start), mask.crop((0, start, width, height)))
    _lee_side(image, rng, crest, swing, tone)


def _lee_side(
    image: Image.Image,
    rng: random.Random,
    crest: Callable[[float], float],
    swing: float,
    tone: Color,
) -> None:
    """The shaded flank below a stretch of the crest."""
    width = image.width
    start, length = rng.uniform(-0.1, 0.6) * width, rng.uniform(0.35, 0.7) * width
    shares = [i / 24 for i in range(25)]
    top = [(start + s * length, crest(start + s * length)) for s in shares]
    depth = swing * rng.uniform(1.0, 1.9)
    foot = [
        (x, y + depth * math.sin(math.pi * s) ** 1.2) for (x, y), s in zip(top, shares, strict=True)
    ]
    ImageDraw.Draw(image).polygon([*top, *reversed(foot)], fill=shade(tone, -0.26))


def forest(brief: Brief) -> Image.Image:
    """Conifers in four depths of mist."""
    rng, mood = brief.rng, brief.mood
    image = sky(brief, 0.9)
    width, height = image.size
    sun(image, brief, (width * rng.uniform(0.3, 0.7), height * 0.26), brief.unit * 0.1)
    for i in range(5):
        share = i / 4
        base = height * (0.52 + 0.42 * share)
        tone = mix(mix(mood.far, mood.haze, 0.5), mood.near, share**0.9)
        tall = height * (0.12 + 0.3 * share)
        _trees(image, rng, base, tall, tone)
        if i < 4:
            haze(image, base - tall * 0.5, base + height * 0.1, mood.haze, 0.35 + mood.mist * 0.6)
    return halved(image)


def _trees(image: Image.Image, rng: random.Random, base: float, tall: float, tone: Color) -> None:
    draw = ImageDraw.Draw(image)
    line = ridge(rng, image.width, tall * 0.12, 0.5, steps=5)
    ground = [(x, base + y) for x, y in line]
    draw.polygon([*ground, (image.width, image.height), (0, image.height)], fill=tone)
    x = -tall * 0.1
    while x < image.width + tall * 0.1:
        size = tall * rng.uniform(0.45, 1.0)
        foot = base + tall * 0.12
        _conifer(draw, rng, x, foot, size, shade(tone, rng.uniform(-0.05, 0.04)))
        x += tall * rng.uniform(0.09, 0.24)


def _conifer(
    draw: ImageDraw.ImageDraw, rng: random.Random, x: float, base: float, size: float, tone: Color
) -> None:
    tiers, half = 9, size * 0.19
    left, right = [], []
    for i in range(tiers):
        share = (i + 1) / tiers
        y = base - size + size * 0.95 * share
        reach = half * share**0.9 * rng.uniform(0.8, 1.1)
        left += [(x - reach, y), (x - reach * 0.5, y - size * 0.012)]
        right += [(x + reach * rng.uniform(0.9, 1.1), y), (x + reach * 0.5, y - size * 0.012)]
    draw.polygon([(x, base - size), *right, *reversed(left)], fill=tone)
    draw.rectangle(
        (x - half * 0.08, base - size * 0.1, x + half * 0.08, base + size * 0.05), fill=tone
    )


def planet(brief: Brief) -> Image.Image:
    """One planet, lit from the side, now and then with rings."""
    rng, mood = brief.rng, brief.mood
    space = [mix(mood.near, (4, 6, 16), 0.55), mix(mood.deep, (8, 10, 28), 0.6)]
    if rng.random() < 0.5:
        space.reverse()
    image = vertical((brief.width * 2, brief.height * 2), space)
    stars(image, rng, image.height * 1.6, 170)
    radius = brief.unit * rng.uniform(0.46, 0.58)
    at = (image.width * rng.uniform(0.42, 0.58), image.height * rng.uniform(0.44, 0.54))
    glow(image, at, radius * 1.9, mood.accents[0], 0.3)
    rings = rng.random() < 0.6 or "ring" in brief.words or "saturn" in brief.words
    tilt = rng.uniform(-24, -10)
    if rings:
        _rings(image, brief, at, radius, tilt, is_front=False)
    _globe(image, brief, at, radius)
    if rings:
        _rings(image, brief, at, radius, tilt, is_front=True)
    return halved(image)


def _globe(image: Image.Image, brief: Brief, at: Point, radius: float) -> None:
    rng = brief.rng
    side = int(radius)  # half of the doubled size: soft texture needs no more
    bands = clouds(rng, (side, side), (2, rng.choice((4, 6, 9))))
    bands = warped(bands, rng, side * 0.09)
    tones = rng.sample(brief.mood.accents, 4)
    skin = colored(bands, [shade(tones[0], -0.3), *tones, shade(tones[-1], 0.35)])
    skin = skin.resize((side * 2, side * 2), Image.Resampling.BICUBIC)
    night = falloff((side * 4, side * 4), 0.9).point(
        [255 - min(255, round(i * 1.9)) for i in range(256)]
    )
    offset = int(side * 1.42), int(side * 1.38)
    skin.paste(
        (5, 5, 14), (0, 0), night.crop((*offset, offset[0] + side * 2, offset[1] + side * 2))
    )
    mask = Image.new("L", (side * 2, side * 2))
    ImageDraw.Draw(mask).ellipse((1, 1, side * 2 - 2, side * 2 - 2), fill=255)
    image.paste(skin, (int(at[0] - side), int(at[1] - side)), mask)


def _rings(
    image: Image.Image, brief: Brief, at: Point, radius: float, tilt: float, *, is_front: bool
) -> None:
    rng = random.Random(17)
    wide, high = int(radius * 4.4), int(radius * 4.4)
    sheet = Image.new("L", (wide, high))
    draw = ImageDraw.Draw(sheet)
    for i in range(26):
        share = i / 25
        rx = radius * (1.3 + 0.8 * share)
        ry = rx * 0.24
        box = (wide / 2 - rx, high / 2 - ry, wide / 2 + rx, high / 2 + ry)
        span = (0, 180) if is_front else (180, 360)
        light = int(rng.uniform(70, 205) * (0.45 if 0.55 < share < 0.63 else 1))
        draw.arc(box, *span, fill=light, width=max(2, int(radius * 0.034)))
    sheet = sheet.rotate(tilt, Image.Resampling.BILINEAR)
    tone = mix(brief.mood.accents[2], brief.mood.sun, 0.4)
    image.paste(tone, (int(at[0] - wide / 2), int(at[1] - high / 2)), sheet)


def aurora(brief: Brief) -> Image.Image:
    """Curtains of light over a dark ridge."""
    rng, mood = brief.rng, brief.mood
    width, height = brief.width * 2, brief.height * 2
    image = vertical((width, height), [(6, 12, 34), (12, 30, 62), (18, 52, 84)])
    stars(image, rng, height * 0.8, 200)
    tones = ((66, 214, 164), mix((66, 190, 190), mood.accents[0], 0.4), (124, 96, 200))
    for i, tone in enumerate(tones):
        rays = noise(rng, (240, 60), (34, 1))
        body = (
            Image.linear_gradient("L")
            .resize((240, 60))
            .point([round(i**1.5 / 16) for i in range(256)])
        )
        curtain = Image.composite(rays, Image.new("L", rays.size), body)
        lower = Image.new("L", (240, 90))
        lower.paste(curtain, (0, 12))
        lower = warped(lower, rng, 11, 10)
        band = lower.point([round(v * 0.78) for v in range(256)])
        top = int(height * (0.06 + 0.12 * i))
        image.paste(
            tone, (0, top), band.resize((width, int(height * 0.52)), Image.Resampling.BICUBIC)
        )
    for share, tone in ((0.0, (10, 28, 46)), (1.0, (3, 7, 16))):
        line = ridge(rng, width, height * 0.045, 0.55)
        points = [(x, y + height * (0.76 + 0.1 * share)) for x, y in line]
        ImageDraw.Draw(image).polygon([*points, (width, height), (0, height)], fill=tone)
    return halved(image)


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


PROFILES = (
    ((0.0, 0.2), (0.02, 0.22), (0.5, 0.23), (0.62, 0.16), (0.7, 0.075), (0.98, 0.07), (1.0, 0.085)),
    ((0.0, 0.16), (0.05, 0.2), (0.35, 0.36), (0.6, 0.34), (0.8, 0.16), (0.9, 0.14), (1.0, 0.2)),
    ((0.0, 0.18), (0.03, 0.2), (0.4, 0.14), (0.7, 0.1), (0.86, 0.11), (1.0, 0.16)),
    ((0.0, 0.14), (0.1, 0.26), (0.4, 0.4), (0.55, 0.42), (0.57, 0.4)),
)


def _vessel(image: Image.Image, rng: random.Random, foot: Point, tall: float, paint: Color) -> None:
    """A turned profile, shaded across from light to dark."""
    profile = rng.choice(PROFILES)
    side = int(tall * 1.0)
    cast = falloff((side * 2, side // 3), 1.3, 0.55)
    image.paste((20, 18, 18), (int(foot[0] - side * 0.8), int(foot[1] - side / 6)), cast)
    mask = Image.new("L", (side, int(tall) + 8))
    right = [(side / 2 + reach * tall, tall - up * tall + 4) for up, reach in profile]
    left = [(side - x, y) for x, y in reversed(right)]
    ImageDraw.Draw(mask).polygon(right + left, fill=255)
    tones = [shade(paint, -0.12), shade(paint, 0.34), paint, shade(paint, -0.3), shade(paint, -0.5)]
    skin = Image.new("RGB", (64, 1))
    skin.putdata([ramp(tones, i / 63) for i in range(64)])
    skin = skin.resize(mask.size, Image.Resampling.BILINEAR)
    image.paste(skin, (int(foot[0] - side / 2), int(foot[1] - tall - 4)), mask)
