"""What we store: one file a noun."""

from generations.models.account import Account
from generations.models.backup import Backup
from generations.models.call import Call
from generations.models.catalogue import (
    CatalogueFetch,
    FieldRule,
    ModelAlias,
    StylePreset,
    VeniceModel,
)
from generations.models.collection import Collection, CollectionItem, CollectionMember
from generations.models.event import Event
from generations.models.generation import Generation
from generations.models.image import Image
from generations.models.invite import Invite
from generations.models.key import Salt, VeniceKey
from generations.models.policy import Policy
from generations.models.recipe import Recipe, RecipeVersion
from generations.models.review import Case, Decision
from generations.models.search import ImageMatch, ImageText, SavedSearch
from generations.models.share import Pick, Share, ShareImage
from generations.models.spend import Budget
from generations.models.tag import Favourite, ImageTag, Tag
from generations.models.token import ApiToken, Submission
from generations.models.user import User
from generations.models.webhook import Webhook, WebhookDelivery
from generations.models.worker import Beat, Worker

__all__ = [
    "Account",
    "ApiToken",
    "Backup",
    "Beat",
    "Budget",
    "Call",
    "Case",
    "CatalogueFetch",
    "Collection",
    "CollectionItem",
    "CollectionMember",
    "Decision",
    "Event",
    "Favourite",
    "FieldRule",
    "Generation",
    "Image",
    "ImageMatch",
    "ImageTag",
    "ImageText",
    "Invite",
    "ModelAlias",
    "Pick",
    "Policy",
    "Recipe",
    "RecipeVersion",
    "Salt",
    "SavedSearch",
    "Share",
    "ShareImage",
    "StylePreset",
    "Submission",
    "Tag",
    "User",
    "VeniceKey",
    "VeniceModel",
    "Webhook",
    "WebhookDelivery",
    "Worker",
]
