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

ANONYMIZED: dict[str, Any] = {"privacy": "anonymized"}
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
    return [*_pixel_models(now), *_ratio_models(), *_tier_models(), *_odd_models()]


def _pixel_models(now: datetime) -> list[dict[str, Any]]:
    ends = (now + NOTICE).astimezone(UTC).strftime("%Y-%m-%dT00:00:00.000Z")
    ending = {"autoRemap": True, "date": ends, "removesAt": ends}
    ending["replacementModelId"] = DEFAULT_MODEL
    rows: list[tuple[str, str, tuple[int, int, int, int], tuple[str, ...], dict[str, Any]]] = [
        (DEFAULT_MODEL, "Z-Image Turbo", (7500, 8, 8, 8), ("default", "fastest"), {}),
        ("qwen-image", "Qwen Image", (1500, 8, 8, 8), ("highest_quality",), {}),
        ("hidream", "HiDream", (1500, 20, 50, 8), (), {}),
        ("chroma", "Chroma", (7500, 10, 10, 8), (), {}),
        ("wai-Illustrious", "Anime (WAI)", (1500, 25, 30, 16), (), {}),
        ("venice-sd35", "Venice SD35", (1500, 25, 30, 16), (), {"deprecation": ending}),
    ]
    return [
        _model(model_id, name, usd=0.01, constraints=_pixels(*limits), traits=traits, **spec)
        for model_id, name, limits, traits, spec in rows
    ]


def _ratio_models() -> list[dict[str, Any]]:
    rows: list[tuple[str, str, float | None, int, dict[str, Any]]] = [
        ("flux-2-pro", "Flux 2 Pro", 0.04, 3000, {}),
        ("qwen-image-2", "Qwen Image 2", 0.05, 10000, {}),
        ("hunyuan-image-v3", "Hunyuan Image 3.0", 0.09, 3000, {"betaModel": True}),
        ("grok-imagine", "Grok Imagine", 0.04, 1500, {"offline": True}),
        ("grok-imagine-image", "Grok Imagine Image", 0.04, 1500, {}),
        ("seedream-v5-lite", "SeedreamV5 Lite", None, 10000, {}),
    ]
    return [
        _model(model_id, name, usd=usd, constraints=_ratio(limit, RATIOS), **ANONYMIZED, **spec)
        for model_id, name, usd, limit, spec in rows
    ]


def _tier_models() -> list[dict[str, Any]]:
    by_tier = {"1K": _usd(0.18), "2K": _usd(0.23), "4K": _usd(0.35)}
    by_lesser_tier = {"1K": _usd(0.1), "2K": _usd(0.14), "4K": _usd(0.19)}
    by_quality = {
        "1K": _quality(0.02, 0.07, 0.27),
        "2K": _quality(0.03, 0.13, 0.5),
        "4K": _quality(0.05, 0.21, 0.83),
    }
    qualities = {"qualities": ["low", "medium", "high"], "defaultQuality": "medium"}
    return [
        _model(
            "nano-banana-pro",
            "Nano Banana Pro",
            pricing={"resolutions": by_tier},
            constraints=_ratio(32768, [*RATIOS, "auto"], list(by_tier)),
            supportsWebSearch=True,
            **ANONYMIZED,
        ),
        _model(
            "nano-banana-2",
            "Nano Banana 2",
            pricing={"resolutions": by_lesser_tier},
            constraints=_ratio(32768, RATIOS, list(by_lesser_tier)),
            supportsWebSearch=True,
            **ANONYMIZED,
        ),
        _model(
            "gpt-image-2",
            "GPT Image 2",
            pricing={"quality": by_quality},
            constraints=_ratio(32768, [*RATIOS, "19.5:9"], list(by_quality)) | qualities,
            **ANONYMIZED,
        ),
    ]


def _odd_models() -> list[dict[str, Any]]:
    """One without constraints, one that only looks like a text-to-image model."""
    remover = _pixels(1500, 20, 50, 1)
    return [
        _model("recraft-v4", "Recraft V4", usd=0.05, **ANONYMIZED),
        _model(
            "bria-bg-remover", "Background Remover", usd=0.03, constraints=remover, **ANONYMIZED
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
