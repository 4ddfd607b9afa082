"""Blocked terms: whole words and phrases, however they are dressed up."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generations.services.blocked import lines_of, matching_term

FOUND = [
    ("A NUDE figure", "nude"),
    ("nu\u200bde", "nude"),  # invisible signs inside
    ("nude\u200bwoman", "nude"),  # and between
    ("nu\u00adde", "nude"),
    ("n\u0336u\u0336d\u0336e\u0336", "nude"),  # struck through
    ("\uff4e\uff55\uff44\uff45", "nude"),  # full width
    ("\U0001d40d\U0001d414\U0001d403\U0001d404", "nude"),  # bold
    ("nu\u3164de", "nude"),  # a letter that cannot be seen
    ("\u00e9t\u00e9", "ete"),
    ("ete", "\u00e9t\u00e9"),
    ("STRASSE", "stra\u00dfe"),
    ("\u03a3\u0391\u03a3", "\u03c3\u03b1\u03c2"),
    ("\u0130stanbul", "istanbul"),
    ("real person", "Real Person"),
    ("a real--person", "real person"),
    ("real\n \t person", "real person"),
    ("real pe\u00adrson", "real person"),
    ("child's toy", "child"),
    ("\u5f7c\u5973\u306f\u88f8\u4f53\u3067\u3059", "\u88f8\u4f53"),  # no spaces between words
    ("\u0e20\u0e32\u0e1e\u0e42\u0e1b\u0e4a\u0e19", "\u0e42\u0e1b\u0e4a"),
    ("\u0939\u093f\u0928\u094d\u0926\u0940 \u0936\u092c\u094d\u0926", "\u0936\u092c\u094d\u0926"),
    ("blade runner 2049", "2049"),
]
NOT_FOUND = [
    ("nudes", "nude"),  # another form of the word is another term
    ("denuded", "nude"),
    ("realperson", "real person"),
    ("real old person", "real person"),
    ("person real", "real person"),
    ("\u304c", "\u304b"),  # the dots tell two words apart
    ("", "nude"),
    ("anything", "!!!"),
]


@pytest.mark.parametrize(("text", "term"), FOUND)
def test_what_is_meant_is_found(text, term):
    assert matching_term(text, [term]) == term


@pytest.mark.parametrize(("text", "term"), NOT_FOUND)
def test_what_only_resembles_it_is_not(text, term):
    assert matching_term(text, [term]) is None


def test_no_terms_match_nothing():
    assert matching_term("anything", "") is None
    assert matching_term("anything", []) is None


def test_the_first_in_the_text_is_named_as_it_was_written():
    assert matching_term("a red car, then Blood", "blood\nRed  Car\nred car") == "Red Car"
    assert matching_term("dark red car", ["red car", "Red"]) == "Red"


def test_lines_are_kept_once():
    assert lines_of(" Blood \n\nblood\nreal   person\nREAL-PERSON\n\0x") == [
        "Blood",
        "real person",
        "x",
    ]


WORD = st.sampled_from(["a", "b", "ab", "ba", "B", "x1"])
BETWEEN = st.sampled_from([" ", "  ", "-", ", ", "\n", "_", " / "])


@st.composite
def texts(draw):
    words = draw(st.lists(WORD, max_size=12))
    return "".join(word + draw(BETWEEN) for word in words)


def naive(text, term):
    words = re.findall("[a-z0-9]+", term.lower())
    pattern = "[^a-z0-9]+".join(words)
    return re.search(f"(?<![a-z0-9]){pattern}(?![a-z0-9])", text.lower()) is not None


@given(texts(), st.lists(st.lists(WORD, min_size=1, max_size=4).map(" ".join), max_size=5))
def test_it_finds_what_a_naive_matcher_finds(text, terms):
    found = matching_term(text, terms)
    assert (found is not None) == any(naive(text, term) for term in terms)
    assert found is None or naive(text, found)


@given(st.text(max_size=60), st.text(min_size=1, max_size=10))
def test_any_text_is_taken(text, term):
    found = matching_term(f"{text} {term} {text}", [term])
    assert found is None or found in lines_of(term)


def test_ten_thousand_terms_cost_a_few_milliseconds():
    terms = "\n".join(f"word{number} of a phrase" for number in range(10_000))
    prompt = ("word77 of a rather long description, " * 1000)[:32_000]
    matching_term(prompt, terms)
    took = min(_seconds(prompt, terms) for _ in range(5))
    assert took < 0.05  # 4 ms on a quiet machine


def _seconds(prompt, terms):
    begin = time.perf_counter()
    assert matching_term(prompt, terms) is None
    return time.perf_counter() - begin
