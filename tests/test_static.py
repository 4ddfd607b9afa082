"""The floors of what a page loads: sizes, no third party, nothing inline."""

import json
import re
from pathlib import Path

import brotli
import django_htmx
import pytest
from django.core.management import call_command

from tests.test_layers import ROOT
from veniceweb.static import SMALLER

HTMX = Path(django_htmx.__file__).parent / "static/django_htmx/htmx-2.min.js"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def packed(*paths):
    """Bytes as they are sent to a browser that takes Brotli."""
    return sum(
        len(brotli.compress(SMALLER[path.suffix](path.read_text()).encode())) for path in paths
    )


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


def test_what_is_collected_is_small(tmp_path, settings):
    """What the floors above count is what browsers get."""
    settings.STATIC_ROOT = str(tmp_path)
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "veniceweb.static.SmallStorage"},
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    named = json.loads((tmp_path / "staticfiles.json").read_text())["paths"]
    for name in ("css/base.css", "js/app.js"):
        source = ROOT / "static" / name
        collected = (tmp_path / named[name]).read_text()
        assert len(collected) <= len(SMALLER[source.suffix](source.read_text())) + 200
        assert len(collected) < source.stat().st_size


@pytest.mark.parametrize("name", ["base", "pages"])
def test_what_is_meant_inside_something_stays_inside(name):
    """`.field :is(input)` is not `.field:is(input)`."""
    source = (ROOT / f"static/css/{name}.css").read_text()
    inside = re.findall(r"(?<=[\w)\]]) (:(?:is|not|nth-child|first-child|last-child)\b)", source)
    small = SMALLER[".css"](source)
    assert (
        len(re.findall(r"(?<=[\w)\]]) \*:(?:is|not|nth-child|first-child|last-child)\b", small))
        == len(inside)
        > 5
    )
