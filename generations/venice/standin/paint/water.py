"""Colour by the water: painted houses, a regatta, the moon over mooring posts."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

from .canvas import Color, glints, haze, mix, reflect, shade
from .scene import Brief, afloat, halved, sky, sun

HOUSE_PAINTS: tuple[Color, ...] = (
    (217, 88, 70),
    (240, 196, 84),
    (232, 222, 200),
    (104, 158, 110),
    (62, 130, 160),
    (216, 128, 140),
    (92, 104, 170),
    (226, 146, 82),
)


def houses(brief: Brief) -> Image.Image:
    """A row of painted houses on a quay, doubled by the canal."""
    rng, mood = brief.rng, brief.mood
    image = sky(brief, 0.7)
    horizon = int(image.height * rng.uniform(0.6, 0.66))
    x, last = -image.height * rng.uniform(0, 0.1), None
    paints = [mix(color, mood.haze, mood.mist * 0.3) for color in HOUSE_PAINTS]
    while x < image.width:
        paint = rng.choice([color for color in paints if color != last])
        x, last = x + _house(image, brief, x, horizon, paint), paint
    draw = ImageDraw.Draw(image)
    quay = mix((214, 204, 188), mood.near, 0.5 if mood.is_dark else 0.15)
    draw.rectangle((0, horizon - image.height * 0.012, image.width, horizon), fill=quay)
    if mood.is_dark:
        image = Image.blend(image, Image.new("RGB", image.size, mood.near), 0.24)
    small = halved(image)
    reflect(small, horizon // 2, rng, mood.water(0.2, 0.009))
    for _ in range(rng.randint(1, 3)):
        _rowing_boat(small, brief, horizon // 2)
    return small


def _house(image: Image.Image, brief: Brief, x: float, base: int, paint: Color) -> float:
    """One house; returns its width."""
    rng, draw, unit = brief.rng, ImageDraw.Draw(image), image.height * 0.1
    floors, bays = rng.choice((2, 3, 3, 4)), rng.choice((2, 2, 3))
    breadth, height = unit * (0.42 + 0.44 * bays), unit * (0.5 + 0.78 * floors)
    top = base - height
    draw.rectangle((x, top, x + breadth, base), fill=paint)
    draw.rectangle((x + breadth * 0.94, top, x + breadth, base), fill=shade(paint, -0.14))
    tiles = mix((176, 84, 56), brief.mood.near, 0.1)
    draw.polygon(
        [
            (x - unit * 0.06, top),
            (x + breadth / 2, top - unit * rng.uniform(0.22, 0.4)),
            (x + breadth + unit * 0.06, top),
        ],
        fill=tiles,
    )
    if rng.random() < 0.4:
        left = x + breadth * 0.68
        draw.rectangle((left, top - unit * 0.5, left + unit * 0.16, top - unit * 0.06), fill=tiles)
    for floor in range(floors):
        for bay in range(bays):
            middle = x + breadth * (bay + 0.5) / bays
            level = base - unit * (0.3 + 0.78 * floor)
            _opening(draw, brief, middle, level, unit, is_door=floor == 0 and bay == 0)
    return breadth


def _opening(
    draw: ImageDraw.ImageDraw, brief: Brief, x: float, y: float, unit: float, *, is_door: bool
) -> None:
    rng = brief.rng
    glass = mix((52, 62, 72), brief.mood.near, 0.4)
    if is_door:
        draw.rectangle(
            (x - unit * 0.13, y - unit * 0.22, x + unit * 0.13, y + unit * 0.3), fill=glass
        )
        return
    if brief.mood.is_dark and rng.random() < 0.45:
        glass = brief.mood.light
    high, half = unit * 0.38, unit * 0.11
    draw.rectangle((x - half * 1.3, y - high, x + half * 1.3, y), fill=(240, 234, 220))
    draw.rectangle((x - half, y - high + unit * 0.03, x + half, y - unit * 0.03), fill=glass)
    shutter = rng.choice(((44, 82, 92), (58, 92, 70), (122, 60, 48)))
    for side in (-1, 1):
        near, far = x + side * half * 1.3, x + side * half * 2.2
        draw.rectangle((min(near, far), y - high, max(near, far), y), fill=shutter)


def _rowing_boat(image: Image.Image, brief: Brief, horizon: int) -> None:
    rng, scale = brief.rng, 4
    length = brief.unit * rng.uniform(0.1, 0.16)
    hull = rng.choice(((150, 44, 40), (34, 92, 118), (40, 52, 60)))
    size = (int(length * scale), int(length * 0.32 * scale))
    sprite = Image.new("RGBA", size)
    draw, (w, h) = ImageDraw.Draw(sprite), size
    draw.polygon(
        [(0, h * 0.3), (w, h * 0.12), (w * 0.88, h * 0.8), (w * 0.14, h * 0.85)], fill=hull
    )
    draw.line((0, h * 0.3, w, h * 0.12), fill=shade(hull, 0.3), width=scale * 2)
    boat = sprite.resize((w // scale, h // scale), Image.Resampling.BOX)
    x = rng.uniform(0.1, 0.8) * brief.width
    y = horizon + (brief.height - horizon) * rng.uniform(0.12, 0.45)
    afloat(image, boat, (int(x), int(y)), rng)


def regatta(brief: Brief) -> Image.Image:
    """Sails on a flat sea, small ones far off and a few close."""
    rng, mood = brief.rng, brief.mood
    image = sky(brief, 0.6)
    horizon = int(image.height * rng.uniform(0.5, 0.58))
    sun(image, brief, (image.width * rng.uniform(0.15, 0.85), horizon * 0.42), image.height * 0.04)
    draw = ImageDraw.Draw(image)
    far = mix(mood.far, mood.haze, 0.35)
    for _ in range(4):
        x, breadth = rng.uniform(-0.2, 1) * image.width, rng.uniform(0.2, 0.5) * image.width
        rise = image.height * rng.uniform(0.01, 0.035)
        draw.ellipse((x, horizon - rise, x + breadth, horizon + rise), fill=far)
    small = halved(image)
    water = mood.water(0.72)
    reflect(small, horizon // 2, rng, water)
    places = sorted(rng.uniform(0.02, 0.62) ** 1.3 for _ in range(rng.randint(6, 9)))
    for depth in [*places, rng.uniform(0.5, 0.62)]:
        _sailing_boat(small, brief, horizon // 2, depth)
    glints(small, horizon // 2, rng, water.glitter)
    return small


def _sailing_boat(image: Image.Image, brief: Brief, horizon: int, depth: float) -> None:
    rng, mood, scale = brief.rng, brief.mood, 3
    tall = brief.unit * (0.06 + 0.5 * depth)
    w, h = int(tall * 0.72 * scale), int(tall * scale)
    sprite = Image.new("RGBA", (w, h))
    draw = ImageDraw.Draw(sprite)
    sails = [color for color in mood.accents if sum(color) > 240] or list(mood.accents)
    main, jib = rng.choice(sails), rng.choice(((246, 240, 226), *sails))
    veil = 0.55 * (1 - min(1.0, depth * 2.2))
    main, jib = mix(main, mood.haze, veil), mix(jib, mood.haze, veil)
    mast = w * 0.47
    draw.polygon([(mast, h * 0.02), (mast, h * 0.84), (w * 0.04, h * 0.84)], fill=main)
    draw.polygon([(mast, h * 0.02), (mast, h * 0.84), (w * 0.3, h * 0.84)], fill=shade(main, -0.1))
    draw.polygon(
        [(mast + w * 0.03, h * 0.1), (mast + w * 0.03, h * 0.84), (w * 0.9, h * 0.84)], fill=jib
    )
    hull = mix(mood.near, mood.haze, veil)
    draw.line((mast, 0, mast, h * 0.9), fill=hull, width=max(1, w // 60))
    draw.polygon(
        [(w * 0.02, h * 0.87), (w * 0.98, h * 0.86), (w * 0.84, h * 0.98), (w * 0.14, h * 0.99)],
        fill=hull,
    )
    boat = sprite.resize((max(2, w // scale), max(3, h // scale)), Image.Resampling.BOX)
    x = rng.uniform(0.0, 0.92) * brief.width - boat.width / 4
    y = horizon + (brief.height - horizon) * depth * 0.85 - boat.height * 0.93
    afloat(image, boat, (int(x), int(y)), rng)


def moonwater(brief: Brief) -> Image.Image:
    """A large moon, mooring posts, and a lane of light towards the viewer."""
    rng, mood = brief.rng, brief.mood
    image = sky(brief, 0.62)
    horizon, unit = int(image.height * 0.56), brief.unit * 2
    at = (image.width * rng.uniform(0.35, 0.7), horizon * rng.uniform(0.36, 0.5))
    sun(image, brief, at, unit * rng.uniform(0.09, 0.13))
    _craters(image, brief, at, unit * 0.1)
    haze(image, horizon * 0.7, horizon, mood.haze, 0.4)
    small = halved(image)
    reflect(small, horizon // 2, rng, mood.water(0.3, 0.02))
    for scale, place in ((1.0, 0.2), (0.6, 0.36), (0.35, 0.47), (0.8, 0.86)):
        _tripod(small, brief, place * brief.width, horizon // 2, scale)
    return small


def _craters(image: Image.Image, brief: Brief, at: tuple[float, float], radius: float) -> None:
    draw = ImageDraw.Draw(image)
    for _ in range(9):
        angle, away = brief.rng.uniform(0, 6.28), radius * brief.rng.uniform(0, 0.7)
        size = radius * brief.rng.uniform(0.05, 0.18)
        x, y = at[0] + math.cos(angle) * away, at[1] + math.sin(angle) * away
        tone = mix(brief.mood.sun, brief.mood.haze, 0.18)
        draw.ellipse((x - size, y - size, x + size, y + size), fill=tone)


def _tripod(image: Image.Image, brief: Brief, x: float, horizon: int, scale: float) -> None:
    """Posts and their reflection as one sprite, drawn large for smooth edges."""
    unit, rng = brief.unit * 0.2 * scale, brief.rng
    size = (int(unit * 0.8 * 3), int(unit * 3))
    sprite = Image.new("RGBA", size)
    draw, (w, h) = ImageDraw.Draw(sprite), size
    color = mix(brief.mood.near, brief.mood.haze, 0.35 * (1 - scale))
    for foot, head in ((0.2, 0.4), (0.5, 0.5), (0.8, 0.6)):
        top = h * (0.02 if head == 0.5 else 0.1)
        draw.line((w * foot, h, w * head, top), fill=color, width=int(w * 0.09))
    posts = sprite.resize((max(2, w // 3), max(2, h // 3)), Image.Resampling.BOX)
    base = horizon + int((brief.height - horizon) * (0.1 + 0.2 * scale))
    afloat(image, posts, (int(x), base - posts.height), rng)
