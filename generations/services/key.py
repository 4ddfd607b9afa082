"""Venice keys: saving, testing, choosing whose key pays, and stopping a refused one."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from generations import crypto
from generations.models import Account, Salt, User, VeniceKey, VeniceModel
from generations.services import audit, policy
from generations.services.errors import Invalid
from generations.venice.client import VeniceClient
from generations.venice.errors import BadKey, NoCredit, VeniceError
from generations.venice.types import AccountState, ApiKey, RateLimits

logger = logging.getLogger(__name__)


# --- choosing -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """Whose key pays. `is_withheld`: there is one of the team, and it is not for this person."""

    key: VeniceKey | None
    is_withheld: bool = False


def choose(user: User, allowed: policy.Allowed | None = None) -> Choice:
    """A person's own key if there is one, else the team's if the policy lets them.

    `allowed`: their rules, where they are known already.
    """
    rows = list(_keys().filter(Q(user=user) | Q(user=None)))
    own = next((row for row in rows if not row.is_team), None)
    team = None if own else _team_key_among(rows)
    if team and not (allowed or policy.for_user(user)).may_use_team_key:
        return Choice(None, is_withheld=True)
    return Choice(own or team)


def key_for(user: User) -> VeniceKey | None:
    """The key that pays for this person."""
    return choose(user).key


def team_key() -> VeniceKey | None:
    """The key from VENICE_API_KEY, else the one saved for the team."""
    return _team_key_among(list(_keys().filter(user=None)))


def own_key(user: User) -> VeniceKey | None:
    return _keys().filter(user=user).first()


def watched_keys() -> tuple[VeniceKey | None, list[VeniceKey]]:
    """What admins look after, in one query: the team's key, and the keys that Venice refused,
    newest refusal first."""
    rows = list(
        _keys()
        .filter(Q(user=None) | ~Q(account__problem=Account.Problem.NONE))
        .select_related("user")
        .order_by("-account__problem_at")
    )
    return _team_key_among(rows), [row for row in rows if row.account.problem]


def _keys() -> QuerySet[VeniceKey]:
    return VeniceKey.objects.select_related("account")


def _team_key_among(rows: list[VeniceKey]) -> VeniceKey | None:
    by_source = {row.source: row for row in rows if row.is_team}
    if settings.VENICE_API_KEY:
        return _environment_key(by_source.get(VeniceKey.Source.ENVIRONMENT))
    return by_source.get(VeniceKey.Source.SAVED)


def _environment_key(row: VeniceKey | None) -> VeniceKey:
    """The row of the key in the environment; written when that has changed."""
    secret = ApiKey(settings.VENICE_API_KEY)
    if row is None or row.account_id != fingerprint(secret):
        row = _put(None, secret, VeniceKey.Source.ENVIRONMENT)
    return row


def fingerprint(secret: ApiKey) -> str:
    """What an account is known by. Raises crypto.CannotDecrypt."""
    return crypto.fingerprint(secret.reveal(), salt=_salt(tuple(settings.ENCRYPTION_KEYS)))


@lru_cache(maxsize=4)
def _salt(keys: tuple[str, ...]) -> str:
    """Read once in a process, for what is stored never changes."""
    return crypto.decrypt(store_salt().secret)


def store_salt() -> Salt:
    """The salt; made now where there is none yet, so that fingerprints stay what they are."""
    secret = crypto.encrypt(crypto.first_salt())
    return Salt.objects.get_or_create(pk=1, defaults={"secret": secret})[0]


def has_any_saved() -> bool:
    return VeniceKey.objects.filter(source=VeniceKey.Source.SAVED).exists()


# --- saving and testing -----------------------------------------------------------------------


def save(user: User | None, text: str, *, by: User | None = None) -> VeniceKey:
    """Test the key at Venice, then keep it encrypted. `user` None: the team's key.

    `by`: who saved it, None for the command line.

    Raises Invalid (field `venice_key`) when it is no key or Venice refuses it; VeniceError
    when Venice cannot be asked. Nothing is saved then.
    """
    try:
        secret = ApiKey(text)
    except ValueError:
        raise Invalid({"venice_key": "This is no Venice key: it has spaces or signs."}) from None
    limits = _asked(secret)
    with transaction.atomic():
        key = _put(user, secret, VeniceKey.Source.SAVED)
        _note_limits(key.account, limits)
        audit.note(audit.Action.KEY_SAVED, by=by, subject=key, whose=_whose(key))
    return key


def test(key: VeniceKey, *, by: User | None = None) -> VeniceKey:  # noqa: PT028
    """Ask Venice about the key; one that works again is used again. `by`: who asked for it.

    Raises Invalid when Venice refuses it, VeniceError when Venice cannot be asked.
    """
    try:
        limits = _asked(reveal(key))
    except Invalid:
        with transaction.atomic():
            stop(key.account, Account.Problem.BAD_KEY)
            _note_test(key, by, works=False)
        raise
    with transaction.atomic():
        _note_limits(key.account, limits)
        _note_test(key, by, works=True)
    return key


def _note_test(key: VeniceKey, by: User | None, *, works: bool) -> None:
    # Not the tests that the studio makes by itself, every few hours for each key.
    if by is not None:
        audit.note(audit.Action.KEY_TESTED, by=by, subject=key, whose=_whose(key), works=works)


def _whose(key: VeniceKey) -> str:
    return key.user.email if key.user else "the team"


# An end this near is said on the team's page.
ENDS_SOON = timedelta(days=14)

# Venice's figures are asked for again when they are older than this.
STALE = timedelta(hours=6)


def refresh_limits(*, all_of_them: bool = False) -> None:
    """Ask Venice what the keys may do: those that work and whose figures are old or not known.

    Free of charge, and so the way in which the environment's key proves itself at the start.
    """
    team_key()
    old = Q(account__tested_at=None) | Q(account__tested_at__lt=timezone.now() - STALE)
    # The key of somebody deactivated is kept, and used for nothing.
    of_active = Q(user=None) | Q(user__is_active=True)
    rows = _keys().filter(of_active, account__problem=Account.Problem.NONE)
    for key in rows if all_of_them else rows.filter(old):
        try:
            test(key)
        except (Invalid, VeniceError, crypto.CannotDecrypt) as error:
            logger.warning("the limits of %s stay: %s", key.account, type(error).__name__)


@transaction.atomic
def remove(key: VeniceKey, *, by: User | None = None) -> None:
    """What is queued on it fails, in words, at the sweep; a running call still ends."""
    audit.note(audit.Action.KEY_REMOVED, by=by, subject=key, whose=_whose(key))
    key.delete()


def _asked(secret: ApiKey) -> RateLimits:
    ids = list(VeniceModel.objects.filter(is_offered=True).values_list("id", flat=True))
    try:
        with client(secret) as venice:
            limits = venice.rate_limits(ids)
    except BadKey:
        raise Invalid({"venice_key": "Venice does not accept this key. Check it there."}) from None
    if not limits.access_permitted:
        raise Invalid({"venice_key": "Venice knows this key but lets it make nothing."})
    return limits


def _put(user: User | None, secret: ApiKey, source: str) -> VeniceKey:
    with transaction.atomic():
        account, _ = Account.objects.get_or_create(fingerprint=fingerprint(secret))
        values = {
            "secret": crypto.encrypt(secret.reveal()),
            "last_four": secret.last_four,
            "account": account,
        }
        return VeniceKey.objects.update_or_create(user=user, source=source, defaults=values)[0]


def _note_limits(account: Account, limits: RateLimits) -> None:
    Account.objects.filter(pk=account.pk).update(
        tested_at=Now(),
        tier=(limits.tier or "")[:40],
        balance_usd=limits.balance_usd,
        balance_diem=limits.balance_diem,
        balance_at=Now(),
        requests_per_minute=limits.requests_per_minute,
        seen_per_minute=None,
        expires_at=limits.expires_at,
        problem=Account.Problem.NONE,
        problem_at=None,
    )
    account.refresh_from_db()


def note_account(account: Account, state: AccountState) -> None:
    """Keep what an answer's headers told: the balance, and the limit where it has changed."""
    values: dict[str, Any] = {}
    if state.balance_usd is not None or state.balance_diem is not None:
        values = {
            "balance_usd": state.balance_usd,
            "balance_diem": state.balance_diem,
            "balance_at": Now(),
        }
    if state.limit_requests and state.limit_requests > 0:
        values["seen_per_minute"] = min(state.limit_requests, MOST_PER_MINUTE)
    if values:
        Account.objects.filter(pk=account.pk).update(**values)


# More would not fit into the column, and nobody means it.
MOST_PER_MINUTE = 1_000_000

# --- stopping ---------------------------------------------------------------------------------

PROBLEMS: dict[type[VeniceError], Account.Problem] = {
    BadKey: Account.Problem.BAD_KEY,
    NoCredit: Account.Problem.NO_CREDIT,
}


def stop(account: Account, problem: Account.Problem) -> None:
    """Nothing more is sent on this account until its key is replaced or tested.

    A key that was replaced meanwhile has another account: a late refusal says nothing of it.
    """
    Account.objects.filter(pk=account.pk).update(problem=problem, problem_at=Now())
    logger.warning("%s stopped: %s", account, problem)


# --- the client -------------------------------------------------------------------------------


def reveal(key: VeniceKey) -> ApiKey:
    """Raises crypto.CannotDecrypt."""
    return ApiKey(crypto.decrypt(key.secret))


def client_for(key: VeniceKey | None) -> VeniceClient:
    """A client on this key; without one, for what Venice answers to anybody."""
    return client(reveal(key) if key else ApiKey("none"))


def client(secret: ApiKey) -> VeniceClient:
    return VeniceClient(
        secret,
        base_url=settings.VENICE_BASE_URL,
        call_timeout=settings.CALL_TIMEOUT,
        transport=settings.VENICE_TRANSPORT() if settings.VENICE_TRANSPORT else None,
    )
