"""My webhooks: the list with its last messages, making one, testing it, deleting it."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_POST

from generations import queries
from generations.forms import mark_errors
from generations.models import Webhook, WebhookDelivery
from generations.models.webhook import Happening
from generations.services import webhook as services
from generations.services.errors import Invalid, NotPossible
from generations.views import words
from generations.views.access import Request, member, own_webhook
from generations.views.webhook_form import WebhookForm

State = WebhookDelivery.State


@require_http_methods(["GET", "HEAD", "POST"])
@member
def collection(request: Request) -> HttpResponse:
    if request.method != "POST":
        return _page(request, WebhookForm())
    form = WebhookForm(request.POST)
    if form.is_valid():
        try:
            made, text = services.create(request.user, **form.values)
        except Invalid as problem:
            form.add_problems(problem.fields)
        else:
            return _shown_once(request, made, text)
    mark_errors(form)
    return _page(request, form, status=422)


def _shown_once(request: Request, made: Webhook, text: str) -> HttpResponse:
    # Not after a redirect: the secret would have to be kept readable for that.
    response = _page(request, WebhookForm(), made=made, text=text)
    add_never_cache_headers(response)
    return response


def _page(
    request: Request,
    form: WebhookForm,
    *,
    made: Webhook | None = None,
    text: str = "",
    status: int = 200,
) -> HttpResponse:
    rows = queries.with_latest_deliveries(queries.own_webhooks(request.user))
    context = {
        "section": "webhooks",
        "form": form,
        "made": made,
        "text": text,
        "rows": [_row(row) for row in rows],
        "url_hint": _HERE if settings.IS_EMBEDDED else _OUTSIDE,
    }
    return render(request, "settings/webhooks.html", context, status=status)


_HERE = "It begins with https://, or with http:// for a program on this machine."
_OUTSIDE = "It begins with https:// and is on the internet: nothing is sent inside this network."


def _row(row: Any) -> dict[str, Any]:
    chosen = [Happening(event).label.removeprefix("It ").lower() for event in row.events]
    return {
        "id": row.pk,
        "url": row.url,
        "is_on": row.is_on,
        "told": "all that ends" if len(chosen) == len(Happening.values) else ", ".join(chosen),
        "latest": [_delivery(delivery) for delivery in row.latest],
    }


def _delivery(delivery: WebhookDelivery) -> dict[str, Any]:
    last = delivery.log[-1] if delivery.log else {}
    return {
        "event": "test" if delivery.event == services.TEST else delivery.event,
        "job": delivery.generation_id,
        "when": words.when(delivery.created_at),
        "state": State(delivery.state).label,
        "tries": delivery.tries,
        "problem": last.get("problem") or "",
        "status": last.get("status"),
        "again": _again(delivery),
        "took": words.seconds(float(last.get("seconds", 0))) if last else "",
    }


def _again(delivery: WebhookDelivery) -> str:
    """When it is tried next, of one that failed and is not given up."""
    last = delivery.log[-1] if delivery.log else None
    tried = parse_datetime(last["at"]) if last else None
    if delivery.state != State.WAITING or tried is None:
        return ""
    return f"again about {words.duration((delivery.due_at - tried).total_seconds())} later"


@require_POST
@member
def test(request: Request, pk: uuid.UUID) -> HttpResponse:
    webhook = own_webhook(request.user, pk)
    try:
        services.test(webhook)
    except NotPossible as problem:
        messages.warning(request, str(problem))
    else:
        messages.success(request, "A test is on its way. What came of it stands below the address.")
    return redirect("settings-webhooks")


@require_POST
@member
def delete(request: Request, pk: uuid.UUID) -> HttpResponse:
    webhook = own_webhook(request.user, pk)
    services.remove(webhook, by=request.user)
    messages.success(request, "The webhook is deleted. Nothing more is sent to it.")
    return redirect("settings-webhooks")
