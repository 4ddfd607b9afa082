"""Jobs a second of one, two and four worker processes on one account, Redis and PostgreSQL.

Sixteen places each, small pictures, so that what is measured is the queue: all claims of an
account go through one row. Twelve rounds of jobs wait when the workers start. The last is left
out, and so are the first four: until calls have arrived, the limiter lets 18 be open at once, then
more by and by (`limiter._risks_no_lockout`).
"""

import argparse
import tempfile
from pathlib import Path

from kills import redis_server
from measure import (
    Upstream,
    Watch,
    installation,
    machine,
    rate,
    submit,
    wait_for_work,
    warm_up,
    worker,
)

PLACES = 16
COUNTS = (1, 2, 4)
ROUNDS, WARM_UP, RUN_OUT = 12, 4, 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--times", type=int, default=1)
    options = parser.parse_args()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="veniceweb-benchmark-") as name:
        folder = Path(name)
        upstream = Upstream(folder, latency=options.latency)
        try:
            with (
                redis_server(folder) as address,
                installation(folder, upstream, on_servers=True, redis=f"{address}/0") as env,
            ):
                warm_up(width=64, height=64)
                for _ in range(options.times):
                    for count in COUNTS:
                        _measure(env, folder, upstream, count, options.latency)
        finally:
            upstream.end()


def _measure(
    env: dict[str, str], folder: Path, upstream: Upstream, count: int, latency: float
) -> None:
    from generations.models import Call, Generation, Image

    for model in (Image, Call, Generation):
        model.objects.all().delete()
    parallel = count * PLACES
    jobs = ROUNDS * parallel
    submit(jobs, width=64, height=64)
    paid = len(upstream.calls())
    processes = [worker(env, folder / f"{count}-{number}.log", PLACES) for number in range(count)]
    try:
        wait_for_work(0)
        watches = [Watch(process.pid) for process in processes]
        everything = Watch(None)
        wait_for_work(jobs - 1)
        cores, all_cores = sum(watch.stop() for watch in watches), everything.stop()
    finally:
        for process in processes:
            process.end()
    states = set(Generation.objects.values_list("state", flat=True))
    assert states == {"succeeded"}, states
    assert len(upstream.calls()) - paid == jobs, "every job is called once"
    measured = rate(parallel, rounds=ROUNDS, warm_up=WARM_UP, run_out=RUN_OUT)
    ideal = parallel / latency
    print(
        f"{count} workers: {measured:6.2f} jobs/s of {ideal:6.2f} = {measured / ideal:.3f}"
        f" | workers {cores:.2f} cores | whole machine {all_cores:.2f} cores",
        flush=True,
    )


if __name__ == "__main__":
    main()
