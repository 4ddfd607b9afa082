"""The stand-in as a WSGI app: who may ask, what it costs, what is answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from . import answers, catalogue
from .answers import Answer, LineCut
from .ledger import LONGEST_PROMPT, Entry, Invoice, Ledger
from .limits import Account
from .markers import HANG_SECONDS, Making, apply_markers, has_once
from .orders import Order, model_headers, native_order, openai_order, painted
from .wsgi import LARGEST_BODY, Call, read_call, send

IMAGE_ENDPOINTS = {"/image/generate": native_order, "/images/generations": openai_order}
PRIVATE_PATHS = ("/api_keys/rate_limits", "/billing/balance")
VERSION = "standin"


class StandIn:
    """A local Venice.

    `latency` seconds added to every image call; `requests_per_minute` for each key; `keys` that
    are let in (None: any); `credit` in USD for each key. A key with a word that begins
    with "bad" gets 401, "poor" 402 for no balance, "limit" 402 for its spending limit ("bad-key",
    "vn_poor_1"); with the word "rpm30" it has that many requests a minute.
    `clock` gives Unix seconds, `sleep` takes seconds.
    """

    def __init__(
        self,
        *,
        latency: float = 0.05,
        requests_per_minute: int = 20,
        keys: Collection[str] | None = None,
        credit: Decimal = Decimal(10_000),
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.latency = latency
        self.ledger = Ledger()
        self._requests_per_minute = requests_per_minute
        self._keys = keys
        self._credit = credit
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._accounts: dict[str, Account] = {}
        self._seen_prompts: set[str] = set()
        self._serial = 0
        self._models = catalogue.image_models(datetime.fromtimestamp(clock(), UTC))
        self._by_id = catalogue.by_id(self._models)
        self._pages = self._routes()

    def paid_calls(self, marker: str = "") -> int:
        """How many calls whose prompt contains `marker` were charged."""
        return sum(1 for entry in self.ledger.entries(marker) if entry.usd)

    def calls(self, marker: str = "") -> list[Entry]:
        """Every image POST whose prompt contains `marker`, charged or not, oldest first."""
        return self.ledger.entries(marker)

    def invoice(self) -> Invoice:
        """What all keys together were charged: calls, images, usd."""
        return self.ledger.invoice()

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        call = read_call(environ)
        is_cut = False
        if call.method == "POST" and call.path in IMAGE_ENDPOINTS:
            answer, is_cut = self._image_call(call)
        else:
            answer = self._free_call(call)
        if call.key and not answer.is_success:
            self._account(call).fail()
        answer.headers |= {"x-venice-version": VERSION, "cf-ray": f"{self._next():016x}-VCE"}
        return send(call, answer, start_response, is_cut=is_cut)

    def _routes(self) -> dict[str, Callable[[Call], Answer]]:
        return {
            "/models": self._list_models,
            "/models/traits": self._list_traits,
            "/image/styles": lambda call: _listed(catalogue.STYLES),
            "/api_keys/rate_limits": self._rate_limits,
            "/billing/balance": self._balance,
            "/_standin/ledger": lambda call: answers.json_answer(200, self.ledger.as_json()),
        }

    def _free_call(self, call: Call) -> Answer:
        page = self._pages.get(call.path)
        if page is None and call.path not in IMAGE_ENDPOINTS:
            return answers.error(404, "Not found")
        if page is None or call.method != "GET":
            return answers.error(405, "Method not allowed")
        is_public = call.key is None and call.path not in PRIVATE_PATHS
        return (None if is_public else self._refusal(call)) or page(call)

    def _refusal(self, call: Call) -> Answer | None:
        """The answer to a key that is not let in at all."""
        if call.key is None:
            return answers.payment_required()
        until = self._account(call).locked_until
        if until is not None:
            return answers.lockout(until)
        if call.is_key("bad") or (self._keys is not None and call.key not in self._keys):
            return answers.error(401, "Authentication failed")
        return None

    def _account(self, call: Call) -> Account:
        with self._lock:
            if call.fingerprint not in self._accounts:
                per_minute = call.own_limit or self._requests_per_minute
                self._accounts[call.fingerprint] = Account(
                    per_minute=per_minute, credit=self._credit, clock=self._clock
                )
            return self._accounts[call.fingerprint]

    def _list_models(self, call: Call) -> Answer:
        if call.query.get("type", ["text"])[0] in ("image", "all"):
            return _listed(self._models, type="image")
        return _listed(catalogue.text_models(), type="text")

    def _list_traits(self, call: Call) -> Answer:
        if call.query.get("type", ["text"])[0] == "image":
            return _listed(catalogue.traits(self._models), type="image")
        return _listed({"fastest": "qwen3-4b"}, type="text")

    def _rate_limits(self, call: Call) -> Answer:
        limits = [{"amount": self._account(call).per_minute, "type": "RPM"}]
        rows = [{"apiModelId": model_id, "rateLimits": limits} for model_id in self._by_id]
        rows.append({"apiModelId": "qwen3-4b", "rateLimits": [{"amount": 5, "type": "RPM"}]})
        content = {
            "accessPermitted": True,
            "apiTier": {"id": "paid", "isCharged": True},
            "balances": {"USD": float(self._left(call)), "DIEM": 0},
            "keyExpiration": None,
            "nextEpochBegins": "2030-01-01T00:00:00.000Z",
            "rateLimits": rows,
        }
        return answers.json_answer(200, {"data": content})

    def _balance(self, call: Call) -> Answer:
        left = self._left(call)
        content = {
            "canConsume": left > 0,
            "consumptionCurrency": "USD",
            "balances": {"usd": float(left), "diem": None},
            "diemEpochAllocation": 0,
        }
        return answers.json_answer(200, content)

    def _left(self, call: Call) -> Decimal:
        return Decimal(0) if call.is_key("poor") else self._account(call).credit

    def _image_call(self, call: Call) -> tuple[Answer, bool]:
        """The answer, and whether the line drops inside its body."""
        body = call.json_object()
        found = self._barred(call) or _unread(call, body)
        if found is None and body is not None:
            order = IMAGE_ENDPOINTS[call.path](body, self._by_id, self._next())
            found = order if isinstance(order, Answer) else self._unpaid(call, order)
            if found is None and isinstance(order, Order):
                return self._make(call, order)
        assert found is not None
        self._record(call, body or {}, outcome=str(found.status))
        return found, False

    def _barred(self, call: Call) -> Answer | None:
        refusal = self._refusal(call)
        if refusal is None and not self._account(call).admit():
            return answers.rate_limited(**self._account(call).headers())
        return refusal

    def _unpaid(self, call: Call, order: Order) -> Answer | None:
        if call.is_key("limit"):
            return answers.key_limit()
        return answers.no_balance() if self._left(call) < order.price * order.variants else None

    def _make(self, call: Call, order: Order) -> tuple[Answer, bool]:
        making = Making(
            now=self._clock(),
            prompt=order.prompt,
            key=call.key or "",
            wanted=order.variants,
            safe_mode=order.body.get("safe_mode", True),
            delay=self.latency,
            headers=model_headers(order),
        )
        apply_markers(making, is_first=self._is_first(order.prompt))
        if making.cut == "before":
            self._record(call, order.body, order=order, outcome="cut before")
            raise LineCut("cut before the work")
        if making.delay > 0:
            self._sleep(making.delay)
        return self._finish(call, order, making), making.cut == "inside"

    def _finish(self, call: Call, order: Order, making: Making) -> Answer:
        images = [] if making.answer or making.hangs else painted(order, making)
        answer = making.answer or order.wrap(order, images, making.delay)
        self._charge(call, order, making, images, answer)
        if making.locks:
            self._account(call).lock()
        if making.hangs:
            self._sleep(HANG_SECONDS)
        if making.hangs or making.cut == "after":
            raise LineCut("cut after the work")
        if answer.is_success:
            answer.headers |= self._account(call).headers() | making.headers
        return answer

    def _charge(
        self, call: Call, order: Order, making: Making, images: list[bytes], answer: Answer
    ) -> None:
        """A lost or useless answer costs what the images would have cost."""
        count = order.variants if making.answer or making.hangs else len(images)
        usd = order.price * count if making.is_charged else Decimal(0)
        outcome = making.mishap or str(answer.status)
        self._account(call).charge(usd)
        self._record(call, order.body, order=order, outcome=outcome, images=len(images), usd=usd)

    def _is_first(self, prompt: str) -> bool:
        if not has_once(prompt):
            return True
        with self._lock:
            is_first = prompt not in self._seen_prompts
            self._seen_prompts.add(prompt)
            return is_first

    def _next(self) -> int:
        """Numbers answers, and stands for the random seed of a request that names none."""
        with self._lock:
            self._serial += 1
            return self._serial

    def _record(
        self,
        call: Call,
        body: dict[str, Any],
        *,
        outcome: str,
        order: Order | None = None,
        images: int = 0,
        usd: Decimal = Decimal(0),
    ) -> None:
        entry = Entry(
            at=self._clock(),
            key=call.fingerprint,
            endpoint=call.path,
            model=order.model.id if order else str(body.get("model", ""))[:100],
            prompt=str(body.get("prompt", ""))[:LONGEST_PROMPT],
            images=images,
            usd=usd,
            outcome=outcome,
        )
        self.ledger.record(entry)


def _listed(data: object, **extra: str) -> Answer:
    return answers.json_answer(200, {"data": data, "object": "list", **extra})


def _unread(call: Call, body: dict[str, Any] | None) -> Answer | None:
    if not call.media_type.startswith("application/json"):
        return answers.error(415, "Invalid content type: send application/json")
    if len(call.body) > LARGEST_BODY:
        return answers.error(413, "Request body too large")
    return answers.error(400, "Invalid JSON in request body") if body is None else None
