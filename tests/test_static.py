"""The floors of what a page loads: sizes, no third party, nothing inline."""

import re
from pathlib import Path

import brotli
import django_htmx
import pytest

from tests.test_layers import ROOT

HTMX = Path(django_htmx.__file__).parent / "static/django_htmx/htmx-2.min.js"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def packed(*paths):
    """Bytes as whitenoise sends them to a browser that takes Brotli."""
    return sum(len(brotli.compress(path.read_bytes())) for path in paths)


def test_all_styles_are_small():
    assert packed(*(ROOT / "static/css").glob("*.css")) <= 14_000


def test_all_scripts_are_small():
    assert packed(HTMX, *(ROOT / "static/js").glob("*.js")) <= 28_000


def test_nothing_comes_from_elsewhere():
    for path in [*(ROOT / "static").rglob("*.*"), *TEMPLATES]:
        found = re.findall(r"https?://[^\s\"'<)]+", path.read_text())
        assert [url for url in found if not url.startswith("http://www.w3.org/")] == [], path


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_nothing_is_inline(path):
    text = path.read_text()
    assert not re.search(
        r'\sstyle="|\son[a-z]+="|hx-on|\bjs:|\|\s*safe\b|<style|autoescape off', text
    )
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
