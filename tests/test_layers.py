"""The import direction of CONTRIBUTING.md, and the one door to each library."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("generations", "veniceweb")

# layer -> what of ours it may import, by the beginning of the dotted name.
MAY: dict[str, tuple[str, ...]] = {
    "generations/venice": ("generations.venice",),
    "generations/crypto.py": (),
    "generations/webhook_client.py": ("generations.venice.cutoff",),
    "generations/models": ("generations.models", "generations.crypto"),
    "generations/queries": (
        "generations.queries",
        "generations.models",
        "generations.venice",
        "generations.crypto",
    ),
    "generations/services": (
        "generations.services",
        "generations.models",
        "generations.venice",
        "generations.crypto",
        "generations.webhook_client",
        "generations.queries",
        "generations.tasks",
    ),
    "generations/tasks.py": ("generations.services", "generations.venice.errors"),
    "generations/forms.py": ("generations.services", "generations.models", "generations.queries"),
    "generations/views": (
        "generations.views",
        "generations.services",
        "generations.models",
        "generations.queries",
        "generations.forms",
        "generations.venice.errors",
    ),
    "generations/api": (
        "generations.api",
        "generations.services",
        "generations.models",
        "generations.queries",
        "generations.venice.errors",
    ),
    "generations/admin.py": ("generations.services", "generations.models", "generations.queries"),
    "generations/management": (
        "generations.management",
        "generations.services",
        "generations.models",
        "generations.queries",
        "generations.venice.errors",
        "generations.venice.standin",
    ),
    "generations/urls.py": ("generations.views", "generations.api"),
    "generations/checks.py": ("generations.crypto",),
    "generations/apps.py": ("generations.checks", "generations.views.entrance"),
    "veniceweb": ("veniceweb",),
}
# library -> the only files that may import it.
DOORS: dict[str, tuple[str, ...]] = {
    # Venice, and addresses that people name: the second has rules of its own.
    "httpx": ("generations/venice/", "generations/webhook_client.py"),
    "PIL": ("generations/services/pixels.py", "generations/venice/standin/"),
    "cryptography": ("generations/crypto.py", "veniceweb/env.py"),
    "environ": ("veniceweb/env.py",),
    "boto3": ("veniceweb/object_storage.py",),
    "botocore": ("veniceweb/object_storage.py",),
    "prometheus_client": ("generations/views/metrics.py",),
}


def sources() -> list[Path]:
    found = [*ROOT.glob("generations/**/*.py"), *ROOT.glob("veniceweb/*.py")]
    return [path for path in found if "migrations" not in path.parts]


def imports(path: Path) -> set[str]:
    """Every dotted name that the file imports, relative ones resolved."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def layer(path: Path) -> str | None:
    return next((name for name in MAY if relative(path).startswith(name)), None)


@pytest.mark.parametrize("path", sources(), ids=relative)
def test_a_file_imports_only_what_its_layer_may(path):
    name = layer(path)
    ours = {n for n in imports(path) if n.split(".")[0] in OURS}
    if name is None:
        assert relative(path) == "generations/__init__.py"
        return
    allowed = MAY[name]
    wrong = {n for n in ours if not any(n == a or n.startswith(f"{a}.") for a in allowed)}
    assert not wrong


@pytest.mark.parametrize("library", DOORS)
def test_a_library_has_one_door(library):
    doors = DOORS[library]
    inside = [relative(p) for p in sources() if any(_is(n, library) for n in imports(p))]
    assert inside
    assert [path for path in inside if not path.startswith(doors)] == []


def test_the_environment_is_read_in_one_place():
    readers = [relative(p) for p in sources() if "os.environ" in imports_and_names(p)]
    # asgi.py and celery.py name the settings module, as Django and Celery ask for.
    assert set(readers) == {"veniceweb/env.py", "veniceweb/asgi.py", "veniceweb/celery.py"}


def imports_and_names(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


def test_venice_knows_no_django():
    for path in (ROOT / "generations/venice").rglob("*.py"):
        assert not any(_is(name, "django") for name in imports(path))


def test_there_is_no_attic():
    names = {path.stem for path in sources()}
    assert not names & {"utils", "helpers", "common", "core", "misc"}


def _is(name: str, library: str) -> bool:
    return name == library or name.startswith(f"{library}.")
