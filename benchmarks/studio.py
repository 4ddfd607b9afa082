"""Server time of the studio page and of a model switch with 60 models and 76 styles.

In this process, through Django's test client: template, view and database, no network.
Run: .venv/bin/python benchmarks/studio.py
"""

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("VENICEWEB_DATA", tempfile.mkdtemp(prefix="veniceweb-bench-"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "veniceweb.settings")
os.environ.setdefault("VENICEWEB_DEMO", "1")

import django

django.setup()

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from generations.models import Generation, StylePreset, User, VeniceModel

MODELS, STYLES, JOBS, ROUNDS = 60, 76, 24, 200
FLOOR_MS, FLOOR_QUERIES = 50, 12


def main() -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    call_command("migrate", verbosity=0)
    client = Client()
    client.force_login(stock(), backend=settings.AUTHENTICATION_BACKENDS[0])
    swap = "/composer/?model=model-7&aspect_ratio=16:9&steps=4&style_preset=Style 3"
    print(f"{'page':<16}{'p50 ms':>8}{'p95 ms':>8}{'queries':>9}   floor {FLOOR_MS} ms, 12 queries")
    for name, path, headers in (
        ("studio", "/", {}),
        ("model switch", swap, {"HX-Request": "true"}),
    ):
        times, queries = measure(client, path, headers)
        print(f"{name:<16}{times[ROUNDS // 2]:>8.1f}{times[ROUNDS * 95 // 100]:>8.1f}{queries:>9}")


def stock() -> User:
    now = timezone.now()
    for number in range(MODELS):
        spec = {
            "name": f"Model {number}",
            "privacy": "private",
            "pricing": {"resolutions": {t: {"usd": 0.1} for t in ("1K", "2K", "4K")}},
            "constraints": {
                "promptCharacterLimit": 7500,
                "aspectRatios": ["1:1", "3:2", "16:9", "9:16", "21:9", "4:5", "2:3", "3:4"],
                "defaultAspectRatio": "1:1",
                "resolutions": ["1K", "2K", "4K"],
                "defaultResolution": "1K",
                "steps": {"default": 8, "max": 30},
            },
        }
        VeniceModel.objects.create(
            id=f"model-{number}", name=f"Model {number}", spec=spec, last_seen_at=now
        )
    StylePreset.objects.bulk_create(StylePreset(name=f"Style {n}") for n in range(STYLES))
    user = User.objects.create_user("bench@example.com", None)
    for number in range(JOBS):
        Generation.objects.create(
            user=user, model="model-1", model_name="Model 1", prompt=f"Prompt {number}", seed=1
        )
    return user


def measure(client: Client, path: str, headers: dict[str, str]) -> tuple[list[float], int]:
    with CaptureQueriesContext(connection) as found:
        assert client.get(path, headers=headers).status_code == 200
    queries, times = len(found), []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        client.get(path, headers=headers)
        times.append((time.perf_counter() - start) * 1000)
    return sorted(times), queries


if __name__ == "__main__":
    main()
