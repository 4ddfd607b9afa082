"""Words: of a text that is to be found, and of what somebody typed to find it.

Both databases see the same words, for they are cut and folded here: without case and accents, in
ASCII, each with a letter before it, so that no parser of theirs has anything left to decide.
Chinese and Japanese signs are words of their own: these scripts put no spaces between words.
"""

import hashlib
import re
import unicodedata
import uuid
from collections.abc import Container, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

# Between two fields: a quoted phrase does not reach from one into the next.
_GAP = "zz"
# Stands in every text: what somebody does not want must be taken away from something.
EVERY = "yy"
_LONGEST = 50
_MOST_CLAUSES = 20

# Accents of letters. Not all marks: the dots of か and が tell two words apart.
_ACCENTS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]")
_SIGN = "\u2e80-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_SIGNS = re.compile(f"[{_SIGN}]")
_ASCII = re.compile("[a-z0-9]+")


def words_of(text: str) -> list[str]:
    """The words as they were typed, for a search without an index."""
    # PostgreSQL takes no NUL in a text, and nobody means one.
    return text.replace("\0", " ").split()[:10]


def tokens(text: str) -> list[str]:
    """The words of a text as an index keeps them."""
    folded = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    if folded.isascii():
        return [f"w{word[:_LONGEST]}" for word in _ASCII.findall(folded)]
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFKD", folded.casefold()))
    spaced = "".join(char if _is_part(char) else " " for char in plain)
    spaced = _SIGNS.sub(lambda sign: f" {sign[0]} ", spaced)
    return [f"w{_in_ascii(word)}" for word in spaced.split()]


def _is_part(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char).startswith("M")


def _in_ascii(word: str) -> str:
    parts = (char if char.isascii() else f"x{ord(char):05x}" for char in word[:_LONGEST])
    return "".join(parts)


@lru_cache(4096)
def facet(kind: str, value: Hashable) -> str:
    """The word for "this image's `kind` is `value`"; `kind` is a letter, not w, y or z."""
    return kind + hashlib.blake2s(str(value).encode(), digest_size=6).hexdigest()


def body_of(image: Any, *, tags: Sequence[str] | None = None) -> str:
    """The text that an image is found by: its words field by field, then its facets.

    The image has its generation with it, and its tags unless they are said; a migration's model
    will also do.
    """
    made = image.generation
    tags = [tag.name for tag in image.tags.all()] if tags is None else tags
    seed = "" if image.seed is None else str(abs(image.seed))
    texts = [made.prompt, made.negative_prompt, *tags, image.note, made.model_name, made.model]
    parts = [" ".join(words) for text in [*texts, seed] if (words := tokens(text))]
    return f" {_GAP} ".join([*parts, " ".join([*facets_of(image, tags), EVERY])])


def facets_of(image: Any, tags: Iterable[str]) -> list[str]:
    """What a filter can ask for in one read together with words, or two of them together."""
    return [
        facet("u", image.user_id),
        facet("m", image.model),
        facet("s", image.style),
        facet("f", image.shape),
        facet("a", image.aspect_ratio),
        facet("h", image.has_parent),
        *(facet("r", least) for least in range(1, (image.rating or 0) + 1)),
        *(facet("t", tag) for tag in tags),
    ]


# --- the place of an image --------------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def place_of(created_at: datetime, pk: uuid.UUID) -> int:
    """Microseconds, then ten bits of the id: newer images have higher places. Fits until 2255."""
    return place_at(created_at) + (pk.int >> 118)


def place_at(moment: datetime) -> int:
    """The first place of a moment."""
    return (moment - _EPOCH) // timedelta(microseconds=1) << 10


def places(images: Iterable[Any], taken: Container[int]) -> dict[uuid.UUID, int]:
    """Image -> its place; the next free one where two images came in the same microsecond."""
    found: dict[uuid.UUID, int] = {}
    given: set[int] = set()
    for image in images:
        place = place_of(image.created_at, image.pk)
        while place in taken or place in given:
            place += 1
        given.add(place)
        found[image.pk] = place
    return found


# --- what somebody typed ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clause:
    """Words that stand one after the other; the last may be a beginning."""

    words: tuple[str, ...]
    is_not: bool = False
    is_prefix: bool = False


_CLAUSE = re.compile(r'(?<!\S)(-?)(?:"([^"]*)"(?!\S)|(\S+))')


def clauses(text: str) -> list[Clause]:
    """`word`, `"a phrase"`, `-not`, `begin*`; everything else is text."""
    found: list[Clause] = []
    for minus, phrase, word in _CLAUSE.findall(text.replace("\0", " ")):
        words = tuple(tokens(phrase or word))
        if words and len(found) < _MOST_CLAUSES:
            # A beginning of one letter is nearly everything.
            is_prefix = word.endswith("*") and len(words[-1]) > 2
            found.append(Clause(words[:30], is_not=bool(minus), is_prefix=is_prefix))
    return found
