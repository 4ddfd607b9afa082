"""Doctor: each illness has its finding, each finding a remedy, and one that is ill in one place is
examined in the others."""

import json
import os
from datetime import timedelta
from types import SimpleNamespace

import pytest
from cryptography.fernet import Fernet
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from generations.models import (
    Account,
    Beat,
    CatalogueFetch,
    Generation,
    VeniceKey,
    WebhookDelivery,
    Worker,
)
from generations.models.generation import State
from generations.services import beat, doctor, installation, queue
from generations.services import webhook as webhooks
from generations.services.doctor import Level, base, files, setup
from generations.services.doctor.finding import lasting
from tests.builders import make_generation, make_image, make_key, submit

pytestmark = [pytest.mark.django_db, pytest.mark.services]


@pytest.fixture
def well(stocked, settings, monkeypatch):
    """An installation where all is well."""
    settings.HAS_EMAIL = True
    monkeypatch.setattr(base, "LEAST", 0)
    monkeypatch.setattr(base, "LITTLE", 0)
    queue.report(places=16)
    beat.rang()


def ill():
    return {finding.about: finding for finding in doctor.examine() if finding.level is not Level.OK}


def only(about, level, *words):
    """This, and nothing else, is said to be wrong."""
    found = ill()
    assert set(found) == {about}
    assert found[about].level is level
    for word in words:
        assert word in f"{found[about].what} {found[about].remedy}"


def test_all_is_well(well, standin):
    calls = len(standin.calls())
    found = doctor.examine()
    assert [one for one in found if one.level is not Level.OK] == []
    assert {one.about for one in found} >= {*doctor.WITHOUT_DATABASE, "Database", "Beat", "Clocks"}
    assert len(standin.calls()) == calls


def test_every_finding_that_is_not_well_says_what_to_do(db):
    for one in doctor.examine():
        assert one.what.endswith(".")
        assert bool(one.remedy) is (one.level is not Level.OK)


# --- what everything stands on --------------------------------------------------------------


def test_a_database_that_is_away(well, monkeypatch):
    monkeypatch.setattr(installation, "has_database", lambda: False)
    found = ill()
    assert set(found) == {"Database"}
    assert "DATABASE_URL" in found["Database"].remedy


def test_migrations_that_are_missing_and_those_of_a_newer_version(well):
    rows = MigrationRecorder.Migration.objects.filter(app="generations")
    last = rows.order_by("-name").first()
    name, last.name = last.name, "9999_of_a_newer_version"
    last.save()
    only("Database", Level.BAD, "migrate")
    MigrationRecorder.Migration.objects.create(app="generations", name=name)
    only("Database", Level.BAD, "9999_of_a_newer_version", "Install")


def test_a_broker_that_is_away(well, monkeypatch):
    monkeypatch.setattr(installation, "has_broker", lambda: False)
    only("Broker", Level.BAD, "REDIS_URL")


def test_a_storage_that_takes_nothing(well, tmp_path, settings):
    (tmp_path / "images").rmdir() if (tmp_path / "images").exists() else None
    (tmp_path / "images").write_text("a file where the folder should be")
    only("Storage", Level.BAD, "takes no files")


def test_the_storage_is_left_as_it_was(well):
    doctor.examine()
    assert default_storage.listdir("doctor")[1] == []


def test_little_room(well, monkeypatch):
    monkeypatch.setattr(base, "LITTLE", 10**18)
    only("Disk", Level.WARN, "free", "Make room")
    monkeypatch.setattr(base, "LEAST", 10**18)
    only("Disk", Level.BAD, "Only", "Make room")


def test_paid_answers_that_wait_here(well, settings):
    settings.SPOOL.mkdir(mode=0o700)
    (settings.SPOOL / "a.answer").touch()
    assert ill() == {}  # somebody settles it at this moment
    os.utime(settings.SPOOL / "a.answer", (0, 0))
    only("Paid answers", Level.WARN, "1 on this host", "Start a worker")
    (settings.SPOOL / "a.answer").rename(settings.SPOOL / "a.stuck")
    only("Paid answers", Level.WARN, "could not be settled", ".stuck")


# --- how it is set up -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "level", "word"),
    [
        ({"DEBUG": True}, Level.BAD, "DEBUG"),
        ({"PUBLIC_URL": "http://studio.example"}, Level.WARN, "VENICEWEB_PROXIES"),
        ({"PUBLIC_URL": "https://studio.example", "PROXIES": 0}, Level.BAD, "VENICEWEB_PROXIES"),
    ],
)
def test_settings_that_do_not_fit(well, settings, changes, level, word):
    for name, value in changes.items():
        setattr(settings, name, value)
    only("Settings", level, word)


def test_secrets_that_others_may_read(well, settings, tmp_path):
    settings.DATA = tmp_path / "data"
    (settings.DATA / "secrets").mkdir(parents=True, mode=0o700)
    secret = settings.DATA / "secrets" / "secret_key"
    secret.touch(mode=0o600)
    assert ill() == {}
    secret.chmod(0o644)
    only("Secrets", Level.BAD, "secret_key", "chmod")


def test_the_wrong_encryption_key(well, settings, alice):
    make_key(alice)
    settings.ENCRYPTION_KEYS = (Fernet.generate_key().decode(),)
    only("Encryption keys", Level.BAD, "2 Venice keys", "VENICEWEB_ENCRYPTION_KEYS")


def test_a_new_encryption_key_that_is_not_used_yet(well, settings):
    settings.ENCRYPTION_KEYS = (Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS)
    only("Encryption keys", Level.WARN, "rotatekeys")


def test_a_team_without_a_key(well):
    VeniceKey.objects.all().delete()
    only("Venice keys", Level.WARN, "/team/key/")


@pytest.mark.parametrize(
    ("changes", "level", "word"),
    [
        ({"problem": "bad_key"}, Level.BAD, "Venice refused the key"),
        ({"tested_at": None}, Level.WARN, "never tested"),
        ({"tested_at": F("tested_at") - timedelta(days=3)}, Level.WARN, "for a day not tested"),
        ({"expires_at": F("tested_at") + timedelta(days=2)}, Level.WARN, "expires on"),
    ],
)
def test_a_team_key_that_is_ill(well, changes, level, word):
    Account.objects.update(**changes)
    only("Venice keys", level, word, "…6789")


def test_members_keys_that_were_refused_are_counted_and_not_named(well, alice):
    key = make_key(alice)
    Account.objects.filter(pk=key.account_id).update(problem="no_credit")
    only("Venice keys", Level.WARN, "1 of members")
    assert key.last_four not in f"{ill()}"


def test_no_mail(well, settings):
    settings.HAS_EMAIL = False
    only("Mail", Level.WARN, "EMAIL_URL")


def test_an_old_catalogue_and_none(well):
    old = timezone.now() - timedelta(hours=5)
    CatalogueFetch.objects.update(fetched_at=old, error="Venice cannot be reached.")
    only("Catalogue", Level.WARN, "5 hours old", "Venice cannot be reached.")
    CatalogueFetch.objects.all().delete()
    only("Catalogue", Level.BAD, "manage.py catalogue")


# --- who works ------------------------------------------------------------------------------


def test_no_beat_and_one_that_died(well):
    Beat.objects.update(seen_at=F("seen_at") - timedelta(minutes=3))
    only("Beat", Level.BAD, "3 minutes ago", "celery -A veniceweb beat")
    Beat.objects.all().delete()
    only("Beat", Level.BAD, "never")


def test_two_beats(well):
    Beat.objects.update(started_at=F("started_at") - timedelta(minutes=9))
    Beat.objects.create(holder="other:77:abc", started_at=F_AGO, seen_at=Now())
    only("Beat", Level.WARN, "2", "other:77", "Stop all but one")
    # The first one ended: it does not ring after the other began.
    Beat.objects.exclude(holder="other:77:abc").update(
        seen_at=F_AGO - timedelta(seconds=1), clock=None
    )
    assert ill() == {}


F_AGO = Now() - timedelta(seconds=10)


def test_no_worker(well):
    Worker.objects.update(seen_at=F("seen_at") - timedelta(seconds=40))
    only("Workers", Level.BAD, "celery -A veniceweb worker")


@pytest.mark.parametrize(
    ("ahead", "level", "word"),
    [(10, Level.WARN, "10 seconds ahead of"), (-7200, Level.BAD, "2 hours behind")],
)
def test_a_clock_that_is_wrong(well, ahead, level, word):
    Worker.objects.update(clock=F("seen_at") + timedelta(seconds=ahead))
    only("Clocks", level, word, "NTP")


def test_paid_answers_that_wait_with_a_worker(well):
    Worker.objects.update(unsettled=2)
    only("Paid answers", Level.WARN, "waited", "storage")
    Worker.objects.update(unsettled=0, stuck=1)
    only("Paid answers", Level.WARN, "could not be settled")


# --- what should go on ----------------------------------------------------------------------


def test_a_queue_that_does_not_move(well, alice, settings):
    submit(alice)
    assert ill() == {}
    long_ago = timezone.now() - timedelta(seconds=settings.CALL_TIMEOUT + 300)
    Generation.objects.update(created_at=long_ago)
    only("Queue", Level.BAD, "could run", "started again")
    # It moves, or has to wait.
    Account.objects.update(served_at=Now())
    assert ill() == {}
    Account.objects.update(served_at=None, closed_until=Now() + timedelta(minutes=1))
    assert ill() == {}


def test_a_job_that_nobody_holds(well, alice):
    gone = timezone.now() - timedelta(minutes=1)
    make_generation(alice, state=State.CALLING, lease_until=gone)
    only("Jobs", Level.BAD, "1 that nobody holds", "sweep")


def test_a_job_that_may_have_been_charged(well, alice):
    make_generation(alice, state=State.UNKNOWN)
    only("Jobs", Level.WARN, "1 may have been charged", "/team/usage/")


def test_webhooks_that_fail(well, alice):
    hook = webhooks.create(alice, url="https://hooks.example/x", events=["generation.failed"])[0]
    late = timezone.now() - timedelta(minutes=5)
    told = WebhookDelivery.objects.create(webhook=hook, event="webhook.test", due_at=late)
    only("Webhooks", Level.WARN, "1 is overdue")
    WebhookDelivery.objects.update(state="given_up", finished_at=Now())
    only("Webhooks", Level.WARN, "Given up")
    assert told.webhook.url not in f"{ill()}"


# --- as a whole -----------------------------------------------------------------------------


def test_a_look_that_fails_is_a_finding(well, monkeypatch):
    def breaks():
        raise OperationalError("postgres://user:a-password@host/name")

    monkeypatch.setitem(doctor.WITH_DATABASE, "Jobs", breaks)
    only("Jobs", Level.BAD, "could not be examined".capitalize(), "OperationalError")
    assert "a-password" not in f"{ill()}"


def test_for_a_page_it_is_asked_once_in_a_while(well, settings):
    before = doctor.lately()
    settings.HAS_EMAIL = False
    assert doctor.lately() == before
    cache.clear()
    assert doctor.lately() != before


def test_the_command(well, settings, capsys):
    call_command("doctor")
    assert capsys.readouterr().out.endswith("All is well.\n")
    settings.HAS_EMAIL = False
    call_command("doctor")
    assert "WARN  Mail: None is sent" in capsys.readouterr().out
    Worker.objects.all().delete()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--json")
    assert ended.value.code == 1
    told = {one["about"]: one for one in json.loads(capsys.readouterr().out)}
    assert told["Workers"]["level"] == "bad"
    assert set(told["Workers"]) == {"level", "about", "what", "remedy"}


def test_lengths_of_time():
    assert [lasting(s) for s in (0.5, 1, 3, 60, 150, 3600, 90_000, 200_000)] == [
        "less than a second",
        "1 second",
        "3 seconds",
        "1 minute",
        "2 minutes",
        "1 hour",
        "1 day",
        "2 days",
    ]


def test_the_clock_of_this_host_is_read_from_the_database_at_hand(db):
    from generations.services.doctor import processes

    assert connection.vendor in processes._NOW
    assert abs(processes._here()) < 60


@pytest.mark.skipif(not files.find_spec(files._STOCK), reason="services.stock is not here yet")
def test_files(well, alice, capsys):
    image = make_image(alice)
    call_command("doctor", "--files")
    assert "Every image has its files" in capsys.readouterr().out
    default_storage.delete(image.original)
    with pytest.raises(SystemExit):
        call_command("doctor", "--files")
    assert "missing original" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("hours", "problem", "level", "words"),
    [
        (None, "", Level.BAD, "None was made yet."),
        (50, "The disk is full.", Level.BAD, "2 days ago. The disk is full."),
        (3, "The disk is full.", Level.WARN, "The newest try failed: The disk is full."),
        (3, "", Level.OK, "3 hours ago"),
    ],
)
def test_the_last_scheduled_backup(settings, monkeypatch, hours, problem, level, words):
    settings.BACKUPS = "/backups"
    last = None if hours is None else timezone.now() - timedelta(hours=hours)
    backups = SimpleNamespace(last=lambda: last, problem=lambda: problem)
    monkeypatch.setattr(setup, "_backups", lambda: backups)
    (found,) = setup.backup()
    assert found.level is level
    assert words in found.what
