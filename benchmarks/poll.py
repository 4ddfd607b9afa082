"""The poll that finds nothing: a signed-in page with 20 active jobs asks whether one changed.

One request after the other over one connection, as one browser does it. "HTTP" is what the
client waits; "web CPU" is what the web process spends on one.
"""

import argparse
import re
import tempfile
import time
from pathlib import Path

from measure import (
    Studio,
    Upstream,
    cpu_seconds,
    installation,
    machine,
    p50_p95,
    submit,
)

ACTIVE, POLLS, FLOOR = 20, 1000, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redis-postgres", action="store_true", help="instead of SQLite and files")
    is_on_servers = parser.parse_args().redis_postgres
    print(machine())
    with tempfile.TemporaryDirectory(prefix="veniceweb-benchmark-") as name:
        folder = Path(name)
        upstream = Upstream(folder, latency=600)
        try:
            with (
                installation(folder, upstream, on_servers=is_on_servers, **_SHORT) as env,
                Studio(folder / "data", upstream, **env) as studio,
            ):
                _measure(studio)
        finally:
            upstream.end()


# So that the worker, whose calls never come back, can be stopped.
_SHORT = {"VENICEWEB_CALL_TIMEOUT": "60"}


def _measure(studio: Studio) -> None:
    submit(ACTIVE)
    studio.sign_in()
    time.sleep(1)  # sixteen jobs are called, four wait
    web = min(studio.processes("granian"))
    _poll(studio, 50)
    cpu, took = cpu_seconds(web), _poll(studio, POLLS)
    cpu = (cpu_seconds(web) - cpu) / POLLS * 1000
    p50, p95 = p50_p95(took)
    verdict = "" if p95 <= FLOOR else f"  ABOVE {FLOOR}"
    print(f"poll with {ACTIVE} jobs: HTTP p50 {p50:.1f} ms, p95 {p95:.1f} ms{verdict}")
    print(f"web CPU {cpu:.1f} ms a poll")


def _poll(studio: Studio, count: int) -> list[float]:
    """Milliseconds each; only those that found nothing count."""
    took: list[float] = []
    address = _address(studio)
    while len(took) < count:
        began = time.monotonic()
        answer = studio.http.get(address, headers={"HX-Request": "true"})
        if answer.status_code == 204:
            took.append((time.monotonic() - began) * 1000)
        else:  # the pace slows with the jobs' age: the page has a new poller then
            address = _address(studio)
    return took


def _address(studio: Studio) -> str:
    page = studio.http.get("/")
    page.raise_for_status()
    found = re.search(r'hx-get="(/generations/poll/[^"]+)"', page.text)
    assert found, page.text
    return found[1].replace("&amp;", "&")


if __name__ == "__main__":
    main()
