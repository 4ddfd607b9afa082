"""What we store: one file a noun."""

from generations.models.call import Call
from generations.models.catalogue import CatalogueFetch, FieldRule, StylePreset, VeniceModel
from generations.models.generation import Generation
from generations.models.image import Image
from generations.models.key import VeniceKey
from generations.models.recipe import Recipe, RecipeVersion
from generations.models.spend import Budget
from generations.models.user import User
from generations.models.worker import Worker

__all__ = [
    "Budget",
    "Call",
    "CatalogueFetch",
    "FieldRule",
    "Generation",
    "Image",
    "Recipe",
    "RecipeVersion",
    "StylePreset",
    "User",
    "VeniceKey",
    "VeniceModel",
    "Worker",
]
