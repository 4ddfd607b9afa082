"""From the click to the card, and to the call at Venice, on an idle system.

Jobs are submitted one at a time over HTTP, as htmx does it, to `manage.py up`. "Card" is the
whole HTTP answer that holds it. "Call" is from just before the POST until the worker has claimed
the job and is about to send it (Generation.started_at, by the same machine's clock).
"""

import argparse
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from measure import MODEL, PICTURE, Studio, Upstream, installation, machine, p50_p95, warm_up

JOBS, APART = 60, 0.4
CARD_FLOOR = 200
CALL_FLOOR = {True: 50, False: 150}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redis-postgres", action="store_true", help="instead of SQLite and files")
    is_on_servers = parser.parse_args().redis_postgres
    print(machine())
    with tempfile.TemporaryDirectory(prefix="veniceweb-benchmark-") as name:
        folder = Path(name)
        upstream = Upstream(folder, latency=0.1)
        try:
            with installation(folder, upstream, on_servers=is_on_servers) as env:
                warm_up()
                with Studio(folder / "data", upstream, **env) as studio:
                    _measure(studio, CALL_FLOOR[is_on_servers])
        finally:
            upstream.end()


def _measure(studio: Studio, call_floor: int) -> None:
    studio.sign_in()
    _submit_each(studio, 5)  # templates, connections and decoders are warm then
    cards, calls = _submit_each(studio, JOBS)
    for name, values, floor in (("card", cards, CARD_FLOOR), ("call", calls, call_floor)):
        p50, p95 = p50_p95(values)
        verdict = "" if p95 <= floor else f"  ABOVE {floor}"
        print(f"submit -> {name}: p50 {p50:.0f} ms, p95 {p95:.0f} ms{verdict}")


def _submit_each(studio: Studio, count: int) -> tuple[list[float], list[float]]:
    from generations.models import Generation

    fields = {name: str(value) for name, value in PICTURE.items()}
    cards, posted = [], {}
    for _ in range(count):
        token = uuid.uuid4().hex
        began, clock = time.monotonic(), datetime.now(UTC)
        answer = studio.post("/generations/", htmx=True, model=MODEL, form_token=token, **fields)
        cards.append((time.monotonic() - began) * 1000)
        assert answer.status_code == 200, answer.text
        assert "<article" in answer.text, answer.text
        posted[token] = clock
        time.sleep(APART)
    time.sleep(2)
    rows = Generation.objects.filter(form_token__in=posted, state="succeeded")
    calls = [
        (row.started_at - posted[row.form_token or ""]).total_seconds() * 1000
        for row in rows
        if row.started_at
    ]
    assert len(calls) == count, "not every job was called"
    return cards, calls


if __name__ == "__main__":
    main()
