"""README, .env.example and CONTRIBUTING tell the truth about variables, commands and paths."""

import re
import subprocess

import pytest
import yaml
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


PAGES = ["README.md", "CONTRIBUTING.md", "benchmarks/README.md"]
DOCS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))
# What only Compose reads, and what Docker and the libraries name.
FOREIGN = {
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "POSTGRES_PASSWORD", "WORKER_GRACE"),
    *("STORE", "LONG"),
}


@pytest.mark.parametrize("page", PAGES + DOCS)
def test_paths_that_are_named_exist(page):
    text = (ROOT / page).read_text()
    named = re.findall(
        r"`((?:generations|veniceweb|templates|tests|benchmarks|static|docker)/[\w./-]*)`", text
    )
    named += re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", text)
    for path in named:
        # docker/.env is the operator's own.
        exists = (ROOT / path).exists() or (ROOT / page).parent.joinpath(path).exists()
        assert exists or path == "docker/.env", path


@pytest.mark.parametrize("page", ["README.md", *DOCS])
def test_commands_that_are_named_exist(page):
    text = (ROOT / page).read_text()
    entrypoint = re.findall(r"^  (\w+)\)", (ROOT / "docker/entrypoint.sh").read_text(), re.M)
    known = set(get_commands())
    assert set(re.findall(r"manage\.py (\w+)", text)) <= known
    assert set(re.findall(r"entrypoint\.sh (\w+)", text)) <= known | set(entrypoint)
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.search(r"^\.PHONY: (.+)$", makefile, re.M)[1].split())
    assert set(re.findall(r"(?:^    |`)make (\w+)", text, re.M)) <= targets
    for script in re.findall(r"(?:^    |`)(?:[A-Z_]+=\S+ +)*(docker/\w+\.sh)", text, re.M):
        assert (ROOT / script).stat().st_mode & 0o111, script


@pytest.mark.parametrize("page", DOCS)
def test_variables_that_are_named_exist(page):
    text = (ROOT / page).read_text()
    named = {name.removesuffix("_FILE") for name in re.findall(r"`([A-Z][A-Z_]{3,})\b", text)}
    named |= set(re.findall(r"\b(VENICE\w*_[A-Z_]+)\b", text))
    assert named - {"NAME", "FILE", "DELETE", "HEAD", "POST"} <= set(env.VARIABLES) | FOREIGN


@pytest.mark.parametrize("page", DOCS)
def test_services_that_are_named_are_in_compose(page):
    services = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]
    text = (ROOT / page).read_text()
    verbs = r"(?:studio|docker/compose\.yaml) (?:exec|logs|restart)((?: +-\S+(?: \d+)?)*) +"
    for options, name in re.findall(verbs + r"(\w+)", text):
        assert name in services, (options, name)


def test_the_pictures_are_small():
    pictures = list((ROOT / "docs/images").iterdir())
    assert pictures
    for picture in pictures:
        assert picture.stat().st_size < 150_000, picture.name


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
