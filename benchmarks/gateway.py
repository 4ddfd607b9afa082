"""What a gateway adds to an image request: nothing, bytes passed through, LiteLLM's proxy, ours.

The upstream takes 50 ms and answers with a PNG of 1.4 MB. Each gateway is asked by the same
client at 1, 16 and 64 in parallel, one after the other in one run; then 256 requests come at
once, 64 at a time. "Added" is what its p50 and p95 have over those of the bare upstream.

Ours is web and worker on PostgreSQL and Redis with the whole path: token, budget, policy, queue,
the picture verified, stored and in the gallery. Its copies are made after the answer; the last line
says how many images a second are stored with them. LiteLLM has a configuration file, one key and
no database: it checks no budget and keeps nothing.

    --litellm PATH   its command; without it, it is installed under ~/.cache (about 400 MB)
"""

import argparse
import asyncio
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from measure import (
    MODEL,
    PICTURE,
    Process,
    Upstream,
    cpu_seconds,
    free_port,
    installation,
    machine,
    memory_mb,
    p50_p95,
    wait_for,
    worker,
)

HERE = Path(__file__).resolve().parent
LATENCY = 0.05
LITELLM = "1.106.2"
# Requests at 1, 16 and 64 in parallel, after a few that are not counted.
ROUNDS = {1: 40, 16: 160, 64: 320}
WARM_UP = 8
BURST, AT_ONCE = 256, 64
KEY = "sk-benchmark-0123456789"


@dataclass
class Gateway:
    name: str
    address: str
    port: int
    key: str
    model: str
    pids: list[int] = field(default_factory=list)

    def memory_mb(self) -> float:
        return sum(map(memory_mb, self.pids))

    def cpu(self) -> float:
        return sum(map(cpu_seconds, self.pids))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--litellm", type=Path)
    parser.add_argument("--parallel", type=int, nargs="+", default=list(ROUNDS))
    parser.add_argument("--embedded", action="store_true", help="SQLite and files instead")
    parser.add_argument("--only", nargs="+", default=[], help="names of gateways")
    options = parser.parse_args()
    print(machine(), flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="veniceweb-gateway-")))
        upstream = stack.enter_context(_upstream(folder))
        started = {
            "upstream": lambda: _bare(upstream),
            "through": lambda: _through(folder, upstream),
            "litellm": lambda: _litellm(folder, upstream, options.litellm or _installed()),
            "ours": lambda: _ours(folder, upstream, on_servers=not options.embedded),
        }
        measured = {}
        for name, start in started.items():
            if not options.only or name in options.only or name == "upstream":
                with start() as gateway:
                    measured[name] = asyncio.run(_measure(gateway, options.parallel))
        _compare(measured, options.parallel)


# --- the gateways ---------------------------------------------------------------------------


@contextmanager
def _upstream(folder: Path) -> Iterator[Any]:
    standin = Upstream(folder, latency=0)
    picture, port = folder / "picture.png", free_port()
    picture.write_bytes(_picture())
    arguments = ["--picture", str(picture), "--latency", str(LATENCY), "--standin", standin.url]
    process = _server(folder, "upstream", port, arguments)
    standin.url, standin.port, standin.pid = f"http://127.0.0.1:{port}/api/v1", port, process.pid  # type: ignore[attr-defined]
    try:
        yield standin
    finally:
        process.end()
        standin.end()


def _picture() -> bytes:
    """A PNG of 1024 x 1024 pixels and 1.4 MB, as many colours as a painting has."""
    from PIL import Image, ImageFilter

    chance = random.Random(7)
    few = Image.frombytes("RGB", (24, 24), chance.randbytes(24 * 24 * 3))
    soft = few.resize((1024, 1024), Image.Resampling.BICUBIC)
    grain = Image.frombytes("L", (1024, 1024), chance.randbytes(1024 * 1024))
    fine = grain.filter(ImageFilter.GaussianBlur(1.2)).convert("RGB")
    buffer = io.BytesIO()
    Image.blend(soft, fine, 0.12).save(buffer, "PNG")
    return buffer.getvalue()


def _server(folder: Path, what: str, port: int, arguments: list[str]) -> Process:
    command = [sys.executable, str(HERE / "gateway_upstream.py"), what, "--port", str(port)]
    process = Process([*command, *arguments], dict(os.environ), folder / f"{what}.log")
    _wait_for_port(process, port)
    return process


def _wait_for_port(process: Process, port: int, seconds: float = 120) -> None:
    def answers() -> bool:
        assert process.is_running, process.log
        try:
            asyncio.run(_opened(port))
        except OSError:
            return False
        return True

    wait_for(answers, f"port {port} answers\n{process.log}", seconds)


async def _opened(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    await writer.wait_closed()


@contextmanager
def _bare(upstream: Any) -> Iterator[Gateway]:
    yield Gateway("upstream", "/v1/images/generations", upstream.port, KEY, "x", [upstream.pid])


@contextmanager
def _through(folder: Path, upstream: Any) -> Iterator[Gateway]:
    port = free_port()
    process = _server(folder, "through", port, ["--to", str(upstream.port)])
    try:
        yield Gateway("through", "/v1/images/generations", port, KEY, "x", [process.pid])
    finally:
        process.end()


@contextmanager
def _litellm(folder: Path, upstream: Any, command: Path) -> Iterator[Gateway]:
    port, config = free_port(), folder / "litellm.yaml"
    route = {
        "model": "openai/gpt-image-1",
        "api_base": f"http://127.0.0.1:{upstream.port}/v1",
        "api_key": KEY,
    }
    settings = {
        "model_list": [{"model_name": "picture", "litellm_params": route}],
        "litellm_settings": {"telemetry": False},
        "general_settings": {"master_key": KEY},
    }
    config.write_text(json.dumps(settings))  # YAML reads JSON
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    arguments = ["--config", str(config), "--port", str(port), "--host", "127.0.0.1"]
    process = Process([str(command), *arguments], environment, folder / "litellm.log")
    try:
        _wait_for_port(process, port)
        yield Gateway("litellm", "/v1/images/generations", port, KEY, "picture", [process.pid])
    finally:
        process.end()


def _installed() -> Path:
    folder = Path.home() / ".cache" / f"veniceweb-litellm-{LITELLM}"
    command = folder / "bin" / "litellm"
    if not command.exists():
        print(f"installing LiteLLM {LITELLM} into {folder} …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin" / "pip", "install", "-q", f"litellm[proxy]=={LITELLM}"]
        subprocess.run(pip, check=True)
    return command


@contextmanager
def _ours(folder: Path, upstream: Any, *, on_servers: bool) -> Iterator[Gateway]:
    port = free_port()
    changes = {"VENICEWEB_URL": f"http://127.0.0.1:{port}", "PORT": str(port)}
    with installation(folder, upstream, on_servers=on_servers, **changes) as env:
        web = Process(_granian(port), env, folder / "web.log")
        made = worker(env, folder / "worker.log", 64)
        try:
            _wait_for_port(web, port)
            key = _token()
            yield Gateway("ours", "/v1/images/generations", port, key, MODEL, [web.pid, made.pid])
        finally:
            web.end()
            made.end()


def _granian(port: int) -> list[str]:
    command = [sys.executable, "-m", "granian", "--interface", "asginl", "--host", "127.0.0.1"]
    return [*command, "--port", str(port), "--log-level", "warning", "veniceweb.asgi:application"]


def _token() -> str:
    from generations.models import User
    from generations.services import token

    return str(token.create(User.objects.get(), name="benchmark", scopes=["generate", "read"])[1])


# --- asking ---------------------------------------------------------------------------------


@dataclass
class Figures:
    """Seconds of each request by how many were asked at once; seconds of the burst; and so on."""

    seconds: dict[int, list[float]] = field(default_factory=dict)
    rate: dict[int, float] = field(default_factory=dict)
    cpu_ms: dict[int, float] = field(default_factory=dict)
    burst: float = 0.0
    sustained: str = ""
    memory_mb: float = 0.0


async def _measure(gateway: Gateway, parallel: list[int]) -> Figures:
    figures = Figures()
    await _ask(gateway, WARM_UP, 4)
    for many in parallel:
        await _settled(gateway)
        cpu, began = gateway.cpu(), time.monotonic()
        figures.seconds[many] = await _ask(gateway, ROUNDS.get(many, many * 5), many)
        figures.rate[many] = len(figures.seconds[many]) / (time.monotonic() - began)
        await _settled(gateway)
        figures.cpu_ms[many] = (gateway.cpu() - cpu) / len(figures.seconds[many]) * 1000
        figures.memory_mb = max(figures.memory_mb, gateway.memory_mb())
        _say(gateway, figures, many)
    began = time.monotonic()
    await _ask(gateway, BURST, AT_ONCE)
    figures.burst = time.monotonic() - began
    await _settled(gateway)
    stored = time.monotonic() - began
    print(
        f"{gateway.name:>9}: {BURST} requests, {AT_ONCE} at once: {figures.burst:.2f} s", flush=True
    )
    if gateway.name == "ours":
        print(
            f"{'':>9}  with their copies {BURST / stored:.1f} images/s; Pillow alone takes"
            f" {_pillow_ms(_picture()):.1f} ms CPU for one",
            flush=True,
        )
    return figures


def _pillow_ms(data: bytes) -> float:
    """CPU of opening the picture and saving its two copies with the same options."""
    from PIL import Image

    from generations.services.pixels import WEBP

    began = time.process_time()
    for _ in range(10):
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        for copy in (picture, picture.resize((512, 512), Image.Resampling.LANCZOS)):
            copy.save(io.BytesIO(), **WEBP)  # type: ignore[arg-type]
    return (time.process_time() - began) / 10 * 1000


def _say(gateway: Gateway, figures: Figures, many: int) -> None:
    p50, p95 = p50_p95(figures.seconds[many])
    print(
        f"{gateway.name:>9} at {many:>2}: p50 {p50 * 1000:6.1f} ms, p95 {p95 * 1000:6.1f} ms,"
        f" {figures.rate[many]:6.1f}/s, {figures.cpu_ms[many]:5.1f} ms CPU a request,"
        f" {figures.memory_mb:.0f} MB",
        flush=True,
    )


async def _settled(gateway: Gateway) -> None:
    """Until what is done after the answer is done too."""
    if gateway.name == "ours":
        await asyncio.to_thread(wait_for, _has_all_copies, "all copies are made", 120)


def _has_all_copies() -> bool:
    from django.db import connection

    from generations.models import Image

    try:
        return not Image.objects.filter(w512="").exists()
    finally:
        connection.close()


async def _ask(gateway: Gateway, count: int, many: int) -> list[float]:
    left, seconds = iter(range(count)), []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=2**23)
        for number in left:
            began = time.monotonic()
            writer.write(_request(gateway, number))
            await _answered(reader)
            seconds.append(time.monotonic() - began)
        writer.close()

    await asyncio.gather(*(one() for _ in range(many)))
    assert len(seconds) == count
    return seconds


def _request(gateway: Gateway, number: int) -> bytes:
    asked = {"model": gateway.model, "prompt": f"{PICTURE['prompt']} {number} {random.random()}"}
    # gpt-image-1 always answers with Base64, and LiteLLM refuses to be told so.
    form = {"response_format": "b64_json"} if gateway.name == "ours" else {}
    body = json.dumps({**asked, "n": 1, "size": "1024x1024", **form})
    head = (
        f"POST {gateway.address} HTTP/1.1\r\nhost: 127.0.0.1:{gateway.port}\r\n"
        f"authorization: Bearer {gateway.key}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


async def _answered(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert b" 200 " in head.split(b"\r\n", 1)[0], head + await reader.read(2000)
    if b"transfer-encoding: chunked" in head:
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
        return
    length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    assert len(await reader.readexactly(length)) > 1_000_000


# --- saying it ------------------------------------------------------------------------------


def _compare(measured: dict[str, Figures], parallel: list[int]) -> None:
    if not {"litellm", "ours"} <= measured.keys():
        return
    for many in parallel:
        for at, name in enumerate(("p50", "p95")):
            bare, theirs, ours = (
                p50_p95(measured[who].seconds[many])[at] for who in ("upstream", "litellm", "ours")
            )
            print(
                f"added {name} at {many:>2}: LiteLLM {(theirs - bare) * 1000:.1f} ms,"
                f" ours {(ours - bare) * 1000:.1f} ms = {(ours - bare) / (theirs - bare):.2f} of it"
            )
    ratio = measured["ours"].burst / measured["litellm"].burst
    print(f"burst: {ratio:.2f} of LiteLLM's time")


if __name__ == "__main__":
    main()
