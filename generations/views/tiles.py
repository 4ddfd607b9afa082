"""Tiles: the images of a wall, as markup.

Nine tenths of a gallery's time is template work. So the template of a tile is rendered once for
each kind of tile, with marks where an image's own words go, and sixty tiles are sixty
substitutions (a page of 60: 1 ms instead of 8, measured 2026-11).
"""

import re
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from html import escape

from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from generations.models import Image
from generations.views import cards, words

EAGER = 6


@dataclass
class Tile:
    id: str
    href: str
    src: str
    srcset: str
    sizes: str
    width: int
    height: int
    ratio_class: str
    alt: str
    prompt: str
    edge: str
    bytes: int
    is_eager: bool = False
    is_favourite: bool = False
    remix_url: str = ""
    share_url: str = ""
    # Empty in the trash: there it has no tools of its own.
    delete_url: str = ""
    collect_url: str = ""
    icons: str = ""

    @property
    def html(self) -> SafeString:
        """The template filled in."""
        form = _form(self.is_eager, self.is_favourite, bool(self.srcset), bool(self.delete_url))
        values = {name: escape(str(getattr(self, name))) for name in _WORDS}
        return mark_safe(form % values)  # noqa: S308


_WORDS = (
    *("id", "href", "src", "srcset", "sizes", "width", "height", "ratio_class"),
    *("alt", "prompt", "edge", "bytes", "remix_url", "share_url"),
)


@cache
def _form(is_eager: bool, is_favourite: bool, has_srcset: bool, has_tools: bool) -> str:
    """The template of a tile with %(name)s for what differs from one image to the next."""
    blank = {name: f"\x02{name}\x03" for name in _WORDS}
    if not has_srcset:
        blank["srcset"] = ""
    tile = {
        **blank,
        "is_eager": is_eager,
        "is_favourite": is_favourite,
        "collect_url": _address("collection-add"),
        "delete_url": _address("images-delete") if has_tools else "",
        "icons": static("icons.svg"),
    }
    filled = render_to_string("gallery/_tile.html", {"tile": tile}).strip()
    return re.sub("\x02([a-z_]+)\x03", r"%(\1)s", filled.replace("%", "%%"))


@dataclass
class Day:
    label: str
    # All of its images are here, so that their number can be said.
    is_whole: bool = True
    tiles: list[Tile] = field(default_factory=list)


def days(
    images: list[Image],
    favourites: Collection[uuid.UUID],
    *,
    last_label: str = "",
    is_first: bool = True,
    is_last: bool = True,
) -> list[Day]:
    """Tiles under a heading a day; a page that goes on within a day repeats no heading."""
    found: list[Day] = []
    for number, image in enumerate(images):
        label = words.day(image.created_at)
        if not found or found[-1].label != label:
            found.append(Day(label))
        is_favourite = image.pk in favourites
        found[-1].tiles.append(tile(image, is_eager=number < EAGER, is_favourite=is_favourite))
    if found and found[0].label == last_label:
        found[0].label = ""
    if found:
        # Where the page was cut, the rest of the day may be on the next or the last one.
        found[0].is_whole = is_first
        found[-1].is_whole &= is_last
    return found


def tile(image: Image, *, is_eager: bool = False, is_favourite: bool = False) -> Tile:
    made, frame = image.generation, cards.frame(image, image.generation.prompt)
    return Tile(
        id=str(image.pk),
        href=frame.href,
        src=frame.src,
        srcset=frame.srcset,
        sizes=sizes(image),
        width=frame.width,
        height=frame.height,
        ratio_class=frame.ratio_class,
        alt=frame.alt,
        prompt=frame.alt if not image.is_held else words.clip(made.prompt, 120),
        edge=f"{image.user.display_name} · {made.model_name} · {words.money(image.price)}",
        bytes=image.bytes,
        is_eager=is_eager,
        is_favourite=is_favourite,
        remix_url=f"{_address('studio')}?image={image.pk}&use=remix",
        share_url=f"{_address('share-new')}?images={image.pk}",
        collect_url=_address("collection-add"),
        delete_url="" if image.deleted_at else _address("images-delete"),
        icons=static("icons.svg"),
    )


@cache
def _address(name: str) -> str:
    """Looked up once: a page has sixty tiles."""
    return reverse(name)


def sizes(image: Image) -> str:
    """How wide a tile of it gets: its row's height times its ratio, and what rows stretch by."""
    return f"(max-width: 479px) {image.ratio * 165:.0f}px, {image.ratio * 225:.0f}px"
