"""The catalogue: fetched from Venice, kept here, and the last good copy while Venice is away."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from generations.models import (
    Call,
    CatalogueFetch,
    FieldRule,
    StylePreset,
    VeniceKey,
    VeniceModel,
)
from generations.services import key as keys
from generations.services.parameters import OPTIONAL, Rules
from generations.venice.errors import VeniceError
from generations.venice.types import ModelInfo

logger = logging.getLogger(__name__)

DEFAULT_TRAIT = "default"
EVERY = timedelta(hours=1)
# Fewer calls than this say nothing about what is usual.
LEAST_CALLS = 4


def refresh() -> CatalogueFetch:
    """Fetch models and styles now. Raises VeniceError; what was stored then stays as it was."""
    key = _key_to_ask_with()
    try:
        with keys.client_for(key) as client:
            models, styles = client.models(), client.styles()
    except VeniceError as error:
        _note(error=error.public_message)
        raise
    with transaction.atomic():
        _forget_what_changed(models)
        _store_models(models)
        _store_styles(styles)
        fetch = _note(error="")
    logger.info("catalogue: %s models, %s styles", len(models), len(styles))
    return fetch


def is_foreign() -> bool:
    """Whether there is no catalogue yet, or it came from another address."""
    return not CatalogueFetch.objects.filter(
        base_url=settings.VENICE_BASE_URL, fetched_at__isnull=False
    ).exists()


def refresh_if_due() -> bool:
    """Fetch when the copy is an hour old or there is none. Raises VeniceError."""
    recent = timezone.now() - EVERY
    if not is_foreign() and CatalogueFetch.objects.filter(fetched_at__gte=recent).exists():
        return False
    refresh()
    return True


def learn_durations() -> None:
    """The middle half of each model's last calls: what "usually 8-12 s" says on a card."""
    recent = Call.objects.filter(
        outcome=Call.Outcome.ARRIVED, generation__is_demo=settings.IS_DEMO
    ).order_by("-started_at")
    took: dict[str, list[float]] = {}
    for model, start, end in recent.values_list("generation__model", "started_at", "finished_at")[
        :1000
    ]:
        if end is not None:
            took.setdefault(model, []).append((end - start).total_seconds())
    for model, lengths in took.items():
        if len(lengths) < LEAST_CALLS:
            continue
        low, _, high = quantiles(lengths[:40], n=4)
        VeniceModel.objects.filter(pk=model).update(usual_low=low, usual_high=high)


def _key_to_ask_with() -> VeniceKey | None:
    """The team's key, else anybody's: asking for the list is free. Never one that was refused."""
    team = keys.team_key()
    if team and not team.account.problem:
        return team
    return VeniceKey.objects.filter(account__problem="", source=VeniceKey.Source.SAVED).first()


def _note(*, error: str) -> CatalogueFetch:
    values: dict[str, Any] = {"error": error[:300]}
    if not error:
        values |= {"fetched_at": timezone.now(), "base_url": settings.VENICE_BASE_URL}
    return CatalogueFetch.objects.update_or_create(id=1, defaults=values)[0]


def _store_models(models: list[ModelInfo]) -> None:
    now = timezone.now()
    rows = [
        VeniceModel(
            id=model.id[:120],
            name=model.name[:160],
            privacy=(model.privacy or "")[:20],
            spec=model.raw,
            created=model.created,
            position=position,
            is_offered=model.makes_images_from_text and not model.offline,
            last_seen_at=now,
        )
        for position, model in enumerate(_offered_first(models))
    ]
    VeniceModel.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=[
            *("name", "privacy", "spec", "created", "position", "is_offered", "last_seen_at")
        ],
    )
    # What is no longer listed cannot be asked for, but old generations keep its name.
    VeniceModel.objects.exclude(id__in=[row.id for row in rows]).update(is_offered=False)


def _offered_first(models: list[ModelInfo]) -> list[ModelInfo]:
    """Venice's order, with the default model first."""
    unique = {model.id: model for model in models}
    return sorted(unique.values(), key=lambda model: DEFAULT_TRAIT not in model.traits)


def _store_styles(styles: list[str]) -> None:
    rows = [
        StylePreset(name=name[:80], position=position, is_offered=True)
        for position, name in enumerate(dict.fromkeys(styles))
    ]
    StylePreset.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["position", "is_offered"],
    )
    StylePreset.objects.exclude(name__in=[row.name for row in rows]).update(is_offered=False)


def age() -> timedelta | None:
    """How old the copy is when Venice could not be asked lately; None while it is fresh."""
    fetch = CatalogueFetch.objects.first()
    if fetch is None or fetch.fetched_at is None:
        return None
    age = timezone.now() - fetch.fetched_at
    return age if age > 2 * EVERY else None


def info(model: VeniceModel) -> ModelInfo:
    return ModelInfo.from_json({"id": model.id, "type": "image", "model_spec": model.spec})


def is_over(model: VeniceModel) -> bool:
    """Whether the end that Venice announced for the model has passed."""
    if not model.spec.get("deprecation"):
        return False  # most have none, and to read an entry whole takes a while
    date = info(model).deprecation_date
    return date is not None and date <= timezone.now()


def offered(pk: str | None = None) -> list[VeniceModel]:
    """Models that can be asked for now, the default one first; of one id that one or none."""
    rows = VeniceModel.objects.filter(is_offered=True)
    return [m for m in (rows.filter(pk=pk) if pk else rows) if not is_over(m)]


@dataclass(frozen=True, slots=True)
class Ending:
    """An offered model whose end Venice has announced; `replacement` "" when it names none."""

    name: str
    date: datetime
    replacement: str


def ending() -> list[Ending]:
    """The nearest end first."""
    entries = {model.id: info(model) for model in offered()}
    found = [
        Ending(entry.name, entry.deprecation_date, _name_of(entry.deprecation_replacement, entries))
        for entry in entries.values()
        if entry.deprecation_date
    ]
    return sorted(found, key=lambda one: (one.date, one.name))


def _name_of(model_id: str | None, entries: Mapping[str, ModelInfo]) -> str:
    entry = entries.get(model_id or "")
    return entry.name if entry else model_id or ""


def rules_for(model: VeniceModel, styles: frozenset[str] | None = None) -> Rules:
    if styles is None:
        styles = frozenset(offered_styles())
    return Rules(info(model), styles, refused_fields(model.id))


def refused_fields(model_id: str) -> frozenset[str]:
    """Fields that this model does not take, though its constraints do not say so."""
    rows = FieldRule.objects.filter(model=model_id, is_taken=False)
    return frozenset(rows.values_list("field", flat=True))


def learn_refusal(model_id: str, field: str) -> bool:
    """Remember that Venice refused the field for the model; an admin's word is not overruled.

    True when the field is left out from now on.
    """
    if field not in OPTIONAL or not VeniceModel.objects.filter(pk=model_id).exists():
        return False
    rule, _ = FieldRule.objects.get_or_create(
        model_id=model_id, field=field, defaults={"source": FieldRule.Source.LEARNED}
    )
    return not rule.is_taken


def _forget_what_changed(models: list[ModelInfo]) -> None:
    """New constraints may take what the old ones refused: what was learned is learned again."""
    before = dict(VeniceModel.objects.values_list("id", "spec"))
    changed = [
        model.id
        for model in models
        if model.id in before
        and before[model.id].get("constraints") != model.raw.get("constraints")
    ]
    FieldRule.objects.filter(model__in=changed, source=FieldRule.Source.LEARNED).delete()


def price_list(model_id: str, spec: dict[str, Any]) -> str:
    """The price list of a model as an earlier request knew it."""
    return Rules(ModelInfo.from_json({"id": model_id, "model_spec": spec})).price_list


def offered_styles() -> list[str]:
    return list(StylePreset.objects.filter(is_offered=True).values_list("name", flat=True))
