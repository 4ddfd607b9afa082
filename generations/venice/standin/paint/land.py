"""Scenes without a waterline: ridges, dunes, forest, a planet, northern lights."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFilter

from .canvas import (
    Color,
    Point,
    clouds,
    colored,
    enlarged,
    glow,
    haze,
    mix,
    noise,
    shade,
    stars,
    vertical,
    warped,
)
from .scene import Brief, halved, sky, sun


def ridge(
    rng: random.Random, width: int, height: float, rough: float, steps: int = 7
) -> list[Point]:
    """A mountain line by halving: `height` the first displacement, `rough` how fast it calms."""
    line = [rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(-1, 1)]
    reach = 1.0
    for _ in range(steps):
        middles = [(a + b) / 2 + rng.uniform(-reach, reach) for a, b in itertools.pairwise(line)]
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
    ImageDraw.Draw(image).polygon([*top, *reversed(foot)], fill=shade(tone, -0.17))


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
    space = [mix(mood.near, (4, 6, 16), 0.75), mix(mood.deep, (8, 10, 28), 0.72)]
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
    side = int(radius)
    half = side // 2  # soft texture needs no more
    bands = clouds(rng, (half, half), (2, rng.choice((3, 4, 6))))
    bands = warped(bands, rng, half * 0.1)
    tones = rng.sample(brief.mood.accents, 3)
    middle = mix(tones[0], tones[1], 0.5)
    stops = [shade(tones[0], -0.25), tones[0], middle, tones[1], shade(tones[2], 0.25)]
    skin = colored(bands, stops)
    night = Image.radial_gradient("L").point([min(235, max(0, (i - 34) * 4)) for i in range(256)])
    night = night.resize((half * 3, half * 3), Image.Resampling.BILINEAR)
    start = int(half * 1.18)
    skin.paste((5, 5, 14), (0, 0), night.crop((start, start, start + half, start + half)))
    skin = skin.resize((side * 2, side * 2), Image.Resampling.BILINEAR)
    mask = Image.new("L", (side * 2, side * 2))
    ImageDraw.Draw(mask).ellipse((1, 1, side * 2 - 2, side * 2 - 2), fill=255)
    image.paste(skin, (int(at[0] - side), int(at[1] - side)), mask)


def _rings(
    image: Image.Image, brief: Brief, at: Point, radius: float, tilt: float, *, is_front: bool
) -> None:
    """Drawn at half the doubled size: thin lines of light may be soft, and turning is dear."""
    rng, reach = random.Random(17), radius / 2
    side = int(reach * 4.3)
    sheet = Image.new("L", (side, side))
    draw = ImageDraw.Draw(sheet)
    for i in range(26):
        share = i / 25
        rx = reach * (1.3 + 0.8 * share)
        ry = rx * 0.24
        box = (side / 2 - rx, side / 2 - ry, side / 2 + rx, side / 2 + ry)
        light = int(rng.uniform(90, 225) * (0.45 if 0.55 < share < 0.63 else 1))
        span = (0, 180) if is_front else (180, 360)
        draw.arc(box, *span, fill=light, width=max(1, int(reach * 0.034)))
    sheet = sheet.rotate(tilt, Image.Resampling.BILINEAR)
    sheet = sheet.resize((side * 2, side * 2), Image.Resampling.BILINEAR)
    tone = mix(brief.mood.accents[2], brief.mood.sun, 0.4)
    image.paste(tone, (int(at[0] - side), int(at[1] - side)), sheet)


def aurora(brief: Brief) -> Image.Image:
    """Curtains of light over a dark ridge."""
    rng, mood = brief.rng, brief.mood
    width, height = brief.width * 2, brief.height * 2
    image = vertical((width, height), [(6, 12, 34), (12, 30, 62), (18, 52, 84)])
    stars(image, rng, height * 0.8, 200)
    tones = ((66, 214, 164), mix((66, 190, 190), mood.accents[0], 0.4), (124, 96, 200))
    for i, tone in enumerate(tones):
        top = int(height * (0.04 + 0.1 * i))
        band = enlarged(_curtain(rng), (width, int(height * 0.56)))
        image.paste(tone, (0, top), band)
    for share, tone in ((0.0, (10, 28, 46)), (1.0, (3, 7, 16))):
        line = ridge(rng, width, height * 0.045, 0.55)
        points = [(x, y + height * (0.76 + 0.1 * share)) for x, y in line]
        ImageDraw.Draw(image).polygon([*points, (width, height), (0, height)], fill=tone)
    return halved(image)


def _curtain(rng: random.Random) -> Image.Image:
    """Rays that rise from a bright foot, swaying; small, to be enlarged."""
    rays = noise(rng, (240, 90), (34, 1))
    foot = [min(1.0, i / 175) ** 2 * min(1.0, (255 - i) / 70) for i in range(256)]
    body = Image.linear_gradient("L").resize((240, 90)).point([round(190 * v) for v in foot])
    curtain = Image.composite(rays, Image.new("L", rays.size), body)
    curtain.paste(0, (0, 0, 240, 14))
    curtain.paste(0, (0, 80, 240, 90))
    return warped(curtain, rng, 9, 10).filter(ImageFilter.BoxBlur(0.7))
