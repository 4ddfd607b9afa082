"""Links for people outside, and what waits for a decision."""

from typing import Any

from generations.api import paging, shares
from generations.api.openapi.parts import READING, UUID, body, json, operation, path, query

_WRITING = ("400", "401", "403", "404", "413", "415", "429", "500")


def operations() -> dict[str, Any]:
    return {
        "/v1/shares": {"get": _shares(), "post": _sharing()},
        "/v1/shares/{share}": {"delete": _ending()},
        "/v1/reviews": {"get": _reviews()},
        "/v1/reviews/{image}": {"post": _deciding()},
    }


def _limit() -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 1, "maximum": paging.MOST}
    return query("limit", schema, f"How many at a time; {paging.PAGE} without a word.")


def _shares() -> dict[str, Any]:
    states = {"type": "string", "enum": list(shares.STATES)}
    place = {"type": "string", "pattern": paging.PLACE}
    return operation(
        "listShares",
        "Your links, newest first.",
        {"200": json("Shares", "A page of them.")},
        refusals=("400", *READING),
        parameters=[
            query("state", states, "Without a word both."),
            _limit(),
            query("after", place, "Where the last page ended: `next` has it."),
        ],
    )


def _sharing() -> dict[str, Any]:
    return operation(
        "createShare",
        "Make a link for somebody outside, as far as the team's policy allows.",
        {"201": json("Share", "The link; `url` is for whom you like.")},
        refusals=_WRITING,
        requestBody=body("ShareRequest"),
    )


def _ending() -> dict[str, Any]:
    return operation(
        "revokeShare",
        "End a link for good.",
        {"200": json("Share", "It opens nothing any more.")},
        refusals=(*READING, "404"),
        parameters=[path("share", UUID)],
    )


def _reviews() -> dict[str, Any]:
    return operation(
        "listReviews",
        "What waits for a decision and you may decide, oldest first.",
        {"200": json("Reviews", "A page of them.")},
        refusals=("400", *READING, "404"),
        parameters=[_limit(), query("after", UUID, "Behind that image: `next` has it.")],
    )


def _deciding() -> dict[str, Any]:
    return operation(
        "decideReview",
        "Approve an image, or reject it.",
        {"200": json("Decided", "From now on everybody sees it, or nobody does.")},
        refusals=(*_WRITING, "409"),
        parameters=[path("image", UUID)],
        requestBody=body("DecisionRequest"),
    )
