"""One call: POST to Venice, keep what came, settle in one transaction."""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from generations import crypto
from generations.models import Account, Call, Generation, Image
from generations.models.generation import State
from generations.services import (
    catalogue,
    completion,
    holding,
    limiter,
    pixels,
    queue,
    search,
)
from generations.services import image as images
from generations.services import key as keys
from generations.venice.errors import (
    BadKey,
    BadResponse,
    LockedOut,
    NoCredit,
    OutcomeUnknown,
    RateLimited,
    Refused,
    VeniceError,
)
from generations.venice.types import ImageAnswer, ImageRequest

logger = logging.getLogger(__name__)


class AlreadySettled(Exception):
    """What came of this call is written down already."""


def ask(call: Call) -> ImageAnswer | VeniceError:
    """The half that waits for Venice: sends the call and returns what came of it."""
    try:
        return _post(call)
    except VeniceError as error:
        return error


def settle(call: Call, came: ImageAnswer | VeniceError) -> None:
    """The half that computes and writes: keeps the images and ends the job."""
    if isinstance(came, VeniceError):
        _settle_error(call, came)
    else:
        _settle_answer(call, came)


def _post(call: Call) -> ImageAnswer:
    generation, key = call.generation, call.key
    if key is None:
        raise BadKey("the key was removed", public_message=queue.KEY_REMOVED)
    try:
        client = keys.client_for(key)
    except crypto.CannotDecrypt:
        raise BadKey("the key cannot be decrypted", public_message=_KEY_UNREADABLE) from None
    let_go_of_the_database()
    with client:
        return client.generate(request_of(generation))


def of_answer(pk: uuid.UUID) -> Call | None:
    """The call of an answer that was left behind; None when it is settled, or not known here."""
    rows = Call.objects.select_related("generation__key__account", "key", "account")
    return rows.filter(pk=pk, outcome__in=(Call.Outcome.OPEN, Call.Outcome.UNKNOWN)).first()


def tell_that_it_waits(call: Call) -> None:
    """Say on the card of a running job that its picture is here, but cannot be put away yet."""
    Generation.objects.filter(pk=call.generation_id, state=State.CALLING).exclude(
        error_message=WAITS
    ).update(error_message=WAITS, version=F("version") + 1)


WAITS = "It has come, and waits for room in the storage. An admin has to look at the server."


def let_go_of_the_database() -> None:
    """Give the connection back to the pool: nobody waits with one in hand."""
    if not connection.in_atomic_block:
        connection.close()


_KEY_UNREADABLE = (
    "The Venice key cannot be read with this server's encryption keys. Nothing was charged. "
    "Save the key again, then run it again."
)


def request_of(generation: Generation) -> ImageRequest:
    return ImageRequest(
        model=generation.model,
        prompt=generation.prompt,
        negative_prompt=generation.negative_prompt or None,
        seed=generation.seed,
        variants=generation.variants,
        **generation.parameters,
    )


# --- an answer ------------------------------------------------------------------------------


@dataclass
class Haul:
    """What could be kept of an answer, and why the rest could not."""

    stored: list[images.Stored]
    problems: list[str]

    @property
    def rows(self) -> list[Image]:
        return [stored.image for stored in self.stored]


def _settle_answer(call: Call, answer: ImageAnswer) -> None:
    haul = _keep(call.generation, answer)
    charged = _charged(call.generation, len(answer.images) + answer.unreadable)
    try:
        _write(call, answer, haul, charged)
    except Exception:
        for row in haul.rows:
            images.remove_files(row)
        raise
    # Whoever waits has been told by now.
    for stored in haul.stored:
        images.make_copies(stored)


def _keep(generation: Generation, answer: ImageAnswer) -> Haul:
    each = _charged(generation, 1)
    haul = Haul([], ["not_an_image"] * answer.unreadable)
    for number, data in enumerate(answer.images):
        try:
            stored = images.store(generation, number, data, verdict=answer.verdict, price=each)
        except pixels.UnusablePicture as reason:
            haul.problems.append(reason.code)
        except images.StorageAway:
            # What came is paid for: all of it is settled once the storage takes it.
            for kept in haul.rows:
                images.remove_files(kept)
            raise
        except Exception:
            logger.exception("image %s of %s could not be kept", number, generation.pk)
            haul.problems.append("not_kept")
        else:
            haul.stored.append(stored)
    return haul


def _charged(generation: Generation, count: int) -> Decimal | None:
    """What arrived is what counts: the price of one image times the images delivered."""
    if generation.price is None:
        return Decimal(0) if count == 0 else None
    return generation.price / generation.variants * count


@transaction.atomic
def _write(call: Call, answer: ImageAnswer, haul: Haul, charged: Decimal | None) -> None:
    state, code, message = _verdict_on(answer, haul)
    _finish_call(
        call,
        Call.Outcome.ARRIVED if haul.rows or not answer.images else Call.Outcome.BROKEN,
        charged=charged,
        code=code,
        request_id=(answer.request_id or "")[:120],
        answered_model=(answer.model_id or "")[:120],
        enhanced_prompt=answer.enhanced_prompt or "",
        timing_ms=answer.timing_ms,
    )
    _finish(call, state, charged=charged, code=code, message=message)
    is_hidden = Generation.objects.values_list("is_hidden", flat=True).get(pk=call.generation_id)
    rows = haul.rows
    for row in rows:
        row.is_hidden = is_hidden
    holding.judge(call.generation, rows)
    Image.objects.bulk_create(rows)
    holding.open_cases(call.generation, rows)
    search.index_new(rows)
    if call.account:
        keys.note_account(call.account, answer.account)


def _verdict_on(answer: ImageAnswer, haul: Haul) -> tuple[State, str, str]:
    if haul.rows:
        return State.SUCCEEDED, "", _shortfall(answer, haul)
    if haul.problems:
        reason = pixels.REASONS[haul.problems[0]]
        return State.FAILED, "bad_response", f"{reason} Venice charged for it. {_ONLY_IF}"
    return State.FAILED, "content_policy_violation", _WITHHELD


_ONLY_IF = "It is sent again only if you say so."
_WITHHELD = (
    "Venice made nothing of this prompt: it breaks Venice's content policy. "
    "Nothing was charged. Change the prompt and run it again."
)


def _shortfall(answer: ImageAnswer, haul: Haul) -> str:
    if haul.problems:
        total = len(answer.images) + answer.unreadable
        return f"{len(haul.problems)} of {total} images could not be kept; all were charged."
    withheld = answer.verdict.violation_count
    return f"Venice withheld {withheld}; only what arrived is charged." if withheld else ""


# --- an error -------------------------------------------------------------------------------


def _settle_error(call: Call, error: VeniceError) -> None:
    logger.info("call %s of %s: %s", call.number, call.generation_id, error.code)
    if error.consequence.retry and _try_again(call, error):
        return
    if isinstance(error, BadKey | NoCredit) and call.account:
        _stop_account(call.account, error)
    _fail(call, error)


@transaction.atomic
def _try_again(call: Call, error: VeniceError) -> bool:
    """False when its tries are used up."""
    retry_at = error.until if isinstance(error, LockedOut) else getattr(error, "retry_at", None)
    wait = queue.backoff(
        call.generation.tries,
        is_rate_limit=isinstance(error, RateLimited),
        retry_at=retry_at,
        now=timezone.now(),
    )
    if isinstance(error, LockedOut | RateLimited) and call.account:
        # Neither is about this job alone: the others on the account would get the same answer.
        why = Account.Closed.RATE_LIMITED
        if isinstance(error, LockedOut):
            why = Account.Closed.LOCKED_OUT
        limiter.close(call.account, wait, why)
    if call.number >= queue.MOST_TRIES:
        return False
    _finish_call(call, Call.Outcome.NOT_TAKEN, charged=Decimal(0), error=error)
    queue.put_back(call, wait=wait, why=error.code)
    return True


@transaction.atomic
def _fail(call: Call, error: VeniceError) -> None:
    state, outcome, charged = _cost_of(call.generation, error)
    field = (error.field or "") if isinstance(error, Refused) else ""
    is_learned = error.code == "refused" and catalogue.learn_refusal(call.generation.model, field)
    _finish_call(call, outcome, charged=charged, error=error)
    _finish(
        call,
        state,
        charged=charged,
        code=error.code,
        message=_sentence(error, field, is_learned=is_learned),
        field=field,
    )


def _cost_of(
    generation: Generation, error: VeniceError
) -> tuple[State, Call.Outcome, Decimal | None]:
    if isinstance(error, BadResponse):
        return State.FAILED, Call.Outcome.BROKEN, generation.price
    if isinstance(error, OutcomeUnknown) or type(error) is VeniceError:
        return State.UNKNOWN, Call.Outcome.UNKNOWN, None
    return State.FAILED, Call.Outcome.REFUSED, Decimal(0)


def _sentence(error: VeniceError, field: str, *, is_learned: bool) -> str:
    if isinstance(error, Refused) and error.suggested_prompt:
        return f"{error.public_message}{_SUGGESTS}{error.suggested_prompt}”"
    if field and error.code == "refused":
        return f"Venice did not accept {field} for this model. Nothing was charged. " + (
            "The form leaves it out from now on." if is_learned else "Change it and try again."
        )
    return error.public_message


_SUGGESTS = " Venice suggests: “"


def suggested_prompt(generation: Generation) -> str:
    """What Venice would make instead of what it turned down, "" when it did not say."""
    _, found, rest = generation.error_message.partition(_SUGGESTS)
    return rest.removesuffix("”") if found else ""


def _stop_account(account: Account, error: VeniceError) -> None:
    """The jobs queued on a refused key fail at once: each would only be refused again."""
    keys.stop(account, keys.PROBLEMS[type(error)])
    Generation.objects.filter(key__account=account).move(
        State.QUEUED,
        State.FAILED,
        by=queue.holder(),
        why=f"key stopped: {error.code}",
        finished_at=Now(),
        charged=Decimal(0),
        error_code=error.code,
        error_message=error.public_message,
    )


# --- writing down ---------------------------------------------------------------------------


def _finish(
    call: Call,
    state: State,
    *,
    charged: Decimal | None,
    code: str,
    message: str,
    field: str = "",
) -> None:
    """Move to a final state. An answer that comes after the sweep gave up still counts."""
    sources: Sequence[State] = (
        (State.CALLING,) if state == State.UNKNOWN else (State.CALLING, State.UNKNOWN)
    )
    job = Generation.objects.filter(pk=call.generation_id, tries=call.number)
    for source in sources:
        if job.move(
            source,
            state,
            by=queue.holder(),
            why=code or "answered",
            finished_at=Now(),
            charged=charged,
            error_code=code,
            error_message=message,
            error_field=field,
            lease_until=None,
            # Whoever let a lost job go wants to see it when it has come after all.
            is_dismissed=False,
        ):
            completion.announce(call.generation_id)
            return


def _finish_call(
    call: Call,
    outcome: Call.Outcome,
    *,
    charged: Decimal | None,
    code: str = "",
    error: VeniceError | None = None,
    **values: object,
) -> None:
    """Close the call: once. Raises AlreadySettled, before anything else is changed.

    A commit that went through may be reported as lost, so this may be tried again when the job
    has been put back, taken by somebody else, and is being called for the second time.
    """
    unsettled = Call.objects.filter(
        pk=call.pk, outcome__in=(Call.Outcome.OPEN, Call.Outcome.UNKNOWN)
    )
    closed = unsettled.update(
        outcome=outcome,
        finished_at=Now(),
        charged=charged,
        error_code=error.code if error else code,
        error_detail=str(error)[:400] if error else "",
        **values,
    )
    if not closed:
        raise AlreadySettled(f"call {call.number} of generation {call.generation_id}")
