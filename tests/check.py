"""`make check`: lint, format, templates, types, migrations, deployment. Runs all, then judges."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

BIN = Path(sys.executable).parent


def main() -> int:
    failed = [name for name, command in commands().items() if not passes(name, command)]
    print(f"Failed: {', '.join(failed)}" if failed else "All checks passed.")
    return 1 if failed else 0


def commands() -> dict[str, list[str]]:
    templates = [str(path) for path in sorted(Path("templates").rglob("*.html"))]
    manage = [sys.executable, "-W", "error", "manage.py"]
    return {
        "lint": [str(BIN / "ruff"), "check", "."],
        "format": [str(BIN / "ruff"), "format", "--check", "."],
        "templates": [str(BIN / "djade"), "--target-version", "5.2", "--check", *templates],
        "types": [str(BIN / "mypy")],
        "migrations": [*manage, "makemigrations", "--check", "--dry-run"],
        "deployment": [*manage, "check", "--deploy", "--fail-level", "WARNING"],
    }


def passes(name: str, command: list[str]) -> bool:
    print(f"== {name}", flush=True)
    return subprocess.run(command, env={**os.environ, **ENVIRONMENT}).returncode == 0


ENVIRONMENT = {
    "VENICEWEB_DATA": tempfile.mkdtemp(prefix="veniceweb-check-"),
    # As an operator would set it up: TLS ends at one proxy in front.
    "VENICEWEB_URL": "https://studio.example.com",
    "VENICEWEB_PROXIES": "1",
}

if __name__ == "__main__":
    sys.exit(main())
