"""API tokens: what may be made, and what of it is kept."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from generations.models import ApiToken, Event
from generations.services import spend
from generations.services import token as tokens
from generations.services.errors import Invalid, OverBudget
from tests.builders import make_generation

pytestmark = [pytest.mark.django_db, pytest.mark.services]


def make(user, **fields):
    return tokens.create(user, **{"name": "Script", "scopes": ["generate"], **fields})


def test_a_token_is_made_of_256_bits_and_found_by_its_text(alice):
    token, text = make(alice)
    assert text.startswith("vw_")
    assert len(text) == 46
    assert tokens.find(text) == token
    assert tokens.find(text[:-1]) is None
    assert make(alice)[1] != text
    event = Event.objects.order_by("pk").first()
    assert (event.action, event.actor) == ("token.made", alice)
    assert text not in str(event.__dict__)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"scopes": ["review"]}, "scopes"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "expires_at"),
        ({"monthly_usd": Decimal(-1)}, "monthly_usd"),
    ],
)
def test_what_makes_no_sense_is_refused(alice, fields, field):
    with pytest.raises(Invalid) as problem:
        make(alice, **fields)
    assert list(problem.value.fields) == [field]
    assert not ApiToken.objects.exists()


def test_reviewers_may_give_a_token_their_right(rosa):
    assert make(rosa, scopes=["review"])[0].scopes == ["review"]


def test_there_is_an_end_to_tokens(alice):
    for _ in range(tokens.MOST):
        token, _text = make(alice)
    with pytest.raises(Invalid):
        make(alice)
    tokens.revoke(token, by=alice)
    make(alice)


def test_revoking_twice_is_noted_once(alice):
    token, _ = make(alice)
    tokens.revoke(token, by=alice)
    tokens.revoke(token, by=alice)
    assert Event.objects.filter(action="token.revoked").count() == 1


def test_its_own_budget_counts_its_own_jobs_of_the_month(alice):
    token, _ = make(alice, monthly_usd=Decimal("1.00"))
    make_generation(alice, token=token, charged=Decimal("0.60"))
    make_generation(alice, charged=Decimal("5.00"))
    make_generation(
        alice, token=token, charged=Decimal("3"), created_at=timezone.now() - timedelta(days=40)
    )
    assert spend.spent_by(token) == Decimal("0.60")
    assert spend.left(alice, token) == Decimal("0.40")
    spend.require_room(alice, Decimal("0.40"), token=token)
    with pytest.raises(OverBudget, match=r"by \$0.01"):
        spend.require_room(alice, Decimal("0.41"), token=token)
