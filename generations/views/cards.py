"""Cards: everything a template shows of a generation, prepared as plain strings.

Nine tenths of a page's time is template work: 60 cards built with tags and filters cost
seven times as much as with strings prepared here (measured 2026-11).
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.urls import reverse
from django.utils import timezone

from generations import queries
from generations.models import Account, Case, Generation, Image
from generations.models.generation import State
from generations.services import limiter, queue
from generations.services.generation import new_token
from generations.views import held, words


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
    # How long it still takes, about, and the moment that is counted down to.
    wait: str = ""
    until: str = ""
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
    is_private: bool = False


@dataclass(frozen=True)
class Outlook:
    """What a card says that its row does not know: how long such a job takes, and its line."""

    usual: dict[str, tuple[float, float]]
    lines: dict[str, limiter.Line]
    now: datetime
    # Of what is held or rejected: why, and what was decided.
    cases: dict[uuid.UUID, Case]


def cards(
    generations: list[Generation], *, known: dict[uuid.UUID, Case] | None = None
) -> list[Card]:
    """Generations from `queries.with_cards` as cards.

    `known`: newest cases of images that are held or were, where the page has read them already.
    """
    outlook = _outlook(generations, known or {})
    return [_card(generation, outlook) for generation in generations]


def card(generation: Generation) -> Card:
    return cards([generation])[0]


def _outlook(generations: list[Generation], known: dict[uuid.UUID, Case]) -> Outlook:
    usual = queries.usual_seconds() if generations else {}
    queued = {g.account for g in generations if g.state == State.QUEUED}  # type: ignore[attr-defined]
    lines = limiter.lines(queued, places=queue.places()) if queued else {}
    kept = held_pictures(generations)
    unread = [picture for picture in kept if picture.pk not in known]
    cases = known | (queries.newest_cases(unread) if unread else {})
    return Outlook(usual, lines, timezone.now(), cases)


def held_pictures(generations: list[Generation]) -> list[Image]:
    """Of jobs from `queries.with_cards`."""
    every = (picture for g in generations for picture in g.pictures)  # type: ignore[attr-defined]
    return [picture for picture in every if picture.is_held]


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
    "policy": "Your team’s policy has changed",
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


def _card(generation: Generation, outlook: Outlook) -> Card:
    pictures: list[Image] = generation.pictures  # type: ignore[attr-defined]
    look, label = _LOOKS[State(generation.state)]
    is_held = bool(pictures) and all(picture.is_held for picture in pictures)
    state = held.label(pictures[0]) if is_held else label
    made = Card(
        id=str(generation.pk),
        dom_id=f"g-{generation.pk}",
        url=reverse("generation-detail", args=[generation.pk]),
        look="held" if is_held else look,
        ratio_class=ratio_class(pictures[0].ratio if pictures else generation.ratio),
        count_class=f"n-{len(pictures) or generation.variants}",
        prompt=words.clip(generation.prompt),
        state_label="Held" if state == held.LABELS[Image.State.HELD] else state,
        edge=_edge(generation, len(pictures)),
        price_label=_price(generation),
        when=words.when(generation.created_at),
        is_private=_is_private(generation, pictures),
    )
    _FILLERS[made.look](made, generation, outlook)
    return made


def _is_private(generation: Generation, pictures: list[Image]) -> bool:
    """Of a set that was opened in part, the mark is gone: it would promise too much."""
    levels = {picture.visibility for picture in pictures} or {generation.visibility}
    return levels == {Image.Visibility.PRIVATE}


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
    href = image_url(picture.pk)
    shape = ratio_class(picture.ratio)
    if picture.is_held:
        return Frame(href, "", "", picture.width, picture.height, held.label(picture), shape, True)
    return Frame(
        href,
        f"{href}w512",
        srcset(picture),
        picture.width,
        picture.height,
        words.clip(prompt, 120),
        shape,
    )


def image_url(pk: uuid.UUID) -> str:
    return _image_url().replace(_NO_ID, str(pk))


@cache
def _image_url() -> str:
    """Looked up once: a page has sixty of them."""
    return reverse("image-detail", args=[_NO_ID])


_NO_ID = str(uuid.UUID(int=0))


def srcset(picture: Image) -> str:
    href = image_url(picture.pk)
    small, large = min(512, picture.width), min(1024, picture.width)
    if small == large:
        return ""
    return f"{href}w512 {small}w, {href}w1024 {large}w"


# --- one function a look --------------------------------------------------------------------


def _queued(made: Card, generation: Generation, outlook: Outlook) -> None:
    made.ahead = generation.ahead  # type: ignore[attr-defined]
    is_far = made.ahead >= queries.MOST_AHEAD
    made.number = f"{queries.MOST_AHEAD:,}+" if is_far else words.ordinal(made.ahead + 1)
    _say_wait(made, generation, outlook)
    made.empty_frames = list(range(generation.variants))
    made.can_cancel = True
    made.cancel_url = reverse("generation-cancel", args=[generation.pk])


def _say_wait(made: Card, generation: Generation, outlook: Outlook) -> None:
    """The honest wait: what the account's limiter allows, the places, the usual time."""
    line = outlook.lines.get(generation.account)  # type: ignore[attr-defined]
    _, usual = outlook.usual.get(generation.model, (0.0, 0.0))
    wait = line.wait(made.ahead or 0, usual).total_seconds() if line else 0.0
    if generation.runs_after:
        wait = max(wait, (generation.runs_after - outlook.now).total_seconds())
    why = _PAUSES.get(Account.Closed(line.closed_for), "") if line and line.is_closed else ""
    if not why and generation.tries and wait > 0:
        why = "Venice is busy"
    made.words = f"in line · {why}, next try in" if why else "in line · about"
    seconds = wait if why else wait + usual
    if seconds < 1:
        made.words = "in line"
        return
    made.wait = words.duration(seconds)
    made.until = (outlook.now + timedelta(seconds=seconds)).isoformat()


_PAUSES = {
    Account.Closed.RATE_LIMITED: "Venice is busy",
    Account.Closed.LOCKED_OUT: "Venice paused the key",
    Account.Closed.FAILING: "many calls failed just now",
}


def _running(made: Card, generation: Generation, outlook: Outlook) -> None:
    started = generation.started_at or outlook.now
    made.elapsed = max(0.0, (outlook.now - started).total_seconds())
    made.started_at = started.isoformat()
    made.number = f"{made.elapsed:.0f} s"
    made.empty_frames = list(range(generation.variants))
    if generation.error_message:
        made.words = generation.error_message
    elif generation.model in outlook.usual:
        low, high = made.usual_low, made.usual_high = outlook.usual[generation.model]
        made.words = (
            f"usually {low:.0f}–{high:.0f} s"
            if round(low) < round(high)
            else (f"usually {high:.0f} s")
        )
        if made.elapsed > high * 4 / 3:
            made.words = "longer than usual, still running"


def _done(made: Card, generation: Generation, outlook: Outlook) -> None:
    pictures: list[Image] = generation.pictures  # type: ignore[attr-defined]
    made.frames = frames(pictures, generation.prompt)
    made.remix_url = f"{reverse('studio')}?from={generation.pk}&use=remix"
    if generation.error_message:
        made.sentences = [generation.error_message]
    if not pictures:
        made.empty_frames = list(range(generation.variants))
        made.sentences.append("Its images are deleted, or only their maker sees them.")


def _held(made: Card, generation: Generation, outlook: Outlook) -> None:
    pictures: list[Image] = generation.pictures  # type: ignore[attr-defined]
    made.frames = frames(pictures, generation.prompt)
    made.headline, made.icon = held.label(pictures[0]), "hand"
    made.sentences = held.sentences(pictures[0], outlook.cases.get(pictures[0].pk))
    cost = words.money(generation.charged)
    made.sentences.append(f"{'They' if len(pictures) > 1 else 'It'} cost {cost}.")
    if generation.error_message:
        made.sentences.append(generation.error_message)
    if _waits_for_maker(pictures[0], outlook):
        made.actions.append(Action("quiet", "Answer", image_url(pictures[0].pk)))


def _waits_for_maker(picture: Image, outlook: Outlook) -> bool:
    case = outlook.cases.get(picture.pk)
    return case is not None and case.state == Case.State.ASKED


def _failed(made: Card, generation: Generation, outlook: Outlook) -> None:
    made.headline = _HEADLINES.get(generation.error_code, "Venice turned it down")
    made.icon = "cross"
    made.sentences = [generation.error_message]
    made.empty_frames = list(range(generation.variants))
    if generation.error_code in ("bad_key", "no_credit") or _lacks_key(generation):
        made.actions.append(Action("quiet", "Check the key", reverse("settings")))
    else:
        made.actions.append(_edit(generation))
    made.actions += [_retry(generation), _let_go(generation)]


def _lacks_key(generation: Generation) -> bool:
    return generation.error_code == "policy" and not generation.error_field


def _unknown(made: Card, generation: Generation, outlook: Outlook) -> None:
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


def _cancelled(made: Card, generation: Generation, outlook: Outlook) -> None:
    made.headline, made.icon = "Cancelled", "minus"
    taken_back = "Taken back before it was sent. Nothing was charged."
    made.sentences = [generation.error_message or taken_back]
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
