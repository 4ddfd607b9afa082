"""The one poller of a page: which jobs it watches, how often, and what it has shown already."""

import uuid
from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone

from generations.models import Generation
from generations.models.generation import State

# Seconds; see Poll.is_fresh.
FRESH = 1.5


@dataclass
class Poll:
    url: str
    interval: int
    # The jobs as the page shows them; a form sends it along, so that its answer watches them too.
    seen: str = ""
    # A job that was just sent is most often running half a second later.
    is_fresh: bool = False


def poll(
    generations: list[Generation], *, shown: dict[uuid.UUID, str] | None = None
) -> Poll | None:
    """The page's one poller: watches the active jobs, slower as the newest grows older.

    `shown`: marks of cards that the page shows as they were; one of them may have ended since.
    """
    active = [g for g in generations if g.is_active]
    if not active:
        return None
    age = (timezone.now() - max(g.created_at for g in active)).total_seconds()
    interval = next((every for most, every in ((20, 2), (60, 3), (180, 5)) if age < most), 10)
    marks = {g.pk: mark(g) for g in active} | (shown or {})
    seen = ",".join(marks.values())
    url = f"{reverse('generation-poll')}?seen={seen}&every={interval}"
    return Poll(url, interval, seen, is_fresh=age < FRESH)


def mark(generation: Generation) -> str:
    """A job as the page shows it: changes whenever its card would look different."""
    ahead = generation.ahead if generation.state == State.QUEUED else 0  # type: ignore[attr-defined]
    return f"{generation.pk.hex}.{generation.version}.{ahead}"


def read_marks(text: str, most: int = 100) -> dict[uuid.UUID, str]:
    """Job -> its mark, from a poller's address; what is none is left out."""
    marks: dict[uuid.UUID, str] = {}
    for item in text.split(",")[:most]:
        try:
            marks[uuid.UUID(item.partition(".")[0])] = item
        except ValueError:
            continue
    return marks
