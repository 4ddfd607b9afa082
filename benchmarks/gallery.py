"""Server time of the gallery among 1,000, 100,000 and 1,000,000 images, on both databases.

In a process of its own for each, through Django's test client: template, view and database, no
network. Run: .venv/bin/python benchmarks/gallery.py [--sizes 1000 …] [--only sqlite]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SIZES = (1_000, 100_000, 1_000_000)
GOAL, FLOOR, FLOOR_RATIO = 8, 50, 1.3
POSTGRES = "postgres://postgres@127.0.0.1:5432/"
Figures = dict[str, dict[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--keep", type=Path, help="build here, or measure what was built here")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--inside", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(inside(given.inside, given.rounds)))
        return
    from measure import machine

    print(machine())
    for vendor in (given.only,) if given.only else ("sqlite", "postgresql"):
        found = {size: outside(vendor, size, given.rounds, given.keep) for size in given.sizes}
        say(vendor, found)


def outside(vendor: str, size: int, rounds: int, keep: Path | None) -> Figures:
    """Build and measure in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="veniceweb-benchmark-") as name:
        folder = keep / f"{vendor}-{size}" if keep else Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        env = {
            **{key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ},
            "VENICEWEB_DATA": str(folder),
            "VENICEWEB_DEMO": "1",
            "DJANGO_SETTINGS_MODULE": "veniceweb.settings",
        }
        database = f"veniceweb_benchmark_{size}_{'kept' if keep else os.getpid()}"
        if vendor == "postgresql":
            env |= {
                "DATABASE_URL": f"{POSTGRES}{database}",
                "VENICEWEB_EMBEDDED": "1",
            }
            _database(database, is_kept=bool(keep))
        command = [sys.executable, __file__, "--inside", str(size)]
        command += ["--rounds", str(rounds)]
        try:
            answer = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True)
        finally:
            if vendor == "postgresql" and not keep:
                _database(database, is_gone=True)
        return json.loads(answer.stdout.splitlines()[-1])


def _database(name: str, *, is_kept: bool = False, is_gone: bool = False) -> None:
    import psycopg

    with psycopg.connect(f"{POSTGRES}postgres", autocommit=True) as server:
        known = server.execute("select 1 from pg_database where datname = %s", [name]).fetchone()
        if known and not is_kept:
            server.execute(f"drop database {name} with (force)")
        if not is_gone and not (known and is_kept):
            server.execute(f"create database {name}")


# --- in the process that measures ---------------------------------------------------------------


def inside(size: int, rounds: int) -> Figures:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    from generations.models import Image, User

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    call_command("migrate", verbosity=0)
    if not Image.objects.exists():
        from wall import Wall

        began = time.monotonic()
        Wall(size).hang()
        print(f"{size:,} images built in {time.monotonic() - began:.0f} s", file=sys.stderr)
    client = Client()
    viewer = User.objects.order_by("pk").first()
    client.force_login(viewer, backend=settings.AUTHENTICATION_BACKENDS[0])
    return {
        name: measure(client, f"/gallery/{path}?{urlencode(query)}", rounds)
        for name, path, query in cases(size)
    }


def cases(size: int) -> list[tuple[str, str, dict[str, str]]]:
    from django.utils import timezone

    from generations import queries
    from generations.models import Collection, Image, User

    rows = queries.gallery(User.objects.order_by("pk").first())
    newest, oldest = rows.first(), Image.objects.order_by("created_at").first()
    span = newest.created_at - oldest.created_at
    deep = {
        share: queries.cursor_of(
            rows.filter(created_at__lte=newest.created_at - span * share).first()
        )
        for share in (0.5, 0.9)
    }
    small, large = Collection.objects.order_by("name").reverse()
    day = timezone.now() - timedelta(days=300)
    searches = {
        "word in 1 of 3": "bridge",
        "word in 1 of 300": "lagoon",
        "rare word": "zanzibar",
        "no such word": "nowhere",
        "two common words": "bridge stone",
        "common and rare": "stone zanzibar",
        "phrase": '"zanzibar harbour"',
        "beginning, 3 letters": "bri*",
        "beginning, 5 letters": "lagoo*",
        "all but a word": "-bridge",
        "a person's name": "person19",
    }
    filters = {
        "mine": {"view": "mine"},
        "favourites": {"view": "favourites"},
        "trash": {"view": "trash"},
        "person": {"person": str(User.objects.order_by("pk").last().pk)},
        "common model": {"model": "model-0"},
        "rare model": {"model": "model-39"},
        "style": {"style": "Style 7"},
        "shape": {"ratio": "portrait"},
        "rare ratio": {"ratio": "21:9"},
        "dates": {"since": f"{day:%Y-%m-%d}", "until": f"{day + timedelta(days=60):%Y-%m-%d}"},
        "small collection": {"collection": str(small.pk)},
        "large collection": {"collection": str(large.pk)},
        "common tag": {"tag": "common tag"},
        "rare tag": {"tag": "rare tag"},
        "rating 1": {"rating": "1"},
        "rating 5": {"rating": "5"},
        "rare price": {"min_price": "1"},
        "common price": {"max_price": "0.02"},
        "made from another": {"parent": "1"},
        "person and model": {"person": "3", "model": "model-2"},
        "common and rare model": {"ratio": "21:9", "model": "model-39"},
        "four filters": {"person": "3", "model": "model-2", "rating": "4", "ratio": "landscape"},
        "words and filters": {"q": "bridge", "person": "3", "model": "model-2", "parent": "1"},
    }
    return [
        ("first page", "", {}),
        *((f"{share:.0%} deep", "", {"after": cursor}) for share, cursor in deep.items()),
        ("from a date", "", {"at": f"{day:%Y-%m-%d}"}),
        *(("filter: " + name, "", query) for name, query in filters.items()),
        *(("search: " + name, "", {"q": words}) for name, words in searches.items()),
        ("search, 50% deep", "", {"q": "bridge", "after": deep[0.5]}),
        *(
            ("count: " + name, "count/", query)
            for name, query in (
                ("all", {}),
                ("common word", {"q": "bridge"}),
                ("tag", {"tag": "common tag"}),
                ("rating", {"rating": "1"}),
            )
        ),
    ]


def measure(client, path: str, rounds: int) -> dict[str, float]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from measure import p50_p95

    for _ in range(3):
        with CaptureQueriesContext(connection) as found:
            answer = client.get(path)
        queries = len(found)
        assert answer.status_code == 200, (path, answer.status_code)
    backends, waited, used = database_processes(), [], []
    for _ in range(rounds):
        began, cpu = time.perf_counter(), cpu_ms(backends)
        client.get(path)
        waited.append((time.perf_counter() - began) * 1000)
        used.append(cpu_ms(backends) - cpu)
    p50, p95 = p50_p95(waited)
    tiles = answer.content.count(b'class="tile ')
    return {"p50": p50, "p95": p95, "cpu": p50_p95(used)[0], "queries": queries, "tiles": tiles}


def database_processes() -> list[int]:
    """PostgreSQL's processes that serve this one; SQLite runs in this one."""
    from django.db import connection

    if connection.vendor == "sqlite":
        return []
    with connection.cursor() as cursor:
        cursor.execute("select pid from pg_stat_activity where datname = current_database()")
        return [pid for (pid,) in cursor.fetchall()]


def cpu_ms(backends: list[int]) -> float:
    """CPU time of this process and those, so far: what else the machine does is not in it."""
    total = time.process_time() * 1000
    for pid in backends:
        with suppress(OSError):
            total += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6
    return total


# --- saying it ----------------------------------------------------------------------------------


def say(vendor: str, found: dict[int, Figures]) -> None:
    sizes = list(found)
    print(f"\n{vendor}: p50 / p95 ms waited, CPU ms in brackets; floor p95 {FLOOR} ms, goal of the")
    print(f"first page {GOAL} ms, CPU of {sizes[-1]:,} : {sizes[0]:,} at most {FLOOR_RATIO}")
    print(f"{'':<30}" + "".join(f"{size:>22,}" for size in sizes) + f"{'ratio':>8}{'queries':>9}")
    for name in found[sizes[0]]:
        rows = [found[size][name] for size in sizes]
        ratio = rows[-1]["cpu"] / rows[0]["cpu"]
        queries = sorted({int(row["queries"]) for row in rows})
        tiles = "/".join(str(int(row["tiles"])) for row in rows)
        print(
            f"{name:<30}"
            + "".join(f"{r['p50']:>7.1f} /{r['p95']:>6.1f} ({r['cpu']:>4.1f})" for r in rows)
            + f"{ratio:>8.2f}{'/'.join(map(str, queries)):>9}  {tiles} images"
            + ("  SLOW" if rows[-1]["p95"] > FLOOR else "")
        )


if __name__ == "__main__":
    main()
