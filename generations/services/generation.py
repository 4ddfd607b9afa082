"""Generations: asking for images, taking it back, asking again."""

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from generations import queries
from generations.models import (
    Account,
    ApiToken,
    Generation,
    Image,
    RecipeVersion,
    User,
    VeniceKey,
    VeniceModel,
)
from generations.models.generation import State
from generations.services import bell, catalogue, completion, policy, queue, spend
from generations.services import key as keys
from generations.services.choice import Choice
from generations.services.errors import Invalid, NotPossible, NoUsableKey
from generations.services.parameters import (
    MOST_IMAGES,
    PER_CALL,
    SEEDS,
    Rules,
    expected_ratio,
)
from generations.services.submission import Once

# Columns of their own; everything else that is sent to Venice stands in `parameters`.
_COLUMNS = ("prompt", "negative_prompt", "seed", "variants")

# More images at once are a batch, which lets people who wait for one image go first.
BATCH = 8

NO_KEY = "Add a Venice key in settings first."
STOPPED = {
    Account.Problem.BAD_KEY: "Venice refused the key. Test or replace it in settings first.",
    Account.Problem.NO_CREDIT: (
        "The credit at Venice is used up. Add credit there, then test the key in settings."
    ),
}


def submit(
    user: User,
    *,
    model: str | Choice,
    parameters: Mapping[str, Any],
    form_token: str | None = None,
    is_price_confirmed: bool = False,
    price_list: str | None = None,
    shown_price: Decimal | None = None,
    retry_of: Generation | None = None,
    is_background: bool = False,
    made_from: Image | None = None,
    visibility: str | None = None,
    token: ApiToken | None = None,
    end_user: str = "",
    once: Once | None = None,
) -> list[Generation]:
    """Queue a request and ring the bell: one generation for each call that it takes.

    `model`: its id, or what `choice.chosen` has found for this person just now.
    Venice makes 4 images a call; `variants` up to 16 become several calls with the seeds that
    follow. All are queued or none. The same `form_token` gives the same generations.
    `parameters` has Venice's names; None and missing are the same. `price_list` is what the
    person saw (Rules.price_list), `shown_price` what stood on their button in USD: when either
    is not true any more, nothing is sent. `is_background`: lets everybody who waits for an
    image go first. `made_from` is the image it builds on; one that this person may not see, or
    that is gone by now, is left out. `visibility` of the images to come, "team" or "private", is
    the person's own setting unless said. `token`: of the program that asks, whose own budget
    counts too; `end_user`: for whom it asks, in its words. `once`: the same again gives the same
    generations. The team's policy is asked before anything is queued; what it fixes is set.
    Raises Invalid, submission.Conflict.
    """
    if form_token and (earlier := _of_form(user, form_token)):
        return earlier
    if once and (earlier := once.earlier()):
        return earlier
    choice = _offered(user, model) if isinstance(model, str) else model
    chosen, rules, allowed = choice.model, choice.rules, choice.allowed
    given = rules.said(parameters)
    problems = rules.check({"prompt": parameters.get("prompt"), **given})
    price = None if problems else rules.price(given)
    problems = problems or _price_problems(
        rules, price, price_list=price_list, shown=shown_price, is_confirmed=is_price_confirmed
    )
    if problems:
        raise Invalid(problems)
    given = policy.require(allowed, model=chosen, parameters=given, fields=rules.fields)
    if "seed" in rules.fields:
        given.setdefault("seed", new_seed())
    key = usable_key(user, allowed)
    rows = [_row(user, chosen, part, rules.price(part)) for part in _calls(given)]
    parent = _seen_parent(user, made_from)
    for row in rows:
        row.key, row.retry_of, row.made_from = key, retry_of, parent
        row.visibility = _checked_visibility(user, visibility)
        row.token, row.end_user = token, end_user
    is_batch = is_background or sum(row.variants for row in rows) > BATCH
    lane = Generation.Lane.BACKGROUND if is_batch else Generation.Lane.INTERACTIVE
    return _queue(user, rows, form_token, lane, once)


def _seen_parent(user: User, image: Image | None) -> Image | None:
    rows = queries.visible_images(user)
    return image if image and rows.filter(pk=image.pk).exists() else None


def _checked_visibility(user: User, visibility: str | None) -> str:
    chosen = visibility or user.default_visibility
    if chosen not in Image.Visibility.values:
        raise Invalid({"visibility": "Choose Team or Only me."})
    return chosen


def _calls(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The request cut into calls of at most 4 images, each with the seeds after the last one's."""
    total = given.get("variants", 1)
    parts = []
    for first in range(0, total, PER_CALL):
        part = {**given, "variants": min(PER_CALL, total - first)}
        if "seed" in given:
            part["seed"] = _seed_after(given["seed"], first)
        parts.append(part)
    return parts


def _seed_after(seed: int, count: int) -> int:
    """Behind the last one comes the first."""
    return SEEDS[(seed + count - SEEDS[0]) % len(SEEDS)]


def _price_problems(
    rules: Rules,
    price: Decimal | None,
    *,
    price_list: str | None,
    shown: Decimal | None,
    is_confirmed: bool,
) -> dict[str, str]:
    now = "of unknown price" if price is None else f"${price}"
    if price_list and price_list != rules.price_list:
        return {
            "": f"The prices of {rules.model.name} have changed: this is {now} now. Send again."
        }
    if shown is not None and shown != price:
        return {"": f"This is {now}, not ${shown}. Nothing was sent; send again."}
    if price is None and not is_confirmed:
        return {"confirm_price": "Venice names no price for this. Confirm to make it anyway."}
    return {}


def usable_key(user: User, allowed: policy.Allowed | None = None) -> VeniceKey:
    """The key that would pay for this person now. Raises Invalid with the reason."""
    choice = keys.choose(user, allowed)
    key = choice.key
    if key is None:
        sentence = policy.TEAM_KEY if choice.is_withheld else NO_KEY
        raise NoUsableKey({"": sentence}, code="no_key")
    if problem := key.account.problem:
        raise NoUsableKey({"": STOPPED[Account.Problem(problem)]}, code=problem)
    return key


def _of_form(user: User, form_token: str) -> list[Generation]:
    rows = Generation.objects.filter(user=user, form_token__in=_tokens(form_token))
    return list(rows.order_by("created_at", "form_token"))


def _tokens(form_token: str) -> list[str]:
    """The token of a form, and those of the further calls that it took."""
    calls = range(1, MOST_IMAGES // PER_CALL)
    return [form_token, *(f"{form_token}.{number}" for number in calls)]


def _offered(user: User, pk: str) -> Choice:
    found = next(iter(catalogue.offered(pk)), None) if pk else None
    if found is None:
        raise Invalid({"model": "This model is not offered. Choose another one."})
    return Choice(found, catalogue.rules_for(found), policy.for_user(user))


def _row(
    user: User, model: VeniceModel, given: Mapping[str, Any], price: Decimal | None
) -> Generation:
    variants = given.get("variants", 1)
    return Generation(
        user=user,
        model=model.id,
        model_name=model.name,
        prompt=given["prompt"],
        negative_prompt=given.get("negative_prompt", ""),
        seed=given.get("seed"),
        variants=variants,
        parameters={k: v for k, v in given.items() if k not in _COLUMNS},
        catalogue_entry=model.spec,
        is_demo=settings.IS_DEMO,
        ratio=expected_ratio(given),
        price=price,
    )


def new_seed() -> int:
    """Venice's answers name no seed, so we choose one; further images take the seeds after it."""
    return random.randrange(1, SEEDS[-1] - MOST_IMAGES)


def _queue(
    user: User,
    rows: list[Generation],
    form_token: str | None,
    lane: Generation.Lane,
    once: Once | None,
) -> list[Generation]:
    if form_token:
        for row, token in zip(rows, _tokens(form_token), strict=False):
            row.form_token = token
    try:
        with transaction.atomic():
            if once and (earlier := once.take(rows)):
                return earlier
            _require_room(user, rows)
            queue.join(rows, lane=lane)
            for row in rows:
                row.save(force_insert=True)
    except IntegrityError:
        # A double click: the other request was first, and its jobs are these.
        earlier = _of_form(user, form_token or "")
        if not earlier:
            raise
        return earlier
    for _ in rows:
        transaction.on_commit(bell.ring)
    return rows


def _require_room(user: User, rows: list[Generation]) -> None:
    """What is free is not asked about. Raises OverBudget."""
    price = sum((row.price or Decimal(0) for row in rows), Decimal(0))
    is_least = any(row.price is None for row in rows)
    if price or is_least:
        spend.require_room(user, price, token=rows[0].token, is_least=is_least)


def cancel(generation: Generation, *, by: User) -> bool:
    """Take a queued job back; True when it was still queued.

    A running call cannot be unsent: its result is kept, but left out of the asker's lists.
    Raises NotPossible when it is over already.
    """
    rows = Generation.objects.filter(pk=generation.pk)
    if rows.move(
        State.QUEUED,
        State.CANCELLED,
        by=by.email,
        why="cancelled",
        finished_at=timezone.now(),
        charged=Decimal(0),
    ):
        completion.announce(generation.pk)
        return True
    if rows.filter(state=State.CALLING).update(is_hidden=True, version=F("version") + 1):
        return False
    raise NotPossible("It is over already.")


def retry(
    generation: Generation, *, by: User, form_token: str | None, is_background: bool = False
) -> Generation:
    """Ask for the same again, same seed, as a new generation.

    Raises Invalid, also while it is not over, and when its prices have changed since.
    """
    if generation.is_active:
        raise Invalid({"": "It is still under way."})
    return submit(
        by,
        model=generation.model,
        parameters=envelope(generation),
        form_token=form_token,
        is_price_confirmed=True,
        price_list=catalogue.price_list(generation.model, generation.catalogue_entry),
        retry_of=generation,
        is_background=is_background,
        made_from=generation.made_from,
        visibility=visibility_of(generation),
    )[0]


def visibility_of(generation: Generation) -> str:
    """What another image of this request is: private as well when one of its images was made so,
    for its prompt is what somebody does not want to be read."""
    private = Image.Visibility.PRIVATE
    is_private = generation.images.filter(visibility=private).exists()
    return str(private) if is_private else generation.visibility


def envelope(generation: Generation | RecipeVersion, *, with_seed: bool = True) -> dict[str, Any]:
    """Everything that was asked for, under Venice's names."""
    columns = {
        "prompt": generation.prompt,
        "negative_prompt": generation.negative_prompt or None,
        "variants": generation.variants,
        "seed": generation.seed if with_seed else None,
    }
    return {**generation.parameters, **columns}


@dataclass(frozen=True, slots=True)
class Bulk:
    """How many jobs, what they cost in USD (None: unknown), and what stopped the rest."""

    count: int
    price: Decimal | None = None
    problem: str = ""


# More at once would be more than somebody can mean, or pay for, with one press.
MOST_AT_ONCE = 50


def retryable(rows: QuerySet[Generation]) -> QuerySet[Generation]:
    """Failed jobs that nobody has run again yet. Lost answers are decided one by one."""
    return rows.filter(state=State.FAILED, retries=None)


def bulk_counts(rows: QuerySet[Generation]) -> tuple[int, Bulk]:
    """How many of these jobs wait, and how many could be run again at which price."""
    queued = rows.filter(state=State.QUEUED)[:MOST_AT_ONCE].count()
    prices = list(retryable(rows).values_list("price", flat=True)[:MOST_AT_ONCE])
    known = [price for price in prices if price is not None]
    return queued, Bulk(len(prices), sum(known, Decimal(0)) if len(known) == len(prices) else None)


def cancel_all(rows: QuerySet[Generation], *, by: User) -> int:
    """Take back all of these jobs that still wait."""
    ids = list(rows.filter(state=State.QUEUED).values_list("pk", flat=True)[:MOST_AT_ONCE])
    return Generation.objects.filter(pk__in=ids).move(
        State.QUEUED,
        State.CANCELLED,
        by=by.email,
        why="cancelled together",
        finished_at=timezone.now(),
        charged=Decimal(0),
    )


def retry_all(rows: QuerySet[Generation], *, by: User, form_token: str) -> Bulk:
    """Run the failed ones of these jobs again, as far as budget and key allow."""
    done, chosen = 0, list(retryable(rows)[:MOST_AT_ONCE])
    is_batch = sum(generation.variants for generation in chosen) > BATCH
    for number, generation in enumerate(chosen):
        try:
            retry(
                generation,
                by=by,
                form_token=f"{form_token}-{number}",
                is_background=is_batch,
            )
        except Invalid as problem:
            return Bulk(done, problem=" ".join(problem.fields.values()))
        dismiss(generation)
        done += 1
    return Bulk(done)


def dismiss(generation: Generation) -> None:
    """The person has read what went wrong and wants it out of the studio."""
    Generation.objects.filter(
        pk=generation.pk, state__in=(State.FAILED, State.UNKNOWN, State.CANCELLED)
    ).update(is_dismissed=True)


def new_token() -> str:
    return uuid.uuid4().hex
