"""Jobs, as programs see them: one as JSON, that it was taken, and that it still runs."""

from collections.abc import Sequence

from django.http import HttpResponse, JsonResponse

from generations.api import schema
from generations.api.errors import ApiError
from generations.models import Generation, Image


def as_json(job: Generation, *, base: str) -> dict[str, object]:
    images = list(Image.objects.filter(generation=job, deleted_at=None).order_by("number"))
    return schema.generation(job, images, base=base)


def address(job: Generation) -> str:
    return f"/v1/generations/{job.pk}"


def accepted(found: Sequence[Generation], *, base: str) -> HttpResponse:
    """202: the first job, and where to look; of several calls `generations` has all."""
    body = as_json(found[0], base=base)
    if len(found) > 1:
        body["generations"] = [as_json(job, base=base) for job in found]
    response = JsonResponse(body, status=202)
    response["Location"] = address(found[0])
    response["X-Generation-Id"] = str(found[0].pk)
    response["Preference-Applied"] = "respond-async"
    return response


def still_running(found: Sequence[Generation]) -> ApiError:
    """504: the wait is over, the jobs are not."""
    return ApiError(
        "still_running",
        "It takes longer than this request waits. It goes on: look for it at the address in "
        "“Location”. To send the same again costs nothing while it runs.",
        headers={"Location": address(found[0])},
    )
