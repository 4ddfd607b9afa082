"""/metrics: valid for Prometheus, for neighbours alone, telling no secret."""

import re

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from prometheus_client.parser import text_string_to_metric_families

from generations.views import metrics
from generations.views.watch import METHODS
from tests.builders import make_image, make_share, submit
from tests.conftest import TEAM_KEY

pytestmark = [pytest.mark.django_db, pytest.mark.services]
TOKEN = "a-token-of-somebody-who-watches"


def read(client, **headers):
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    text = answer.content.decode()
    found = {family.name: family for family in text_string_to_metric_families(text)}
    return text, found


def value(family, **labels):
    (sample,) = [s for s in family.samples if labels.items() <= s.labels.items()]
    return sample.value


def test_it_is_valid_and_whole(client, stocked, alice, run_jobs):
    submit(alice)
    run_jobs()
    submit(alice)
    cache.clear()
    text, found = read(client)
    assert value(found["veniceweb_jobs"], state="queued", lane="interactive") == 1
    assert value(found["veniceweb_jobs"], state="calling", lane="background") == 0
    assert value(found["veniceweb_hour_calls"], outcome="arrived") == 1
    assert value(found["veniceweb_hour_call_seconds"], quantile="0.95") >= 0
    assert value(found["veniceweb_account_limit"], key="6789") > 0
    assert value(found["veniceweb_images"]) == 1
    # Each name and each set of labels once, each with its help and type.
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    series = [line.rpartition(" ")[0] for line in lines]
    assert len(series) == len(set(series))
    assert all(family.documentation and family.type != "unknown" for family in found.values())
    assert text.endswith("\n")


def test_an_empty_studio_is_valid_too(client):
    _, found = read(client)
    assert value(found["veniceweb_workers"]) == 0


def test_requests_are_counted_by_the_names_of_addresses(client, alice, sign_in):
    image, (_, path) = make_image(alice), make_share(alice)
    sign_in(alice).get(reverse("image-detail", args=[image.pk]))
    client.get(path)
    client.get("/no-such-page/with-a-secret")
    client.generic("BREW", "/")
    text, found = read(client)
    requests = found["veniceweb_http_requests"]
    assert value(requests, name="image-detail", method="GET", status="200") >= 1
    assert value(requests, name="guest", method="GET", status="200") >= 1
    assert value(requests, name="none", method="GET", status="404") >= 1
    assert {s.labels["method"] for s in requests.samples} <= {*METHODS, "other"}
    assert value(found["veniceweb_http_seconds"], name="guest", le="+Inf") >= 1
    for secret in (str(image.pk), path.split("/")[2], "with-a-secret", "BREW"):
        assert secret not in text


def test_no_key_is_told(client, stocked, alice):
    submit(alice)
    text, _ = read(client)
    assert TEAM_KEY[:-4] not in text
    # Nothing as long as an id, or as the fingerprint of a key.
    assert not re.search(r'="[^"]*[0-9a-f]{12}', text)


@pytest.mark.parametrize(
    ("proxies", "address", "headers", "is_open"),
    [
        (0, "127.0.0.1", {}, True),
        (0, "::1", {}, True),
        # A machine of the same network: in an office that is everybody.
        (0, "192.168.1.20", {}, False),
        (1, "192.168.1.20", {}, True),
        (1, "172.18.0.5", {}, True),
        (1, "8.8.8.8", {}, False),
        # Through the proxy, whoever it says it is; and one that nobody told us of.
        (1, "172.18.0.2", {"X-Forwarded-For": "8.8.8.8"}, False),
        (1, "172.18.0.2", {"X-Forwarded-For": "127.0.0.1"}, False),
        (0, "127.0.0.1", {"X-Forwarded-For": "8.8.8.8"}, False),
        (0, "127.0.0.1", {"X-Real-IP": "8.8.8.8"}, False),
        (0, "127.0.0.1", {"Forwarded": "for=8.8.8.8"}, False),
        (0, "", {}, False),
    ],
)
def test_without_a_token_it_is_for_neighbours(settings, proxies, address, headers, is_open):
    settings.PROXIES = proxies
    answer = Client(REMOTE_ADDR=address).get("/metrics", headers=headers)
    assert answer.status_code == (200 if is_open else 404)
    assert (b"veniceweb_" in answer.content) is is_open


def test_with_a_token_it_is_for_whoever_sends_it(settings):
    settings.METRICS_TOKEN = TOKEN
    far, near = Client(REMOTE_ADDR="8.8.8.8"), Client()
    for client in (far, near):
        for wrong in ("", "Bearer", f"Bearer {TOKEN}x", TOKEN, f"Bearer {TOKEN[:-1]}", "Bearer é"):
            assert client.get("/metrics", headers={"Authorization": wrong}).status_code == 404
        text, _ = read(client, authorization=f"Bearer {TOKEN}")
        assert TOKEN not in text


def test_without_the_package_it_says_what_is_missing(client, monkeypatch):
    monkeypatch.setattr(metrics, "prometheus", None)
    answer = client.get("/metrics")
    assert answer.status_code == 404
    assert "pip install prometheus-client" in answer.content.decode()
    assert client.get("/healthz").status_code == 200


def test_machines_may_call_us_by_any_name(client, settings):
    settings.ALLOWED_HOSTS, settings.PUBLIC_URL = ["studio.example"], "https://studio.example"
    for path in ("/healthz", "/readyz", "/metrics"):
        assert client.get(path, headers={"Host": "web:8000"}).status_code in (200, 503)
    assert client.get("/accounts/login/", headers={"Host": "web:8000"}).status_code == 400


def test_it_is_read_only(client):
    assert client.post("/metrics").status_code == 405
    assert client.get("/metrics")["Cache-Control"] == "no-store"
