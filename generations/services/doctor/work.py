"""What should go on and does not: the queue, jobs, webhooks."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db.models import OuterRef, Q, Subquery

from generations.models import Account, Generation, WebhookDelivery
from generations.models.generation import State
from generations.models.spend import MAYBE
from generations.services import queue as queues
from generations.services.clock import ago
from generations.services.doctor.finding import Finding, bad, ok, warn

# A place is taken for a call's time at most; then the next job of an open account starts.
PATIENCE = timedelta(minutes=2)
# The sweep comes every five seconds.
LATE = timedelta(seconds=20)
DAY = timedelta(days=1)


def queue() -> Iterator[Finding]:
    """Stuck is what waits though its account is open and nobody was served for a while; a long
    line that moves is none."""
    since = ago(PATIENCE + timedelta(seconds=settings.CALL_TIMEOUT))
    waiting = queues.runnable().filter(created_at__lt=since, key__account=OuterRef("pk"))
    found = (
        Account.objects.filter(problem=Account.Problem.NONE)
        .filter(Q(closed_until=None) | Q(closed_until__lte=ago(LATE)))
        .filter(Q(served_at=None) | Q(served_at__lt=since))
        .annotate(first=Subquery(waiting.order_by().values("pk")[:1]))
        .exclude(first=None)
        .count()
    )
    if found:
        what = f"Jobs wait that could run, and none does (Venice accounts: {found:,})."
        remedy = "See to workers, broker and beat; a worker that hangs has to be started again."
        yield bad("Queue", what, remedy)
    else:
        yield ok("Queue", "Nothing waits that could run.")


def jobs() -> Iterator[Finding]:
    about = "Jobs"
    calling = Generation.objects.filter(state=State.CALLING)
    lost = calling.filter(Q(lease_until=None) | Q(lease_until__lt=ago(LATE))).count()
    if lost:
        what = f"{lost:,} that nobody holds any more are still called running."
        yield bad(about, what, "See to beat and the workers: the sweep ends such jobs.")
    if maybe := Generation.objects.filter(MAYBE).count():
        what = f"{maybe:,} may have been charged: their answers were lost."
        remedy = "Compare with Venice’s bill, and say so on /team/usage/."
        yield warn(about, what, remedy)
    if not lost and not maybe:
        yield ok(about, "None was lost.")


def webhooks() -> Iterator[Finding]:
    about, rows = "Webhooks", WebhookDelivery.objects.all()
    waiting = rows.filter(state=WebhookDelivery.State.WAITING)
    overdue = waiting.filter(due_at__lt=ago(PATIENCE)).count()
    given_up = rows.filter(state=WebhookDelivery.State.GIVEN_UP, finished_at__gte=ago(DAY)).count()
    if overdue:
        what = f"{overdue:,} {'is' if overdue == 1 else 'are'} overdue."
        yield warn(about, what, "See to workers and beat, which send them.")
    if given_up:
        what = f"Given up within a day: {given_up:,}."
        yield warn(about, what, "Ask their owners to look at Settings, Webhooks, which says why.")
    if not overdue and not given_up:
        yield ok(about, "Nobody waits to be told anything.")
