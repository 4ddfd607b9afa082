"""Who uses the studio in `load.py`: people, pages left open, programs that wait, slow clients.

Each is a coroutine for as long as the run lasts; `Book` has what they saw.
"""

import asyncio
import json
import random
import re
import socket
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from measure import MODEL, PICTURE
from wire import Answer, Line, head, read

# Nobody waits longer for a page; programs wait for as long as the studio lets them.
PATIENCE, LONGEST = 60.0, 330.0
# Seconds that somebody looks at what came, and what they do next, by how often.
THINKS = (2.0, 8.0)
HABITS = {"studio": 30, "gallery": 30, "image page": 15, "image file": 15, "submit": 10}
BYTES_A_SECOND = 5

_POLLER = re.compile(r'hx-get="(/generations/poll/[^"]+)"')


@dataclass
class Book:
    """Milliseconds by kind, and what went wrong."""

    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter[str] = field(default_factory=Counter)
    # Job -> when its answer was there, by the wall clock.
    answered: dict[str, float] = field(default_factory=dict)
    waiting: int = 0
    reopened: int = 0

    async def note(
        self, kind: str, asked: Awaitable[Answer], *expected: int, within: float = PATIENCE
    ) -> Answer | None:
        """The answer; None, and an error, when there is none or another than expected."""
        began = time.monotonic()
        try:
            # Not wait_for: in Python 3.11 it loses a cancellation that comes with the answer.
            async with asyncio.timeout(within):
                answer = await asked
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.errors[f"{kind}: {type(error).__name__}"] += 1
            return None
        if "x-later" in answer.headers:
            kind += ", put off"
        self.took[kind].append((time.monotonic() - began) * 1000)
        if answer.status not in (expected or (200,)):
            self.errors[f"{kind}: {answer.status}"] += 1
            return None
        return answer


@dataclass
class Member:
    """Somebody who is signed in."""

    port: int
    session: str
    csrf: str = "c" * 32

    def line(self) -> Line:
        cookies = f"sessionid={self.session}; csrftoken={self.csrf}"
        return Line(self.port, {"Cookie": cookies, "Accept-Encoding": "gzip"})


# --- people -------------------------------------------------------------------------------------


@dataclass
class Person:
    """Looks, submits, and has a page open that polls while a job of theirs runs."""

    member: Member
    book: Book
    images: list[str]
    does_submit: bool = True
    _poller: str = ""
    _polls: asyncio.Event = field(default_factory=asyncio.Event)

    async def live(self) -> None:
        line = self.member.line()
        await asyncio.sleep(random.uniform(0, THINKS[1]))
        await asyncio.gather(self._look(line), self._poll())

    async def _look(self, line: Line) -> None:
        habits = {kind: n for kind, n in HABITS.items() if self.does_submit or kind != "submit"}
        while True:
            kind = random.choices(list(habits), list(habits.values()))[0]
            await self._do(kind, line)
            self.book.reopened, line.reopened = self.book.reopened + line.reopened, 0
            await asyncio.sleep(random.uniform(*THINKS))

    async def _do(self, kind: str, line: Line) -> None:
        image = random.choice(self.images)
        paths = {
            "studio": "/",
            "gallery": "/gallery/",
            "image page": f"/images/{image}/",
            "image file": f"/images/{image}/w512",
        }
        if kind == "submit":
            posted = line.post(
                "/generations/",
                form(),
                Content_Type="application/x-www-form-urlencoded",
                X_CSRFToken=self.member.csrf,
                **_htmx(self.member.port),
            )
            self._watch(await self.book.note(kind, posted))
        else:
            answer = await self.book.note(kind, line.get(paths[kind]))
            if kind == "studio":
                self._watch(answer)

    def _watch(self, answer: Answer | None) -> None:
        found = _POLLER.search(answer.text) if answer else None
        if found:
            self._poller = found[1].replace("&amp;", "&")
            self._polls.set()
        else:
            self._polls.clear()

    async def _poll(self) -> None:
        line = self.member.line()
        while True:
            await self._polls.wait()
            await asyncio.sleep(float(self._poller.rpartition("every=")[2]))
            asked = line.get(self._poller, **_htmx(self.member.port))
            answer = await self.book.note("poll", asked, 200, 204)
            if answer and answer.status == 200:
                self._watch(answer)


def form() -> bytes:
    fields = {"model": MODEL, "form_token": uuid.uuid4().hex, **PICTURE}
    return urlencode(fields).encode()


def _htmx(port: int) -> dict[str, str]:
    return {"HX_Request": "true", "HX_Current_URL": f"http://127.0.0.1:{port}/"}


# --- pages that are open ------------------------------------------------------------------------


async def keep_open(member: Member, job: uuid.UUID, book: Book, every: float = 10) -> None:
    """A page whose job has run for minutes: it asks every 10 s, and nothing has changed."""
    line = member.line()
    path = f"/generations/poll/?seen={job.hex}.1.0&every={every:.0f}"
    await asyncio.sleep(random.uniform(0, every))
    while True:
        began = time.monotonic()
        await book.note("open page’s poll", line.get(path, **_htmx(member.port)), 204)
        book.reopened, line.reopened = book.reopened + line.reopened, 0
        # As htmx does it: the next one is due so long after this one was sent.
        await asyncio.sleep(max(0.0, every - (time.monotonic() - began)))


# --- programs -----------------------------------------------------------------------------------

_ASKED = {
    "model": MODEL,
    "prompt": PICTURE["prompt"],
    "seed": PICTURE["seed"],
    "size": "1024x1024",
    "output_format": "webp",
    "response_format": "b64_json",
}


async def call(port: int, token: str, book: Book) -> None:
    """A program that asks for an image, waits for it, and asks for the next."""
    line = Line(port, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    await asyncio.sleep(random.uniform(0, 5))
    while True:
        asked = line.post(
            "/v1/images/generations",
            json.dumps(_ASKED).encode(),
            Idempotency_Key=uuid.uuid4().hex,
        )
        book.waiting += 1
        try:
            answer = await book.note("API call, whole", asked, within=LONGEST)
        finally:
            book.waiting -= 1
        if answer:
            book.answered[answer.headers["x-generation-id"]] = time.time()
        else:
            await asyncio.sleep(1)


# --- slow clients -------------------------------------------------------------------------------


async def read_slowly(member: Member, method: str, path: str, body: bytes, book: Book) -> None:
    """Takes a few bytes a second of a picture, or of an archive of many."""
    headers = {**member.line().headers, "X-CSRFToken": member.csrf}
    if body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    await asyncio.sleep(random.uniform(0, 5))
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setblocking(False)
        # Otherwise the kernel takes a whole picture for us.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            await loop.sock_connect(client, ("127.0.0.1", member.port))
            await loop.sock_sendall(client, head(method, path, headers, body) + body)
            async with asyncio.timeout(PATIENCE):
                first = await loop.sock_recv(client, 12)
            if first != b"HTTP/1.1 200":
                book.errors[f"slow reader: {first.decode('latin-1')}"] += 1
                return
            while await loop.sock_recv(client, BYTES_A_SECOND):
                book.took["slow reader’s bytes"].append(0.0)
                await asyncio.sleep(1)
            book.errors["slow reader: cut off"] += 1
        except (OSError, TimeoutError) as error:
            book.errors[f"slow reader: {type(error).__name__}"] += 1


async def write_slowly(member: Member, book: Book) -> None:
    """Sends the composer's form a few bytes a second, and then waits for the answer."""
    headers = {
        **member.line().headers,
        "Content-Type": "application/x-www-form-urlencoded",
        "X-CSRFToken": member.csrf,
        **_htmx(member.port),
    }
    await asyncio.sleep(random.uniform(0, 5))
    while True:
        body = form()
        reader, writer = await asyncio.open_connection("127.0.0.1", member.port)
        writer.write(head("POST", "/generations/", headers, body))
        try:
            for first in range(0, len(body), BYTES_A_SECOND):
                writer.write(body[first : first + BYTES_A_SECOND])
                await writer.drain()
                await asyncio.sleep(1)
            await book.note("slow writer’s submit", read(reader))
        except OSError as error:
            book.errors[f"slow writer: {type(error).__name__}"] += 1
        finally:
            writer.close()
