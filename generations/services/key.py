"""Venice keys: saving, testing, choosing whose key pays, and stopping a refused one."""

import logging

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from generations import crypto
from generations.models import User, VeniceKey, VeniceModel
from generations.services.errors import Invalid
from generations.venice.client import VeniceClient
from generations.venice.errors import BadKey, NoCredit, VeniceError
from generations.venice.types import AccountState, ApiKey, RateLimits

logger = logging.getLogger(__name__)


# --- choosing -------------------------------------------------------------------------------


def key_for(user: User) -> VeniceKey | None:
    """A person's own key if there is one, else the team's."""
    rows = list(VeniceKey.objects.filter(Q(user=user) | Q(user=None)))
    own = next((row for row in rows if not row.is_team), None)
    return own or _team_key_among(rows)


def team_key() -> VeniceKey | None:
    """The key from VENICE_API_KEY, else the one saved for the team."""
    return _team_key_among(list(VeniceKey.objects.filter(user=None)))


def _team_key_among(rows: list[VeniceKey]) -> VeniceKey | None:
    by_source = {row.source: row for row in rows if row.is_team}
    if settings.VENICE_API_KEY:
        return _environment_key(by_source.get(VeniceKey.Source.ENVIRONMENT))
    return by_source.get(VeniceKey.Source.SAVED)


def _environment_key(row: VeniceKey | None) -> VeniceKey:
    """The row of the key in the environment; written when that has changed."""
    secret = ApiKey(settings.VENICE_API_KEY)
    print_ = crypto.fingerprint(secret.reveal())
    if row is None or row.fingerprint != print_:
        row = _put(None, secret, VeniceKey.Source.ENVIRONMENT)
    return row


def has_any_saved() -> bool:
    return VeniceKey.objects.filter(source=VeniceKey.Source.SAVED).exists()


# --- saving and testing -----------------------------------------------------------------------


def save(user: User | None, text: str) -> VeniceKey:
    """Test the key at Venice, then keep it encrypted. `user` None: the team's key.

    Raises Invalid (field `venice_key`) when it is no key or Venice refuses it; VeniceError
    when Venice cannot be asked. Nothing is saved then.
    """
    try:
        secret = ApiKey(text)
    except ValueError:
        raise Invalid({"venice_key": "This is no Venice key: it has spaces or signs."}) from None
    limits = _asked(secret)
    key = _put(user, secret, VeniceKey.Source.SAVED)
    _note_limits(key, limits)
    return key


def test(key: VeniceKey) -> VeniceKey:
    """Ask Venice about the key; one that works again is used again.

    Raises Invalid when Venice refuses it, VeniceError when Venice cannot be asked.
    """
    try:
        limits = _asked(reveal(key))
    except Invalid:
        stop(key, VeniceKey.Problem.BAD_KEY)
        raise
    _note_limits(key, limits)
    return key


def remove(key: VeniceKey) -> None:
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
    values = {
        "secret": crypto.encrypt(secret.reveal()),
        "last_four": secret.last_four,
        "fingerprint": crypto.fingerprint(secret.reveal()),
        "problem": VeniceKey.Problem.NONE,
        "problem_at": None,
    }
    with transaction.atomic():
        return VeniceKey.objects.update_or_create(user=user, source=source, defaults=values)[0]


def _note_limits(key: VeniceKey, limits: RateLimits) -> None:
    now = timezone.now()
    VeniceKey.objects.filter(pk=key.pk).update(
        tested_at=now,
        tier=(limits.tier or "")[:40],
        balance_usd=limits.balance_usd,
        balance_diem=limits.balance_diem,
        balance_at=now,
        requests_per_minute=limits.requests_per_minute,
        expires_at=limits.expires_at,
        problem=VeniceKey.Problem.NONE,
        problem_at=None,
    )
    key.refresh_from_db()


def note_account(key: VeniceKey, account: AccountState) -> None:
    """Keep the balance that an answer's headers told."""
    if account.balance_usd is None and account.balance_diem is None:
        return
    VeniceKey.objects.filter(pk=key.pk).update(
        balance_usd=account.balance_usd,
        balance_diem=account.balance_diem,
        balance_at=timezone.now(),
    )


# --- stopping ---------------------------------------------------------------------------------

PROBLEMS: dict[type[VeniceError], VeniceKey.Problem] = {
    BadKey: VeniceKey.Problem.BAD_KEY,
    NoCredit: VeniceKey.Problem.NO_CREDIT,
}


def stop(key: VeniceKey, problem: VeniceKey.Problem) -> bool:
    """Nothing more is sent on this key until it is replaced or tested.

    False when it was replaced meanwhile: a late refusal of the old one says nothing of the new.
    """
    rows = VeniceKey.objects.filter(pk=key.pk, fingerprint=key.fingerprint)
    if not rows.update(problem=problem, problem_at=timezone.now()):
        return False
    logger.warning("key …%s stopped: %s", key.last_four, problem)
    return True


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
