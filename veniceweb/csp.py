"""Content-Security-Policy from SECURE_CSP. Django 6 brings this middleware; then ours goes."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


def _policy() -> str:
    return "; ".join(" ".join([name, *sources]) for name, sources in settings.SECURE_CSP.items())


@sync_and_async_middleware
def ContentSecurityPolicyMiddleware(get_response):  # type: ignore[no-untyped-def]
    policy = _policy()

    if iscoroutinefunction(get_response):

        async def with_policy_async(request: HttpRequest) -> HttpResponseBase:
            response = await get_response(request)
            response.headers.setdefault("Content-Security-Policy", policy)
            return response

        return with_policy_async

    def with_policy(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy)
        return response

    return with_policy
