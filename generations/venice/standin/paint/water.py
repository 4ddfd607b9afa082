"""Scenes that stand on a waterline: bridge, skyline, houses, regatta, moon over posts."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

from .canvas import (
    FLIP,
    Color,
    clouds,
    glints,
    glow,
    haze,
    mix,
    reflect,
    rippled,
    shade,
    stars,
    vertical,
)
from .moods import Mood


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What every scene is given. Sizes in pixels of the finished picture."""

    rng: random.Random
    width: int
    height: int
    mood: Mood
    words: str = ""

    @property
    def unit(self) -> float:
        return min(self.width, self.height)


def sky(brief: Brief, bottom: float = 1.0) -> Image.Image:
    """A doubled canvas with the mood's sky down to `bottom` of the height, and a little cloud."""
    size = (brief.width * 2, brief.height * 2)
    reach = int(size[1] * bottom)
    image = Image.new("RGB", size, brief.mood.sky[-1])
    image.paste(vertical((size[0], reach), brief.mood.sky), (0, 0))
    if brief.mood.is_dark:
        stars(image, brief.rng, reach * 0.6, 90)
    else:
        _drift(image, brief, reach)
    return image


def _drift(image: Image.Image, brief: Brief, reach: int) -> None:
    """Soft cloud, made small and enlarged."""
    veil = clouds(brief.rng, (160, 90), (3, 4))
    veil = veil.point([max(0, round((i - 128) * 0.75)) for i in range(256)])
    white = mix(brief.mood.sky[-1], (255, 255, 255), 0.6)
    image.paste(white, (0, 0), veil.resize((image.width, int(reach * 0.8))))


def sun(image: Image.Image, brief: Brief, at: tuple[float, float], radius: float) -> None:
    """A disc on the doubled canvas with its light around it."""
    glow(image, at, radius * 5, brief.mood.sun, 0.42)
    x, y = at
    ImageDraw.Draw(image).ellipse(
        (x - radius, y - radius, x + radius, y + radius), fill=brief.mood.sun
    )


def halved(image: Image.Image) -> Image.Image:
    return image.reduce(2)


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
    unit = image.height * 0.1 * scale
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
        tone = mix(mix(mood.far, mood.near, 0.15 + 0.12 * step), mood.haze, 0.62 - 0.13 * step)
        gap = radius * (0.2 + 0.26 * step)
        for side in (-1, 1):
            top = horizon - radius * (0.8 + 0.2 * step + rng.uniform(0, 0.25))
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
        image = Image.blend(image, Image.new("RGB", image.size, mood.near), 0.38)
    small = halved(image)
    reflect(small, horizon // 2, rng, mood.water(0.2, 0.009))
    for _ in range(rng.randint(1, 3)):
        _rowing_boat(small, brief, horizon // 2)
    return small


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


def afloat(
    image: Image.Image, sprite: Image.Image, at: tuple[int, int], rng: random.Random
) -> None:
    """A boat and its own reflection; `at` is the top left corner of the boat."""
    mirrored = rippled(sprite.transpose(FLIP), rng, sprite.width * 0.05)
    fade = Image.linear_gradient("L").transpose(FLIP).resize(sprite.size)
    alpha = mirrored.getchannel("A").point([round(i * 0.5) for i in range(256)])
    shadow = Image.composite(alpha, Image.new("L", sprite.size), fade)
    below = (at[0], at[1] + int(sprite.height * 0.94))
    image.paste(mirrored.convert("RGB"), below, shadow)
    image.paste(sprite.convert("RGB"), at, sprite.getchannel("A"))


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
