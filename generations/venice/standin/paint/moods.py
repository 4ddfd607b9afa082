"""Light: what a time of day or a weather does to every colour of a scene."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace

from .canvas import Color, Water, mix, shade


@dataclass(frozen=True, slots=True, kw_only=True)
class Mood:
    """`sky` from zenith to horizon; `far` and `near` the first and last layer of land;
    `accents` colours that go together, for whatever is painted or printed."""

    name: str
    sky: tuple[Color, ...]
    sun: Color
    far: Color
    near: Color
    deep: Color
    light: Color
    accents: tuple[Color, ...]
    is_dark: bool = False
    mist: float = 0.35

    @property
    def haze(self) -> Color:
        return self.sky[-1]

    def water(self, tint: float = 0.34, reach: float = 0.012) -> Water:
        return Water(
            near_shore=mix(self.sky[-1], self.deep, 0.35),
            near_viewer=self.deep,
            glitter=self.light if self.is_dark else mix(self.sky[-1], (255, 255, 255), 0.5),
            tint=tint,
            reach=reach,
        )


def _rgb(*codes: str) -> tuple[Color, ...]:
    return tuple((int(c[:2], 16), int(c[2:4], 16), int(c[4:], 16)) for c in codes)


def _mood(name: str, sky: str, land: str, accents: str, **rest: float | bool) -> Mood:
    """`land`: sun, far, near, deep, light."""
    sun, far, near, deep, light = _rgb(*land.split())
    return Mood(
        name=name,
        sky=_rgb(*sky.split()),
        sun=sun,
        far=far,
        near=near,
        deep=deep,
        light=light,
        accents=_rgb(*accents.split()),
        **rest,  # type: ignore[arg-type]
    )


MOODS = {
    mood.name: mood
    for mood in (
        _mood(
            "dawn",
            "7f9fb4 b9c7c6 ead9c0 f6e3c4",
            "fff3d6 b3b8ae 4c6168 5f8389 ffe2a8",
            "2f5d62 c98d6b f2e3c9 88a99a d9b27c e8cdb5",
            mist=0.55,
        ),
        _mood(
            "noon",
            "3d93c4 7dbfdd b9dfe9 dff0ee",
            "fff8dc 93b9c4 2d5f78 1f6a8c ffe9a8",
            "e2573c f2b23a 1f6f8b f6efe0 5fa071 22405c",
            mist=0.2,
        ),
        _mood(
            "sunset",
            "2e2350 7d3f78 d4687a f6a667 fbd08a",
            "ffe3a3 a9647c 2a1f3d 4a2f5a ffc271",
            "f08a4b 6c2f63 f5d5a0 b94a62 2f2a4f e9b872",
            is_dark=True,
        ),
        _mood(
            "ember",
            "e8604c f28a5c f9b877 fcdca4",
            "fff2c9 c98e62 2f2230 8a4a3f ffdf9a",
            "e2573c f4c06b 3b2b3a f7e7cf 9a4a3a d98b5f",
            mist=0.25,
        ),
        _mood(
            "dusk",
            "1d2345 4a3f73 8d6391 d9a0a0",
            "f7e2d0 7f6d94 1f1f38 2b2c52 ffcf8f",
            "8d6391 e7b7a0 2b2c52 c7cbe2 5f4a7d f1d9b5",
            is_dark=True,
        ),
        _mood(
            "night",
            "070d1f 0f1f3c 1d3a5c 37607a",
            "f3eeda 2a4a66 060b16 0a1830 ffc877",
            "123a5c f0c471 e8ecdf 2d6f83 0b1526 9fb8c4",
            is_dark=True,
            mist=0.2,
        ),
        _mood(
            "fog",
            "a9b3b3 c2c8c6 d8dad6 e4e4df",
            "fbfaf3 bcc3c1 4d5a5e 8d9999 fff0cf",
            "4d5a5e c9b79c e4e4df 7d8f8d a5b1a6 2f3a3e",
            mist=0.75,
        ),
        _mood(
            "autumn",
            "8fa3a6 cbbf9f ecd3a0 f4dcae",
            "fff0c4 c09a68 4a2a22 6f5a3e ffd489",
            "b5482a d98a3a f0d6a0 6b2f2a 7d7a3c 3d2a2c",
            mist=0.45,
        ),
        _mood(
            "neon",
            "0b0620 2a0f4f 6a1b7d d43c9a",
            "ff8ad8 51207a 0a0618 150a38 46f0e0",
            "ff3fa4 23e0dc 6a2cff ffd166 120a2e f7f3ff",
            is_dark=True,
            mist=0.25,
        ),
        _mood(
            "sea",
            "2f7f8c 6db0ac b5d5c5 e9ead2",
            "fffbe2 86aba2 163f48 145a66 ffe7b0",
            "0f4c5c 2a9d8f e9ecd9 e76f51 86c0b5 f0c987",
            mist=0.4,
        ),
        _mood(
            "rose",
            "c58ba0 e2b0ad f3d0c0 fae8d6",
            "fff6e6 c9a0a3 5a3550 8c6280 ffe3c0",
            "7a3b5d e08e8a f6dcc8 b45f77 4a4e69 d9b8a8",
            mist=0.45,
        ),
        _mood(
            "winter",
            "7f9bb5 adc2d2 d6e1e8 eff4f5",
            "ffffff a9bccb 33475c 5c7a94 ffe9bd",
            "33475c 9cb8cc f2f6f7 5f86a3 c9d8e2 b98e6f",
            mist=0.5,
        ),
    )
}

WORDS = {
    "night": r"night|midnight|star\w*|nocturn\w*|moonlit|moonlight|dark",
    "neon": r"neon|cyber\w*|synthwave|vaporwave|hologra\w*|arcade",
    "sunset": r"sunset|last sun|last light|golden hour|evening|sundown",
    "dusk": r"dusk|twilight|blue hour|violet|purple|lavender",
    "dawn": r"dawn|sunrise|early light|morning|first light",
    "fog": r"fog\w*|mist\w*|haze|hazy|ink wash|overcast|rain\w*|grey|gray|silver",
    "autumn": r"autumn|fall leaves|october|november|rust\w*|brick|amber|copper|harvest",
    "ember": r"ember|desert|orange|fire|lava|red|warm|terracotta|mars",
    "winter": r"winter|snow\w*|ice|icy|frost\w*|arctic|cold|glacier",
    "noon": r"noon|midday|sunny|bright|summer|poster|blue sky|bold",
    "rose": r"rose|pink|blush|cherry|spring|pastel|blossom\w*",
    "sea": r"teal|turquoise|green|sea|ocean|underwater|jade|lagoon|deep blues?",
}


COLORS: dict[str, Color] = {
    word: _rgb(code)[0]
    for code, words in {
        "1f7a78": "teal turquoise petrol",
        "b1503a": "brick rust terracotta copper",
        "1d3f78": "blue blues navy indigo cobalt",
        "c8372f": "red crimson scarlet",
        "2f7d55": "green emerald jade",
        "e0b13c": "gold yellow ochre amber mustard",
        "e58234": "orange",
        "6b3f8f": "purple violet plum",
        "d9819b": "pink rose blush",
        "ece3d0": "cream ivory white",
        "23262e": "black charcoal",
        "8a9296": "grey gray silver",
        "7a5a42": "brown walnut",
    }.items()
    for word in words.split()
}


def mood_for(text: str, rng: random.Random) -> Mood:
    """The first mood that a word asks for, else one by chance of the prompt's own hash."""
    for name, words in WORDS.items():
        if re.search(rf"\b(?:{words})\b", text):
            return tinted(MOODS[name], text)
    return tinted(MOODS[rng.choice(sorted(MOODS.keys() - {"neon"}))], text)


def tinted(mood: Mood, text: str) -> Mood:
    """The mood with accents made of the colours that the prompt names, if it names any."""
    named = [COLORS[word] for word in re.findall(r"[a-z]+", text) if word in COLORS]
    if not named:
        return mood
    tones = [shade(color, light) for light in (0.0, 0.45, -0.4, 0.75) for color in named[:3]]
    return replace(mood, accents=(*tones, *mood.accents)[:6])
