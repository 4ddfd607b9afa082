"""Key canaries: whatever people, programs and upstreams do, a Venice key turns up nowhere."""

import json
import logging
import uuid
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection
from django.urls import URLPattern, get_resolver, reverse

from generations.models import Account, Call, Event, Generation, Image, Share, VeniceKey
from generations.services import catalogue
from generations.services import key as keys
from generations.venice.standin.markers import MARKERS
from tests.api.conftest import Program, make_token
from tests.builders import let_minutes_pass, make_collection, make_recipe, make_share

pytestmark = [pytest.mark.django_db, pytest.mark.services]

# Alice's own, the team's, and one that is refused.
OWN = "canary-Own-7f3a9c2e51d84b06-LAST4own"
TEAM = "canary-Team-0b6e2d9f47a1835c-LAST4team"
BAD = "bad-canary-Bad-93d1c7e4a2f05b68-LAST4bad"
SECRETS = (OWN, TEAM, BAD)
# A part of a key is a key as well, but for the last four, which its owner is shown.
PARTS = tuple(secret[:-4] for secret in SECRETS)

ECHOES = ("400", "401", "402", "403", "404", "422", "429", "500", "503")
FAULTS = [name for name in MARKERS if name not in ("hang", "slow", "huge", "echo")]


def hits(text):
    return [part for part in PARTS if part in text]


def prompts():
    plain = ["A quay at dawn", "A stone bridge", "Rooftops"]
    return [
        *plain,
        *(f"A quay [[{name}]]" for name in FAULTS),
        *(f"A quay [[echo {status}]]" for status in ECHOES),
        f"The key {OWN[:10]} as words",
    ]


@pytest.fixture
def traffic(standin, alice, bob, ada, sign_in, run_jobs, settings, tmp_path, caplog, client):
    """Mixed requests by people with a key of their own, the team's, and a refused one; with a
    page of everybody. Returns who asked and the text of each answer."""
    caplog.set_level(logging.DEBUG)
    seen = []

    def note(response):
        body = b"".join(response.streaming_content) if response.streaming else response.content
        user = getattr(response.wsgi_request, "user", None)
        who = user.email.partition("@")[0] if user and user.is_authenticated else ""
        seen.append((who, f"{response.headers}{body.decode(errors='replace')}"))
        return response

    ann, bert, boss = sign_in(alice), sign_in(bob), sign_in(ada)
    note(boss.post("/team/key/", {"venice_key": TEAM}, follow=True))
    catalogue.refresh()
    note(ann.post("/settings/", {"venice_key": OWN}, follow=True))
    for bad in (BAD, f"{OWN} {OWN}", "\0" + OWN):
        note(bert.post("/settings/", {"venice_key": bad}))
        note(boss.post("/team/key/", {"venice_key": bad}))
    note(ann.post("/settings/key/test/", follow=True))
    note(boss.post("/team/key/test/", follow=True))

    for number, prompt in enumerate(prompts()):
        person = (ann, bert)[number % 2]
        note(person.post("/generations/", {"prompt": prompt, "width": 64, "height": 64}))
        run_jobs()
        _go_on()
    program = Program(make_token(alice)[1], run_jobs)
    for path in ("/v1/images/generations", "/api/v1/image/generate"):
        for prompt in prompts():
            answer = program.post(path, {"model": "z-image-turbo", "prompt": prompt})
            seen.append(("", f"{answer.headers}{answer.content.decode()}"))
            _go_on()
    for path in ("/v1/generations", "/v1/models", "/api/v1/models", "/v1/openapi.json"):
        note(program.get(path))
    # A key that Venice refuses only when it is used.
    keys._put(bob, keys.ApiKey(BAD), VeniceKey.Source.SAVED)
    note(bert.post("/generations/", {"prompt": "Refused", "width": 64, "height": 64}))
    run_jobs()
    image = Image.objects.filter(user=alice, state=Image.State.SHOWN).earliest("created_at")
    job = image.generation
    make_share(alice, images=[image])
    make_collection(alice, images=[image])
    make_recipe(alice, generation=job)
    note(boss.post("/team/policy/", {"trash_days": "20"}))
    for person in (ann, bert, boss, client):
        for url in addresses():
            note(person.get(url))
    return seen


def _go_on():
    """What an echo or a fault has stopped goes on."""
    let_minutes_pass()
    Account.objects.update(problem="", closed_until=None, closed_for="")


def addresses():
    """Every page there is: ours, and Django's admin with a row of each kind."""
    for pattern in get_resolver("generations.urls").url_patterns:
        yield from _urls_of(pattern)
    for model in (VeniceKey, Generation, Call):
        kind = model._meta.model_name
        yield reverse(f"admin:generations_{kind}_changelist")
        for pk in model.objects.values_list("pk", flat=True)[:20]:
            yield reverse(f"admin:generations_{kind}_change", args=[pk])
    for job in Generation.objects.all():
        yield reverse("generation-detail", args=[job.pk])


def _urls_of(pattern):
    wanted = pattern.pattern.converters if isinstance(pattern, URLPattern) else {}
    rows = {
        "image": Generation.objects.filter(images__isnull=False).values_list("images", flat=True),
        "share": Share.objects.values_list("pk", flat=True),
    }
    if not isinstance(pattern, URLPattern) or not pattern.name:
        return
    if pattern.name.startswith(("guest", "account_", "mfa_")):
        return
    if not wanted:
        yield reverse(pattern.name) if not pattern.pattern.regex.groups else "/"
    elif set(wanted) == {"pk"} and "uuid" in type(wanted["pk"]).__name__.lower():
        kind = pattern.name.partition("-")[0]
        yield reverse(pattern.name, args=[rows.get(kind, rows["image"]).first() or uuid.uuid4()])


def dump():
    """Every value of every table."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                yield " ".join(_text(value) for value in row)


def _text(value):
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).decode("latin-1")
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def files(*folders):
    for folder in folders:
        for path in Path(folder).rglob("*"):
            if path.is_file():
                yield path.read_bytes().decode("latin-1")


def test_a_key_turns_up_nowhere(traffic, standin, alice, bob, ada, settings, caplog, tmp_path):
    assert len(traffic) > 600
    assert len(standin.calls()) > 40
    # The bait was taken: both keys were used, and said back.
    assert {keys.fingerprint(keys.ApiKey(k)) for k in (OWN, TEAM)} <= set(
        Account.objects.values_list("pk", flat=True)
    )
    assert Generation.objects.filter(prompt__contains="[[echo 400]]", state="failed").exists()

    assert not [hit for _, text in traffic for hit in hits(text)]
    assert not hits(caplog.text)
    assert not [hit for record in caplog.records for hit in hits(f"{vars(record)}")]
    rows = list(dump())
    assert len(rows) > 300
    assert not [hit for row in rows for hit in hits(row)]
    assert not hits("\n".join(files(tmp_path, settings.BROKER_FOLDER, settings.SPOOL)))
    assert not hits(f"{vars(cache)} {getattr(cache, '_cache', '')}")
    assert not [hit for key in VeniceKey.objects.all() for hit in hits(f"{key} {key!r}")]
    assert Event.objects.filter(action="key.saved").count() == 2

    # Of a person's own key nobody else sees even the last four.
    others = "\n".join(text for who, text in traffic if who != "alice")
    assert "4own" in "\n".join(text for who, text in traffic if who == "alice")
    assert "4own" not in others
    assert "4own" not in "\n".join(f"{e.subject_name} {e.details}" for e in Event.objects.all())
