"""README, .env.example and CONTRIBUTING tell the truth about variables, commands and paths."""

import re
import subprocess

import pytest
from django.core.management import get_commands

from tests.test_layers import ROOT
from veniceweb import env

README = (ROOT / "README.md").read_text()


def test_the_readme_names_every_variable_and_no_other():
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.M))
    assert table == set(env.VARIABLES)


def test_the_example_names_every_variable_and_no_other():
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^#?([A-Z_]+)=", example, re.M)) == set(env.VARIABLES)


def test_every_variable_that_is_read_is_declared():
    source = (ROOT / "veniceweb/env.py").read_text()
    read = set(re.findall(r'env, "([A-Z_]+)"', source)) | set(
        re.findall(r'name = "([A-Z_]+)"', source)
    )
    # VENICEWEB_EMBEDDED is how `up` tells its children.
    assert read - {"VENICEWEB_EMBEDDED", "VENICEWEB_STANDIN"} == set(env.VARIABLES)


def test_the_readme_names_every_command_and_no_other():
    named = set(re.findall(r"^\| `manage\.py (\w+)", README, re.M))
    ours = {name for name, app in get_commands().items() if app == "generations"}
    assert named == ours


def test_the_readme_names_every_target_of_make():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.search(r"^\.PHONY: (.+)$", makefile, re.M)[1].split())
    assert set(re.findall(r"^\| `make (\w+)", README, re.M)) == targets - {"lock"}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "benchmarks/README.md"])
def test_paths_that_are_named_exist(page):
    text = (ROOT / page).read_text()
    named = re.findall(
        r"`((?:generations|veniceweb|templates|tests|benchmarks|static)/[\w./-]*)`", text
    )
    named += re.findall(r"\]\(([\w./-]+)\)", text)
    for path in named:
        assert (ROOT / path).exists() or (ROOT / page).parent.joinpath(path).exists(), path


def test_every_marker_of_the_readme_is_one_of_the_standin():
    from generations.venice.standin import describe_markers

    known = set(re.findall(r"\[\[([a-z0-9-]+)", describe_markers()))
    assert set(re.findall(r"\[\[([a-z0-9-]+)", README)) <= known | {"once"}


def test_the_locks_are_of_this_project():
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text
        names = set(re.findall(r"^([a-z0-9-]+)==", text, re.M))
        project = (ROOT / "pyproject.toml").read_text().split("[dependency-groups]")[0]
        wanted = set(re.findall(r'^    "([a-z0-9-]+)', project, re.M))
        assert wanted <= names


def test_the_version_is_one(settings):
    assert f'\nversion = "{settings.VERSION}"\n' in (ROOT / "pyproject.toml").read_text()
    minor = settings.VERSION.rpartition(".")[0]
    assert re.search(rf"^\| {re.escape(minor)} \|", README, re.M)


def test_nothing_of_the_machine_is_committed():
    found = subprocess.run(
        ["git", "grep", "-lE", r"/work/(shared|main)|\.library|files\.pythonhosted"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert [path for path in found if path != "tests/test_docs.py"] == []
