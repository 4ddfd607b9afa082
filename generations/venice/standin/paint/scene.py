"""What every scene starts from: its brief, a sky, a sun, boats that stand in water."""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

from .canvas import FLIP, clouds, enlarged, glow, mix, rippled, stars, vertical
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
    image.paste(white, (0, 0), enlarged(veil, (image.width, int(reach * 0.8))))


def sun(image: Image.Image, brief: Brief, at: tuple[float, float], radius: float) -> None:
    """A disc on the doubled canvas with its light around it."""
    glow(image, at, radius * 5, brief.mood.sun, 0.42)
    x, y = at
    ImageDraw.Draw(image).ellipse(
        (x - radius, y - radius, x + radius, y + radius), fill=brief.mood.sun
    )


def halved(image: Image.Image) -> Image.Image:
    return image.reduce(2)


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
