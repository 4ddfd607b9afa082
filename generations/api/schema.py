"""The types of what programs send and get."""

from typing import Annotated, Any, Literal

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from generations.services.payload import generation as generation
from generations.services.payload import money as money
from generations.services.payload import url as url

# No NUL: no database takes it as text.
Word = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
Size = Annotated[str, StringConstraints(pattern=r"^(auto|[1-9][0-9]{0,4}x[1-9][0-9]{0,4})$")]
Name = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00]*$")]
_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
Id = Annotated[str, StringConstraints(pattern=_UUID), Field(json_schema_extra={"format": "uuid"})]
Format = Literal["png", "jpeg", "webp"]


class Strict(BaseModel):
    """Nothing is guessed: "4" is no number, and what is not known is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ImagesRequest(Strict):
    """POST /v1/images/generations: OpenAI's parameters, and Venice's own beside them."""

    prompt: Annotated[str, Field(description="What the images should show.")]
    model: Annotated[
        Word | None,
        Field(description="A model's id, a trait such as `default` or `fastest`, or an alias."),
    ] = None
    n: Annotated[int, Field(ge=1, le=10)] | None = None
    size: Size | None = None
    quality: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,20}$")] | None = None
    style: Literal["vivid", "natural"] | None = None
    background: Literal["transparent", "opaque", "auto"] | None = None
    moderation: Literal["low", "auto"] | None = None
    output_format: Format | None = None
    output_compression: Annotated[int, Field(ge=0, le=100)] | None = None
    response_format: Literal["b64_json", "url"] | None = None
    user: Name | None = None
    safety_identifier: Name | None = None
    # Streams are not made here; what says so is taken.
    stream: Literal[False] | None = None
    partial_images: Literal[0] | None = None

    negative_prompt: str | None = None
    seed: int | None = None
    steps: int | None = None
    cfg_scale: float | None = None
    style_preset: Word | None = None
    lora_strength: int | None = None
    aspect_ratio: Word | None = None
    resolution: Word | None = None
    width: int | None = None
    height: int | None = None
    format: Format | None = None
    safe_mode: bool | None = None
    hide_watermark: bool | None = None
    embed_exif_metadata: bool | None = None
    enhance_prompt: bool | None = None
    enable_web_search: bool | None = None

    confirm_price: Annotated[
        bool | None, Field(description="Make it although Venice names no price for it.")
    ] = None
    visibility: Literal["team", "private"] | None = None
    priority: Literal["interactive", "background"] | None = None


# --- what is answered -----------------------------------------------------------------------


def public() -> str:
    """This studio's public address: what people outside are given."""
    return str(settings.PUBLIC_URL).rstrip("/")


def base_of(request: Any) -> str:
    """This studio's address as the program reached it; the public one where that is the same."""
    public = str(settings.PUBLIC_URL)
    here = f"{request.scheme}://{request.get_host()}"
    return public if public.partition("://")[2].split("/")[0] == request.get_host() else here
