"""`make drills`: real processes, real faults, and what Venice was paid for.

P: calls that the stand-in charged for. J: images that people asked for. Lost: jobs that are not
final in time, or not there at all. Seconds: from the end of the fault to the last final job.
LONG=1 kills at more than 200 random moments.
"""

import signal
import sys
import time
from datetime import datetime
from typing import Any

from tests.drills import servers
from tests.drills.faults import DRILLS, LIMITER, RPM, Drill
from tests.drills.fleet import CALL_TIMEOUT, Fleet, has_faketime, make_folder, remove_folder

ACTIVE = ("queued", "calling")
# Every job is final so many seconds after its last possible event.
MOST_SECONDS = 60.0


def main(names: list[str]) -> int:
    if lacking := servers.missing():
        print(f"Not drilled: this machine has no {' and no '.join(lacking)}.")
        return 1
    chosen = [drill for drill in DRILLS if not names or drill.name in names]
    # A shell ignores it in what it runs in the background, and our processes would inherit that.
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    folder = make_folder(None)
    fleet = Fleet(folder)
    problems: list[str] = []
    try:
        began = time.monotonic()
        for drill in chosen:
            _run(fleet, drill, problems)
        lines = [_line(fleet, drill, problems) for drill in chosen]
        print("\n".join([_head(), *lines]))
        kills = sum(drill.kills for drill in chosen)
        clocks = "true (no faketime here)"
        if has_faketime():
            clocks = "two days ahead, an hour behind (true from PostgreSQL's faults on)"
        print(
            f"\n{kills} kills, {time.monotonic() - began:.0f} s; clocks of two workers: {clocks}."
        )
    finally:
        fleet.end()
        if not problems:
            remove_folder(folder)
    for problem in problems:
        print(f"PROBLEM: {problem}")
    if problems:
        print(f"The logs are in {folder}.")
    return 1 if problems else 0


def _run(fleet: Fleet, drill: Drill, problems: list[str]) -> None:
    print(f"… {drill.name}", flush=True)
    try:
        drill.run(fleet, drill)
    except AssertionError as error:
        problems.append(f"{drill.name}: {str(error)[:500]}")
    drill.ended_at = time.time()
    if not drill.may_be_unknown:
        # The next fault must not meet its jobs: here no answer may be lost.
        _wait_until_quiet(fleet, drill, MOST_SECONDS)


def _wait_until_quiet(fleet: Fleet, drill: Drill, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not set(fleet.states(drill.marker).values()) & set(ACTIVE):
            return
        time.sleep(0.25)


# --- the table ------------------------------------------------------------------------------


def _head() -> str:
    return (
        "\n| fault | kills | J | P | paid twice | unknown | lost | seconds |\n"
        "|---|---|---|---|---|---|---|---|"
    )


def _line(fleet: Fleet, drill: Drill, problems: list[str]) -> str:
    _wait_until_quiet(fleet, drill, CALL_TIMEOUT + 2 * MOST_SECONDS)
    jobs = fleet.rows(
        "select g.prompt, g.state, g.charged, g.started_at, g.finished_at, g.error_code, "
        "(select count(*) from generations_image i where i.generation_id = g.id) as images "
        "from generations_generation g where g.prompt like %s",
        f"{drill.marker} %",
    )
    paid = [entry["prompt"] for entry in fleet.upstream.calls(f"{drill.marker} ") if _usd(entry)]
    twice = len(paid) - len(set(paid))
    lost = drill.asked - len(jobs) + sum(1 for job in jobs if job["state"] in ACTIVE)
    unknown = sum(1 for job in jobs if job["state"] == "unknown")
    seconds = _seconds_after(drill, jobs)
    if drill.name == LIMITER:
        problems += _beyond_limit(fleet, drill)
    told = [
        (twice, f"{twice} jobs were paid twice"),
        (len(paid) > drill.asked, "more was paid for than was asked for"),
        (lost, f"{lost} jobs are lost"),
        (unknown and not drill.may_be_unknown, f"{unknown} outcomes are unknown"),
        (seconds > MOST_SECONDS, f"the last job was final after {seconds:.0f} s"),
        *((True, wrong) for job in jobs for wrong in _wrong(job, job["prompt"] in paid)),
    ]
    problems += [f"{drill.name}: {sentence}" for is_so, sentence in told if is_so]
    return (
        f"| {drill.name} | {drill.kills or ''} | {drill.asked} | {len(paid)} | {twice} "
        f"| {unknown} | {lost} | {max(seconds, 0):.0f} |"
    )


def _beyond_limit(fleet: Fleet, drill: Drill) -> list[str]:
    """Calls that the stand-in turned away, which counts each rolling 60 s; how much was used."""
    calls = fleet.upstream.calls(f"{drill.marker} ")
    times = sorted(entry["at"] for entry in calls)
    spans = [after - first for first, after in zip(times, times[RPM:], strict=False)]
    used = 60 * len(spans) / sum(spans) if spans else 0
    print(f"{drill.name}: {used:.0%} of the limit was used", flush=True)
    beyond = sum(1 for entry in calls if entry["outcome"] == "429")
    return [f"{beyond} calls beyond the limit"] if beyond else []


def _usd(entry: dict[str, Any]) -> float:
    return float(entry["usd"])


def _seconds_after(drill: Drill, jobs: list[dict[str, Any]]) -> float:
    """Until the last job was final, from the fault's end, or from when its line let it go."""
    if drill.name == LIMITER:
        return 0
    ends = [job["finished_at"].timestamp() for job in jobs if job["finished_at"]]
    hung = any("[[hang]]" in job["prompt"] for job in jobs)
    return max(ends, default=drill.ended_at) - drill.ended_at - (CALL_TIMEOUT if hung else 0)


def _wrong(job: dict[str, Any], is_paid: bool) -> list[str]:
    """What the page would say of this job that is not so."""
    found = []
    if job["state"] == "succeeded" and not (is_paid and job["images"]):
        found.append("done without a picture or a payment")
    if job["state"] in ("failed", "cancelled") and is_paid and not job["charged"]:
        found.append("said to be free, and paid")
    if job["state"] == "succeeded" and not job["charged"]:
        found.append("done, and said to be free")
    return [f"{job['prompt']} is {sentence}" for sentence in found]


if __name__ == "__main__":
    print(f"{datetime.now():%Y-%m-%d %H:%M}, {'long' if '--long' in sys.argv else ''}".rstrip(", "))
    sys.exit(main([name for name in sys.argv[1:] if not name.startswith("--")]))
