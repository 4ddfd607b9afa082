"""Blocked terms: whether a text has a word or a phrase that the team does not want.

A word is matched whole and in any case. Between the words of a phrase may stand whatever is no
letter and no digit. Accents, invisible signs and look-alikes of another width change nothing;
letters of another script do, and so do other forms of a word: those are terms of their own.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

MOST_TERMS = 10_000
LONGEST_TERM = 100

# Scripts that put no spaces between words: each sign is a word, so that a term is found inside.
_SIGNS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)
_ACCENTS = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]"
)
# Letters by their category, though nothing is to be seen of them.
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
_ASCII = re.compile("[a-z0-9]+")
# More would be somebody who goes through all of Unicode.
_MOST_KNOWN = 20_000
_END = ""

Trie = dict[str, Any]


def matching_term(text: str, terms: str | Iterable[str]) -> str | None:
    """The term that comes first in the text, as it was written; of two at a place the shorter.

    `terms` is text with one a line, or the terms themselves.
    """
    trie = _trie(terms if isinstance(terms, str) else "\n".join(terms))
    if not trie:
        return None
    return next((found for reading in _readings(text) if (found := _first(reading, trie))), None)


def lines_of(text: str) -> list[str]:
    """The terms of a text with one a line: each once, whatever their case, in their order."""
    lines = (" ".join(line.split()) for line in text.replace("\0", "").splitlines())
    once: dict[tuple[str, ...], str] = {}
    for line in filter(None, lines):
        once.setdefault(tuple(words_of(line)) or (line,), line)
    return list(once.values())


def words_of(text: str) -> list[str]:
    return next(_readings(text))


def _first(words: list[str], trie: Trie) -> str | None:
    for start, word in enumerate(words):
        if word in trie and (term := _at(words, start, trie)):
            return term
    return None


def _at(words: list[str], start: int, trie: Trie) -> str | None:
    for place in range(start, len(words)):
        following = trie.get(words[place])
        if following is None:
            return None
        if _END in following:
            return str(following[_END])
        trie = following
    return None


@lru_cache(maxsize=8)
def _trie(text: str) -> Trie:
    """Word -> what may follow it; a term ends where there is an empty one."""
    root: Trie = {}
    for term in lines_of(text):
        node = root
        for word in words_of(term):
            node = node.setdefault(word, {})
        if node is not root:
            node.setdefault(_END, term)
    return root


# --- words ------------------------------------------------------------------------------------


def _readings(text: str) -> Iterator[list[str]]:
    """The words of a text; of one with invisible signs twice, for they may join or divide."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    if folded.isascii():
        yield _ASCII.findall(folded)
        return
    folded = _ACCENTS.sub("", unicodedata.normalize("NFKD", folded))
    plain = unicodedata.normalize("NFC", folded)
    joined = plain.translate(_JOINING).split()
    yield joined
    divided = plain.translate(_DIVIDING).split()
    if divided != joined:
        yield divided


class _Parts(dict[int, str]):
    """What becomes of each sign: part of a word, a word of its own, nothing, or a space."""

    def __init__(self, invisible: str) -> None:
        self._invisible = invisible

    def __missing__(self, code: int) -> str:
        part = self._of(chr(code))
        if len(self) < _MOST_KNOWN:
            self[code] = part
        return part

    def _of(self, sign: str) -> str:
        category = unicodedata.category(sign)
        if category == "Cf" or sign in _FILLERS:
            return self._invisible
        if _SIGNS.match(sign):
            return f" {sign} "
        return sign if sign.isalnum() or category.startswith("M") else " "


_JOINING, _DIVIDING = _Parts(""), _Parts(" ")
