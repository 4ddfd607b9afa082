"""The review desk's pages: who may, what they say, how many queries; reports and answers."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from generations.models import Case, Decision, Image, User
from tests.builders import decide, hold, make_case, make_generation, make_image, make_user

pytestmark = pytest.mark.django_db
PAGES = ("/review/", "/review/?view=grid", "/review/decided/", "/review/statistics/")


def state(case):
    return Image.objects.get(pk=case.image_uuid).state


def url(case, rest=""):
    return f"/review/{case.image_uuid}/{rest}"


def text(response):
    return response.content.decode()


# --- who may ----------------------------------------------------------------------------------


def test_to_members_there_is_no_desk(alice, bob, rosa, sign_in):
    case, made = make_case(alice), decide(rosa, make_case(alice))
    for client in (sign_in(alice), sign_in(bob)):
        for path in (*PAGES, url(case), url(case, "blur")):
            assert client.get(path).status_code == 404, path
        for path in (url(case), url(case, "claim/"), url(case, "skip/"), url(case, "ask/")):
            assert client.post(path, {"decision": "approve"}).status_code == 404, path
        assert client.post(f"/review/undo/{made.pk}/").status_code == 404
        assert client.post("/review/decide/", {"images": case.image_uuid}).status_code == 404
        assert "Review" not in text(client.get("/")).partition("</header>")[0]
    assert state(case) == Image.State.HELD


def test_a_demoted_reviewer_is_out_on_the_next_request(alice, rosa, sign_in):
    client, case = sign_in(rosa), make_case(alice)
    assert client.get(url(case)).status_code == 200
    User.objects.filter(pk=rosa.pk).update(role=User.Role.MEMBER)
    assert client.get(url(case)).status_code == 404
    assert client.post(url(case), {"decision": "approve"}).status_code == 404


@pytest.mark.parametrize("path", PAGES)
def test_a_page_costs_the_same_for_one_and_for_sixty(alice, rosa, ada, sign_in, path):
    client = sign_in(rosa)

    def fill(count):
        for _ in range(count):
            make_case(alice)
            decide(rosa, make_case(alice))

    def count():
        with CaptureQueriesContext(connection) as found:
            assert client.get(path).status_code == 200
        return len(found)

    fill(2)
    count()
    few = count()
    fill(60)
    assert count() <= few <= 12


def test_a_get_changes_nothing(alice, rosa, sign_in):
    client, case = sign_in(rosa), make_case(alice)
    before = Case.objects.values().get(pk=case.pk)
    for path in (*PAGES, url(case), url(case, "?show=1"), url(case, "blur")):
        assert client.get(path).status_code == 200
    for path in (url(case, "claim/"), url(case, "skip/"), url(case, "ask/"), "/review/decide/"):
        assert client.get(path).status_code == 405
    assert Case.objects.values().get(pk=case.pk) == before


@pytest.mark.parametrize("rest", ["", "claim/", "skip/", "ask/"])
def test_what_is_no_case_is_not_there(rosa, alice, sign_in, rest):
    client = sign_in(rosa)
    for pk in (uuid.uuid4(), make_image(alice).pk):
        assert client.post(f"/review/{pk}/{rest}").status_code == 404
    assert client.get(f"/review/{make_image(alice).pk}/blur").status_code == 404


# --- one at a time ----------------------------------------------------------------------------


def test_the_picture_comes_when_it_is_asked_for(alice, rosa, sign_in):
    client, case = sign_in(rosa), make_case(alice)
    main = text(client.get("/review/")).partition("<main")[2]
    src = f'src="/images/{case.image_uuid}/'
    assert src not in main
    assert f'src="/review/{case.image_uuid}/blur"' in main
    assert f'{src}w1024"' in text(client.get(url(case, "?show=1")))
    blur = client.get(url(case, "blur"))
    assert blur["Content-Type"] == "image/webp"
    assert blur["Cache-Control"] == "private, no-cache"
    kept = {"If-None-Match": blur["ETag"]}
    assert client.get(url(case, "blur"), headers=kept).status_code == 304
    Image.objects.filter(pk=case.image_uuid).update(state="locked", has_minor=True)
    assert client.get(url(case, "blur"), headers=kept).status_code == 404


def test_the_veil_of_what_was_just_approved_is_for_who_may_take_it_back(alice, rosa, ada, sign_in):
    case = make_case(alice)
    made = decide(rosa, case)
    assert sign_in(rosa).get(url(case, "blur")).status_code == 200
    assert sign_in(ada).get(url(case, "blur")).status_code == 404
    Decision.objects.filter(pk=made.pk).update(decided_at=timezone.now() - timedelta(minutes=1))
    assert sign_in(rosa).get(url(case, "blur")).status_code == 404


def test_what_happened_is_told_in_its_order(alice, rosa, sign_in):
    case = make_case(alice, opened_at=timezone.now() - timedelta(minutes=5))
    Image.objects.filter(pk=case.image_uuid).update(created_at=case.opened_at)
    decide(rosa, case, "reject")
    told = text(sign_in(rosa).get(url(case))).partition("What happened")[2]
    places = [told.find(part) for part in ("Made by", "Held:", "Rejected by", "Before")]
    assert -1 not in places
    assert places == sorted(places)


def test_what_happened_keeps_the_capitals_of_names(alice, rosa, sign_in):
    case = make_case(alice, reason="blurred")
    assert "Held: blurred by Venice" in text(sign_in(rosa).get(url(case)))


def test_a_decision_leads_to_the_next_one_and_claims_it(alice, rosa, sign_in):
    now = timezone.now()
    first, second, third = (
        make_case(alice, opened_at=now - timedelta(hours=hours)) for hours in (3, 2, 1)
    )
    client = sign_in(rosa)
    response = client.post(url(second), {"decision": "approve"})
    assert (response.status_code, response["Location"]) == (303, url(third))
    third.refresh_from_db()
    assert third.claimed_by == rosa
    page = text(client.get(response["Location"]))
    assert "Approved. Alice can see and share it now." in page
    assert f"/review/undo/{Decision.objects.get().pk}/" in page
    assert client.post(url(third, "skip/"))["Location"] == url(first)
    done = client.post(url(first), {"decision": "reject", "reason": "brief", "note": "No"})
    assert done["Location"] == url(third)
    assert client.post(url(third), {"decision": "approve"})["Location"] == "/review/"
    assert "Nothing waits" in text(client.get("/review/"))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "decision"),
        ({"decision": "release"}, "decision"),
        ({"decision": "reject"}, "reason"),
        ({"decision": "reject", "reason": "nonsense"}, "reason"),
        ({"decision": "reject", "reason": "other"}, "note"),
        ({"decision": "approve", "note": "x" * 501}, "note"),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field(alice, rosa, sign_in, given, field):
    case = make_case(alice)
    response = sign_in(rosa).post(url(case), given)
    assert response.status_code == 422
    assert f'id="{field}-error"' in text(response)
    assert state(case) == Image.State.HELD


def test_the_second_is_told_who_decided(alice, rosa, ada, sign_in):
    case = make_case(alice)
    decide(ada, case)
    client = sign_in(rosa)
    response = client.post(url(case), {"decision": "reject", "reason": "adult"}, follow=True)
    assert "Ada Keller was faster: approved." in text(response)
    assert state(case) == Image.State.SHOWN


def test_a_claim_is_seen_by_others(alice, rosa, ada, sign_in):
    case = make_case(alice)
    mine, hers = sign_in(rosa), sign_in(ada)
    assert mine.post(url(case, "claim/")).status_code == 204
    assert hers.post(url(case, "claim/")).status_code == 409
    assert "Other reviewers are looking" in text(hers.get("/review/"))
    page = text(hers.get(url(case)))
    assert "Rosa Behrens is looking at this." in page
    assert "data-claim" not in page


def test_own_images_are_for_others(rosa, ada, sign_in):
    case = make_case(rosa)
    client = sign_in(rosa)
    assert "another reviewer decides about it" in text(client.get("/review/"))
    page = text(client.get(url(case)))
    assert "Another reviewer decides about it." in page
    assert 'value="approve"' not in page
    User.objects.filter(pk=ada.pk).update(is_active=False)
    page = text(client.get(url(case)))
    assert "nobody else could" in page
    assert client.post(url(case), {"decision": "approve"}).status_code == 303
    assert state(case) == Image.State.SHOWN


def test_undo_within_thirty_seconds(alice, rosa, sign_in):
    client, case = sign_in(rosa), make_case(alice)
    made = decide(rosa, case)
    assert client.post(f"/review/undo/{made.pk}/")["Location"] == url(case)
    assert state(case) == Image.State.HELD
    made = decide(rosa, Case.objects.get(pk=case.pk))
    Decision.objects.filter(pk=made.pk).update(decided_at=timezone.now() - timedelta(seconds=31))
    page = client.post(f"/review/undo/{made.pk}/", follow=True)
    assert "This one stands." in text(page)
    assert state(case) == Image.State.SHOWN


def test_what_people_wrote_is_text(alice, bob, rosa, sign_in):
    nasty = "<script>alert(1)</script>"
    image = make_image(alice, generation=make_generation(alice, prompt=nasty))
    sign_in(bob).post(f"/images/{image.pk}/report/", {"reason": "other", "words": nasty})
    client = sign_in(rosa)
    for path in (*PAGES, f"/review/{image.pk}/"):
        assert nasty not in text(client.get(path))
    assert "&lt;script&gt;" in text(client.get("/review/"))


def test_the_record_of_what_is_gone_stays(alice, rosa, sign_in):
    case = make_case(alice)
    decide(rosa, case, "reject", note="Not this")
    Image.objects.filter(pk=case.image_uuid).delete()
    page = text(sign_in(rosa).get(url(case)))
    assert "The image is gone" in page
    assert "Not this" in page


def test_the_badge_counts_what_waits(alice, rosa, ada, sign_in):
    for _ in range(3):
        make_case(alice)
    bar = text(sign_in(ada).get("/gallery/")).partition("</header>")[0]
    assert '<span class="count">3' in bar


# --- many at once -----------------------------------------------------------------------------


def test_many_are_decided_at_once_each_with_its_own_record(alice, rosa, ada, sign_in):
    cases = [make_case(alice) for _ in range(3)]
    decide(ada, cases[2])
    own = make_case(rosa)
    client = sign_in(rosa)
    images = [case.image_uuid for case in (*cases, own)]
    given = {"images": images, "decision": "reject", "reason": "brief"}
    page = client.post("/review/decide/", given, follow=True)
    assert "2 images rejected. 2 images had been decided, or are not yours to." in text(page)
    assert Decision.objects.filter(reviewer=rosa).count() == 2
    assert [state(case) for case in (*cases, own)] == ["rejected", "rejected", "shown", "held"]


@pytest.mark.parametrize(
    "given",
    [
        {"decision": "approve"},
        {"images": "PK"},
        {"images": "PK", "decision": "reject"},
        {"images": "PK", "decision": "reject", "reason": "other"},
    ],
)
def test_nothing_is_decided_without_images_or_reason(alice, rosa, sign_in, given):
    case = make_case(alice)
    given = {k: str(case.image_uuid) if v == "PK" else v for k, v in given.items()}
    response = sign_in(rosa).post("/review/decide/", given)
    assert response.status_code == 422
    assert text(response).count("is-error") == 1
    assert '-error"' not in text(response).replace('is-error"', "")
    assert 'role="alert"' in text(response)
    assert state(case) == Image.State.HELD


def test_an_id_that_is_none_is_not_there(rosa, sign_in):
    given = {"images": "x\0", "decision": "approve"}
    assert sign_in(rosa).post("/review/decide/", given).status_code == 404


# --- looking back -----------------------------------------------------------------------------


def test_statistics_say_how_long_it_took(alice, rosa, ada, sign_in):
    now = timezone.now()
    for minutes, who in ((10, rosa), (20, rosa), (60, ada)):
        decide(who, make_case(alice, opened_at=now - timedelta(minutes=minutes)))
    make_case(alice, reason="violation", opened_at=now - timedelta(hours=5))
    page = text(sign_in(rosa).get("/review/statistics/"))
    assert "20 min" in page
    assert "5 h" in page
    assert "Rosa Behrens" in page


@pytest.mark.parametrize("query", ["decision=x", "by=x", f"by={'9' * 30}", "page=x", "page=99999"])
def test_a_filter_that_makes_no_sense_breaks_nothing(alice, rosa, sign_in, query):
    decide(rosa, make_case(alice))
    assert sign_in(rosa).get(f"/review/decided/?{query}").status_code == 200


def test_decisions_are_filtered(alice, rosa, ada, sign_in):
    decide(rosa, make_case(alice), "reject", note="From Rosa")
    decide(ada, make_case(alice), note="From Ada")
    client = sign_in(rosa)
    assert "From Ada" not in text(client.get("/review/decided/?decision=reject"))
    assert "From Rosa" not in text(client.get(f"/review/decided/?by={ada.pk}"))
    hold(make_image(alice))
    assert "None of them." in text(client.get("/review/decided/?decision=locked"))


# --- with members -----------------------------------------------------------------------------


def test_who_sees_an_image_may_report_it(alice, bob, rosa, sign_in):
    image, private = make_image(alice), make_image(alice, visibility="private")
    client = sign_in(bob)
    assert "Report this image" in text(client.get(f"/images/{image.pk}/report/"))
    for method in (client.get, client.post):
        assert method(f"/images/{private.pk}/report/").status_code == 404
    assert client.post(f"/images/{image.pk}/report/", {"words": "x"}).status_code == 422
    assert client.get(f"/images/{image.pk}/").status_code == 200
    done = client.post(f"/images/{image.pk}/report/", {"reason": "violence"})
    assert (done.status_code, done["Location"]) == (303, "/gallery/")
    assert client.get(f"/images/{image.pk}/").status_code == 404
    assert Case.objects.get().reporter == bob


def test_many_reports_are_too_many(alice, bob, sign_in, monkeypatch):
    monkeypatch.setattr("generations.services.holding.REPORTS", 1)
    client, images = sign_in(bob), [make_image(alice) for _ in range(2)]
    given = {"reason": "violence"}
    assert client.post(f"/images/{images[0].pk}/report/", given).status_code == 303
    assert client.post(f"/images/{images[1].pk}/report/", given).status_code == 429


def test_the_maker_answers_and_appeals_on_the_page_of_the_image(alice, bob, rosa, ada, sign_in):
    case = make_case(alice)
    maker, page = sign_in(alice), f"/images/{case.image_uuid}/"
    sign_in(rosa).post(url(case, "ask/"), {"note": "For whom is it?"})
    for path in ("/", page):
        assert "A reviewer asks" in text(maker.get(path))
    assert maker.post(f"{page}answer/", {"words": ""}).status_code == 422
    assert sign_in(bob).post(f"{page}answer/", {"words": "Me"}).status_code == 404
    maker.post(f"{page}answer/", {"words": "A course"})
    assert "A course" in text(sign_in(rosa).get(url(case)))
    decide(rosa, Case.objects.get(), "reject", note="Sorry")
    assert "Sorry" in text(maker.get(page))
    assert maker.post(f"{page}appeal/", {"words": " "}).status_code == 422
    maker.post(f"{page}appeal/", {"words": "Look again"})
    assert "Your appeal waits" in text(maker.get(page))
    assert "decided by another reviewer" in text(sign_in(rosa).get(url(case)))
    sign_in(ada).post(url(case), {"decision": "reject", "reason": "adult"})
    assert "it is final" in text(maker.get(page))
    again = maker.post(f"{page}appeal/", {"words": "Once more"}, follow=True)
    assert "nothing to appeal" in text(again)


def test_the_studio_tells_until_it_is_read(stocked, alice, rosa, sign_in):
    decide(rosa, make_case(alice))
    client = sign_in(alice)
    assert "Approved:" in text(client.get("/"))
    assert "Approved:" in text(client.get("/"))
    assert client.post("/images/seen/")["Location"] == "/"
    assert "Approved:" not in text(client.get("/"))


def test_the_studio_with_news_is_few_queries(stocked, alice, sign_in):
    people = [make_user(f"r{n}@example.com", role=User.Role.REVIEWER) for n in range(2)]
    for n in range(30):
        decide(people[n % 2], make_case(alice), "reject" if n % 3 else "approve")
        make_case(alice)
    client = sign_in(alice)
    client.get("/")
    for path in ("/", "/generations/"):
        with CaptureQueriesContext(connection) as found:
            assert client.get(path).status_code == 200
        assert len(found) <= 12, path
