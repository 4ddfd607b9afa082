"""Server time of the review desk with 10 and 1,000 held images, on both databases.

In a process of its own for each, through Django's test client: template, view and database, no
network. A decision is the POST alone, with the claim of the next image that it makes.
Run: .venv/bin/python benchmarks/review.py [--sizes 10 1000] [--only sqlite] [--rounds 200]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SIZES = (10, 1_000)
PAGE_FLOOR, DECISION_FLOOR = 50, 100
POSTGRES = "postgres://postgres@127.0.0.1:5432/"
# Decided before, so that history and statistics have something to read.
PAST = 2_000
Figures = dict[str, dict[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--inside", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(inside(given.inside, given.rounds)))
        return
    from measure import machine

    print(machine())
    for vendor in (given.only,) if given.only else ("sqlite", "postgresql"):
        found = {size: outside(vendor, size, given.rounds) for size in given.sizes}
        say(vendor, found)


def outside(vendor: str, size: int, rounds: int) -> Figures:
    """Build and measure in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="veniceweb-benchmark-") as folder:
        env = {
            **{key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ},
            "VENICEWEB_DATA": folder,
            "VENICEWEB_DEMO": "1",
            "DJANGO_SETTINGS_MODULE": "veniceweb.settings",
        }
        database = f"veniceweb_review_{size}_{os.getpid()}"
        if vendor == "postgresql":
            env |= {"DATABASE_URL": f"{POSTGRES}{database}", "VENICEWEB_EMBEDDED": "1"}
            _execute(f'CREATE DATABASE "{database}"')
        command = [sys.executable, __file__, "--inside", str(size), "--rounds", str(rounds)]
        try:
            answer = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True)
        finally:
            if vendor == "postgresql":
                _execute(f'DROP DATABASE "{database}" WITH (FORCE)')
        return json.loads(answer.stdout.splitlines()[-1])


def _execute(sql: str) -> None:
    import psycopg

    with psycopg.connect(f"{POSTGRES}postgres", autocommit=True) as connection:
        connection.execute(sql)


def say(vendor: str, found: dict[int, Figures]) -> None:
    sizes = list(found)
    print(f"\n{vendor}: p50 / p95 ms with {' and '.join(f'{size:,}' for size in sizes)} held")
    for name in found[sizes[0]]:
        each = [found[size][name] for size in sizes]
        told = "   ".join(f"{one['p50']:6.1f} / {one['p95']:6.1f}" for one in each)
        floor = DECISION_FLOOR if name.startswith("decision") else PAGE_FLOOR
        verdict = "" if each[-1]["p95"] <= floor else f"  ABOVE {floor}"
        ratio = each[-1]["p50"] / each[0]["p50"]
        print(f"{name:<14} {told}   × {ratio:.2f}{verdict}")


# --- inside -----------------------------------------------------------------------------------


def inside(size: int, rounds: int) -> Figures:
    import django
    from django.conf import settings

    django.setup()
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", verbosity=0)
    reviewer, cases = build(size)
    client = Client()
    client.force_login(reviewer, backend="allauth.account.auth_backends.AuthenticationBackend")
    middle = f"/review/{cases[len(cases) // 2].image_uuid}/"
    pages = {
        "queue": "/review/",
        "one": middle,
        "grid": "/review/?view=grid",
        "blur": f"{middle}blur",
        "decided": "/review/decided/",
        "statistics": "/review/statistics/",
        "gallery": "/gallery/",
    }
    found = {
        name: _times(lambda path=path: client.get(path), rounds) for name, path in pages.items()
    }
    found["decision"] = _decisions(client, cases, rounds)
    return found


def _times(ask, rounds: int) -> dict[str, float]:
    from measure import p50_p95

    took = []
    for _ in range(rounds + 5):
        began = time.perf_counter()
        answer = ask()
        took.append((time.perf_counter() - began) * 1000)
        assert answer.status_code in (200, 303), answer.status_code
    return dict(zip(("p50", "p95"), p50_p95(took[5:]), strict=True))


def _decisions(client, cases, rounds: int) -> dict[str, float]:
    """A third is rejected. With few images they are undone and decided again."""
    from generations.models import Case, Image

    turn = 0

    def decide():
        nonlocal turn
        case = cases[turn % len(cases)]
        turn += 1
        more = {"decision": "approve"} if turn % 3 else {"decision": "reject", "reason": "brief"}
        return client.post(f"/review/{case.image_uuid}/", more)

    def decide_or_begin_again():
        answer = decide()
        if turn % len(cases) == 0:
            ids = [case.pk for case in cases]
            Case.objects.filter(pk__in=ids).update(state="open", closed_at=None)
            Image.objects.filter(cases__in=ids).update(state="held")
        return answer

    return _times(decide_or_begin_again, min(rounds, 500))


def build(size: int):
    from django.utils import timezone

    from generations.models import Case, Decision, User
    from tests.builders import hold, make_generation, make_image, make_user

    maker = make_user("maker@example.com")
    reviewer = make_user("reviewer@example.com", role=User.Role.REVIEWER)
    now = timezone.now()
    cases = []
    for number in range(size):
        made = make_generation(maker, prompt=f"A stone bridge, number {number}")
        image = make_image(maker, generation=made, dhash=number * 7919)
        cases.append(hold(image, opened_at=now - timedelta(minutes=size - number)))
    past = Case.objects.bulk_create(
        Case(
            image_uuid=cases[number % size].image_uuid if number < 5 else _uuid(),
            user=maker,
            reasons=["adult"],
            state="closed",
            opened_at=now - timedelta(days=20, minutes=number),
            closed_at=now - timedelta(days=20),
        )
        for number in range(PAST)
    )
    Decision.objects.bulk_create(
        Decision(
            case=case,
            reviewer=reviewer,
            kind="reject" if number % 3 else "approve",
            code="brief" if number % 3 else "",
            dhash=number * 104729 if number % 3 else None,
            decided_at=now - timedelta(days=20, seconds=-number),
        )
        for number, case in enumerate(past)
    )
    return reviewer, cases


def _uuid():
    import uuid

    return uuid.uuid4()


if __name__ == "__main__":
    main()
