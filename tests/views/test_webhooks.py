"""The page of my webhooks."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from generations.models import Event, Webhook, WebhookDelivery
from generations.services import webhook as services
from tests.builders import make_generation

pytestmark = pytest.mark.django_db
PAGE = "/settings/webhooks/"
ADDRESS = "https://example.com/hook?for=<us>"
ALL = dict.fromkeys(("succeeded", "failed", "unknown", "cancelled"), "on")


@pytest.fixture(autouse=True)
def _bell(monkeypatch):
    monkeypatch.setattr("generations.services.bell.ring_to_tell", lambda: None)


def make(user, url=ADDRESS):
    return services.create(user, url=url, events=Webhook.Happening.values)[0]


def test_one_is_made_and_its_secret_shown_once(alice, sign_in):
    client = sign_in(alice)
    response = client.post(PAGE, {"url": ADDRESS, **ALL, "cancelled": "off"})
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    (secret,) = re.findall(r'value="(whsec_[\w+/=]{44})"', response.content.decode())
    hook = Webhook.objects.get()
    assert (hook.user, hook.url, len(hook.events)) == (alice, ADDRESS, 3)
    page = client.get(PAGE).content.decode()
    assert secret not in page
    assert "https://example.com/hook?for=&lt;us&gt;" in page
    event = Event.objects.get(action="webhook.made")
    assert "hook" not in f"{event.details} {event.subject_name}"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"url": "http://example.com/"}, "url"),
        ({"url": ""}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": ADDRESS, "succeeded": "off"}, "succeeded"),
    ],
)
def test_what_cannot_be_used_is_named_and_stays_in_the_form(alice, sign_in, settings, fields, name):
    settings.IS_EMBEDDED = False
    off = dict.fromkeys(ALL, "off")
    chosen = {**off, "succeeded": "on", **fields}
    response = sign_in(alice).post(PAGE, chosen)
    page = response.content.decode()
    assert response.status_code == 422
    assert f'id="{name}-error"' in page
    assert not Webhook.objects.exists()


def test_what_came_of_messages_is_told(alice, sign_in):
    hook = make(alice)
    job = make_generation(alice)
    at = timezone.now().isoformat()
    line = {"at": at, "seconds": 0.25, "status": 500, "problem": "It answered 500."}
    WebhookDelivery.objects.create(
        webhook=hook, generation=job, event="generation.succeeded", tries=1, log=[line]
    )
    page = sign_in(alice).get(PAGE).content.decode()
    assert "It answered 500." in page
    assert f'href="{reverse("generation-detail", args=[job.pk])}"' in page


def test_a_test_is_sent_and_a_webhook_deleted(alice, sign_in):
    client, hook = sign_in(alice), make(alice)
    assert client.post(f"{PAGE}{hook.pk}/test/").status_code == 302
    assert hook.deliveries.get().event == "webhook.test"
    page = client.post(f"{PAGE}{hook.pk}/test/", follow=True).content.decode()
    assert "A test is on its way already." in page
    assert client.post(f"{PAGE}{hook.pk}/delete/").status_code == 302
    assert not Webhook.objects.exists()
    assert Event.objects.filter(action="webhook.removed").exists()


def test_anothers_is_not_there(alice, ada, sign_in):
    hook = make(alice)
    client = sign_in(ada)
    assert "example.com/hook" not in client.get(PAGE).content.decode()
    for verb in ("test", "delete"):
        assert client.post(f"{PAGE}{hook.pk}/{verb}/").status_code == 404
        assert client.get(f"{PAGE}{hook.pk}/{verb}/").status_code == 405
    assert Webhook.objects.get() == hook


def test_the_page_costs_the_same_for_one_and_for_many(alice, sign_in):
    client = sign_in(alice)

    def count() -> int:
        with CaptureQueriesContext(connection) as found:
            assert client.get(PAGE).status_code == 200
        return len(found)

    for number in range(services.MOST):
        hook = make(alice)
        for _ in range(6):
            job = make_generation(alice)
            WebhookDelivery.objects.create(webhook=hook, generation=job, event="generation.failed")
        if number == 0:
            client.get(PAGE)
            one = count()
    assert count() == one <= 12
