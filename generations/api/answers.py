"""The types of what programs are told, for the description of the API.

The answers themselves are put together by hand where they are made: base64 of several megabytes
is not to be looked through again. tests/api/test_api_schema.py holds them against these.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from generations.models.generation import State

Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]
Usd = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", description="USD as decimal text.")]


class Answer(BaseModel):
    model_config = ConfigDict(use_enum_values=True)


class MadeImage(Answer):
    id: UUID
    width: int
    height: int
    format: Literal["png", "jpeg", "webp"]
    state: Annotated[Literal["shown", "held"], Field(description="A held one has no `url`.")]
    url: Annotated[Url, Field(description="Works for an hour without a token.")] = ""


class Trouble(Answer):
    code: str
    message: str


class Generation(Answer):
    """A job: what was asked for, how far it is, what came of it."""

    id: UUID
    object: Literal["generation"]
    state: Literal[tuple(State.values)]  # type: ignore[valid-type]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    model: str
    prompt: str
    parameters: Annotated[dict[str, Any], Field(description="Under Venice's names.")]
    seed: int | None
    price: Annotated[Usd | None, Field(description="Said before; null when unknown.")]
    charged: Annotated[Usd | None, Field(description="What it did cost; null until it is known.")]
    images: list[MadeImage]
    error: Trouble | None


class Accepted(Generation):
    """Of a request that takes several calls `generations` has all, and the first is told here."""

    generations: list[Generation] = []


class Generations(Answer):
    object: Literal["list"]
    data: list[Generation]
    next: Annotated[Url | None, Field(description="The address of what follows.")]


class ImageData(Answer):
    b64_json: str = ""
    url: Annotated[Url, Field(description="Works for an hour without a token.")] = ""
    revised_prompt: str = ""


class Omitted(Answer):
    """Images that were asked for and are not in `data`."""

    generation: UUID
    code: str
    message: str
    count: int


class Images(Answer):
    created: Annotated[int, Field(description="Unix seconds.")]
    data: list[ImageData]
    omitted: list[Omitted] = []


class Timing(Answer):
    """Milliseconds."""

    inferenceDuration: int
    inferencePreprocessingTime: int
    inferenceQueueTime: int
    total: int


class NativeImages(Answer):
    id: str
    images: Annotated[list[str], Field(description="Base64.")]
    request: Annotated[dict[str, Any], Field(description="The request as it came.")]
    timing: Timing
    content_policy_violation_count: Annotated[
        int, Field(description="How many of the images asked for are held back.")
    ] = 0


class Model(Answer):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class Models(Answer):
    object: Literal["list"]
    data: list[Model]


class NativeModel(Model):
    type: Literal["image"]
    model_spec: Annotated[dict[str, Any], Field(description="As Venice names it.")]


class NativeModels(Answer):
    object: Literal["list"]
    type: str
    data: list[NativeModel]


class NamedModels(Answer):
    object: Literal["list"]
    type: str
    data: Annotated[dict[str, str], Field(description="Name → id of a model.")]


class Styles(Answer):
    object: Literal["list"]
    data: list[str]


class Share(Answer):
    """A link for people outside."""

    id: UUID
    object: Literal["share"]
    state: Literal["working", "ended"]
    url: Annotated[Url | None, Field(description="Null when it opens nothing any more.")]
    images: Annotated[int | None, Field(description="How many; null of a collection.")]
    collection: UUID | None
    download: bool
    show_prompt: bool
    picks: bool
    has_password: bool
    label: str
    title: str
    created_at: datetime
    expires_at: datetime
    visits: int
    visited_at: datetime | None


class Shares(Answer):
    object: Literal["list"]
    data: list[Share]
    next: Annotated[Url | None, Field(description="The address of what follows.")]


class Review(Answer):
    """An image that waits for a decision. Its picture is shown in the review desk alone."""

    id: Annotated[UUID, Field(description="The image's.")]
    object: Literal["review"]
    state: Literal["open", "asked"]
    reasons: list[str]
    words: Annotated[str, Field(description="The report, the blocked term, or the appeal.")]
    model: str
    prompt: str
    maker: str
    opened_at: datetime
    page: Annotated[Url, Field(description="Its place in the review desk.")]


class Reviews(Answer):
    object: Literal["list"]
    data: list[Review]
    next: Annotated[Url | None, Field(description="The address of what follows.")]


class Decided(Answer):
    id: UUID
    object: Literal["decision"]
    image: UUID
    decision: Literal["approve", "reject"]
    reason: str
    note: str
    decided_at: datetime


class ErrorBody(Answer):
    message: str
    type: str
    param: str | None
    code: str


class Error(Answer):
    """An error in OpenAI's words."""

    error: ErrorBody


class NativeError(Answer):
    """An error in Venice's words."""

    error: str
    code: str = ""
    details: dict[str, Any] = {}
    suggested_prompt: str = ""


class Told(Generation):
    """The body of a webhook: the job, with what happened and when."""

    type: str
    timestamp: datetime
