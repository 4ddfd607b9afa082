"""The stand-in's models and styles: every shape of sizing, pricing and state that Venice has.

Ids, limits and prices are those of the real models where there is one (seen 2026-03 to 2026-11).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ..catalogue import ModelInfo

DEFAULT_MODEL = "z-image-turbo"
# What a model without a published price charges all the same.
UNLISTED_PRICE = Decimal("0.03")
NOTICE = timedelta(days=10)

RATIOS = ["1:1", "3:2", "16:9", "21:9", "9:16", "2:3", "3:4", "4:5"]
STYLES = [
    "3D Model",
    "Abstract",
    "Analog Film",
    "Anime",
    "Cinematic",
    "Comic Book",
    "Cubist",
    "Digital Art",
    "Fantasy Art",
    "Film Noir",
    "Hyperrealism",
    "Impressionist",
    "Isometric Style",
    "Line Art",
    "Long Exposure",
    "Lowpoly",
    "Minimalist",
    "Monochrome",
    "Neon Punk",
    "Origami",
    "Paper Quilling",
    "Photographic",
    "Pixel Art",
    "Pointillism",
    "Pop Art",
    "Renaissance",
    "Silhouette",
    "Stained Glass",
    "Surrealist",
    "Watercolor",
]


def _usd(amount: float) -> dict[str, float]:
    return {"usd": amount, "diem": amount}


def _pixels(limit: int, default: int, most: int, divisor: int) -> dict[str, Any]:
    return {
        "promptCharacterLimit": limit,
        "steps": {"default": default, "max": most},
        "widthHeightDivisor": divisor,
    }


def _ratio(limit: int, ratios: list[str], tiers: list[str] | None = None) -> dict[str, Any]:
    found = _pixels(limit, 20, 50, 1) | {"aspectRatios": ratios, "defaultAspectRatio": "1:1"}
    return found | ({"resolutions": tiers, "defaultResolution": tiers[0]} if tiers else {})


def _model(
    model_id: str,
    name: str,
    *,
    usd: float | None = None,
    pricing: dict[str, Any] | None = None,
    constraints: dict[str, Any] | None = None,
    privacy: str = "private",
    traits: tuple[str, ...] = (),
    **spec: Any,
) -> dict[str, Any]:
    price = {"generation": _usd(usd)} if usd is not None else pricing
    upscale = {"upscale": {"2x": _usd(0.02), "4x": _usd(0.08)}}
    return {
        "id": model_id,
        "object": "model",
        "owned_by": "venice.ai",
        "type": "image",
        "created": 1764758779,
        "model_spec": {
            "name": name,
            "privacy": privacy,
            "offline": False,
            "traits": list(traits),
            "supportsWebSearch": False,
            **({"pricing": price | upscale} if price else {}),
            **({"constraints": constraints} if constraints else {}),
            **spec,
        },
    }


def _quality(low: float, medium: float, high: float) -> dict[str, Any]:
    return {"low": _usd(low), "medium": _usd(medium), "high": _usd(high)}


def image_models(now: datetime) -> list[dict[str, Any]]:
    """The `data` of GET /models?type=image. One model is always ten days from its end."""
    ends = (now + NOTICE).astimezone(UTC).strftime("%Y-%m-%dT00:00:00.000Z")
    ending = {
        "autoRemap": True,
        "date": ends,
        "removesAt": ends,
        "replacementModelId": DEFAULT_MODEL,
    }
    return [
        _model(
            "z-image-turbo",
            "Z-Image Turbo",
            usd=0.01,
            constraints=_pixels(7500, 8, 8, 8),
            traits=("default", "fastest"),
        ),
        _model(
            "qwen-image",
            "Qwen Image",
            usd=0.01,
            constraints=_pixels(1500, 8, 8, 8),
            traits=("highest_quality",),
        ),
        _model("hidream", "HiDream", usd=0.01, constraints=_pixels(1500, 20, 50, 8)),
        _model("chroma", "Chroma", usd=0.01, constraints=_pixels(7500, 10, 10, 8)),
        _model("wai-Illustrious", "Anime (WAI)", usd=0.01, constraints=_pixels(1500, 25, 30, 16)),
        _model(
            "venice-sd35",
            "Venice SD35",
            usd=0.01,
            constraints=_pixels(1500, 25, 30, 16),
            traits=("eliza-default",),
            deprecation=ending,
        ),
        _model(
            "flux-2-pro",
            "Flux 2 Pro",
            usd=0.04,
            constraints=_ratio(3000, RATIOS),
            privacy="anonymized",
        ),
        _model(
            "qwen-image-2",
            "Qwen Image 2",
            usd=0.05,
            constraints=_ratio(10000, RATIOS),
            privacy="anonymized",
        ),
        _model(
            "hunyuan-image-v3",
            "Hunyuan Image 3.0",
            usd=0.09,
            constraints=_ratio(3000, RATIOS),
            betaModel=True,
        ),
        _model(
            "nano-banana-pro",
            "Nano Banana Pro",
            pricing={"resolutions": {"1K": _usd(0.18), "2K": _usd(0.23), "4K": _usd(0.35)}},
            constraints=_ratio(32768, [*RATIOS, "auto"], ["1K", "2K", "4K"]),
            privacy="anonymized",
            supportsWebSearch=True,
        ),
        _model(
            "gpt-image-2",
            "GPT Image 2",
            pricing={
                "quality": {
                    "1K": _quality(0.02, 0.07, 0.27),
                    "2K": _quality(0.03, 0.13, 0.5),
                    "4K": _quality(0.05, 0.21, 0.83),
                }
            },
            constraints=_ratio(32768, [*RATIOS, "19.5:9"], ["1K", "2K", "4K"])
            | {"qualities": ["low", "medium", "high"], "defaultQuality": "medium"},
            privacy="anonymized",
        ),
        _model(
            "grok-imagine",
            "Grok Imagine",
            usd=0.04,
            constraints=_ratio(1500, RATIOS),
            privacy="anonymized",
            offline=True,
        ),
        _model("recraft-v4", "Recraft V4", usd=0.05, privacy="anonymized"),
        _model(
            "seedream-v5-lite",
            "SeedreamV5 Lite",
            constraints=_ratio(10000, RATIOS),
            privacy="anonymized",
        ),
        _model(
            "bria-bg-remover",
            "Background Remover",
            usd=0.03,
            constraints=_pixels(1500, 20, 50, 1),
            privacy="anonymized",
        ),
    ]


def text_models() -> list[dict[str, Any]]:
    """What GET /models answers without `type=image`: the trap that the query avoids."""
    spec = {"name": "Venice Small", "availableContextTokens": 131072, "traits": ["fastest"]}
    return [{"id": "qwen3-4b", "object": "model", "type": "text", "model_spec": spec}]


def by_id(models: list[dict[str, Any]]) -> dict[str, ModelInfo]:
    return {model.id: model for model in map(ModelInfo.from_json, models)}


def traits(models: list[dict[str, Any]]) -> dict[str, str]:
    return {trait: m["id"] for m in models for trait in m["model_spec"]["traits"]}
