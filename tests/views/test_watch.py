"""Around every request: its id, its line in the log, and what neither of them tells."""

import json
import logging

import pytest

from generations.services import trail
from tests.api.conftest import Program, make_token
from tests.builders import PASSWORD, make_share
from tests.test_log import lines

pytestmark = pytest.mark.django_db


@pytest.fixture
def written(caplog):
    """What was logged so far, each line as a dict, as VENICEWEB_LOG=json has it."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, logger="generations.access")
    filtered = trail.Filter()
    caplog.handler.addFilter(filtered)
    yield lambda: [json.loads(lines("json", record)) for record in caplog.records]
    caplog.handler.removeFilter(filtered)


def access(written):
    return [line for line in written() if line["logger"] == "generations.access"]


def test_a_request_has_an_id_and_a_line(client, written):
    answer = client.get("/accounts/login/?next=/s/a-secret-address/")
    (line,) = access(written)
    assert line["request"] == answer["X-Request-ID"]
    wanted = {"method": "GET", "name": "account_login", "status": 200}
    assert {name: line[name] for name in wanted} == wanted
    assert line["ms"] >= 0
    assert "a-secret-address" not in json.dumps(line)
    assert "next" not in json.dumps(line)


def test_each_has_its_own(client, written):
    one, other = client.get("/healthz"), client.get("/healthz")
    assert one["X-Request-ID"] != other["X-Request-ID"]


def test_what_is_logged_meanwhile_carries_it(client, written):
    answer = client.get("/no-such-page")
    (warning,) = [line for line in written() if line["logger"] == "django.request"]
    assert warning["request"] == answer["X-Request-ID"]


@pytest.mark.parametrize(
    ("proxies", "given", "is_taken"),
    [
        (1, "from-the-proxy-1", True),
        (0, "from-a-stranger-1", False),
        (1, "short", False),
        (1, "x" * 65, False),
        (1, 'with"quotes-and{}', False),
        (1, "two words here", False),
    ],
)
def test_an_id_is_taken_from_a_proxy_alone(client, settings, proxies, given, is_taken):
    settings.PROXIES = proxies
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert (answer["X-Request-ID"] == given) is is_taken


def test_a_program_that_waits_has_one_line_with_its_job(stocked, alice, run_jobs, written):
    program = Program(make_token(alice)[1], run_jobs)
    answer = program.generate()
    assert answer.status_code == 200
    (line,) = access(written)
    assert line["generation"] == answer["X-Generation-Id"]
    assert (line["name"], line["status"]) == ("api-images-generations", 200)


def test_a_request_begins_without_what_was_before(client, written):
    client.get("/healthz")
    with trail.of(generation="of-another"):
        client.get("/healthz")
    assert "generation" not in access(written)[-1]


def test_a_job_and_its_call_are_on_the_workers_lines(stocked, alice, run_jobs, written):
    program = Program(make_token(alice)[1], run_jobs)
    answer = program.generate("A quay [[404]]")
    assert answer.status_code == 404
    job = answer["X-Generation-Id"]
    about = [line for line in written() if line.get("generation") == job and "call" in line]
    assert {line["logger"] for line in about} & {"generations.models.generation"}
    claimed = [line for line in written() if "claimed" in line["message"]]
    assert [line["generation"] for line in claimed] == [job]


# Whatever people send that is secret; each is sent below, and the answers may hold it, the log not.
CANARY = "canary-Key-7f3a9c2e51d84b06-xyzw"


@pytest.mark.parametrize("kind", ["text", "json"])
def test_no_line_has_a_secret(client, stocked, alice, run_jobs, settings, caplog, kind):
    settings.METRICS_TOKEN = token = "canary-metrics-token-0123456789"
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, logger="generations.access")
    caplog.handler.addFilter(filtered := trail.Filter())
    _, path = make_share(alice, password="canary-password-of-a-link")
    _, text = make_token(alice)
    sign_in = {"login": alice.email, "password": "canary-wrong-password"}
    client.post("/accounts/login/?next=canary-query", sign_in)
    client.post("/accounts/login/", {**sign_in, "password": PASSWORD})
    client.post("/settings/", {"venice_key": CANARY})
    client.post("/settings/", {"venice_key": f"bad-{CANARY}"})
    client.get(f"{path}nothing?x=canary-query")
    client.post(f"{path}unlock/", {"password": "canary-password-of-a-link"})
    program = Program(text, run_jobs)
    program.generate("A quay [[echo 500]]")
    program.get(f"/v1/generations/{text}")
    client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    logging.getLogger("x").error("lost redis://:canary-of-redis@cache:6379/0")
    logging.getLogger("x").error("sent {'Authorization': 'Bearer canary-of-a-header'}")
    written = "\n".join(lines(kind, record) for record in caplog.records)
    caplog.handler.removeFilter(filtered)

    cookies = [cookie.value for cookie in client.cookies.values() if len(cookie.value) > 8]
    assert len(cookies) >= 2
    assert len(written) > 1000
    assert "canary" not in written
    for secret in (*cookies, text, path.split("/")[2], PASSWORD, alice.password):
        assert secret not in written
