"""All figures of the queue: what a claim costs, jobs a second, and kills beside plain Celery.

Not named after its section: a `queue.py` here would hide Python's own from every benchmark.
"""

import subprocess
import sys
from pathlib import Path

PARTS = ("claims.py", "workers.py", "kills.py")


def main() -> int:
    folder = Path(__file__).parent
    failed = 0
    for part in PARTS:
        print(f"\n== {part}", flush=True)
        failed += subprocess.run([sys.executable, folder / part]).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
