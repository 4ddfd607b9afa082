"""Stone by the water: a skyline of domes and towers, a bridge with its reflection."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageDraw

from .canvas import Color, glow, haze, mix, reflect, shade, vertical
from .scene import Brief, halved, sky, sun


def skyline(brief: Brief) -> Image.Image:
    """Domes, bell towers and roofs in two layers, lit windows, all of it again in the water."""
    rng, mood = brief.rng, brief.mood
    image = sky(brief, 0.62)
    width, horizon = image.width, int(image.height * rng.uniform(0.56, 0.64))
    low_sun = (width * rng.uniform(0.25, 0.75), horizon - image.height * 0.03)
    glow(image, low_sun, image.height * 0.5, mood.sun, 0.55)
    veil = mix(mood.far, mood.haze, 0.45)
    for share, color, scale in ((0.5, veil, 0.75), (1.0, None, 1.0)):
        tone = color or mix(mood.near, mood.haze, mood.mist * 0.35)
        _buildings(image, brief, horizon, tone, scale, share)
        haze(image, horizon - image.height * 0.1, horizon, mood.haze, 0.25 * (1.3 - share))
    lamps = _windows(image, brief, horizon)
    small = halved(image)
    for x, y in lamps:
        glow(small, (x / 2, y / 2), brief.unit * 0.012, mood.light, 0.5)
    reflect(small, horizon // 2, rng, mood.water(0.3))
    _posts(small, brief, horizon // 2)
    return small


def _buildings(
    image: Image.Image, brief: Brief, horizon: int, color: Color, scale: float, density: float
) -> None:
    rng, draw = brief.rng, ImageDraw.Draw(image)
    unit = image.height * 0.12 * scale
    draw.rectangle((0, horizon - unit * 0.45, image.width, horizon), fill=color)
    x = -unit * rng.uniform(0, 1)
    kinds = (_roof, _roof, _block, _block, _dome, _tower, _dome if density == 1 else _tower)
    while x < image.width:
        breadth = unit * rng.uniform(0.7, 1.5)
        rng.choice(kinds)(draw, rng, x, horizon, breadth, unit, color)
        x += breadth * rng.uniform(0.75, 1.25) + (unit if rng.random() < 0.15 else 0)


def _block(
    draw: ImageDraw.ImageDraw,
    rng: random.Random,
    x: float,
    base: float,
    breadth: float,
    unit: float,
    color: Color,
) -> None:
    top = base - unit * rng.uniform(0.6, 1.2)
    draw.rectangle((x, top, x + breadth, base), fill=color)
    chimney = x + breadth * rng.uniform(0.2, 0.7)
    draw.rectangle((chimney, top - unit * 0.16, chimney + unit * 0.09, top), fill=color)


def _roof(
    draw: ImageDraw.ImageDraw,
    rng: random.Random,
    x: float,
    base: float,
    breadth: float,
    unit: float,
    color: Color,
) -> None:
    top, eave = base - unit * rng.uniform(0.5, 1.0), unit * 0.07
    draw.rectangle((x, top, x + breadth, base), fill=color)
    ridge = (x + breadth / 2, top - breadth * 0.22)
    draw.polygon([(x - eave, top), ridge, (x + breadth + eave, top)], fill=color)


def _dome(
    draw: ImageDraw.ImageDraw,
    rng: random.Random,
    x: float,
    base: float,
    breadth: float,
    unit: float,
    color: Color,
) -> None:
    radius, drum = breadth * 0.42, base - unit * rng.uniform(0.75, 1.25)
    middle = x + breadth / 2
    draw.rectangle((x, drum + radius * 0.5, x + breadth, base), fill=color)
    draw.rectangle((middle - radius, drum, middle + radius, base), fill=color)
    draw.ellipse((middle - radius, drum - radius * 1.1, middle + radius, drum + radius), fill=color)
    lantern = radius * 0.17
    top = drum - radius * 1.1
    draw.rectangle((middle - lantern, top - radius * 0.3, middle + lantern, top + 4), fill=color)
    draw.ellipse(
        (middle - lantern, top - radius * 0.5, middle + lantern, top - radius * 0.2), fill=color
    )
    draw.line((middle, top - radius * 0.75, middle, top), fill=color, width=2)


def _tower(
    draw: ImageDraw.ImageDraw,
    rng: random.Random,
    x: float,
    base: float,
    breadth: float,
    unit: float,
    color: Color,
) -> None:
    half, top = unit * rng.uniform(0.1, 0.17), base - unit * rng.uniform(1.5, 2.3)
    middle = x + breadth / 2
    draw.rectangle((x, base - unit * 0.6, x + breadth, base), fill=color)
    draw.rectangle((middle - half, top, middle + half, base), fill=color)
    draw.rectangle((middle - half * 1.25, top, middle + half * 1.25, top + unit * 0.06), fill=color)
    draw.polygon(
        [(middle - half, top), (middle, top - unit * rng.uniform(0.4, 0.75)), (middle + half, top)],
        fill=color,
    )


def _windows(image: Image.Image, brief: Brief, horizon: int) -> list[tuple[float, float]]:
    """Small lights low over the water; returns where they are, for their glow."""
    rng, draw = brief.rng, ImageDraw.Draw(image)
    count = 75 if brief.mood.is_dark else 26
    size = max(2.0, image.height * 0.0032)
    found = []
    for _ in range(count):
        x, y = rng.uniform(0, image.width), horizon - image.height * rng.uniform(0.008, 0.06)
        tone = mix(brief.mood.light, brief.mood.near, rng.uniform(0, 0.35))
        draw.rectangle((x - size, y - size * 1.2, x + size, y + size * 1.2), fill=tone)
        found.append((x, y))
    return found


def _posts(image: Image.Image, brief: Brief, horizon: int) -> None:
    """Three mooring posts with the water around them, sometimes."""
    rng = brief.rng
    if rng.random() < 0.35:
        return
    draw, unit = ImageDraw.Draw(image), brief.unit
    x = brief.width * rng.choice((0.1, 0.14, 0.82))
    for i in range(3):
        thick, foot = unit * 0.011, horizon + unit * (0.2 + 0.03 * (i % 2))
        left = x + i * unit * 0.035
        top = horizon - unit * (0.02 + 0.02 * (i == 1))
        draw.rectangle((left, top, left + thick, foot), fill=mix(brief.mood.near, (0, 0, 0), 0.25))


def bridge(brief: Brief) -> Image.Image:
    """One stone arch whose reflection closes the circle."""
    rng, mood = brief.rng, brief.mood
    image = sky(brief, 0.6)
    width, height = image.size
    horizon, middle = int(height * 0.56), width * rng.uniform(0.46, 0.54)
    radius = min(width * 0.29, height * 0.31)
    glow(image, (middle, horizon), radius * 1.7, mood.sun, 0.75)
    _narrow_canal(image, brief, middle, horizon, radius)
    if mood.is_dark:
        moon = radius * 0.13
        at = (middle + radius * 0.1, horizon - radius * 0.62)
        sun(image, brief, at, moon)
    _arch(image, brief, middle, horizon, radius)
    lamps = _lamps(image, brief, middle, horizon, radius)
    small = halved(image)
    for x, y in lamps:
        glow(small, (x / 2, y / 2), brief.unit * 0.1, mood.light, 0.7)
        glow(small, (x / 2, y / 2), brief.unit * 0.016, (255, 248, 226), 1.0)
    reflect(small, horizon // 2, rng, mood.water(0.26, 0.006))
    return small


def _narrow_canal(
    image: Image.Image, brief: Brief, middle: float, horizon: int, radius: float
) -> None:
    """Walls that step back into the light behind the arch."""
    draw, mood, rng = ImageDraw.Draw(image), brief.mood, brief.rng
    for step in range(4):
        tone = mix(mix(mood.far, mood.near, 0.15 + 0.12 * step), mood.haze, 0.6 - 0.08 * step)
        gap = radius * (0.2 + 0.26 * step)
        for side in (-1, 1):
            top = horizon - radius * (0.8 + 0.16 * step + rng.uniform(0, 0.2))
            edge, end = middle + side * gap, middle + side * image.width
            draw.rectangle((min(edge, end), top, max(edge, end), horizon), fill=tone)


def _arch(image: Image.Image, brief: Brief, middle: float, horizon: int, radius: float) -> None:
    mood = brief.mood
    width, crown = image.width, radius * 1.16
    shoulder = radius * 0.42

    def deck(x: float) -> float:
        away = (x - middle) / (radius * 1.25)
        return horizon - shoulder - (crown - shoulder) * math.exp(-(away**2) * 0.9)

    curve = [(x, deck(x)) for x in range(0, width + 16, 16)]
    mask = Image.new("L", image.size)
    draw = ImageDraw.Draw(mask)
    draw.polygon([(0, horizon), *curve, (width, horizon)], fill=255)
    draw.ellipse((middle - radius, horizon - radius, middle + radius, horizon + radius), fill=0)
    body = mix(mix(mood.far, mood.near, 0.42), mood.accents[1], 0.12)
    top = int(horizon - crown)
    stone = vertical((width, horizon - top), [shade(body, 0.12), body, shade(body, -0.3)])
    image.paste(stone, (0, top), mask.crop((0, top, width, horizon)))
    draw = ImageDraw.Draw(image)
    edge = mix(mood.near, body, 0.2)
    draw.line(curve, fill=edge, width=max(3, int(radius * 0.05)), joint="curve")
    _stones(draw, middle, horizon, radius, shade(body, 0.16), shade(body, -0.22))


def _stones(
    draw: ImageDraw.ImageDraw,
    middle: float,
    horizon: int,
    radius: float,
    face: Color,
    joint: Color,
) -> None:
    thick = radius * 0.085
    box = (middle - radius - thick, horizon - radius - thick)
    draw.arc((*box, middle + radius + thick, horizon + radius + thick), 180, 360, face, int(thick))
    for i in range(27):
        angle = math.pi + math.pi * (i + 0.5) / 27
        start, end = radius, radius + thick
        draw.line(
            (
                middle + math.cos(angle) * start,
                horizon + math.sin(angle) * start,
                middle + math.cos(angle) * end,
                horizon + math.sin(angle) * end,
            ),
            fill=joint,
            width=2,
        )


def _lamps(
    image: Image.Image, brief: Brief, middle: float, horizon: int, radius: float
) -> list[tuple[float, float]]:
    if not brief.mood.is_dark and brief.rng.random() < 0.6:
        return []
    draw, found = ImageDraw.Draw(image), []
    for side in (-1, 1):
        x, foot = middle + side * radius * 0.82, horizon - radius * 0.88
        top = foot - radius * 0.36
        draw.line((x, foot, x, top), fill=brief.mood.near, width=max(2, int(radius * 0.016)))
        found.append((x, top))
    return found
