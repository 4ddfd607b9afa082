"""Brushes: gradients, glows, smooth noise, reflections, grain.

Hard shapes are drawn at twice the size and reduced, which is Pillow's cheapest anti-aliasing;
soft things are made small and enlarged. No NumPy: it is no dependency of ours.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter

Color = tuple[int, int, int]
Point = tuple[float, float]
BICUBIC = Image.Resampling.BICUBIC
NEAREST = Image.Resampling.NEAREST
FLIP = Image.Transpose.FLIP_TOP_BOTTOM


def mix(a: Color, b: Color, share: float) -> Color:
    """`a` with `share` (0 to 1) of `b`."""
    t = min(max(share, 0.0), 1.0)
    return (
        round(a[0] + (b[0] - a[0]) * t),
        round(a[1] + (b[1] - a[1]) * t),
        round(a[2] + (b[2] - a[2]) * t),
    )


def shade(color: Color, amount: float) -> Color:
    """Lighter for a positive amount, darker for a negative one (-1 to 1)."""
    return mix(color, (255, 252, 244) if amount > 0 else (8, 8, 16), abs(amount))


def ramp(stops: Sequence[Color], share: float) -> Color:
    """The colour at `share` (0 to 1) of the way through evenly spaced stops."""
    place = min(max(share, 0.0), 1.0) * (len(stops) - 1)
    index = min(int(place), len(stops) - 2)
    return mix(stops[index], stops[index + 1], place - index)


def vertical(size: tuple[int, int], stops: Sequence[Color]) -> Image.Image:
    strip = Image.new("RGB", (1, 256))
    strip.putdata([ramp(stops, i / 255) for i in range(256)])
    return strip.resize(size, NEAREST)  # 256 steps are all that 8 bits hold


def colored(values: Image.Image, stops: Sequence[Color]) -> Image.Image:
    """A grey image with its values mapped through a ramp of colours."""
    indexed = values.copy()
    indexed.putpalette([part for i in range(256) for part in ramp(stops, i / 255)])
    return indexed.convert("RGB")


def falloff(size: tuple[int, int], power: float = 2.0, strength: float = 1.0) -> Image.Image:
    """A round spot, bright in the middle, as a mask."""
    table = [round(255 * strength * max(0.0, 1 - i / 181) ** power) for i in range(256)]
    return enlarged(Image.radial_gradient("L").point(table), size)


def enlarged(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Something soft at a larger size. The last factor of three is done without smoothing, which
    nobody sees on a doubled canvas and which takes a tenth of the time."""
    if size[0] * size[1] < 500_000:
        return image.resize(size, BICUBIC)
    third = (max(1, size[0] // 3), max(1, size[1] // 3))
    return image.resize(third, BICUBIC).resize(size, NEAREST)


def glow(image: Image.Image, at: Point, radius: float, color: Color, strength: float = 0.6) -> None:
    side = max(2, int(radius * 2))
    mask = falloff((side, side), 2.2, strength)
    image.paste(color, (int(at[0] - radius), int(at[1] - radius)), mask)


def haze(image: Image.Image, top: float, bottom: float, color: Color, strength: float) -> None:
    """A veil that thickens from `top` down to `bottom` (pixels)."""
    height = max(1, int(bottom - top))
    ramp_mask = Image.linear_gradient("L").point([round(i * strength) for i in range(256)])
    image.paste(color, (0, int(top)), ramp_mask.resize((image.width, height), NEAREST))


def noise(rng: random.Random, size: tuple[int, int], cells: tuple[int, int]) -> Image.Image:
    """Smooth grey noise with about `cells` bumps across and down."""
    small = Image.frombytes("L", cells, rng.randbytes(cells[0] * cells[1]))
    return small.resize(size, BICUBIC)


def clouds(rng: random.Random, size: tuple[int, int], cells: tuple[int, int]) -> Image.Image:
    """Four octaves of noise, contrast restored."""
    found = noise(rng, size, cells)
    for octave, share in ((2, 0.42), (4, 0.3), (8, 0.2)):
        finer = noise(rng, size, (cells[0] * octave, cells[1] * octave))
        found = Image.blend(found, finer, share)
    return found.point([min(255, max(0, round((i - 128) * 1.9 + 128))) for i in range(256)])


def warped(image: Image.Image, rng: random.Random, reach: float, cells: int = 14) -> Image.Image:
    """The image pulled about by a smooth field, at most `reach` pixels at any point."""
    width, height = image.size
    cells = max(1, min(cells, width // 2, height // 2))
    side = cells + 1
    fields = [noise(rng, (side, side), (5, 5)).tobytes() for _ in range(2)]

    def source(column: int, row: int) -> Point:
        at = row * side + column
        pull_x, pull_y = (fields[0][at] / 127.5 - 1) * reach, (fields[1][at] / 127.5 - 1) * reach
        x, y = column * width / cells + pull_x, row * height / cells + pull_y
        return min(max(x, 0), width - 1), min(max(y, 0), height - 1)

    corners = [[source(column, row) for row in range(side)] for column in range(side)]
    return image.transform(
        image.size, Image.Transform.MESH, _mesh(corners, width, height), Image.Resampling.BILINEAR
    )


def _mesh(
    corners: list[list[Point]], width: int, height: int
) -> list[tuple[tuple[int, int, int, int], tuple[float, ...]]]:
    """Pillow's mesh: for each cell of a grid, the four places that its corners come from."""
    cells = len(corners) - 1
    xs = [i * width // cells for i in range(cells + 1)]
    ys = [j * height // cells for j in range(cells + 1)]
    return [
        (
            (xs[i], ys[j], xs[i + 1], ys[j + 1]),
            (*corners[i][j], *corners[i][j + 1], *corners[i + 1][j + 1], *corners[i + 1][j]),
        )
        for i in range(cells)
        for j in range(cells)
    ]


def rippled(image: Image.Image, rng: random.Random, reach: float) -> Image.Image:
    """Rows shifted sideways as on moving water, more the further down."""
    width, height = image.size
    pad = max(2, int(reach) + 1)
    wide = image.resize((width + 2 * pad, height), Image.Resampling.BILINEAR)
    mesh, y, step = [], 0, 2
    phase = rng.uniform(0, 6.28)
    while y < height:
        depth = y / height
        bottom = min(height, y + step)
        sway = math.sin(phase + 34 * depth**0.6) * 0.7 + rng.uniform(-0.5, 0.5)
        x = pad + sway * reach * (0.15 + 0.85 * depth)
        x = min(max(x, 0), 2 * pad)
        mesh.append(((0, y, width, bottom), (x, y, x, bottom, x + width, bottom, x + width, y)))
        y, step = bottom, 2 + int(depth * height / 70)
    return wide.transform(image.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Water:
    """How a water surface looks: two tints from shore to viewer, and what glitters."""

    near_shore: Color
    near_viewer: Color
    glitter: Color
    tint: float = 0.38
    reach: float = 0.012


def reflect(image: Image.Image, horizon: int, rng: random.Random, water: Water) -> None:
    """Turn everything below `horizon` into water that mirrors what stands above it."""
    width, height = image.size
    depth = height - horizon
    above = image.crop((0, max(0, horizon - int(depth * 1.15)), width, horizon)).transpose(FLIP)
    mirrored = rippled(above.resize((width, depth)), rng, width * water.reach)
    surface = vertical((width, depth), [water.near_shore, water.near_viewer])
    image.paste(Image.blend(mirrored, surface, water.tint), (0, horizon))
    glints(image, horizon, rng, water.glitter)


def glints(image: Image.Image, horizon: int, rng: random.Random, color: Color) -> None:
    """Short level strokes of light, longer and sparser towards the viewer."""
    width, height = image.size
    mask = Image.new("L", image.size)
    draw = ImageDraw.Draw(mask)
    for _ in range(90):
        depth = rng.random() ** 1.6
        y = horizon + 3 + depth * (height - horizon - 4)
        x, half = rng.uniform(0, width), width * rng.uniform(0.006, 0.03) * (0.4 + depth)
        thick = 1 + int(depth * height / 420)
        draw.ellipse((x - half, y - thick, x + half, y + thick), fill=rng.randint(12, 70))
    image.paste(color, (0, 0), mask)


def stars(image: Image.Image, rng: random.Random, bottom: float, count: int = 140) -> None:
    """Drawn on the doubled canvas, so that a star is half a pixel to two."""
    draw = ImageDraw.Draw(image)
    for _ in range(count):
        x, y = rng.uniform(0, image.width), rng.uniform(0, bottom) * rng.uniform(0.3, 1)
        size = rng.choice((0.6, 0.8, 1.0, 1.6))
        light = rng.randint(120, 235)
        draw.ellipse(
            (x - size, y - size, x + size, y + size), fill=(light, light, min(255, light + 16))
        )


def grain(image: Image.Image, rng: random.Random, amount: float) -> Image.Image:
    """Fine noise of ± `amount` values: it breaks the bands of smooth gradients."""
    tile = Image.frombytes("L", (256, 256), rng.randbytes(65536))
    tile = tile.point([round(128 + (i - 127.5) / 127.5 * amount) for i in range(256)])
    sheet = Image.new("L", image.size)
    for x in range(0, image.width, 256):
        for y in range(0, image.height, 256):
            sheet.paste(tile, (x, y))
    return ImageChops.add(image, Image.merge("RGB", (sheet, sheet, sheet)), 1, -128)


def vignette(image: Image.Image, strength: float) -> None:
    table = [round(255 * strength * max(0.0, i / 255 - 0.35) ** 2) for i in range(256)]
    mask = Image.radial_gradient("L").point(table).resize(image.size, Image.Resampling.BILINEAR)
    image.paste((6, 6, 14), (0, 0), mask)


def soft_shadow(mask: Image.Image, size: tuple[int, int], blur: float) -> Image.Image:
    """A mask blurred at an eighth of the size, where blurring is nearly free."""
    small = mask.resize((max(8, size[0] // 8), max(8, size[1] // 8)), Image.Resampling.BOX)
    return small.filter(ImageFilter.GaussianBlur(blur / 8)).resize(size, Image.Resampling.BILINEAR)
