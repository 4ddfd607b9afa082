"""Usage, budgets, and what may have been charged: the pages' figures against rows made by hand."""

import csv
import io
import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from generations.models import Account, Budget, Generation, Image, VeniceModel
from generations.models.generation import State
from generations.models.spend import Month
from generations.services import catalogue, spend
from generations.views import words
from generations.views.chart import HEIGHT, chart
from tests.builders import make_generation, make_image, make_key, make_user

pytestmark = [pytest.mark.services, pytest.mark.django_db]

TEAM, OWN = "/team/usage/", "/settings/usage/"
MARCH = "?month=2026-03"


def usd(text):
    return None if text is None else Decimal(text)


def job(user, price="0.04", charged="0.04", *, images=0, **fields):
    made = make_generation(user, price=usd(price), charged=usd(charged), **fields)
    Image.objects.bulk_create(
        Image(
            user=user,
            generation=made,
            number=number,
            format="webp",
            width=64,
            height=64,
            bytes=1,
            sha256="0" * 64,
            original="a",
            w512="b",
            w1024="c",
        )
        for number in range(images)
    )
    return made


def unknown(user, price="0.04", **fields):
    return job(user, price, None, state=State.UNKNOWN, **fields)


@pytest.fixture
def month_of_work(alice, bob):
    """Alice on the team's key: whole, fewer, refused, lost, waiting. Bob on his own."""
    team, own = make_key(None), make_key(bob)
    job(alice, images=4, key=team)
    job(alice, charged="0.02", images=2, key=team)
    job(alice, charged="0", state=State.FAILED, key=team)
    unknown(alice, "0.03", key=team)
    job(alice, "0.01", None, state=State.QUEUED, key=team)
    job(bob, "0.18", "0.18", images=1, key=own, model="nano-banana-2", model_name="Nano Banana 2")
    return own


# --- figures ----------------------------------------------------------------------------------


def test_the_teams_figures(month_of_work, ada, sign_in):
    page = sign_in(ada).get(TEAM).context
    totals = page["totals"]
    assert totals["spent_label"] == "$0.28"
    assert totals["reserved_label"] == "$0.01 of it reserved"
    assert totals["images_label"] == "7"
    assert totals["each_label"] == "3.4 ¢"
    assert (totals["maybe_label"], totals["maybe_jobs_label"]) == ("$0.03", "1 job")
    assert [(p["name"], p["spent_label"], p["images"], p["free"]) for p in page["people"]] == [
        ("Bob Brandt", "$0.18", "1", "0"),
        ("Alice Moretti", "$0.10", "6", "1"),
    ]
    assert [(m["name"], m["spent_label"], m["images"]) for m in page["models"]] == [
        ("Nano Banana 2", "$0.18", "1"),
        ("Z-Image Turbo", "$0.10", "6"),
    ]
    assert page["chart"].rows == [(words_of_today(), "$0.10", "$0.18", "$0.28")]


def words_of_today():
    return f"{timezone.now().day} {timezone.now():%B}"


def test_ones_own_figures_are_ones_own(month_of_work, alice, bob, sign_in):
    response = sign_in(alice).get(OWN)
    assert response.context["totals"]["spent_label"] == "$0.10"
    assert [m["name"] for m in response.context["models"]] == ["Z-Image Turbo"]
    assert not response.context["chart"].has_own
    assert b"Bob" not in response.content
    page = sign_in(bob).get(OWN).context
    assert page["totals"]["spent_label"] == "$0.18"
    assert page["chart"].has_own


def test_the_figures_are_those_that_the_budgets_count(month_of_work, alice, ada, sign_in):
    spend.set_budget("team", Decimal(1))
    spend.set_budget("person", Decimal("0.15"), user=alice)
    page = sign_in(ada).get(TEAM).context
    assert page["totals"]["spent_label"] == words.money(spend.spent(None))
    assert page["totals"]["limit_label"] == "of $1"
    assert page["totals"]["limit_ratio"] == 28
    assert [p["left_label"] for p in page["people"]] == ["no limit", "$0.05 of $0.15"]
    assert sign_in(alice).get(OWN).context["totals"]["limit_label"] == "of $0.15"


def test_a_job_whose_key_was_removed_ran_on_ones_own(month_of_work, ada, sign_in):
    month_of_work.delete()
    assert sign_in(ada).get(TEAM).context["chart"].rows[0][1:] == ("$0.10", "$0.18", "$0.28")


def test_many_small_amounts_add_up_exactly(alice, ada, sign_in):
    Generation.objects.bulk_create(
        Generation(user=alice, state=State.SUCCEEDED, price=usd("0.07"), charged=usd("0.07"))
        for _ in range(1500)
    )
    spend.set_budget("everyone", Decimal(105))
    assert spend.spent(alice) == Decimal(105)
    assert spend.standing(alice).left == 0
    assert sign_in(ada).get(TEAM).context["totals"]["spent_label"] == "$105.00"


def test_what_was_played_in_demo_mode_was_not_spent(alice, ada, sign_in, settings):
    job(alice, is_demo=True)
    assert spend.spent(alice) == 0
    assert sign_in(ada).get(TEAM).context["people"] == []
    settings.IS_DEMO = True
    assert spend.spent(alice) == Decimal("0.04")
    assert sign_in(ada).get(TEAM).context["totals"]["spent_label"] == "$0.04"


def test_a_price_that_nobody_knows_breaks_nothing(alice, ada, sign_in):
    job(alice, None, None, images=1)
    unknown(alice, None)
    response = sign_in(ada).get(TEAM)
    assert response.context["totals"]["spent_label"] == "$0.00"
    assert response.context["chart"] is None
    assert b"It was not" in response.content
    assert b"It was charged" not in response.content


# --- months -----------------------------------------------------------------------------------


def at(*moment):
    return datetime(*moment, tzinfo=UTC)


def test_a_month_begins_and_ends_in_utc(alice, ada, sign_in, settings):
    job(alice, charged="1", created_at=at(2026, 2, 28, 23, 59, 59, 999999))
    job(alice, charged="2", created_at=at(2026, 3, 1))
    job(alice, charged="4", created_at=at(2026, 3, 31, 23, 59, 59, 999999))
    job(alice, charged="8", created_at=at(2026, 4, 1))
    with timezone.override("Pacific/Auckland"):
        page = sign_in(ada).get(TEAM + MARCH).context
    assert page["totals"]["spent_label"] == "$6.00"
    assert [row[0] for row in page["chart"].rows] == ["1 March", "31 March"]
    text = sign_in(ada).get(f"/team/usage.csv{MARCH}").content.decode()
    assert [line[:10] for line in text.splitlines()[1:]] == ["2026-03-01", "2026-03-31"]


def test_one_leafs_through_the_months(alice, sign_in):
    page = sign_in(alice).get(f"{OWN}?month=2025-12").context
    assert page["month_label"] == "December 2025"
    assert page["months"]["previous_url"] == f"{OWN}?month=2025-11"
    assert page["months"]["next_url"] == f"{OWN}?month=2026-01"
    assert sign_in(alice).get(OWN).context["months"]["next_url"] == ""


def test_what_is_over_has_an_average_and_no_budget(alice, sign_in):
    spend.set_budget("everyone", Decimal(20))
    job(alice, charged="3.1", created_at=at(2026, 3, 5))
    totals = sign_in(alice).get(OWN + MARCH).context["totals"]
    assert (totals["pace_title"], totals["pace_label"]) == ("A day, on average", "$0.10")
    assert totals["limit_label"] == ""


@pytest.mark.parametrize("month", ["2026-13", "2026-3", "0000-01", "x", "２026-01", "2026-01-01"])
@pytest.mark.parametrize("path", [TEAM, OWN, "/team/usage.csv", "/settings/usage.csv"])
def test_what_is_no_month_is_not_there(ada, sign_in, path, month):
    assert sign_in(ada).get(path, {"month": month}).status_code == 404


@pytest.mark.parametrize(
    ("month", "previous", "next_", "days"),
    [
        (Month(2026, 1), Month(2025, 12), Month(2026, 2), 31),
        (Month(2026, 12), Month(2026, 11), Month(2027, 1), 31),
        (Month(2028, 2), Month(2028, 1), Month(2028, 3), 29),
    ],
)
def test_months(month, previous, next_, days):
    assert (month.previous, month.next, month.days) == (previous, next_, days)
    assert previous < month < next_
    assert Month.of(month.end - timedelta(microseconds=1)) == month


def test_an_empty_month_leads_on(ada, sign_in):
    assert b"Nothing was asked for in this month" in sign_in(ada).get(TEAM + MARCH).content


# --- the chart --------------------------------------------------------------------------------


def day(number, spent, team=None):
    return {"day": at(2026, 3, number).date(), "spent": usd(spent), "team": usd(team or spent)}


@pytest.mark.parametrize("most", ["0.000001", "0.07", "0.67", "1", "3.96", "4.5", "99", "12345"])
def test_the_bars_stay_below_the_highest_line(most):
    made = chart(Month(2026, 3), [day(1, most), day(2, "0.000001")], None)
    heights = [bar.team_height for bar in made.bars]
    assert 0 < max(heights) <= HEIGHT
    assert 3 <= len(made.lines) <= 6
    assert (made.lines[0].y, made.lines[-1].y) == (HEIGHT, 0)


def test_the_two_keys_stand_on_each_other():
    bar = chart(Month(2026, 3), [day(1, "4", "3")], None).bars[0]
    assert bar.team_y + bar.team_height == pytest.approx(HEIGHT, abs=0.2)
    assert bar.own_y + bar.own_height <= bar.team_y
    assert bar.title == "1 March: $4.00"


def test_the_budget_is_drawn_where_it_fits_and_named_always():
    near = chart(Month(2026, 3), [day(1, "4")], Decimal(155))
    assert not near.is_beyond
    assert near.limit.label == "Budget, $5 a day"
    assert near.limit.y == near.lines[-1].y
    far = chart(Month(2026, 3), [day(1, "4")], Decimal(3100))
    assert far.is_beyond
    assert far.limit.label == "Budget, $100 a day"
    assert far.lines[-1].label == "$4"


def test_the_chart_has_no_style_attribute(month_of_work, ada, sign_in):
    page = sign_in(ada).get(TEAM).content
    assert b"<svg" in page
    assert b"style=" not in page


# --- who may ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["team-usage", "team-usage-csv", "team-budgets"])
def test_the_teams_pages_are_for_admins(alice, rosa, ada, charlie, sign_in, name):
    url = reverse(name)
    assert [sign_in(u).get(url).status_code for u in (ada, alice, rosa)] == [200, 404, 404]
    assert sign_in(charlie).get(url).status_code == 302


def test_a_member_changes_no_budget(alice, rosa, sign_in):
    for person in (alice, rosa):
        response = sign_in(person).post("/team/budgets/", {"team": "1000"})
        assert response.status_code == 404
    assert not Budget.objects.exists()


def test_only_admins_are_led_to_the_team(alice, ada, sign_in):
    assert b'href="/team/' not in sign_in(alice).get(OWN).content
    assert b'href="/team/"' in sign_in(ada).get(OWN).content
    assert b'href="/team/usage/"' in sign_in(ada).get("/team/").content


# --- CSV --------------------------------------------------------------------------------------


def lines(response):
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(response.content.decode())))


def test_one_line_a_job(month_of_work, ada, sign_in):
    response = sign_in(ada).get("/team/usage.csv")
    rows = lines(response)
    assert f'filename="usage-{Month.current()}.csv"' in response["Content-Disposition"]
    assert [(r["state"], r["images"], r["price"], r["charged"], r["key"]) for r in rows] == [
        ("succeeded", "4", "0.040000", "0.040000", "team"),
        ("succeeded", "2", "0.040000", "0.020000", "team"),
        ("failed", "0", "0.040000", "0.000000", "team"),
        ("unknown", "0", "0.030000", "", "team"),
        ("queued", "0", "0.010000", "", "team"),
        ("succeeded", "1", "0.180000", "0.180000", "own"),
    ]
    assert {r["person"] for r in rows} == {"alice@example.com", "bob@example.com"}


def test_ones_own_lines_alone(month_of_work, bob, sign_in):
    rows = lines(sign_in(bob).get("/settings/usage.csv"))
    assert [(r["person"], r["model"]) for r in rows] == [("bob@example.com", "nano-banana-2")]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(ada, sign_in, sign):
    person = make_user(f"{sign.strip() or '='}cmd@example.com")
    job(person, model=f"{sign}HYPERLINK(1)")
    (row,) = lines(sign_in(ada).get("/team/usage.csv"))
    assert row["model"] == f"'{sign}HYPERLINK(1)"
    assert row["person"].startswith("'") == (person.email[0] in "=+-@")


def test_a_file_has_an_end(alice, sign_in, monkeypatch):
    monkeypatch.setattr("generations.views.spend.MOST_LINES", 2)
    for _ in range(3):
        job(alice)
    text = sign_in(alice).get("/settings/usage.csv").content.decode()
    assert len(text.splitlines()) == 4
    assert "Cut here" in text


# --- queries ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [TEAM, OWN, "/team/budgets/", "/team/usage.csv", "/settings/usage.csv"]
)
def test_as_many_queries_for_sixty_as_for_one(stocked, ada, sign_in, settings, path):
    # Of one's own: another worker may empty the shared one, and a session is a query then.
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    client = sign_in(ada)
    spend.set_budget("everyone", Decimal(20))
    one = queries(client, path, ada)
    for number in range(60):
        person = make_user(f"p{number}@example.com")
        spend.set_budget("person", Decimal(5), user=person)
        job(person, images=2, model=f"model-{number}")
        unknown(person)
    assert queries(client, path, ada) == one <= 12


def queries(client, path, user):
    job(user, images=1)
    unknown(user)
    client.get(path)
    with CaptureQueriesContext(connection) as found:
        assert client.get(path).status_code == 200
    return len(found)


# --- may have been charged --------------------------------------------------------------------


def resolve(client, generation, charged="yes", **more):
    url = reverse("generation-resolve", args=[generation.pk])
    return client.post(url, {"charged": charged, **more})


@pytest.mark.parametrize(("charged", "cost"), [("yes", "0.04"), ("no", "0")])
def test_somebody_says_what_it_cost(alice, ada, sign_in, caplog, charged, cost):
    caplog.set_level(logging.INFO)
    for person in (alice, ada):
        generation = unknown(alice)
        response = resolve(sign_in(person), generation, charged, next=TEAM + MARCH)
        assert response.status_code == 303
        assert response["Location"] == TEAM + MARCH
        generation.refresh_from_db()
        assert generation.charged == Decimal(cost)
        assert f"{generation.pk}: what it cost is" in caplog.text
        assert f"says {person.email}" in caplog.text


def test_the_card_then_says_so(alice, sign_in):
    client, generation = sign_in(alice), unknown(alice)
    url = reverse("generation-detail", args=[generation.pk])
    assert client.get(url).context["card"].price_label == "$0.00–0.04"
    resolve(client, generation, "yes")
    assert client.get(url).context["card"].price_label == "$0.04"


def test_others_do_not(alice, bob, rosa, sign_in):
    generation = unknown(alice)
    for person in (bob, rosa):
        assert resolve(sign_in(person), generation).status_code == 404
    generation.refresh_from_db()
    assert generation.charged is None


def test_it_is_said_once(alice, sign_in):
    client, generation = sign_in(alice), unknown(alice)
    resolve(client, generation, "no")
    assert "known already" in client.get(resolve(client, generation)["Location"]).content.decode()
    generation.refresh_from_db()
    assert generation.charged == 0


def test_what_has_no_price_was_charged_nobody_knows_what(alice, sign_in):
    client, generation = sign_in(alice), unknown(alice, None)
    resolve(client, generation, "yes")
    generation.refresh_from_db()
    assert generation.charged is None
    resolve(client, generation, "no")
    generation.refresh_from_db()
    assert generation.charged == 0


@pytest.mark.parametrize("charged", ["", "perhaps"])
def test_an_answer_is_yes_or_no(alice, sign_in, charged):
    assert resolve(sign_in(alice), unknown(alice), charged).status_code == 400


def test_nobody_is_sent_elsewhere(alice, sign_in):
    response = resolve(sign_in(alice), unknown(alice), next="https://evil.example/")
    assert response["Location"] == OWN


def test_the_list_is_short_and_names_the_rest(alice, ada, sign_in):
    for _ in range(21):
        unknown(alice)
    page = sign_in(ada).get(TEAM).content.decode()
    assert page.count("It was charged") == 20
    assert "All 21 jobs" in page


# --- budgets ----------------------------------------------------------------------------------


def budgets():
    return {(b.scope, b.user and b.user.email): b.monthly_usd for b in Budget.objects.all()}


def test_budgets_are_set_and_cleared(alice, ada, sign_in, caplog):
    caplog.set_level(logging.INFO)
    client, alices = sign_in(ada), f"person_{alice.pk}"
    response = client.post("/team/budgets/", {"team": "120", "everyone": "$20.5", alices: "0"})
    assert response.status_code == 303
    assert budgets() == {
        ("team", None): 120,
        ("everyone", None): Decimal("20.5"),
        ("person", "alice@example.com"): 0,
    }
    assert "budget of alice@example.com: $0 by ada@example.com" in caplog.text
    client.post("/team/budgets/", {"team": "120.00", "everyone": "", alices: ""})
    assert budgets() == {("team", None): 120}


def test_a_field_that_is_not_posted_stays(alice, ada, sign_in):
    spend.set_budget("person", Decimal(5), user=alice)
    sign_in(ada).post("/team/budgets/", {"team": "7"})
    assert budgets() == {("team", None): 7, ("person", "alice@example.com"): 5}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("-1", "Not below 0"),
        ("1.234", "At most two decimals"),
        ("12,50", "Write an amount in dollars"),
        ("much", "Write an amount in dollars"),
        ("NaN", "Write an amount in dollars"),
        ("sNaN", "Write an amount in dollars"),
        ("1e9999999", "At most $99,999,999.99"),
        ("inf", "Write an amount in dollars"),
        ("1e9", "At most $99,999,999.99"),
        ("100000000", "At most $99,999,999.99"),
    ],
)
@pytest.mark.parametrize("field", ["team", "person"])
def test_an_amount_that_is_none(alice, ada, sign_in, field, text, sentence):
    name = "team" if field == "team" else f"person_{alice.pk}"
    response = sign_in(ada).post("/team/budgets/", {"everyone": "20", name: text})
    page = response.content.decode()
    assert response.status_code == 422
    assert f'id="{name}-error"' in page
    assert f'aria-describedby="{name}-error"' in page
    assert sentence in page
    assert page.count('aria-invalid="true"') == 1
    assert budgets() == {}


def test_everybody_with_what_is_left(alice, bob, charlie, ada, sign_in):
    spend.set_budget("everyone", Decimal(1))
    spend.set_budget("person", Decimal("0.5"), user=bob)
    job(alice, charged="0.30")
    job(bob, charged="0.70")
    rows = sign_in(ada).get("/team/budgets/").context["rows"]
    assert [(r["name"], r["spent_label"], r["left_label"]) for r in rows] == [
        ("Ada Keller", "$0.00", "$1.00 of $1"),
        ("Alice Moretti", "$0.30", "$0.70 of $1"),
        ("Bob Brandt", "$0.70", "$0.00 of $0.50"),
    ]


def test_a_large_team_can_be_saved(ada, sign_in):
    people = [make_user(f"p{number}@example.com") for number in range(300)]
    posted = {f"person_{person.pk}": "3" for person in people}
    assert sign_in(ada).post("/team/budgets/", posted).status_code == 303
    assert Budget.objects.count() == 300


# --- what Venice says -------------------------------------------------------------------------


def test_the_balance_and_when_it_was_read(stocked, alice, ada, sign_in):
    Account.objects.filter(keys__user=None).update(
        balance_usd=Decimal("12.5"), balance_diem=None, balance_at=timezone.now()
    )
    page = sign_in(ada).get(TEAM).content.decode()
    assert "$12.50 left at Venice, read today, " in page
    assert "left at Venice" not in sign_in(ada).get(OWN).content.decode()
    own = make_key(alice)
    accounts = Account.objects.filter(pk=own.account_id)
    accounts.update(balance_usd=None)
    assert "left at Venice" not in sign_in(alice).get(OWN).content.decode()
    accounts.update(balance_diem=Decimal("3"), balance_at=timezone.now())
    assert "3.00 Diem left at Venice" in sign_in(alice).get(OWN).content.decode()


def test_models_that_end_are_named_to_admins(stocked, alice, ada, sign_in):
    end = timezone.now() + timedelta(days=400)
    model = VeniceModel.objects.get(pk="flux-2-pro")
    model.spec["deprecation"] = {"date": end.isoformat(), "replacementModelId": "z-image-turbo"}
    model.save()
    page = sign_in(ada).get(TEAM).content.decode()
    assert (
        f"Flux 2 Pro ends on {end.day} {end:%B %Y}; Venice suggests Z-Image Turbo instead." in page
    )
    assert "ends on" not in sign_in(alice).get(OWN).content.decode()


def test_the_nearest_end_first_and_none_that_is_over(stocked):
    VeniceModel.objects.update(is_offered=False)
    ends = {"flux-2-pro": 30, "z-image-turbo": 3, "qwen-image": -1, "hidream": None}
    for pk, days in ends.items():
        date = timezone.now() + timedelta(days=days or 0)
        spec = {"name": pk, "deprecation": {"date": date.isoformat()}} if days else {"name": pk}
        VeniceModel.objects.update_or_create(
            pk=pk, defaults={"spec": spec, "is_offered": True, "last_seen_at": timezone.now()}
        )
    assert [(e.name, e.replacement) for e in catalogue.ending()] == [
        ("z-image-turbo", ""),
        ("flux-2-pro", ""),
    ]


def test_a_day_to_come_has_no_weekday():
    soon = timezone.now() + timedelta(days=3)
    assert words.day(soon).startswith(f"{soon.day} {soon:%B}")


def test_a_held_image_is_counted(alice, ada, sign_in):
    make_image(alice, state=Image.State.HELD)
    assert sign_in(ada).get(TEAM).context["people"][0]["held"] == "1"
