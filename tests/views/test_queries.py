"""Queries: as many for 60 rows as for one, and few."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from generations.models.generation import State
from tests.builders import make_generation, make_image, submit

pytestmark = pytest.mark.django_db
MOST_A_PAGE = 12


def queries(client, url, **headers):
    with CaptureQueriesContext(
        connection,
    ) as found:
        response = client.get(url, headers=headers)
    assert response.status_code in (200, 204)
    return len(found)


@pytest.mark.parametrize("name", ["studio", "generations", "gallery"])
def test_a_list_costs_the_same_for_one_and_for_sixty(stocked, alice, sign_in, name):
    client = sign_in(alice)
    make_image(alice)
    url = reverse(name)
    client.get(url)
    one = queries(client, url)
    for _ in range(60):
        make_image(alice)
    assert queries(client, url) == one <= MOST_A_PAGE


def test_a_page_of_one_thing_is_few_queries(stocked, alice, sign_in):
    client = sign_in(alice)
    image = make_image(alice)
    client.get(reverse("studio"))  # the first request writes down that the session lives
    for url in (
        reverse("image-detail", args=[image.pk]),
        reverse("generation-detail", args=[image.generation_id]),
        reverse("settings"),
        reverse("image-file", args=[image.pk, "w512"]),
    ):
        assert queries(client, url) <= MOST_A_PAGE


def test_a_poll_that_finds_nothing_is_two_queries(stocked, alice, sign_in):
    client = sign_in(alice)
    for _ in range(20):
        submit(alice)
    page = client.get("/").content.decode()
    url = re.search(r'id="poller"[^>]*hx-get="([^"]+)"', page)[1].replace("&amp;", "&")
    assert queries(client, url, **{"HX-Request": "true"}) <= 2


def test_the_sets_of_many_jobs_are_fetched_together(stocked, alice, sign_in):
    client = sign_in(alice)
    for _ in range(10):
        made = make_generation(alice, state=State.SUCCEEDED, variants=3)
        for number in range(3):
            make_image(alice, generation=made, number=number)
    assert queries(client, "/generations/") <= MOST_A_PAGE
