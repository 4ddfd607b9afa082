"""Tells the audit log where a request comes from."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from generations.models import Event
from generations.services import audit
from generations.views.access import address_of


class OriginMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_program = request.path.startswith(("/v1/", "/api/"))
        via = Event.Via.API if is_program else Event.Via.WEB
        with audit.coming_from(via, address_of(request)):
            return self.get_response(request)
