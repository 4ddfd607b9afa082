"""What a 1024 x 1024 image costs from answer to stored derivatives, beside Pillow doing the same.

"Ours" is services.image.store in a process that does nothing else: examined by a decoder process
of its own, hashed, three files written. "Bare" opens the same bytes, resizes and saves as WebP
with the same options, and writes the same three files. Each runs in a fresh process; CPU is that
of the process and its decoders, memory the peak of the sum of their PSS over what was there
before the first image.
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from measure import MODEL, PICTURE, Upstream, Watch, cpu_seconds, installation, machine, memory_mb

IMAGES, LOOKED_AT = 40, 15
FORMATS = ("webp", "png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=WORK, help=argparse.SUPPRESS)
    parser.add_argument("--picture", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        return _time(WORK[options.only], options.picture)
    print(machine())
    with tempfile.TemporaryDirectory(prefix="veniceweb-benchmark-") as name:
        folder = Path(name)
        upstream = Upstream(folder, latency=0)
        try:
            with installation(folder, upstream, on_servers=False):
                for format in FORMATS:
                    _compare(format, _picture(format), folder)
        finally:
            upstream.end()


def _picture(format: str) -> bytes:
    from generations.services import key
    from generations.venice.types import ImageRequest

    with key.client_for(key.team_key()) as venice:
        request = ImageRequest(model=MODEL, **{**PICTURE, "format": format})
        return venice.generate(request).images[0]


def _compare(format: str, data: bytes, folder: Path) -> None:
    path = folder / f"picture.{format}"
    path.write_bytes(data)
    (ours_ms, ours_mb), (bare_ms, bare_mb) = (_in_a_process(name, path) for name in WORK)
    print(
        f"{format} ({len(data) // 1024} kB): ours {ours_ms:.1f} ms CPU, {ours_mb:.0f} MB"
        f" | bare {bare_ms:.1f} ms CPU, {bare_mb:.0f} MB"
        f" | ratio {ours_ms / bare_ms:.2f} CPU",
        flush=True,
    )


def _in_a_process(name: str, path: Path) -> tuple[float, float]:
    command = [sys.executable, __file__, "--only", name, "--picture", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    milliseconds, megabytes = done.stdout.split()
    return float(milliseconds), float(megabytes)


def _time(work: Callable[[Path], Callable[[], None]], path: Path) -> None:
    import django

    django.setup()
    once = work(path)
    before = memory_mb(os.getpid())
    for _ in range(3):
        once()  # starts the decoders
    cpu = cpu_seconds(os.getpid())
    for _ in range(IMAGES):
        once()
    cpu = cpu_seconds(os.getpid()) - cpu
    # Memory in a second round: looking at it costs CPU too.
    watch = Watch(os.getpid(), every=0.02)
    for _ in range(LOOKED_AT):
        once()
    watch.stop()
    print(cpu / IMAGES * 1000, watch.peak_mb - before)


def _ours(path: Path) -> Callable[[], None]:
    from generations.models import Generation
    from generations.services import image
    from generations.venice.types import Verdict

    data = path.read_bytes()
    row = Generation(seed=7, parameters={"format": path.suffix[1:]}, user_id=1)

    def once() -> None:
        image.make_copies(image.store(row, 0, data, verdict=Verdict(), price=None))

    return once


def _bare(path: Path) -> Callable[[], None]:
    from PIL import Image

    from generations.services.pixels import WEBP

    data, folder = path.read_bytes(), path.with_name(f"{path.name}.files")
    folder.mkdir()

    def once() -> None:
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        (folder / "original").write_bytes(data)
        for width in (1024, 512):
            copy = picture.resize((width, width), Image.Resampling.LANCZOS)
            out = io.BytesIO()
            copy.save(out, **WEBP)
            (folder / str(width)).write_bytes(out.getvalue())

    return once


WORK = {"ours": _ours, "bare": _bare}

if __name__ == "__main__":
    main()
