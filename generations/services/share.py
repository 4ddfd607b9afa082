"""Share links: making, changing and ending them."""

import hashlib
import logging
import secrets
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from generations import crypto, queries
from generations.models import Collection, Image, Share, ShareImage, User
from generations.services import audit, policy
from generations.services.errors import Invalid

logger = logging.getLogger(__name__)

PROTECTED = "Your team’s links need a password."
PASSWORD_LEAST, PASSWORD_MOST = 4, 128
# Outsiders would see whatever anybody makes that its search finds.
SMART = "A smart collection fills itself. Select images in it, and share those."
_LIMITS = {"label": Share.LABEL_LIMIT, "title": 120}


def create(
    user: User,
    *,
    images: Sequence[Image] = (),
    collection: Collection | None = None,
    expires: str = "",
    password: str = "",
    download: bool = False,
    show_prompt: bool = False,
    picks: bool = False,
    label: str = "",
    title: str = "",
) -> Share:
    """A link to these images, or to what a collection shows at each visit.

    `expires` is a date, a number of days, or "" for the policy's default. Raises Invalid.
    """
    rules = policy.for_user(user)
    _require_right(rules)
    expires = expires or str(rules.share_days)
    values = _checked(rules, expires=expires, label=label, title=title, has_password=bool(password))
    _may_share(user, images, collection)
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        share = Share.objects.create(
            user=user,
            token_hash=hash_of(token),
            token=crypto.encrypt(token),
            collection=collection,
            password=_hashed(password),
            may_download=download,
            shows_prompt=show_prompt,
            asks_picks=picks,
            **values,
        )
        ShareImage.objects.bulk_create(_items(share, images), batch_size=500)
        what = {"collection": collection.name} if collection else {"count": len(images)}
        audit.note(audit.Action.SHARE_MADE, by=user, subject=share, **what, **_terms(share))
    logger.info("share %s made by %s", share.pk, user.pk)
    return share


def change(
    share: Share,
    *,
    expires: str | None,
    label: str,
    title: str,
    download: bool,
    show_prompt: bool,
    picks: bool,
    password: str = "",
    no_password: bool = False,
) -> None:
    """Change a link. Without a new password the old one stays, unless `no_password`; with
    `expires` None it ends when it did.

    A new password ends what guests opened with the old one. Raises Invalid.
    """
    rules = policy.for_user(share.user)
    _require_right(rules)
    has_password = bool(password or (share.password and not no_password))
    values = _checked(
        rules,
        expires=expires,
        label=label,
        title=title,
        has_password=has_password,
        made=share.created_at,
    )
    values |= {"may_download": download, "shows_prompt": show_prompt, "asks_picks": picks}
    if password or no_password:
        values["password"] = _hashed("" if no_password else password)
    before = _terms(share)
    with transaction.atomic():
        Share.objects.filter(pk=share.pk).update(**values)
        share.refresh_from_db(fields=_COLUMNS)
        changes = {
            name: {"from": before[name], "to": value}
            for name, value in _terms(share).items()
            if value != before[name]
        }
        if password:
            changes["has_password"] = {"from": before["has_password"], "to": "another one"}
        audit.note(audit.Action.SHARE_CHANGED, by=share.user, subject=share, **changes)
    logger.info("share %s changed", share.pk)


@transaction.atomic
def revoke(shares: QuerySet[Share], *, by: User) -> int:
    """End links for good; the next request finds nothing. Returns how many were ended."""
    rows = shares.order_by().filter(revoked_at=None)
    ended = list(rows.select_for_update(of=("self",)).select_related(None))
    Share.objects.filter(pk__in=_ids(ended)).update(revoked_at=timezone.now())
    for share in ended:
        audit.note(audit.Action.SHARE_REVOKED, by=by, subject=share)
    if ended:
        logger.info("%s shares revoked by %s", len(ended), by.pk)
    return len(ended)


_COLUMNS = (
    "expires_at",
    "label",
    "title",
    "may_download",
    "shows_prompt",
    "asks_picks",
    "password",
)


def _terms(share: Share) -> dict[str, Any]:
    """What the audit log says of a link; of its password only that there is one."""
    return {
        "expires": f"{share.expires_at:%Y-%m-%d}" if share.expires_at else "never",
        "label": share.label,
        "title": share.title,
        "may_download": share.may_download,
        "shows_prompt": share.shows_prompt,
        "asks_picks": share.asks_picks,
        "has_password": bool(share.password),
    }


def token_of(share: Share) -> str:
    """The token, for its owner to see again; "" when the key that hid it is gone."""
    try:
        return crypto.decrypt(share.token)
    except crypto.CannotDecrypt:
        return ""


def hash_of(token: str) -> str:
    """What a token is found by: looking up its hash tells nothing by the time it takes."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def default_expiry(rules: policy.Allowed) -> date:
    """The last day of a link made now when nobody says."""
    return (timezone.now() + timedelta(days=rules.share_days)).date()


def latest_expiry(rules: policy.Allowed, made: datetime | None = None) -> date:
    """The last day that a link may name: of one made then, or now."""
    return ((made or timezone.now()) + timedelta(days=rules.share_most_days)).date()


def ends_at(share: Share) -> datetime:
    """When it ends by itself: as was said, or earlier where the policy has become shorter.

    `share` has `most_days`, from queries.with_counts or queries.working_share.
    """
    last = share.created_at + timedelta(days=share.most_days)  # type: ignore[attr-defined]
    longest: datetime = last.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return min(share.expires_at or longest, longest)


# --- what is given ------------------------------------------------------------------------------


def _require_right(rules: policy.Allowed) -> None:
    if not rules.may_share:
        raise Invalid({"": policy.SHARING})


def _may_share(user: User, images: Sequence[Image], collection: Collection | None) -> None:
    if collection is not None:
        if images:
            raise Invalid({"": "Share a collection or images, not both."})
        if not queries.shareable_collections(user).filter(pk=collection.pk).exists():
            raise Invalid({"": "This collection is not yours to share."})
        if collection.is_smart:
            raise Invalid({"": SMART})
        return
    if not images:
        raise Invalid({"": "Select an image first."})
    visible = set(queries.visible_images(user).filter(pk__in=_ids(images)).values_list("pk"))
    if len(visible) < len(set(_ids(images))):
        raise Invalid({"": "Some of these images are not there any more. Nothing was shared."})


def _ids(rows: Sequence[Image | Share]) -> list[Any]:
    return [row.pk for row in rows]


def _items(share: Share, images: Sequence[Image]) -> list[ShareImage]:
    return [
        ShareImage(
            share=share,
            image=image,
            position=position,
            was_private=image.visibility == Image.Visibility.PRIVATE,
        )
        for position, image in enumerate({image.pk: image for image in images}.values())
    ]


def _checked(
    rules: policy.Allowed,
    *,
    expires: str | None,
    label: str,
    title: str,
    has_password: bool,
    made: datetime | None = None,
) -> dict[str, Any]:
    """Values of columns. Raises Invalid with all that is wrong."""
    problems: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name, text in (("label", label), ("title", title)):
        values[name] = " ".join(text.replace("\0", "").split())
        if (over := len(values[name]) - _LIMITS[name]) > 0:
            problems[name] = f"{over:,} characters too long: at most {_LIMITS[name]}."
    try:
        if expires is not None:
            values["expires_at"] = _expiry(expires.strip(), rules, made)
    except Invalid as problem:
        problems |= problem.fields
    if rules.share_needs_password and not has_password:
        problems["password"] = PROTECTED
    if problems:
        raise Invalid(problems)
    return values


def _expiry(text: str, rules: policy.Allowed, made: datetime | None) -> datetime:
    """The moment that a date (its end, UTC) or a number of days means. Raises Invalid."""
    now = timezone.now()
    wanted = _moment(text, now)
    if wanted is None:
        raise Invalid({"expires": "Write a date like 2027-01-31, or a number of days."})
    if wanted <= now:
        raise Invalid({"expires": "That is over already. Choose a later day."})
    # To the end of the last day, so that a date and the same number of days both do.
    if wanted.date() > latest_expiry(rules, made):
        raise Invalid({"expires": _too_long(rules, made)})
    return wanted


def _too_long(rules: policy.Allowed, made: datetime | None) -> str:
    if made is None:
        return f"A link lives at most {rules.share_most_days} days."
    last = f"{latest_expiry(rules, made):%Y-%m-%d}"
    return f"A link lives at most {rules.share_most_days} days: this one until {last}."


def _moment(text: str, now: datetime) -> datetime | None:
    if text.isascii() and text.isdigit():
        return now + timedelta(days=int(text)) if len(text) < 6 else None
    try:
        day = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) <= 10:
        day = datetime.combine(day.date(), time.max)
    return day if day.tzinfo else timezone.make_aware(day)


def _hashed(password: str) -> str:
    """Raises Invalid. "" for none."""
    if password and not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST:
        sentence = f"Use {PASSWORD_LEAST} to {PASSWORD_MOST} characters."
        raise Invalid({"password": sentence})
    return make_password(password) if password else ""
