"""The models that Venice lists, as we remember them."""

from django.core.cache import cache
from django.db.models.functions import Lower

from generations.models import CatalogueFetch, ModelAlias, StylePreset, VeniceModel


def catalogue_error() -> str:
    """Why the catalogue could not be fetched last, as a sentence."""
    return CatalogueFetch.objects.values_list("error", flat=True).first() or ""


def usual_seconds() -> dict[str, tuple[float, float]]:
    """Model -> its usual range in seconds, as the catalogue has learned it; a minute old at most,
    for every page with cards asks."""
    found: dict[str, tuple[float, float]] | None = cache.get("usual-seconds")
    if found is None:
        found = _usual_seconds()
        cache.set("usual-seconds", found, 60)
    return found


def _usual_seconds() -> dict[str, tuple[float, float]]:
    rows = VeniceModel.objects.exclude(usual_low=None).values_list("id", "usual_low", "usual_high")
    return {pk: (low or 0, high or 0) for pk, low, high in rows}


def known_models() -> dict[str, VeniceModel]:
    """Every model that Venice listed once, also those that are not offered now."""
    return VeniceModel.objects.in_bulk()


def privacy() -> dict[str, str]:
    """Model -> its privacy tier, as the catalogue has it."""
    return dict(VeniceModel.objects.values_list("id", "privacy"))


def model_names() -> list[tuple[str, str]]:
    """Id and name of every model that Venice listed once, by name."""
    return list(VeniceModel.objects.order_by(Lower("name")).values_list("id", "name"))


def model_name(pk: str) -> str:
    """Its name; of one that Venice never listed its id."""
    return VeniceModel.objects.filter(pk=pk).values_list("name", flat=True).first() or pk


def style_names() -> list[str]:
    return list(StylePreset.objects.order_by("name").values_list("name", flat=True))


def model_aliases() -> list[tuple[str, str]]:
    """Name and id of the model that it stands for, by name."""
    return list(ModelAlias.objects.values_list("name", "model"))
