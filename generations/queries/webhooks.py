"""A person's webhooks, with what came of the last messages."""

from django.db.models import Prefetch, QuerySet

from generations.models import User, Webhook, WebhookDelivery

LATEST = 5


def own_webhooks(user: User) -> QuerySet[Webhook]:
    return Webhook.objects.filter(user=user)


def with_latest_deliveries(rows: QuerySet[Webhook]) -> QuerySet[Webhook]:
    """Each with its newest deliveries as `latest`."""
    newest = WebhookDelivery.objects.order_by("-created_at", "-id")[:LATEST]
    return rows.prefetch_related(Prefetch("deliveries", newest, to_attr="latest"))
