"""Webhooks: telling a person's own addresses that a job has ended.

The rows are the truth: an end that was noticed is a delivery that waits, written in the
transaction of the end; the sweep notices what nobody wrote down. A bell only wakes. A delivery
may arrive twice, with the same id, when a worker dies while it sends; it is never lost.
"""

import base64
import hashlib
import hmac
import json
import logging
import secrets
import threading
import time
import uuid
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import CharField, Exists, F, OuterRef, TextField, Value
from django.db.models.functions import Cast, Concat, Now, StrIndex
from django.utils import timezone

from generations import crypto, webhook_client
from generations.models import Generation, Image, User, Webhook, WebhookDelivery
from generations.models.webhook import Happening
from generations.services import audit, bell, payload
from generations.services.clock import ago, ahead
from generations.services.errors import Invalid, NotPossible

logger = logging.getLogger(__name__)

State = WebhookDelivery.State
TEST = "webhook.test"
PREFIX = "whsec_"
MOST = 10
LONGEST_URL = webhook_client.LONGEST_URL
# How long after a try that failed the next one is made: an hour in all. Then it is given up.
WAITS = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 900, 2400))
# A try that is not written down as ended by then is made again.
LEASE = timedelta(seconds=60)
# An address that failed is left alone so long, so that it does not keep others waiting.
BREATH = timedelta(seconds=10)
KEPT = timedelta(days=30)
# Ends that nobody wrote down are looked for among the jobs of so long.
YOUNG, RECENT = timedelta(days=7), timedelta(hours=1)
MOST_AT_ONCE = 200
# At once in one process: the worker has two threads for them.
PLACES = 2


def create(user: User, *, url: str, events: Collection[str]) -> tuple[Webhook, str]:
    """A new webhook and the secret that signs its messages, which is shown once.

    Raises Invalid (`url`, `events`).
    """
    url = url.strip()
    problems = {}
    try:
        webhook_client.check(url, is_inside_allowed=settings.IS_EMBEDDED)
    except webhook_client.Unusable as reason:
        problems["url"] = str(reason)
    if not events or set(events) - set(Happening.values):
        problems["events"] = "Choose what it is told: at least one of these."
    if Webhook.objects.filter(user=user).count() >= MOST:
        problems[""] = f"There are {MOST} webhooks. Delete one that is not used any more."
    if problems:
        raise Invalid(problems)
    text = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    with transaction.atomic():
        made = Webhook.objects.create(
            user=user,
            url=url,
            events=[event for event in Happening.values if event in events],
            secret=crypto.encrypt(text),
        )
        # Not its address: what follows the host is often a secret.
        audit.note(audit.Action.WEBHOOK_MADE, by=user, subject=made.user, events=made.events)
    return made, text


@transaction.atomic
def remove(webhook: Webhook, *, by: User) -> None:
    """What waits to be told to it is told no more."""
    audit.note(audit.Action.WEBHOOK_REMOVED, by=by, subject=webhook.user)
    webhook.delete()


def test(webhook: Webhook) -> WebhookDelivery:
    """Send it a message that stands for nothing. Raises NotPossible while another one waits."""
    waiting = webhook.deliveries.filter(event=TEST, state=State.WAITING)
    if not webhook.is_on or waiting.exists():
        raise NotPossible("A test is on its way already." if webhook.is_on else "It is off.")
    made = WebhookDelivery.objects.create(webhook=webhook, event=TEST, due_at=Now())
    transaction.on_commit(bell.ring_to_tell)
    return made


# --- noticing ends --------------------------------------------------------------------------


def note_end(generation: uuid.UUID) -> None:
    """A job has ended: write down whom to tell. Call it inside the transaction of the end."""
    hooks = list(_working().filter(user__generations=generation))
    if not hooks:
        return
    state = Generation.objects.values_list("state", flat=True).get(pk=generation)
    event = f"generation.{state}"
    rows = [
        WebhookDelivery(webhook=hook, generation_id=generation, event=event, due_at=Now())
        for hook in hooks
        if event in hook.events
    ]
    if rows:
        WebhookDelivery.objects.bulk_create(rows, ignore_conflicts=True)
        transaction.on_commit(bell.ring_to_tell)


def sweep() -> int:
    """Beat's round: notice the ends that nobody wrote down, and ring when something is due.

    Returns how many ends it noticed.
    """
    noticed = _note_missed()
    if noticed or _due().exists():
        bell.ring_to_tell()
    return noticed


def _working() -> Any:
    return Webhook.objects.filter(is_on=True, user__is_active=True)


def _note_missed() -> int:
    """One question for all webhooks, however many there are, and none where there is none."""
    if not _working().exists():
        return 0
    rows = [
        # By the database's clock, which says what is due: ours may be a moment ahead.
        WebhookDelivery(webhook_id=hook, generation_id=pk, event=event, due_at=Now())
        for hook, pk, event in _missed()[:MOST_AT_ONCE]
    ]
    WebhookDelivery.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _missed() -> Any:
    """Webhook, job and event of each end that should have been told."""
    told = WebhookDelivery.objects.filter(
        webhook=OuterRef("hook"), generation=OuterRef("pk"), event=OuterRef("event")
    )
    event = Concat(Value("generation."), "state", output_field=CharField())
    # The list of events as JSON has each of them in quotes.
    name = Concat(Value('"'), "event", Value('"'), output_field=CharField())
    wanted = StrIndex(Cast("user__webhooks__events", TextField()), name)
    rows = Generation.objects.filter(
        created_at__gte=ago(YOUNG),
        finished_at__gte=ago(RECENT),
        # From the few who have one to their jobs, not from all jobs of a week.
        user__in=_working().values("user"),
        user__webhooks__is_on=True,
        user__webhooks__created_at__lte=F("finished_at"),
    ).annotate(hook=F("user__webhooks"), event=event)
    rows = rows.annotate(place=wanted).filter(~Exists(told), place__gt=0)
    return rows.values_list("hook", "pk", "event")


def forget() -> int:
    """Deliveries that ended long ago."""
    old = WebhookDelivery.objects.filter(finished_at__lt=ago(KEPT))
    return int(old.delete()[0])


# --- telling --------------------------------------------------------------------------------

_places = threading.BoundedSemaphore(PLACES)


def tell(stopping: threading.Event) -> int:
    """Send what is due, one after the other, until nothing is; returns how many were tried."""
    if not _places.acquire(blocking=False):
        return 0
    done = 0
    try:
        while not stopping.is_set() and (delivery := _taken()):
            _tell(delivery)
            done += 1
    finally:
        _places.release()
    return done


def _due() -> Any:
    return WebhookDelivery.objects.filter(state=State.WAITING, due_at__lte=Now())


def _taken() -> WebhookDelivery | None:
    """The next one, which no other thread or process takes meanwhile."""
    for pk in list(_due().order_by("due_at").values_list("pk", flat=True)[: 2 * PLACES]):
        if _due().filter(pk=pk).update(due_at=ahead(LEASE), tries=F("tries") + 1):
            rows = WebhookDelivery.objects.select_related("webhook__user", "generation")
            return rows.get(pk=pk)
    return None


def _tell(delivery: WebhookDelivery) -> None:
    webhook = delivery.webhook
    if not webhook.is_on or not webhook.user.is_active or webhook.user.needs_second_factor:
        # As with tokens.
        _end(delivery, State.GIVEN_UP, _note("It is off, or its owner may not sign in now."))
        return
    try:
        secret = crypto.decrypt(webhook.secret)
    except crypto.CannotDecrypt:
        _end(delivery, State.GIVEN_UP, _note("Its secret cannot be read. Make a new webhook."))
        return
    body = body_of(delivery)
    headers = {
        "Content-Type": "application/json",
        **signed(f"msg_{delivery.pk.hex}", int(time.time()), body, secret),
    }
    if not connection.in_atomic_block:
        connection.close()  # nobody waits with one in hand
    came = webhook_client.send(webhook.url, body, headers, is_inside_allowed=settings.IS_EMBEDDED)
    _write(delivery, came)


def body_of(delivery: WebhookDelivery) -> bytes:
    """The job as it is now, with addresses of its images that work from now on."""
    told: dict[str, Any] = {
        "type": delivery.event,
        "timestamp": payload.moment(timezone.now()),
    }
    if delivery.generation:
        images = Image.objects.filter(generation=delivery.generation, deleted_at=None)
        told |= payload.generation(
            delivery.generation, list(images.order_by("number")), base=str(settings.PUBLIC_URL)
        )
    else:
        told |= {"id": delivery.pk.hex, "object": "test"}
    return json.dumps(told, ensure_ascii=False, default=str).encode()


def signed(message: str, moment: int, body: bytes, secret: str) -> dict[str, str]:
    """The headers of the Standard Webhooks specification. `moment`: Unix seconds."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    text = f"{message}.{moment}.".encode() + body
    digest = hmac.new(key, text, hashlib.sha256).digest()
    return {
        "webhook-id": message,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


@transaction.atomic
def _write(delivery: WebhookDelivery, came: webhook_client.Outcome) -> None:
    line = _note(came.problem, status=came.status, seconds=came.seconds)
    if not came.problem:
        _end(delivery, State.DELIVERED, line)
    elif came.status == 410:
        # "Gone" is how an address says that it wants to be told nothing any more.
        Webhook.objects.filter(pk=delivery.webhook_id).update(is_on=False)
        _end(delivery, State.GIVEN_UP, line)
    elif delivery.event == TEST or delivery.tries > len(WAITS):
        _end(delivery, State.GIVEN_UP, line)
    else:
        _again(delivery, line)


def _again(delivery: WebhookDelivery, line: dict[str, Any]) -> None:
    wait = WAITS[delivery.tries - 1]
    _mine(delivery).update(due_at=ahead(wait), log=[*delivery.log, line])
    others = WebhookDelivery.objects.filter(webhook=delivery.webhook_id, state=State.WAITING)
    others.filter(due_at__lt=ahead(BREATH)).update(due_at=ahead(BREATH))


def _end(delivery: WebhookDelivery, state: State, line: dict[str, Any]) -> None:
    _mine(delivery).update(state=state, finished_at=Now(), log=[*delivery.log, line])
    logger.info("webhook delivery %s: %s", delivery.pk, state)


def _mine(delivery: WebhookDelivery) -> Any:
    """Its row, as long as nobody has tried again meanwhile."""
    rows = WebhookDelivery.objects.filter(pk=delivery.pk, state=State.WAITING)
    return rows.filter(tries=delivery.tries)


def _note(problem: str, *, status: int | None = None, seconds: float = 0.0) -> dict[str, Any]:
    now = payload.moment(timezone.now())
    return {"at": now, "seconds": seconds, "status": status, "problem": problem}
