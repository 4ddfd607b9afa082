"""Jobs a second of one worker process, as a share of the ideal (parallel calls / latency).

Ten rounds of jobs wait when the worker starts. Of the times at which they finished, the first
two rounds (start, decoders warming up) and the last one (running dry) are left out.
"""

import argparse
import tempfile
from pathlib import Path

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

LATENCY = 2.0
ROUNDS, WARM_UP, RUN_OUT = 10, 2, 1
FLOOR = 0.9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parallel", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--redis-postgres", action="store_true", help="instead of SQLite and files")
    parser.add_argument("--format", default="webp", choices=("webp", "png", "jpeg"))
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="veniceweb-benchmark-") as name:
        folder = Path(name)
        upstream = Upstream(folder, latency=LATENCY)
        try:
            with installation(folder, upstream, on_servers=options.redis_postgres) as env:
                for parallel in options.parallel:
                    _measure(env, folder, upstream, parallel, options.format)
        finally:
            upstream.end()


def _measure(
    env: dict[str, str], folder: Path, upstream: Upstream, parallel: int, format: str
) -> None:
    from generations.models import Generation, Image

    Image.objects.all().delete()
    Generation.objects.all().delete()
    warm_up(format=format)
    submit(ROUNDS * parallel, format=format)
    process = worker(env, folder / f"worker-{parallel}.log", parallel)
    try:
        wait_for_work(0)
        watches = Watch(process.pid), Watch(upstream.process.pid), Watch(None)
        wait_for_work(ROUNDS * parallel - 1)
        worker_cores, upstream_cores, all_cores = (watch.stop() for watch in watches)
    finally:
        process.end()
    assert set(Generation.objects.values_list("state", flat=True)) == {"succeeded"}, process.log
    measured = rate(parallel, rounds=ROUNDS, warm_up=WARM_UP, run_out=RUN_OUT)
    ideal = parallel / LATENCY
    verdict = "" if measured / ideal >= FLOOR else f"  BELOW THE FLOOR of {FLOOR}"
    print(
        f"{parallel:>3} calls: {measured:5.2f} jobs/s of {ideal:5.2f} = "
        f"{measured / ideal:.3f}{verdict}"
        f" | worker {watches[0].peak_mb:.0f} MB peak, {worker_cores:.2f} cores"
        f" | stand-in {upstream_cores:.2f} cores"
        f" | others {all_cores - worker_cores - upstream_cores:.2f} cores",
        flush=True,
    )


if __name__ == "__main__":
    main()
