"""People."""

from decimal import Decimal

from allauth.mfa.models import Authenticator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Lower, NullIf

from generations.models import Collection, CollectionMember, User, VeniceKey
from generations.models.spend import Month, total
from generations.queries.spend import month_of


def people() -> QuerySet[User]:
    """Who may sign in, by name."""
    return User.objects.filter(is_active=True).order_by(Lower("name"), "email")


def people_and_named(collection: Collection) -> QuerySet[User]:
    """`people`, and first those who are named in it, with `is_named` and `may_add`."""
    named = CollectionMember.objects.filter(collection=collection, user=OuterRef("pk"))
    rows = User.objects.annotate(
        is_named=Exists(named), may_add=Subquery(named.values("may_add")[:1])
    )
    return rows.filter(Q(is_active=True) | Q(is_named=True)).order_by(
        "-is_named", Lower("name"), "email"
    )


def with_exceptions() -> QuerySet[User]:
    """Active people for whom the policy has an exception, by name."""
    as_all = Q(safe_mode="", may_use_team_key=None, may_share=None)
    return people().exclude(as_all)


def admins() -> QuerySet[User]:
    return User.objects.filter(role=User.Role.ADMIN, is_active=True)


def members(*, search: str = "", role: str = "", is_active: bool | None = None) -> QuerySet[User]:
    """Everybody who ever had an account, by name, as far as the filters say."""
    # By what they are called; who gave no name is called by the address.
    called = Lower(Coalesce(NullIf("name", Value("")), "email"))
    rows = User.objects.order_by(called, "email")
    if is_active is not None:
        rows = rows.filter(is_active=is_active)
    if role:
        rows = rows.filter(role=role)
    for word in search.replace("\0", "").split()[:8]:
        rows = rows.filter(Q(name__icontains=word) | Q(email__icontains=word))
    return rows


def with_standing(rows: QuerySet[User]) -> QuerySet[User]:
    """With `has_key` (a Venice key of their own) and `has_factor`."""
    keys = VeniceKey.objects.filter(user=OuterRef("pk"))
    return rows.annotate(has_key=Exists(keys), has_factor=Exists(_factors()))


def has_factor() -> Q:
    """Of a person: an authenticator app or a passkey. Recovery codes alone are none."""
    return Q(Exists(_factors()))


def _factors() -> QuerySet[Authenticator]:
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    rows: QuerySet[Authenticator] = Authenticator.objects.all()
    return rows.filter(user=OuterRef("pk"), type__in=kinds)


def member_counts() -> dict[str, int]:
    """`active` and `inactive`."""
    active = Count("pk", filter=Q(is_active=True))
    return User.objects.aggregate(active=active, inactive=Count("pk", filter=Q(is_active=False)))


def spent_of(users: list[int]) -> dict[int, Decimal]:
    """What each of these people spent this month, in USD; who spent nothing is left out."""
    jobs = month_of(Month.current(), None).filter(user__in=users).order_by()
    return dict(jobs.values("user").annotate(spent=total()).values_list("user", "spent"))
