"""How this installation is set up: settings, secrets, keys, mail, the catalogue, backups."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.utils import timezone

from generations import queries
from generations.models import Account, CatalogueFetch, VeniceKey
from generations.services import key as keys
from generations.services import secret
from generations.services.doctor.finding import Finding, bad, lasting, ok, warn

# One a day, and some hours to make good what failed.
LATE_BACKUP = timedelta(hours=36)
LOCAL = ("127.0.0.1", "localhost", "::1")


def settings_fit() -> Iterator[Finding]:
    about, found = "Settings", list(_wrong_settings())
    yield from found
    if not found:
        yield ok(about, f"They fit together; the studio is at {settings.PUBLIC_URL}.")


def _wrong_settings() -> Iterator[Finding]:
    for message in checks.run_checks():
        if message.level >= checks.ERROR and not message.is_silenced():
            remedy = str(message.hint or "Change that setting.")
            yield bad("Settings", str(message.msg), remedy)
    if settings.DEBUG:
        what = "DEBUG is on: errors show the inside of the studio to everybody."
        yield bad("Settings", what, "Start without it.")
    public = urlsplit(settings.PUBLIC_URL)
    if public.scheme != "https" and public.hostname not in LOCAL:
        what = f"{settings.PUBLIC_URL} is not encrypted: passwords can be read on the way."
        remedy = (
            "Put a proxy with TLS in front, and set VENICEWEB_URL to https and VENICEWEB_PROXIES."
        )
        yield warn("Settings", what, remedy)


def secrets_are_private() -> Iterator[Finding]:
    """Those in the data folder; files that …_FILE names are the operator's own matter."""
    about, folder = "Secrets", Path(settings.DATA) / "secrets"
    paths = [folder, *folder.iterdir()] if folder.is_dir() else []
    if is_open := [path.name for path in paths if path.stat().st_mode & 0o077]:
        what = f"Others on this host may read {', '.join(sorted(is_open))} in the data folder."
        yield bad(about, what, f"Run chmod -R go= {folder}.")
    else:
        yield ok(about, "Nobody else on this host may read them.")


def keys_fit() -> Iterator[Finding]:
    about = "Encryption keys"
    if lost := secret.unreadable():
        names = ", ".join(f"{count:,} {name}" for name, count in lost.items())
        remedy = "Add the keys that they were encrypted with to VENICEWEB_ENCRYPTION_KEYS."
        yield bad(about, f"{names} cannot be read with these keys.", remedy)
    elif len(settings.ENCRYPTION_KEYS) > 1 and secret.has_old():
        what = "Some secrets are still encrypted with an older key."
        yield warn(about, what, "Run manage.py rotatekeys.")
    else:
        yield ok(about, "They read all that is stored encrypted.")


def venice_keys() -> Iterator[Finding]:
    about = "Venice keys"
    rows = VeniceKey.objects.select_related("account").order_by("created_at")
    team = [key for key in rows.filter(user=None) if _is_used(key)]
    if not team:
        remedy = "Save one at /team/key/, or set VENICE_API_KEY, unless each person has one."
        yield warn(about, "The team has none.", remedy)
    for key in team:
        yield _team_key(key)
    stopped = rows.exclude(user=None).exclude(account__problem=Account.Problem.NONE).count()
    if stopped:
        what = f"{stopped:,} of members were refused by Venice; nothing is sent on them."
        yield warn(about, what, "Ask them to test theirs under Settings; /team/usage/ says whose.")


def _is_used(key: VeniceKey) -> bool:
    return bool(settings.VENICE_API_KEY) == (key.source == VeniceKey.Source.ENVIRONMENT)


def _team_key(key: VeniceKey) -> Finding:
    about, account, now = "Venice keys", key.account, timezone.now()
    name = f"The team’s key, …{key.last_four},"
    if account.problem:
        reason = Account.Problem(account.problem).label
        what = f"{name} is stopped ({reason})."
        return bad(
            about, what, "See to it at venice.ai, then test it or save another at /team/key/."
        )
    if account.expires_at and account.expires_at - now < keys.ENDS_SOON:
        what = f"{name} expires on {account.expires_at:%Y-%m-%d}."
        return warn(about, what, "Make a new one at venice.ai, and save it at /team/key/.")
    if account.tested_at is None or now - account.tested_at > 4 * keys.STALE:
        since = "never" if account.tested_at is None else "for a day not"
        what = f"{name} was {since} tested."
        return warn(
            about, what, "Test it at /team/key/; a worker that reaches Venice does so itself."
        )
    tested = lasting((now - account.tested_at).total_seconds())
    return ok(about, f"{name} worked when it was tested {tested} ago.")


def mail() -> Iterator[Finding]:
    if settings.HAS_EMAIL:
        yield ok("Mail", f"It goes to {settings.EMAIL_HOST}, port {settings.EMAIL_PORT}.")
    else:
        what = "None is sent: nobody can set a new password by themselves."
        yield warn("Mail", what, "Set EMAIL_URL.")


def catalogue() -> Iterator[Finding]:
    about, fetch = "Catalogue", CatalogueFetch.objects.first()
    if fetch is None or fetch.fetched_at is None:
        remedy = "Run manage.py catalogue; it says why Venice cannot be asked."
        yield bad(about, "There are no models yet.", remedy)
        return
    age = timezone.now() - fetch.fetched_at
    what = f"It is {lasting(age.total_seconds())} old."
    if age > timedelta(hours=3):
        error = queries.catalogue_error()
        yield warn(about, f"{what} {error}".strip(), "Run manage.py catalogue, and see to beat.")
    else:
        yield ok(about, what)


def backup() -> Iterator[Finding]:
    """The scheduled ones. Whoever makes them in another way looks after them there."""
    about, backups = "Backup", _backups()
    if backups is None or getattr(settings, "BACKUPS", None) is None:
        yield ok(about, "None is scheduled: VENICEWEB_BACKUPS is not set.")
        return
    last, problem = backups.last(), backups.problem()
    if last is None or timezone.now() - last > LATE_BACKUP:
        made = "None was made yet." if last is None else f"The last one was made {_age(last)} ago."
        remedy = "See to that folder, to beat and the workers; or run manage.py backup yourself."
        yield bad(about, f"{made} {problem}".strip(), remedy)
    elif problem:
        yield warn(about, f"The newest try failed: {problem}", "It is tried again each hour.")
    else:
        yield ok(about, f"The last one was made {_age(last)} ago.")


def _age(moment: datetime) -> str:
    return lasting((timezone.now() - moment).total_seconds())


def _backups() -> Any:
    if find_spec("generations.services.backup") is None:
        return None
    return import_module("generations.services.backup")
