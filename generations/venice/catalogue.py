"""What Venice publishes about its image models: GET /models?type=image, read tolerantly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from . import values

Sizing = Literal["pixels", "ratio", "ratio_tier"]

# Whole words of an id or a name that stand for models which need a picture to work on. The list
# of type "image" contained such entries (bria-bg-remover, 2026-03) with ordinary prices and
# constraints, so their shape alone does not give them away.
PICTURE_TO_PICTURE = re.compile(
    r"\b(edit(or|ing)?|(in|out)paint(ing)?|upscal(e|er|ing)|remov(e|er|al)|img2img|i2i|relight)\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What one model accepts. Everything is optional: a missing part means "not published"."""

    prompt_character_limit: int | None = None
    steps_default: int | None = None
    steps_max: int | None = None
    width_height_divisor: int | None = None
    aspect_ratios: tuple[str, ...] = ()
    default_aspect_ratio: str | None = None
    resolutions: tuple[str, ...] = ()
    default_resolution: str | None = None
    qualities: tuple[str, ...] = ()
    default_quality: str | None = None
    max_style_references: int | None = None

    @property
    def sizing(self) -> Sizing:
        """By which fields a size is asked for: width and height, ratio, or ratio and tier."""
        if self.resolutions:
            return "ratio_tier"
        return "ratio" if self.aspect_ratios else "pixels"

    @classmethod
    def from_json(cls, data: object) -> Constraints:
        part = values.mapping(data)
        steps = values.mapping(part.get("steps"))
        return cls(
            prompt_character_limit=values.integer(part.get("promptCharacterLimit")),
            steps_default=values.integer(steps.get("default")),
            steps_max=values.integer(steps.get("max")),
            width_height_divisor=values.integer(part.get("widthHeightDivisor")),
            aspect_ratios=values.texts(part.get("aspectRatios")),
            default_aspect_ratio=values.text(part.get("defaultAspectRatio")),
            resolutions=values.texts(part.get("resolutions")),
            default_resolution=values.text(part.get("defaultResolution")),
            qualities=values.texts(part.get("qualities")),
            default_quality=values.text(part.get("defaultQuality")),
            max_style_references=values.integer(part.get("maxStyleReferences")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """One entry of the model list. `raw` is its `model_spec` as received, plain JSON."""

    id: str
    name: str
    type: str = "image"
    # Unix seconds; 0 when the list does not say.
    created: int = 0
    privacy: str | None = None
    traits: tuple[str, ...] = ()
    offline: bool = False
    beta: bool = False
    supports_web_search: bool = False
    supports_style_references: bool = False
    supports_prompt_thinking: bool = False
    uncensored: bool = False
    deprecation_date: datetime | None = None
    deprecation_replacement: str | None = None
    constraints: Constraints = field(default_factory=Constraints)
    has_constraints: bool = False
    raw: dict[str, Any] = field(default_factory=dict, hash=False, repr=False)

    @classmethod
    def from_json(cls, entry: object) -> ModelInfo:
        """Raises ValueError for an entry without an id; anything else may be missing."""
        part = values.mapping(entry)
        model_id = values.text(part.get("id"))
        if model_id is None:
            raise ValueError("A model entry needs an id.")
        spec = values.mapping(part.get("model_spec"))
        limits = values.mapping(spec.get("constraints"))
        ending = values.mapping(spec.get("deprecation"))
        return cls(
            id=model_id,
            name=values.text(spec.get("name")) or model_id,
            type=values.text(part.get("type")) or "image",
            created=_moment(part.get("created")),
            privacy=values.text(spec.get("privacy")),
            traits=values.texts(spec.get("traits")),
            offline=values.flag(spec.get("offline")),
            beta=values.flag(spec.get("betaModel")) or values.flag(spec.get("beta")),
            supports_web_search=values.flag(spec.get("supportsWebSearch")),
            supports_style_references=values.flag(spec.get("supportsStyleReferences")),
            supports_prompt_thinking=values.flag(spec.get("supportsOptimizePromptThinking")),
            uncensored=values.flag(spec.get("uncensored")),
            deprecation_date=values.moment(ending.get("date") or ending.get("removesAt")),
            deprecation_replacement=values.text(ending.get("replacementModelId")),
            constraints=Constraints.from_json(limits),
            has_constraints=bool(limits),
            raw=dict(spec),
        )

    @property
    def makes_images_from_text(self) -> bool:
        """False for background removers, upscalers, edit and inpaint models.

        Told by the entry's type; by a price for inpainting, upscaling or input images without
        one for making an image; and by whole words of its id and name, since some such entries
        look like any other. A model without any price stays in: unknown is not "no".
        """
        if self.type != "image":
            return False
        if PICTURE_TO_PICTURE.search(f"{self.id} {self.name}".lower().replace("_", "-")):
            return False
        kinds = set(self._pricing)
        return bool(kinds & {"generation", "resolutions", "quality"} or not kinds)

    def price(self, *, resolution: str | None = None, quality: str | None = None) -> Decimal | None:
        """USD for one image; None when Venice names no price for this choice, never 0 for that.

        `resolution` and `quality` default to the model's own defaults; case does not matter.
        """
        tier = resolution or self.constraints.default_resolution
        by_quality = values.mapping(self._pricing.get("quality"))
        if by_quality:
            grade = quality or self.constraints.default_quality
            return _usd(_tier(_tier(by_quality, tier), grade))
        by_tier = values.mapping(self._pricing.get("resolutions"))
        if by_tier:
            return _usd(_tier(by_tier, tier))
        return _usd(self._pricing.get("generation"))

    @property
    def _pricing(self) -> Mapping[str, Any]:
        return values.mapping(self.raw.get("pricing"))


def _tier(table: object, name: str | None) -> object:
    """The row whose name equals `name` without regard to case: lists write 1K, people 1k."""
    if name is None:
        return None
    rows = {str(key).lower(): row for key, row in values.mapping(table).items()}
    return rows.get(name.lower())


def _usd(part: object) -> Decimal | None:
    amount = values.decimal(values.mapping(part).get("usd"))
    return amount if amount is not None and amount >= 0 else None


def models_from_json(data: object) -> list[ModelInfo]:
    """Every readable entry of a model list ({data: […]} or bare); a broken one is skipped.

    Raises ValueError when there is no list at all.
    """
    return [
        ModelInfo.from_json(entry)
        for entry in _listed(data)
        if values.text(values.mapping(entry).get("id"))
    ]


def styles_from_json(data: object) -> list[str]:
    """Style names from either published shape: a bare array or {data: […]}.

    Raises ValueError when there is no list at all.
    """
    names = [values.text(values.mapping(entry).get("name", entry)) for entry in _listed(data)]
    return [name for name in names if name is not None]


def traits_from_json(data: object) -> dict[str, str]:
    """Trait to model id ({data: {…}} or bare). Raises ValueError when there is no mapping."""
    if not isinstance(data, Mapping):
        raise ValueError("Expected an object of traits.")
    part = data.get("data", data)
    return {
        str(trait): model
        for trait, model in values.mapping(part).items()
        if isinstance(model, str) and model
    }


def _listed(data: object) -> list[Any]:
    found = data.get("data") if isinstance(data, Mapping) else data
    if not isinstance(found, list):
        raise ValueError("Expected a list.")
    return found


def _moment(value: object) -> int:
    """Unix seconds that a database can hold, else 0."""
    seconds = values.integer(value) or 0
    return seconds if 0 < seconds < 2**33 else 0
