"""For supervisors and load balancers. Neither of them asks Venice."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from generations.services import installation


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    parts = installation.parts()
    return JsonResponse(parts, status=200 if all(parts.values()) else 503)
