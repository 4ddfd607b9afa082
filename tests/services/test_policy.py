"""The policy: what it lets in, for whom, and what becomes of what waits when it changes."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from generations.models import Event, FieldRule, Generation, Policy, User, VeniceModel
from generations.models.policy import Always, SafeMode, Who
from generations.services import generation as generations
from generations.services import key as keys
from generations.services import policy, trash
from generations.services import user as users
from generations.services.errors import Invalid
from tests.builders import MODEL, make_generation, make_image, make_key, submit

pytestmark = [pytest.mark.services, pytest.mark.django_db]

OTHER = "flux-2-pro"


def refused(user, *args, **given):
    """What was said, by field; and nothing was queued."""
    before = Generation.objects.count()
    with pytest.raises(Invalid) as caught:
        submit(user, *args, **given)
    assert Generation.objects.count() == before
    return caught.value.fields


def change(by, seen=None, **values):
    row = Policy.objects.first()
    return policy.change(values, by=by, seen=seen or (row and row.changed_at))


# --- for one person ---------------------------------------------------------------------------


def test_without_a_row_the_defaults_hold(alice):
    allowed = policy.for_user(alice)
    assert (allowed.safe_mode, allowed.models, allowed.fixed) == (SafeMode.DEFAULT, None, {})
    assert allowed.may_use_team_key
    assert allowed.may_share


@pytest.mark.parametrize("who", Who.values)
def test_whom_a_rule_holds_for(alice, rosa, ada, who):
    Policy.objects.create(team_key_for=who)
    may = [policy.for_user(person).may_use_team_key for person in (alice, rosa, ada)]
    expected = {"everyone": 3, "reviewers": 2, "admins": 1, "nobody": 0}[who]
    assert sum(may) == expected
    assert may == sorted(may)


def test_an_exception_goes_before_the_role(alice, ada):
    Policy.objects.create(team_key_for=Who.EVERYONE, safe_mode_member=SafeMode.FORCED)
    alice.may_use_team_key, alice.safe_mode = False, SafeMode.FREE
    assert not policy.for_user(alice).may_use_team_key
    assert policy.for_user(alice).safe_mode == SafeMode.FREE
    assert policy.for_user(ada).safe_mode == SafeMode.DEFAULT


def test_the_rules_of_a_person_are_one_query(alice, django_assert_num_queries):
    with django_assert_num_queries(1):
        policy.for_user(alice)


# --- at the door ------------------------------------------------------------------------------


def test_a_blocked_term_is_named_before_anything_is_spent(stocked, alice, ada):
    change(ada, blocked_terms="Real  Person\nblood")
    said = refused(alice, "A re\u00adal-person, with blood")
    assert set(said) == {"prompt"}
    assert "“Real Person”" in said["prompt"]
    assert not stocked.ledger.entries()
    assert submit(alice, "A bridge", negative_prompt="blood").negative_prompt == "blood"


def test_a_retry_and_an_old_request_obey_too(stocked, alice, ada):
    old = submit(alice, "A bloody bridge")
    generations.cancel(old, by=alice)
    old.refresh_from_db()
    change(ada, blocked_terms="bloody")
    with pytest.raises(Invalid, match="bloody"):
        generations.retry(old, by=alice, form_token="again")
    Generation.objects.update(state="failed")
    done = generations.retry_all(Generation.objects.all(), by=alice, form_token="many")
    assert done.count == 0
    assert "bloody" in done.problem


def test_forced_safe_mode_is_set_and_cannot_be_sent_away(stocked, alice, ada):
    change(ada, safe_mode_member=SafeMode.FORCED)
    assert refused(alice, safe_mode=False) == {"safe_mode": policy.SAFE_MODE}
    assert submit(alice).parameters["safe_mode"] is True
    assert submit(alice, safe_mode=True).parameters["safe_mode"] is True
    assert submit(ada, safe_mode=False).parameters["safe_mode"] is False


def test_safe_mode_is_on_unless_said_and_free_is_as_sent(stocked, alice, ada):
    assert submit(alice).parameters["safe_mode"] is True
    assert submit(alice, safe_mode=False).parameters["safe_mode"] is False
    change(ada, safe_mode_member=SafeMode.FREE)
    assert "safe_mode" not in submit(alice).parameters
    assert submit(alice, safe_mode=True).parameters["safe_mode"] is True


@pytest.mark.parametrize(
    ("field", "parameter", "always"),
    [("watermark", "hide_watermark", False), ("metadata", "embed_exif_metadata", True)],
)
def test_what_the_team_has_fixed_is_set(stocked, alice, ada, field, parameter, always):
    change(ada, **{field: Always.ALWAYS})
    assert submit(alice, **{parameter: not always}).parameters[parameter] is always
    change(ada, **{field: Always.NEVER})
    assert submit(alice).parameters[parameter] is not always


def test_what_a_model_does_not_take_is_not_sent(stocked, alice, ada):
    FieldRule.objects.create(model_id=MODEL, field="hide_watermark", is_taken=False)
    change(ada, watermark=Always.NEVER)
    assert "hide_watermark" not in submit(alice).parameters


def test_only_allowed_models(stocked, alice, ada):
    change(ada, allowed_models=[OTHER])
    assert refused(alice) == {"model": policy.MODEL}
    assert submit(alice, model=OTHER).model == OTHER
    change(ada, allowed_models=[])
    assert submit(alice).model == MODEL


def test_private_models_only(stocked, alice, ada):
    assert VeniceModel.objects.get(pk=OTHER).privacy != "private"
    change(ada, private_models_only=True)
    assert refused(alice, model=OTHER) == {"model": policy.NOT_PRIVATE}
    assert submit(alice).model == MODEL


def test_whose_key_pays(stocked, alice, ada):
    change(ada, team_key_for=Who.ADMINS)
    assert refused(alice) == {"": policy.TEAM_KEY}
    assert keys.key_for(alice) is None
    assert keys.key_for(ada).is_team
    own = make_key(alice)
    assert submit(alice).key == own
    own.delete()
    User.objects.filter(pk=alice.pk).update(may_use_team_key=True)
    alice.refresh_from_db()
    assert submit(alice).key.is_team


def test_without_any_key_the_sentence_is_another(stocked, alice, ada):
    keys.remove(keys.team_key())
    change(ada, team_key_for=Who.NOBODY)
    assert refused(alice) == {"": generations.NO_KEY}


def test_a_submit_asks_for_the_policy_once(stocked, alice, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        submit(alice)
    assert sum('FROM "generations_policy"' in query["sql"] for query in asked) == 1


# --- changing ---------------------------------------------------------------------------------


def test_a_change_is_written_down(ada):
    change(ada, trash_days=10, blocked_terms="blood\ngore\nBLOOD")
    row = Policy.objects.get()
    assert (row.trash_days, row.blocked_terms, row.changed_by) == (10, "blood\ngore", ada)
    event = Event.objects.get(action="policy.changed")
    assert (event.actor, event.subject_kind) == (ada, "policy")
    assert event.details["trash_days"] == {"from": 30, "to": 10}
    assert event.details["blocked_terms"]["added"] == ["blood", "gore"]
    change(ada, blocked_terms="gore")
    assert Event.objects.latest("id").details["blocked_terms"]["removed"] == ["blood"]


def test_what_stays_as_it_was_is_no_change(ada):
    change(ada, trash_days=30)
    assert not Event.objects.filter(action="policy.changed").exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"trash_days": 0}, "trash_days"),
        ({"trash_days": 3651}, "trash_days"),
        ({"share_days": 400}, "share_days"),
        ({"share_most_days": 0}, "share_most_days"),
        ({"share_days": 30, "share_most_days": 29}, "share_days"),
        ({"safe_mode_member": "perhaps"}, "safe_mode_member"),
        ({"sharing_for": ""}, "sharing_for"),
        ({"blocked_terms": "x" * 101}, "blocked_terms"),
        ({"blocked_terms": "!!!"}, "blocked_terms"),
        ({"blocked_terms": "\n".join(map(str, range(10_001)))}, "blocked_terms"),
        ({"allowed_models": ["no-such-model"]}, "allowed_models"),
        ({"allowed_models": [OTHER], "private_models_only": True}, "allowed_models"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_changes_nothing(stocked, ada, values, field):
    with pytest.raises(Invalid) as caught:
        change(ada, **values)
    assert field in caught.value.fields
    assert not Policy.objects.exists()
    assert not Event.objects.filter(action="policy.changed").exists()


def test_the_second_of_two_admins_is_told(ada, rosa):
    first = change(ada, trash_days=10)
    seen = first.changed_at
    change(rosa, trash_days=20)
    with pytest.raises(Invalid, match="Rosa Behrens has changed the policy meanwhile"):
        policy.change({"trash_days": 5}, by=ada, seen=seen)
    with pytest.raises(Invalid):
        policy.change({"trash_days": 5}, by=ada, seen=None)
    assert Policy.objects.get().trash_days == 20


def test_a_second_factor_is_asked_for_at_once(alice, ada):
    change(ada, second_factor_for=Who.ADMINS)
    assert list(User.objects.filter(needs_second_factor=True)) == [ada]
    change(ada, second_factor_for=Who.NOBODY)
    assert not User.objects.filter(needs_second_factor=True).exists()


def test_new_terms_send_the_images_that_are_there_to_the_desk(
    alice, ada, django_capture_on_commit_callbacks, monkeypatch
):
    rung = []
    from generations import tasks

    monkeypatch.setattr(tasks.hold_blocked_terms, "apply_async", lambda **k: rung.append("terms"))
    monkeypatch.setattr(tasks.apply_policy, "apply_async", lambda **k: rung.append("queue"))
    with django_capture_on_commit_callbacks(execute=True):
        change(ada, trash_days=10)
    assert rung == ["queue"]
    with django_capture_on_commit_callbacks(execute=True):
        change(ada, blocked_terms="bridge")
    assert rung == ["queue", "queue", "terms"]
    image = make_image(alice, generation=make_generation(alice, prompt="A stone bridge"))
    tasks.hold_blocked_terms()
    image.refresh_from_db()
    assert image.is_held


# --- what waits -------------------------------------------------------------------------------


def failed(job):
    job.refresh_from_db()
    is_failed = (job.state, job.charged, job.error_code) == ("failed", Decimal(0), "policy")
    return job.error_message if is_failed else ""


def test_what_waits_and_is_not_let_in_any_more_fails_at_once(stocked, alice, ada):
    blocked, other = submit(alice, "A bloody bridge"), submit(alice, model=OTHER)
    open_, fine = submit(alice, safe_mode=False), submit(alice)
    change(ada, blocked_terms="bloody")
    assert "“bloody”" in failed(blocked)
    assert "Nothing was charged" in failed(blocked)
    change(ada, private_models_only=True)
    assert "private" in failed(other)
    change(ada, safe_mode_member=SafeMode.FORCED)
    assert "safe mode" in failed(open_)
    fine.refresh_from_db()
    assert fine.state == "queued"
    assert not stocked.ledger.entries()


def test_a_right_that_is_taken_ends_what_waits_on_the_teams_key(stocked, alice, bob, ada):
    mine, bobs = submit(alice), submit(bob)
    own_key = make_key(bob)
    own = submit(bob)
    assert own.key == own_key
    users.set_exceptions(alice, safe_mode="", may_use_team_key=False, may_share=None, by=ada)
    assert "key is not for you" in failed(mine)
    assert not failed(bobs)
    change(ada, team_key_for=Who.NOBODY)
    assert failed(bobs)
    assert not failed(own)


def test_a_call_that_runs_is_left_alone(stocked, alice, ada):
    running = submit(alice, "A bloody bridge")
    Generation.objects.filter(pk=running.pk).update(state="calling")
    change(ada, blocked_terms="bloody")
    running.refresh_from_db()
    assert running.state == "calling"


def test_the_rest_is_done_by_a_task(stocked, alice, ada, monkeypatch):
    from generations import tasks

    monkeypatch.setattr(policy, "IN_ONE_REQUEST", 1)
    jobs = [submit(alice, "A bloody bridge") for _ in range(3)]
    change(ada, blocked_terms="bloody")
    assert sum(bool(failed(job)) for job in jobs) == 1
    tasks.apply_policy()
    assert all(failed(job) for job in jobs)


def test_the_line_costs_the_same_for_one_and_for_many(stocked, alice, ada):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    Policy.objects.create(blocked_terms="gore")

    def queries():
        with CaptureQueriesContext(connection) as asked:
            assert policy.apply_to_queue() == 0
        return len(asked)

    submit(alice)
    one = queries()
    for _ in range(9):
        submit(alice)
    assert queries() == one


# --- the trash --------------------------------------------------------------------------------


def test_the_trash_keeps_as_long_as_the_policy_says(alice, ada):
    image = make_image(alice)
    trash.delete(alice, images=[image], at=timezone.now() - timedelta(days=11))
    assert trash.purge() == 0
    change(ada, trash_days=10)
    assert trash.purge() == 1
