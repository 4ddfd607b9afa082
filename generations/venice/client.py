"""The one place that talks to Venice. It decides nothing: it asks once and says what came of it."""

from __future__ import annotations

import functools
import json
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from . import errors, replies
from .body import MAX_BODY, MAX_ERROR_BODY, Broken, Late, TooLarge, read_body
from .catalogue import ModelInfo, models_from_json, styles_from_json, traits_from_json
from .cutoff import Cutoff
from .replies import Reply
from .types import ApiKey, Balance, ImageAnswer, ImageRequest, RateLimits

CONNECT_TIMEOUT = 10.0
FREE_CALL_TIMEOUT = 30.0
# What can go wrong before a byte of the request has left: nothing was asked for.
NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)

T = TypeVar("T")


@functools.cache
def shared_ssl_context() -> ssl.SSLContext:
    """One set of CA certificates for all clients of this process; loading it takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


class VeniceClient:
    """A connection to Venice with one key, for one thread at a time.

    `call_timeout` bounds a whole image call in seconds (calls take 2 to 120 s).
    Every method raises a VeniceError and nothing else. GETs cost nothing, so their lost answers
    are NotSent or Overloaded, never OutcomeUnknown.
    Source: https://docs.venice.ai/api-reference
    """

    def __init__(
        self,
        api_key: ApiKey,
        *,
        base_url: str,
        call_timeout: float = 180.0,
        transport: httpx.BaseTransport | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._api_key = api_key
        self._base_url = base_url.rstrip("/")
        self._call_timeout = call_timeout
        self._cutoff = Cutoff()
        self._http = httpx.Client(
            headers={
                "accept-encoding": "gzip, br",
                "content-type": "application/json",
                "user-agent": "veniceweb",
            },
            verify=ssl_context or shared_ssl_context(),
            transport=transport,
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"VeniceClient({self._api_key!r}, base_url={self._base_url!r})"

    def close(self) -> None:
        self._http.close()

    def generate(self, request: ImageRequest) -> ImageAnswer:
        """POST /image/generate: makes and charges 1 to 4 images. Never sent twice."""
        return self._paid("/image/generate", request.payload())

    def generate_openai(
        self,
        *,
        prompt: str,
        model: str | None = None,
        size: str | None = None,
        output_format: str | None = None,
        response_format: str | None = None,
        moderation: str | None = None,
    ) -> ImageAnswer:
        """POST /images/generations, Venice's narrow OpenAI-compatible endpoint: one image,
        1500 characters, and an unknown model silently becomes the default one and is charged."""
        fields = {
            "prompt": prompt,
            "model": model,
            "size": size,
            "output_format": output_format,
            "response_format": response_format,
            "moderation": moderation,
        }
        return self._paid("/images/generations", {k: v for k, v in fields.items() if v is not None})

    def models(self) -> list[ModelInfo]:
        """GET /models: the image models. Without `type` the list would be text models."""
        return self._free("/models", models_from_json, {"type": "image"})

    def traits(self) -> dict[str, str]:
        """GET /models/traits: trait ("default", "fastest", …) to model id."""
        return self._free("/models/traits", traits_from_json, {"type": "image"})

    def styles(self) -> list[str]:
        """GET /image/styles: names for `style_preset`."""
        return self._free("/image/styles", styles_from_json)

    def rate_limits(self, image_models: Collection[str] = ()) -> RateLimits:
        """GET /api_keys/rate_limits, which is also the free way to test a key."""
        return self._free(
            "/api_keys/rate_limits",
            lambda data: RateLimits.from_json(_object(data), image_models),
        )

    def balance(self) -> Balance:
        """GET /billing/balance. A key without billing rights may get BadKey here and yet make
        images: do not judge a key by this call."""
        return self._free("/billing/balance", lambda data: Balance.from_json(_object(data)))

    def _paid(self, path: str, payload: Mapping[str, Any]) -> ImageAnswer:
        content = _written(payload)
        reply = self._ask("POST", path, lost=errors.OutcomeUnknown, content=content)
        if not reply.is_success:
            raise replies.error_in(reply)
        return replies.answer_in(reply)

    def _free(
        self, path: str, read: Callable[[Any], T], params: Mapping[str, str] | None = None
    ) -> T:
        reply = self._ask("GET", path, lost=errors.NotSent, params=params)
        if not reply.is_success:
            raise replies.free_error_in(reply)
        try:
            return read(reply.json())
        except ValueError as trouble:
            error = _unreadable(f"{path}: {trouble}")
        raise error

    def _ask(
        self, method: str, path: str, *, lost: type[errors.VeniceError], **asked: Any
    ) -> Reply:
        # Raised outside `except`, so that no httpx error, which knows the request and with it
        # the key, hangs on ours as its context.
        try:
            return self._exchange(method, path, asked)
        except NEVER_SENT as trouble:
            error: errors.VeniceError = errors.NotSent(self._said(trouble))
        except (httpx.HTTPError, httpx.StreamError, OSError, Late) as trouble:
            error = lost(self._said(trouble))
        except (TooLarge, Broken) as trouble:
            error = errors.BadResponse(self._said(trouble))
            if method == "GET":
                error = _unreadable(error.message)
        raise error

    def _exchange(self, method: str, path: str, asked: Mapping[str, Any]) -> Reply:
        started = time.monotonic()
        limit = (
            self._call_timeout if method == "POST" else min(FREE_CALL_TIMEOUT, self._call_timeout)
        )
        with (
            self._cutoff.after(limit),
            self._http.stream(
                method,
                self._base_url + path,
                headers={"authorization": f"Bearer {self._api_key.reveal()}"},
                timeout=httpx.Timeout(limit, connect=min(CONNECT_TIMEOUT, limit)),
                extensions={"trace": self._cutoff.trace},
                **asked,
            ) as response,
        ):
            body = _body(response, started + limit)
        return Reply(
            status=response.status_code,
            headers=response.headers,
            body=body,
            received_at=datetime.now(UTC),
            seconds=time.monotonic() - started,
            secret=self._api_key.reveal(),
        )

    def _said(self, trouble: Exception) -> str:
        text = f"{type(trouble).__name__}: {trouble}" if str(trouble) else type(trouble).__name__
        return errors.safe_text(text, secrets=[self._api_key.reveal()])


def _written(payload: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(payload, allow_nan=False).encode()
    except ValueError as trouble:
        error = errors.Refused(f"not sent: {trouble}")
    raise error


def _body(response: httpx.Response, deadline: float) -> bytes:
    if response.is_success:
        return read_body(response, deadline=deadline, limit=MAX_BODY)
    # The status alone already says that nothing was made; a broken body must not hide that.
    try:
        return read_body(response, deadline=deadline, limit=MAX_ERROR_BODY)
    except (httpx.HTTPError, OSError, Late, TooLarge, Broken):
        return b""


def _object(data: object) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise ValueError("Expected an object.")
    return data


def _unreadable(message: str) -> errors.BadResponse:
    return errors.BadResponse(
        message,
        public_message="Venice's answer could not be read. Nothing was charged. Try again later.",
    )
