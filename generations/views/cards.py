"""Cards: everything a template shows of a generation, prepared as plain strings.

Nine tenths of a page's time is template work: 60 cards built with tags and filters cost
seven times as much as with strings prepared here (measured 2026-11).
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from generations.models import Generation, Image
from generations.models.generation import State
from generations.services.generation import new_token
from generations.views import words


@dataclass
class Frame:
    href: str
    src: str
    srcset: str
    width: int
    height: int
    alt: str
    ratio_class: str
    is_held: bool = False


@dataclass
class Action:
    kind: str
    label: str
    url: str
    method: str = "get"
    token: str = ""


@dataclass
class Card:
    id: str
    dom_id: str
    url: str
    look: str
    ratio_class: str
    count_class: str
    prompt: str
    state_label: str
    edge: list[str]
    price_label: str
    frames: list[Frame] = field(default_factory=list)
    empty_frames: list[int] = field(default_factory=list)
    number: str = ""
    words: str = ""
    headline: str = ""
    sentences: list[str] = field(default_factory=list)
    icon: str = ""
    started_at: str = ""
    elapsed: float = 0.0
    usual_low: float | None = None
    usual_high: float | None = None
    ahead: int | None = None
    actions: list[Action] = field(default_factory=list)
    can_cancel: bool = False
    cancel_url: str = ""
    remix_url: str = ""
    when: str = ""
    who: str = ""


Usual = dict[str, tuple[float, float]]

_LOOKS = {
    State.QUEUED: ("queued", "Queued"),
    State.CALLING: ("running", "Running"),
    State.SUCCEEDED: ("done", ""),
    State.FAILED: ("failed", "Failed"),
    State.UNKNOWN: ("unknown", "Unknown outcome"),
    State.CANCELLED: ("cancelled", "Cancelled"),
}
_HEADLINES = {
    "no_credit": "Not enough credit",
    "bad_key": "Venice refused the key",
    "content_policy_violation": "Venice made nothing of it",
    "bad_response": "No usable image",
    "not_sent": "Venice could not be reached",
    "rate_limited": "Too many requests",
    "overloaded": "The model is full",
    "locked_out": "The key is paused",
    "model_gone": "The model has ended",
    "model_not_found": "The model is not there",
    "outcome_unknown": "May have been charged",
}


def ratio_class(ratio: float, count: int = 1) -> str:
    """Style attributes are barred by the policy; a class for every 0.05 stands for --r."""
    return f"r-{min(max(round(ratio * count * 20), 6), 70) * 5}"


def card(generation: Generation, usual: Usual, *, now: datetime | None = None) -> Card:
    """A generation from `queries.with_cards` as a card."""
    pictures: list[Image] = generation.pictures  # type: ignore[attr-defined]
    look, label = _LOOKS[State(generation.state)]
    is_held = bool(pictures) and all(picture.is_held for picture in pictures)
    made = Card(
        id=str(generation.pk),
        dom_id=f"g-{generation.pk}",
        url=reverse("generation-detail", args=[generation.pk]),
        look="held" if is_held else look,
        ratio_class=ratio_class(pictures[0].ratio if pictures else generation.ratio),
        count_class=f"n-{len(pictures) or generation.variants}",
        prompt=words.clip(generation.prompt),
        state_label="Held" if is_held else label,
        edge=_edge(generation, len(pictures)),
        price_label=_price(generation),
        when=words.when(generation.created_at),
    )
    _FILLERS[made.look](made, generation, usual, now or timezone.now())
    return made


def _edge(generation: Generation, arrived: int) -> list[str]:
    count = arrived or generation.variants
    parts = [generation.model_name, words.ratio(generation.parameters, generation.ratio)]
    if count > 1:
        parts.append(words.images(count))
    if generation.state == State.SUCCEEDED:
        parts.append(words.seconds(generation.seconds))  # type: ignore[attr-defined]
    return [part for part in parts if part]


def _price(generation: Generation) -> str:
    price = words.money(generation.price)
    if generation.is_active:
        return f"{price} reserved" if generation.price is not None else price
    if generation.state == State.UNKNOWN and generation.charged is None:
        return f"$0.00–{price.removeprefix('$')}" if generation.price is not None else price
    return words.money(generation.charged)


def frames(pictures: list[Image], prompt: str) -> list[Frame]:
    return [frame(picture, prompt) for picture in pictures]


def frame(picture: Image, prompt: str) -> Frame:
    """An image in a list; of a held one there is no address at all."""
    href = reverse("image-detail", args=[picture.pk])
    shape = ratio_class(picture.ratio)
    if picture.is_held:
        return Frame(href, "", "", picture.width, picture.height, "Held for review", shape, True)
    return Frame(
        href,
        f"{href}w512",
        srcset(picture),
        picture.width,
        picture.height,
        words.clip(prompt, 120),
        shape,
    )


def srcset(picture: Image) -> str:
    href = reverse("image-detail", args=[picture.pk])
    small, large = min(512, picture.width), min(1024, picture.width)
    if small == large:
        return ""
    return f"{href}w512 {small}w, {href}w1024 {large}w"


# --- one function a look --------------------------------------------------------------------


def _queued(made: Card, generation: Generation, usual: Usual, now: datetime) -> None:
    made.ahead = generation.ahead  # type: ignore[attr-defined]
    made.number = words.ordinal(made.ahead + 1)
    made.words = "in line"
    if generation.model in usual:
        rounds = made.ahead // settings.PARALLEL_CALLS + 1
        made.words += f" · about {rounds * usual[generation.model][1]:.0f} s"
    if generation.runs_after and generation.runs_after > now:
        wait = max(1, round((generation.runs_after - now).total_seconds()))
        made.words = f"in line · Venice is busy, next try in {wait} s"
    made.empty_frames = list(range(generation.variants))
    made.can_cancel = True
    made.cancel_url = reverse("generation-cancel", args=[generation.pk])


def _running(made: Card, generation: Generation, usual: Usual, now: datetime) -> None:
    started = generation.started_at or now
    made.elapsed = max(0.0, (now - started).total_seconds())
    made.started_at = started.isoformat()
    made.number = f"{made.elapsed:.0f} s"
    made.empty_frames = list(range(generation.variants))
    if generation.model in usual:
        low, high = made.usual_low, made.usual_high = usual[generation.model]
        made.words = (
            f"usually {low:.0f}–{high:.0f} s"
            if round(low) < round(high)
            else (f"usually {high:.0f} s")
        )
        if made.elapsed > high * 4 / 3:
            made.words = "longer than usual, still running"


def _done(made: Card, generation: Generation, usual: Usual, now: datetime) -> None:
    pictures: list[Image] = generation.pictures  # type: ignore[attr-defined]
    made.frames = frames(pictures, generation.prompt)
    made.remix_url = f"{reverse('studio')}?from={generation.pk}&use=remix"
    if generation.error_message:
        made.sentences = [generation.error_message]


def _held(made: Card, generation: Generation, usual: Usual, now: datetime) -> None:
    pictures: list[Image] = generation.pictures  # type: ignore[attr-defined]
    made.frames = frames(pictures, generation.prompt)
    made.headline, made.icon = "Held for review", "hand"
    many = len(pictures) > 1
    made.sentences = [
        f"{held_reason(pictures[0])} A reviewer looks at {'them' if many else 'it'}.",
        f"{'They' if many else 'It'} cost {words.money(generation.charged)}; "
        f"the {'images are' if many else 'image is'} kept.",
    ]
    if generation.error_message:
        made.sentences.append(generation.error_message)


def held_reason(picture: Image) -> str:
    """Why an image is held, in a sentence."""
    if picture.has_minor:
        return "Marked as showing a minor."
    if picture.is_violation:
        return "Marked as breaking Venice’s content policy."
    if picture.is_adult or picture.is_blurred:
        return "Marked as adult content."
    return "Held for a closer look."


def _failed(made: Card, generation: Generation, usual: Usual, now: datetime) -> None:
    made.headline = _HEADLINES.get(generation.error_code, "Venice turned it down")
    made.icon = "cross"
    made.sentences = [generation.error_message]
    made.empty_frames = list(range(generation.variants))
    if generation.error_code in ("bad_key", "no_credit"):
        made.actions.append(Action("quiet", "Check the key", reverse("settings")))
    else:
        made.actions.append(_edit(generation))
    made.actions += [_retry(generation), _let_go(generation)]


def _unknown(made: Card, generation: Generation, usual: Usual, now: datetime) -> None:
    made.headline, made.icon = _HEADLINES["outcome_unknown"], "wave"
    made.sentences = [_unknown_sentence(generation)]
    made.empty_frames = list(range(generation.variants))
    made.actions = [_retry(generation), _let_go(generation)]


def _unknown_sentence(generation: Generation) -> str:
    if generation.started_at and generation.finished_at:
        took = words.seconds(generation.finished_at - generation.started_at)
        taken = "" if generation.price is None else f" {words.money(generation.price)}"
        return (
            f"The answer was lost after {took}. Venice may have taken{taken or ' its price'}, "
            "and the image is lost. It is sent again only if you say so."
        )
    return generation.error_message


def _cancelled(made: Card, generation: Generation, usual: Usual, now: datetime) -> None:
    made.headline, made.icon = "Cancelled", "minus"
    made.sentences = ["Taken back before it was sent. Nothing was charged."]
    made.empty_frames = list(range(generation.variants))
    made.actions = [_edit(generation), _let_go(generation)]


_FILLERS: dict[str, Any] = {
    "queued": _queued,
    "running": _running,
    "done": _done,
    "held": _held,
    "failed": _failed,
    "unknown": _unknown,
    "cancelled": _cancelled,
}


def _retry(generation: Generation) -> Action:
    return Action(
        "pay",
        f"Retry · {words.money(generation.price)}",
        reverse("generation-retry", args=[generation.pk]),
        "post",
        new_token(),
    )


def _edit(generation: Generation) -> Action:
    return Action("quiet", "Edit and retry", f"{reverse('studio')}?from={generation.pk}&use=all")


def _let_go(generation: Generation) -> Action:
    return Action("ghost", "Let it go", reverse("generation-dismiss", args=[generation.pk]), "post")


# --- the poller -----------------------------------------------------------------------------


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
