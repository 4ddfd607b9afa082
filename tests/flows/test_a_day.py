"""A day in the studio, through the pages alone: what people do, one after the other."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from generations.models import Generation, Image
from tests.builders import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.services]


def signed_in(user):
    client = Client()
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return client


def fields(page):
    """What the composer would send as it stands: hidden, checked and typed values."""
    form = re.search(r'<form class="composer".*?</form>', page, re.S)[0]
    found = re.findall(r'<input[^>]*name="([^"]+)"[^>]*>', form)
    values = {}
    for tag, name in zip(re.findall(r"<input[^>]*name=[^>]*>", form), found, strict=True):
        value = re.search(r'value="([^"]*)"', tag)
        if 'type="radio"' in tag and " checked" not in tag:
            continue
        if 'type="checkbox"' in tag and " checked" not in tag:
            continue
        values[name] = value[1] if value else "on" if 'type="checkbox"' in tag else ""
    return values


def test_from_prompt_to_gallery_and_back(stocked, alice, bob, run_jobs):
    studio = signed_in(alice)
    sent = fields(studio.get("/").content.decode()) | {"prompt": "A quay at dawn", "variants": "2"}
    job = studio.post("/generations/", sent)["Location"]
    assert "Queued" in studio.get(job).content.decode()

    run_jobs()

    assert "2 images" in studio.get(job).content.decode()
    assert "A quay at dawn" in studio.get("/generations/?q=quay").content.decode()
    first = Image.objects.order_by("number").first()
    page = reverse("image-detail", args=[first.pk])
    for person in (studio, signed_in(bob)):
        assert page in person.get("/gallery/?q=dawn").content.decode()
        assert person.get(f"{page}original").status_code == 200

    remix = fields(signed_in(bob).get(f"/?image={first.pk}&use=all").content.decode())
    assert remix["seed"] == str(Generation.objects.get().seed)


def test_a_flagged_picture_is_seen_by_a_reviewer_alone(stocked, alice, bob, rosa, run_jobs):
    maker = signed_in(alice)
    maker.post("/generations/", {"prompt": "A torso [[adult]]", "width": 64, "height": 64})
    run_jobs()

    image = Image.objects.get()
    page = reverse("image-detail", args=[image.pk])
    assert "Held for review" in maker.get("/").content.decode()
    assert maker.get(f"{page}w512").status_code == 404
    assert signed_in(bob).get(page).status_code == 404
    assert signed_in(rosa).get(f"{page}original").status_code == 200


def test_a_lost_answer_waits_for_a_person_who_sees_the_price(stocked, alice, run_jobs):
    studio = signed_in(alice)
    studio.post("/generations/", {"prompt": "Glass [[once 504]]", "width": 64, "height": 64})
    run_jobs()
    run_jobs()
    page = studio.get("/").content.decode()
    assert "May have been charged" in page
    assert len(stocked.calls("Glass")) == 1

    form = re.search(r'<form[^>]*action="(/generations/[^"]+/retry/)".*?</form>', page, re.S)
    token = re.search(r'name="form_token" value="([^"]+)"', form[0])[1]
    for _ in range(2):
        studio.post(form[1], {"form_token": token})
    run_jobs()

    assert len(stocked.calls("Glass")) == 2
    assert Image.objects.count() == 1


def test_a_key_of_ones_own_pays_from_then_on(stocked, alice, run_jobs):
    studio = signed_in(alice)
    studio.post("/settings/", {"venice_key": "alices-own-key-0123456789"})
    studio.post("/generations/", {"prompt": "A moon", "width": 64, "height": 64})
    run_jobs()
    assert Generation.objects.get().key.user == alice
