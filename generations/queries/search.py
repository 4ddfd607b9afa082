"""Finding images by words: FTS5 on SQLite, a tsvector with GIN on PostgreSQL, one meaning.

Newest first and without ranking: an image's text has an id that grows with the image's age, so
that rare and common words are both a short read (ranking a common word reads all that has it).
"""

from collections.abc import Iterable, Sequence
from itertools import chain

from django.db import connection
from django.db.models import F, QuerySet

from generations.models import Image, User
from generations.queries.text import EVERY, Clause, clauses, facet, tokens


def found_by(rows: QuerySet[Image], text: str, facets: Iterable[str] = ()) -> QuerySet[Image]:
    """The rows that hold every clause of the text and every facet, with their `text_place`.

    A word is also found as the name of the one who made the image. The order is to be set by
    "-text_place". Without any clause or facet these are all rows.
    """
    given = clauses(text)
    people = _people(given)
    language = _FTS5 if connection.vendor == "sqlite" else _TSQUERY
    words = [(clause.is_not, language.clause(clause, people.get(clause, ()))) for clause in given]
    return _matching(rows, language.all_of(words, list(facets)))


def _matching(rows: QuerySet[Image], expression: str) -> QuerySet[Image]:
    if connection.vendor == "sqlite":
        rows = rows.filter(text__match__words__match=expression)
        return rows.annotate(text_place=F("text__match__text"))
    return rows.filter(text__body__match=expression).annotate(text_place=F("text__id"))


def _people(given: Sequence[Clause]) -> dict[Clause, list[str]]:
    """Clause -> the facets of the people whose name has that word."""
    single = [clause for clause in given if len(clause.words) == 1]
    if not single:
        return {}
    found: dict[Clause, list[str]] = {}
    for pk, name in User.objects.values_list("pk", "name"):
        names = tokens(name)
        for clause in single:
            if any(_is_meant(clause, name) for name in names):
                found.setdefault(clause, []).append(facet("u", pk))
    return found


def _is_meant(clause: Clause, word: str) -> bool:
    return word.startswith(clause.words[0]) if clause.is_prefix else word == clause.words[0]


class _FTS5:
    """https://sqlite.org/fts5.html#full_text_query_syntax. Our words need no escape."""

    @staticmethod
    def clause(clause: Clause, people: Sequence[str]) -> str:
        phrase = f'"{" ".join(clause.words)}"' + (" *" if clause.is_prefix else "")
        return f"({' OR '.join(chain([phrase], people))})"

    @staticmethod
    def all_of(words: Sequence[tuple[bool, str]], facets: Sequence[str]) -> str:
        wanted = [*(text for is_not, text in words if not is_not), *facets] or [EVERY]
        unwanted = [text for is_not, text in words if is_not]
        expression = " AND ".join(wanted)
        return f"({expression}) NOT ({' OR '.join(unwanted)})" if unwanted else expression


class _TSQUERY:
    """https://www.postgresql.org/docs/15/datatype-textsearch.html#DATATYPE-TSQUERY"""

    @staticmethod
    def clause(clause: Clause, people: Sequence[str]) -> str:
        phrase = " <-> ".join(clause.words) + (":*" if clause.is_prefix else "")
        return f"({' | '.join(chain([f'({phrase})'], people))})"

    @staticmethod
    def all_of(words: Sequence[tuple[bool, str]], facets: Sequence[str]) -> str:
        parts = [f"!{text}" if is_not else text for is_not, text in words]
        return " & ".join([*parts, *facets]) or EVERY
