"""Flat work: cut paper, tiles, marbled paper, contour lines, flowing lines, woven bands."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from .canvas import (
    Color,
    Point,
    colored,
    mix,
    noise,
    shade,
    soft_shadow,
    vertical,
    warped,
)
from .scene import Brief, halved


def paper(brief: Brief) -> Image.Image:
    """Sheets with an opening, one behind the other, each throwing its shadow on the next."""
    rng, mood = brief.rng, brief.mood
    size = (brief.width, brief.height)
    dark, light = sorted(rng.sample(list(mood.accents), 2), key=sum)
    sheets = 7
    image = vertical(size, [shade(dark, -0.45), shade(dark, -0.6)])
    at = (brief.width * rng.uniform(0.42, 0.58), brief.height * rng.uniform(0.42, 0.58))
    waves = [(n, rng.uniform(0, 6.28), rng.uniform(0.02, 0.07)) for n in (2, 3, 5)]
    for i in range(sheets):
        share = i / (sheets - 1)
        reach = (0.16 + 0.5 * share) * math.hypot(*size) * 0.72
        mask = _opening(rng, size, at, reach, waves)
        cast = soft_shadow(mask, size, brief.unit * 0.022)
        cast = ImageChops.offset(cast, int(brief.unit * 0.008), int(brief.unit * 0.014))
        image.paste((4, 8, 20), (0, 0), cast.point([round(v * 0.5) for v in range(256)]))
        tone = mix(shade(dark, -0.2), shade(light, 0.35), share**0.9)
        image.paste(tone, (0, 0), mask)
    return image


def _opening(
    rng: random.Random,
    size: tuple[int, int],
    at: Point,
    reach: float,
    waves: list[tuple[int, float, float]],
) -> Image.Image:
    """A mask that covers everything but a soft blob around `at`."""
    mask = Image.new("L", (size[0] * 2, size[1] * 2), 255)
    turn = rng.uniform(-0.5, 0.5)
    points = []
    for i in range(120):
        angle = 6.283 * i / 120
        wave = sum(depth * math.sin(n * angle + phase + turn) for n, phase, depth in waves)
        far = reach * (1 + wave) * 2
        points.append((at[0] * 2 + math.cos(angle) * far, at[1] * 2 + math.sin(angle) * far))
    ImageDraw.Draw(mask).polygon(points, fill=0)
    return mask.reduce(2)


def tiles(brief: Brief) -> Image.Image:
    """Quarter circles, discs, stripes and triangles on a grid, few colours."""
    rng, mood = brief.rng, brief.mood
    image = Image.new("RGB", (brief.width * 2, brief.height * 2))
    across = rng.choice((4, 5, 6))
    cell = math.ceil(max(image.width, image.height) / across / 2) * 2
    cell = math.ceil(image.width / max(2, round(image.width / cell)))
    paints = [*mood.accents[:5], mix(mood.accents[2], (250, 244, 230), 0.6)]
    for x in range(0, image.width, cell):
        for y in range(0, image.height, cell):
            ground, figure, detail = rng.sample(paints, 3)
            _tile(ImageDraw.Draw(image), rng, (x, y), cell, (ground, figure, detail))
    return halved(image)


def _tile(
    draw: ImageDraw.ImageDraw,
    rng: random.Random,
    at: tuple[int, int],
    cell: int,
    paints: tuple[Color, Color, Color],
) -> None:
    (x, y), (ground, figure, detail) = at, paints
    box = (x, y, x + cell - 1, y + cell - 1)
    draw.rectangle(box, fill=ground)
    kind = rng.choice(("quarter", "quarter", "leaf", "disc", "stripes", "triangle", "half"))
    corner = rng.randrange(4)
    if kind in ("quarter", "leaf"):
        _quarter(draw, at, cell, corner, figure)
        if kind == "leaf":
            _quarter(draw, at, cell, corner, detail, 0.55)
    elif kind == "disc":
        for inset, paint in ((cell * 0.16, figure), (cell * 0.34, detail)):
            draw.ellipse((x + inset, y + inset, x + cell - inset, y + cell - inset), fill=paint)
    elif kind == "stripes":
        for i in range(0, 6, 2):
            draw.rectangle((x, y + cell * i / 6, x + cell - 1, y + cell * (i + 1) / 6), fill=figure)
    elif kind == "triangle":
        corners = [(x, y), (x + cell, y), (x + cell, y + cell), (x, y + cell)]
        draw.polygon(corners[:corner] + corners[corner + 1 :], fill=figure)
    else:
        draw.pieslice(box, corner * 90, corner * 90 + 180, fill=figure)


def _quarter(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    cell: int,
    corner: int,
    paint: Color,
    scale: float = 1.0,
) -> None:
    x = at[0] + (cell if corner in (1, 2) else 0)
    y = at[1] + (cell if corner in (2, 3) else 0)
    reach = cell * scale - 1
    draw.pieslice(
        (x - reach, y - reach, x + reach, y + reach), corner * 90, corner * 90 + 90, paint
    )


def marble(brief: Brief) -> Image.Image:
    """Marbled paper: combed colour with fine veins and a little relief."""
    rng, mood = brief.rng, brief.mood
    size = (max(2, brief.width // 2), max(2, brief.height // 2))
    stretch = (3, 4) if brief.height >= brief.width else (4, 3)
    finer = noise(rng, size, (stretch[0] * 3, stretch[1] * 3))
    flow = Image.blend(noise(rng, size, stretch), finer, 0.22)
    for reach in (0.2, 0.11):
        flow = warped(flow, rng, min(size) * reach, 26)
    turns, phase = rng.uniform(1.1, 1.7), rng.uniform(0, 6.28)
    table = [round(127.5 + 127.5 * math.sin(phase + turns * 6.283 * i / 255)) for i in range(256)]
    flow = flow.resize((brief.width, brief.height), Image.Resampling.BICUBIC)
    bands = flow.point(table)
    tones = sorted(mood.accents, key=sum)
    stops = [tones[0], tones[1], tones[2], shade(tones[-1], 0.3), tones[3], tones[2]]
    image = colored(bands, stops)
    relief = flow.filter(ImageFilter.EMBOSS).filter(ImageFilter.BoxBlur(1))
    relief = relief.point([min(255, max(0, round(128 + (v - 128) * 3))) for v in range(256)])
    return ImageChops.soft_light(image, Image.merge("RGB", (relief, relief, relief)))


def contours(brief: Brief) -> Image.Image:
    """A map of no country: tinted heights and thin lines between them."""
    rng, mood = brief.rng, brief.mood
    size = (brief.width, brief.height)
    land = warped(noise(rng, size, (4, 4)), rng, brief.unit * 0.12)
    steps = rng.choice((14, 18, 22))
    tones = sorted(mood.accents, key=sum)
    stops = [tones[1], tones[3], shade(tones[-1], 0.2), tones[2], tones[4 % len(tones)]]
    flat = colored(land.point([round(v * steps / 255) * 255 // steps for v in range(256)]), stops)
    edges = flat.convert("L").filter(ImageFilter.FIND_EDGES)
    lines = edges.point([min(255, v * 16) if v > 3 else 0 for v in range(256)])
    lines = lines.filter(ImageFilter.BoxBlur(0.6))
    ImageDraw.Draw(lines).rectangle((0, 0, size[0] - 1, size[1] - 1), outline=0, width=2)
    flat.paste(shade(tones[0], -0.35), (0, 0), lines)
    return flat


def flow(brief: Brief) -> Image.Image:
    """Lines that follow a field, in ink on paper."""
    rng, mood = brief.rng, brief.mood
    ground = mix(mood.accents[2], (246, 240, 228), 0.75)
    if mood.is_dark:
        ground = shade(mood.near, -0.1)
    image = Image.new("RGB", (brief.width * 2, brief.height * 2), ground)
    draw, side = ImageDraw.Draw(image), 48
    angles = _currents(noise(rng, (side, side), (6, 6)).tobytes(), side)
    inks = [color for color in mood.accents if abs(sum(color) - sum(ground)) > 90] or [mood.near]
    step = brief.unit * 0.024
    for _ in range(1000):
        x, y = rng.uniform(0, image.width), rng.uniform(0, image.height)
        ink = inks[int(y / image.height * len(inks) * 0.999)]
        points = [(x, y)]
        for _ in range(rng.randint(8, 26)):
            column = min(max(int(x * side / image.width), 0), side - 1)
            row = min(max(int(y * side / image.height), 0), side - 1)
            angle = angles[row * side + column]
            x, y = x + math.cos(angle) * step, y + math.sin(angle) * step
            points.append((x, y))
        width = max(2, int(brief.unit * rng.choice((0.003, 0.005, 0.009))))
        draw.line(points, fill=shade(ink, rng.uniform(-0.2, 0.2)), width=width, joint="curve")
    return halved(image)


def _currents(heights: bytes, side: int) -> list[float]:
    """The direction along the slope at each place: such lines never run into one another."""
    found = []
    for i in range(side * side):
        column, row = i % side, i // side
        across = heights[i + (column < side - 1)] - heights[i - (column > 0)]
        down = heights[i + side * (row < side - 1)] - heights[i - side * (row > 0)]
        found.append(math.atan2(across, -down))
    return found
