"""Webhooks: who is told what, how it is signed, how often it is tried, and what is not reached."""

import base64
import hashlib
import hmac
import http.server
import ipaddress
import json
import socket
import ssl
import threading
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat
from cryptography.x509.oid import NameOID
from django.db.models import F
from django.utils import timezone

from generations import webhook_client
from generations.models import Generation, Image, User, Webhook, WebhookDelivery
from generations.models.generation import State
from generations.services import generation as generations
from generations.services import queue, webhook
from generations.services.errors import Invalid, NotPossible
from tests.builders import make_generation, make_image, submit

pytestmark = [pytest.mark.django_db, pytest.mark.services]
ALL = [happening.value for happening in Webhook.Happening]


class Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps what it is told; answers as `server.answers` says, 204 when that is used up."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append((dict(self.headers), body))
        status = self.server.answers.pop(0) if self.server.answers else 204
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def receiver(settings):
    settings.IS_EMBEDDED = True
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.told, server.answers = [], []
    server.url = f"http://127.0.0.1:{server.server_port}/hook?for=us"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def bells_to_tell(monkeypatch):
    rung = []
    monkeypatch.setattr("generations.services.bell.ring_to_tell", lambda: rung.append(1))
    return rung


def make_webhook(user, url="https://example.com/hook", events=ALL):
    return webhook.create(user, url=url, events=events)


def tell() -> int:
    return webhook.tell(threading.Event())


def make_due():
    WebhookDelivery.objects.update(due_at=F("due_at") - timedelta(hours=1))


# --- making -------------------------------------------------------------------------------


def test_the_secret_is_kept_encrypted_and_told_once(alice):
    hook, secret = make_webhook(alice)
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert secret not in hook.secret


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/hook",
        "http://example.com/hook",
        "ftp://example.com/",
        "https://",
        "https://name:word@example.com/",
        "https://example.com/#part",
        "https://example.com/a b",
        "https://example.com/\x00",
        "https://localhost/",
        "https://studio.localhost/",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1]/",
        "https://0.0.0.0/",
        "https://example.com:99999/",
        "https://example.com/" + "x" * 500,
    ],
)
def test_an_address_that_nothing_is_sent_to_is_not_taken(alice, settings, url):
    settings.IS_EMBEDDED = False
    with pytest.raises(Invalid) as problem:
        make_webhook(alice, url=url)
    assert set(problem.value.fields) == {"url"}
    assert not Webhook.objects.exists()


def test_a_program_on_this_machine_in_embedded_mode_alone(alice, settings):
    settings.IS_EMBEDDED = True
    assert make_webhook(alice, url="http://localhost:9/hook")[0].url == "http://localhost:9/hook"
    with pytest.raises(Invalid):
        make_webhook(alice, url="http://example.com/hook")


@pytest.mark.parametrize("events", [[], ["generation.queued"], [*ALL, "x"]])
def test_only_what_happens_can_be_told(alice, events):
    with pytest.raises(Invalid) as problem:
        make_webhook(alice, events=events)
    assert set(problem.value.fields) == {"events"}


def test_a_person_has_so_many_and_no_more(alice, bob):
    for _ in range(webhook.MOST):
        make_webhook(alice)
    with pytest.raises(Invalid):
        make_webhook(alice)
    make_webhook(bob)


# --- noticing -----------------------------------------------------------------------------


def test_the_end_of_a_job_is_told_to_its_owner_alone(stocked, alice, bob, run_jobs):
    hook, _ = make_webhook(alice)
    make_webhook(bob)
    job = submit(alice)
    assert not WebhookDelivery.objects.exists()
    run_jobs()
    (delivery,) = WebhookDelivery.objects.all()
    assert (delivery.webhook, delivery.generation, delivery.event) == (
        hook,
        job,
        "generation.succeeded",
    )


@pytest.mark.parametrize(
    ("prompt", "event"),
    [
        ("A bridge", "generation.succeeded"),
        ("A bridge [[422]]", "generation.failed"),
        ("A bridge [[500]]", "generation.unknown"),
    ],
)
def test_only_what_was_chosen_is_told(stocked, alice, run_jobs, prompt, event):
    for chosen in ALL:
        make_webhook(alice, events=[chosen])
    submit(alice, prompt)
    run_jobs()
    (delivery,) = WebhookDelivery.objects.all()
    assert (delivery.event, delivery.webhook.events) == (event, [event])


def test_a_cancelled_job_is_told(stocked, alice):
    make_webhook(alice)
    generations.cancel(submit(alice), by=alice)
    assert WebhookDelivery.objects.get().event == "generation.cancelled"


def test_the_sweep_notices_what_nobody_wrote_down_and_only_once(stocked, alice, bells_to_tell):
    make_webhook(alice)
    submit(alice)
    submit(alice)
    generations.cancel_all(Generation.objects.all(), by=alice)
    assert not WebhookDelivery.objects.exists()
    assert webhook.sweep() == 2
    assert bells_to_tell
    assert webhook.sweep() == 0
    assert WebhookDelivery.objects.filter(event="generation.cancelled").count() == 2


def test_an_answer_that_came_late_after_all_is_told_too(stocked, alice):
    make_webhook(alice)
    now = timezone.now()
    job = make_generation(alice, state=State.UNKNOWN, finished_at=now)
    assert webhook.sweep() == 1
    Generation.objects.filter(pk=job.pk).move(
        State.UNKNOWN, State.SUCCEEDED, by="test", why="late", finished_at=timezone.now()
    )
    assert webhook.sweep() == 1
    events = set(WebhookDelivery.objects.values_list("event", flat=True))
    assert events == {"generation.unknown", "generation.succeeded"}


def test_what_ended_before_the_webhook_was_made_is_not_told(stocked, alice):
    make_generation(alice, finished_at=timezone.now())
    make_webhook(alice)
    assert webhook.sweep() == 0


def test_without_webhooks_the_sweep_is_two_queries(db, django_assert_max_num_queries):
    with django_assert_max_num_queries(2):
        assert webhook.sweep() == 0


def test_the_sweep_asks_once_for_all_webhooks(stocked, alice, bob, django_assert_num_queries):
    for user in (alice, alice, bob):
        make_webhook(user)
    hook, _ = make_webhook(bob, events=["generation.failed"])
    off, _ = make_webhook(bob)
    Webhook.objects.filter(pk=off.pk).update(is_on=False)
    now = timezone.now()
    for user in (alice, bob):
        make_generation(user, state=State.SUCCEEDED, finished_at=now)
    # Whether there are any, what was missed, and the deliveries of it; then what is due.
    with django_assert_num_queries(3):
        assert webhook.sweep() == 3
    assert not hook.deliveries.exists()
    assert not off.deliveries.exists()
    with django_assert_num_queries(3):
        assert webhook.sweep() == 0


# --- telling ------------------------------------------------------------------------------


def signature_of(headers, body, secret):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def test_a_message_is_signed_and_holds_the_job(stocked, alice, run_jobs, receiver):
    _, secret = make_webhook(alice, receiver.url)
    job = submit(alice)
    run_jobs()
    assert tell() == 1
    ((headers, body),) = receiver.told
    assert headers["webhook-signature"] == signature_of(headers, body, secret)
    assert abs(int(headers["webhook-timestamp"]) - timezone.now().timestamp()) < 60
    assert headers["Host"] == receiver.url.split("/")[2]
    told = json.loads(body)
    assert (told["type"], told["id"], told["object"]) == (
        "generation.succeeded",
        str(job.pk),
        "generation",
    )
    assert (told["state"], told["price"], told["error"]) == ("succeeded", "0.01", None)
    assert told["images"][0]["url"].startswith("http")
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.tries) == ("delivered", 1)
    assert delivery.log[0]["status"] == 204
    assert tell() == 0


def test_a_held_image_has_no_address_in_it(alice, receiver):
    make_webhook(alice, receiver.url)
    job = make_generation(alice, finished_at=timezone.now())
    make_image(alice, generation=job, state=Image.State.HELD)
    webhook.sweep()
    tell()
    (image,) = json.loads(receiver.told[0][1])["images"]
    assert image["state"] == "held"
    assert "url" not in image


def test_a_failure_is_tried_five_times_again_within_about_an_hour(alice, receiver):
    hook, _ = make_webhook(alice, receiver.url)
    make_generation(alice, finished_at=timezone.now())
    webhook.sweep()
    receiver.answers = [500, 302, 404, 503, 429, 500, 204]
    delivery, waited = WebhookDelivery.objects.get(), timedelta(0)
    for number in range(1, 7):
        assert delivery.state == "waiting"
        assert tell() == 1
        delivery.refresh_from_db()
        assert (delivery.tries, len(delivery.log)) == (number, number)
        waited += max(delivery.due_at - timezone.now(), timedelta(0)) if number < 6 else waited * 0
        make_due()
    assert delivery.state == "given_up"
    assert timedelta(minutes=55) < waited < timedelta(minutes=65)
    assert tell() == 0
    assert len(receiver.told) == 6
    assert len({headers["webhook-id"] for headers, _ in receiver.told}) == 1
    assert "redirects" in delivery.log[1]["problem"]
    assert Webhook.objects.get(pk=hook.pk).is_on


def test_an_address_that_is_gone_is_told_nothing_more(alice, receiver):
    hook, _ = make_webhook(alice, receiver.url)
    make_generation(alice, finished_at=timezone.now())
    make_generation(alice, finished_at=timezone.now())
    webhook.sweep()
    receiver.answers = [410]
    assert tell() == 2
    assert len(receiver.told) == 1
    assert not Webhook.objects.get(pk=hook.pk).is_on
    assert {row.state for row in WebhookDelivery.objects.all()} == {"given_up"}


def test_an_address_that_fails_does_not_keep_the_others_waiting(alice, bob, receiver):
    make_webhook(alice, "http://127.0.0.1:9/nobody")
    make_webhook(bob, receiver.url)
    for _ in range(5):
        make_generation(alice, finished_at=timezone.now())
    make_generation(bob, finished_at=timezone.now())
    webhook.sweep()
    assert tell() == 2
    assert len(receiver.told) == 1
    assert WebhookDelivery.objects.filter(state="waiting").count() == 5


@pytest.mark.parametrize("change", [{"is_active": False}, {"needs_second_factor": True}])
def test_nobody_is_told_for_a_person_who_may_not_enter(alice, receiver, change):
    make_webhook(alice, receiver.url)
    make_generation(alice, finished_at=timezone.now())
    webhook.sweep()
    User.objects.filter(pk=alice.pk).update(**change)
    assert tell() == 1
    assert receiver.told == []
    assert WebhookDelivery.objects.get().state == "given_up"


def test_a_test_is_sent_once_at_a_time(alice, receiver):
    hook, secret = make_webhook(alice, receiver.url)
    webhook.test(hook)
    with pytest.raises(NotPossible):
        webhook.test(hook)
    tell()
    ((headers, body),) = receiver.told
    assert headers["webhook-signature"] == signature_of(headers, body, secret)
    assert json.loads(body)["type"] == "webhook.test"
    webhook.test(hook)


def test_a_delivery_whose_sender_died_is_sent_again(alice, receiver):
    make_webhook(alice, receiver.url)
    make_generation(alice, finished_at=timezone.now())
    webhook.sweep()
    assert webhook._taken() is not None
    assert tell() == 0
    make_due()
    assert tell() == 1
    assert WebhookDelivery.objects.get().tries == 2


def test_old_messages_are_forgotten(alice, receiver):
    make_webhook(alice, receiver.url)
    make_generation(alice, finished_at=timezone.now())
    webhook.sweep()
    tell()
    assert webhook.forget() == 0
    WebhookDelivery.objects.update(finished_at=timezone.now() - timedelta(days=31))
    assert webhook.forget() == 1


def test_jobs_that_lose_their_worker_are_told(stocked, alice):
    make_webhook(alice)
    past = timezone.now() - timedelta(minutes=5)
    make_generation(alice, state=State.CALLING, lease_until=past)
    assert queue.end_lost() == 1
    assert webhook.sweep() == 1
    assert WebhookDelivery.objects.get().event == "generation.unknown"


# --- what is not reached --------------------------------------------------------------------


def test_a_name_that_leads_inside_is_not_followed(receiver, monkeypatch):
    """Whatever the name said when the webhook was made."""
    rows = [(2, 1, 6, "", ("93.184.215.14", 443)), (2, 1, 6, "", ("127.0.0.1", 443))]
    monkeypatch.setattr(webhook_client.socket, "getaddrinfo", lambda *a, **k: rows)
    came = webhook_client.send("https://rebound.test/", b"{}", {}, is_inside_allowed=False)
    assert (came.status, came.problem) == (None, webhook_client.INSIDE)
    assert receiver.told == []


@pytest.mark.parametrize("literal", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1"])
def test_odd_ways_to_write_this_machine(literal):
    came = webhook_client.send(f"https://{literal}/", b"{}", {}, is_inside_allowed=False)
    assert came.status is None
    assert came.problem


@pytest.mark.parametrize(
    "address",
    [
        *("::127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b::10.0.0.1"),
        *("64:ff9b:1::10.0.0.1", "2002:a00:1::", "fec0::1", "fd00::1", "fe80::1", "5f00::1"),
    ],
)
def test_what_leads_inside_over_ipv6(address):
    came = webhook_client.send(f"https://[{address}]/", b"{}", {}, is_inside_allowed=False)
    assert (came.status, came.problem) == (None, webhook_client.INSIDE)


def test_the_internet_of_ipv6_is_public():
    assert webhook_client.is_public(ipaddress.ip_address("2606:4700::1111"))


def test_the_address_that_was_looked_at_is_the_one_that_is_dialled(receiver, monkeypatch):
    """A name is resolved once: a second answer, made for the connection, is never asked for."""
    asked = []

    def resolve(host, port, *more, **named):
        asked.append(host)
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(webhook_client.socket, "getaddrinfo", resolve)
    url = f"http://hook.localhost:{receiver.server_port}/"
    came = webhook_client.send(url, b"{}", {}, is_inside_allowed=True)
    assert (came.status, came.problem) == (204, "")
    assert asked[0] == "hook.localhost"
    assert set(asked[1:]) <= {"127.0.0.1"}
    assert receiver.told[0][0]["Host"] == f"hook.localhost:{receiver.server_port}"


@pytest.fixture
def encrypted(tmp_path):
    """A receiver for https://hook.test, and a context that trusts its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hook.test")])
    now = timezone.now()
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = Encoding.PEM
    certificate = tmp_path / "certificate.pem"
    certificate.write_bytes(
        made.public_bytes(pem)
        + key.private_bytes(pem, PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.told, server.answers = [], []
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server, ssl.create_default_context(cadata=made.public_bytes(pem).decode())
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("name", "is_trusted", "problem"),
    [
        ("hook.test", True, ""),
        ("other.test", True, "Its certificate is not valid."),
        ("hook.test", False, "Its certificate is not valid."),
    ],
)
def test_the_certificate_must_be_of_the_name(monkeypatch, encrypted, name, is_trusted, problem):
    """Though an address is dialled."""
    server, trusting = encrypted
    resolved = socket.getaddrinfo
    rows = [(2, 1, 6, "", ("127.0.0.1", 443))]
    monkeypatch.setattr(
        webhook_client.socket,
        "getaddrinfo",
        lambda host, *more, **named: (
            rows if str(host).endswith(".test") else resolved(host, *more, **named)
        ),
    )
    came = webhook_client.send(
        f"https://{name}:{server.server_port}/",
        b"{}",
        {},
        is_inside_allowed=True,
        ssl_context=trusting if is_trusted else None,
    )
    assert came.problem == problem
    assert len(server.told) == (0 if problem else 1)


def test_an_answer_that_drips_is_cut_off(monkeypatch):
    monkeypatch.setattr(webhook_client, "WHOLE", 0.5)
    stop = threading.Event()

    class Dripping(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            while not stop.wait(0.1):
                try:
                    self.wfile.write(b"H")
                except OSError:
                    return

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        came = webhook_client.send(
            f"http://127.0.0.1:{server.server_port}/", b"{}", {}, is_inside_allowed=True
        )
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
    assert came.status is None
    assert came.seconds < 4
    assert "0.5 s" in came.problem
