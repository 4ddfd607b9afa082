"""The studio: form, submit, errors, the poller."""

import re

import pytest
from django.urls import reverse

from generations.models import Generation, VeniceModel
from generations.models.generation import State
from tests.builders import make_generation, submit

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def client(alice, sign_in):
    return sign_in(alice)


def form(**changes):
    return {
        "prompt": "A stone bridge",
        "model": "z-image-turbo",
        "width": 64,
        "height": 64,
    } | changes


def test_the_price_is_on_the_button(stocked, client):
    assert re.search(r"Generate.{0,80}\$0\.01", client.get("/").content.decode(), re.S)


def test_a_post_leads_to_the_job(stocked, client):
    response = client.post("/generations/", form())
    generation = Generation.objects.get()
    assert response.status_code == 303 or response.status_code == 302
    assert response["Location"] == reverse("generation-detail", args=[generation.pk])
    assert generation.prompt == "A stone bridge"


def test_htmx_gets_the_new_card_and_a_poller(stocked, client):
    response = client.post("/generations/", form(), headers=HTMX)
    text = response.content.decode()
    assert response.status_code == 200
    assert f'id="g-{Generation.objects.get().pk}"' in text
    assert 'id="poller"' in text
    assert "<html" not in text


def test_a_ratio_chip_sizes_a_pixel_model(stocked, client):
    client.post("/generations/", {"prompt": "x", "model": "z-image-turbo", "aspect_ratio": "16:9"})
    asked = Generation.objects.get().parameters
    assert (asked["width"], asked["height"]) == (1280, 720)
    assert "aspect_ratio" not in asked


def test_a_post_that_says_nothing_of_safe_mode_is_safe(stocked, client):
    client.post("/generations/", form())
    assert Generation.objects.get().parameters["safe_mode"] is True


def test_the_switch_turns_safe_mode_off(stocked, client):
    client.post("/generations/", form(safe_mode="off"))
    assert Generation.objects.get().parameters["safe_mode"] is False


def test_two_posts_of_one_form_are_one_job(stocked, client):
    answers = [client.post("/generations/", form(form_token="one")) for _ in range(2)]
    assert Generation.objects.count() == 1
    assert answers[0]["Location"] == answers[1]["Location"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "x" * 8000}, "prompt"),
        ({"prompt": "x" * 1_000_000}, "prompt"),
        ({"prompt": "nul\0byte"}, "prompt"),
        ({"steps": "99"}, "steps"),
        ({"steps": "many"}, "steps"),
        ({"width": "4000"}, "width"),
        ({"cfg_scale": "nan"}, "cfg_scale"),
        ({"variants": "17"}, "variants"),
        ({"seed": "9" * 40}, "seed"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_bad_input_names_its_field_and_loses_nothing(stocked, client, change, field, headers):
    response = client.post(
        "/generations/", form(negative_prompt="no boats") | change, headers=headers
    )
    text = response.content.decode()
    assert response.status_code == 422
    assert f'id="{field}-error"' in text
    assert re.search(rf'name="{field}"[^>]*aria-invalid="true"', text)
    assert "no boats" in text
    assert not Generation.objects.exists()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"model": "no-such-model"}, "model"),
        ({"resolution": "4K"}, "resolution"),
        ({"inpaint": "1"}, "inpaint"),
        ({"charged": "0"}, "charged"),
        ({"aspect_ratio": "7:1", "width": "", "height": ""}, "ratio"),
    ],
)
def test_a_forged_field_is_refused_by_name(stocked, client, change, name):
    response = client.post("/generations/", form() | change)
    assert response.status_code == 422
    assert name in response.content.decode().lower()
    assert not Generation.objects.exists()


def test_what_people_write_is_escaped(stocked, client):
    client.post("/generations/", form(prompt='"><img src=x onerror=alert(1)>'))
    for path in (
        "/",
        "/generations/",
        reverse("generation-detail", args=[Generation.objects.get().pk]),
    ):
        assert "<img src=x" not in client.get(path).content.decode()


def test_a_model_without_a_price_asks_first(stocked, client):
    VeniceModel.objects.filter(pk="z-image-turbo").update(spec={"name": "Priceless"})
    text = client.get("/").content.decode()
    assert "price unknown" in text
    assert 'name="confirm_price"' in text
    assert client.post("/generations/", form(width="", height="")).status_code == 422
    client.post("/generations/", form(width="", height="", confirm_price="on"))
    assert Generation.objects.get().price is None


def test_without_a_key_the_button_says_what_is_missing(db, standin, client):
    from generations.services import catalogue

    catalogue.refresh()
    assert "Add a Venice key first" in client.get("/").content.decode()
    response = client.post("/generations/", form())
    assert response.status_code == 422


def test_without_a_catalogue_the_page_still_stands(db, client):
    assert client.get("/").status_code == 200
    assert client.post("/generations/", form()).status_code == 422


def test_switching_models_keeps_what_fits_and_says_what_not(stocked, client):
    query = {
        "model": "z-image-turbo",
        "prompt": "Keep me",
        "resolution": "2K",
        "aspect_ratio": "16:9",
        "negative_prompt": "boats",
        "seed": "42",
    }
    text = client.get(reverse("composer"), query, headers=HTMX).content.decode()
    assert "boats" in text
    assert 'value="42"' in text
    assert "resolution" in text.lower()
    assert "did not come along" in text


def test_the_price_follows_the_form(stocked, client):
    text = client.get(reverse("composer-price"), form(variants=3), headers=HTMX).content.decode()
    assert "Generate 3" in text
    assert "$0.03" in text


@pytest.mark.parametrize("use", ["remix", "all", "seed"])
def test_building_on_an_earlier_job(stocked, client, alice, use):
    earlier = submit(alice, "Painted houses", seed=77, steps=5)
    text = client.get(f"/?from={earlier.pk}&use={use}").content.decode()
    assert ("Painted houses" in re.sub(r"<article.*?</article>", "", text, flags=re.S)) is (
        use != "seed"
    )
    assert ('value="77"' in text) is (use != "remix")


# --- the poller -----------------------------------------------------------------------------


def test_nothing_new_is_204(stocked, client, alice):
    submit(alice)
    page = client.get("/").content.decode()
    url = re.search(r'id="poller"[^>]*hx-get="([^"]+)"', page)[1].replace("&amp;", "&")
    assert client.get(url, headers=HTMX).status_code == 204


def test_what_changed_comes_out_of_band_and_the_poller_stops(stocked, client, alice, run_jobs):
    generation = submit(alice)
    page = client.get("/").content.decode()
    url = re.search(r'id="poller"[^>]*hx-get="([^"]+)"', page)[1].replace("&amp;", "&")
    run_jobs()

    response = client.get(url, headers=HTMX)
    text = response.content.decode()
    assert response.status_code == 200
    assert re.search(rf'id="g-{generation.pk}"[^>]*hx-swap-oob="true"', text)
    assert "w512" in text
    assert "hx-get=" not in re.search(r'<div id="poller"[^>]*>', text)[0]


@pytest.mark.parametrize(
    "seen", ["", "x", "....", "a.b.c", "%00", "1" * 5000, ",".join(["z"] * 3000)]
)
def test_a_poller_takes_anything(stocked, client, alice, seen):
    submit(alice)
    assert client.get("/generations/poll/", {"seen": seen}, headers=HTMX).status_code == 200


def test_a_cancelled_card_says_that_nothing_was_charged(stocked, client, alice):
    generation = submit(alice)
    url = reverse("generation-cancel", args=[generation.pk])
    text = client.post(url, headers=HTMX).content.decode()
    assert "Nothing was charged" in text
    generation.refresh_from_db()
    assert generation.state == State.CANCELLED


def test_let_it_go_takes_the_card_out_of_the_studio_but_not_of_history(client, alice):
    generation = make_generation(alice, state=State.FAILED, prompt="Went wrong")
    client.post(reverse("generation-dismiss", args=[generation.pk]))
    assert "Went wrong" not in client.get("/").content.decode()
    assert "Went wrong" in client.get("/generations/").content.decode()


def test_a_retry_makes_a_new_job_and_says_its_price(stocked, client, alice, run_jobs):
    generation = submit(alice, "Glass [[once 504]]")
    run_jobs()
    page = client.get("/").content.decode()
    assert "May have been charged" in page
    assert "Retry · $0.01" in page
    client.post(reverse("generation-retry", args=[generation.pk]), {"form_token": "r"})
    assert Generation.objects.filter(retry_of=generation, state=State.QUEUED).count() == 1


@pytest.mark.parametrize("extra", ["enhance_prompt"])
def test_a_surcharge_that_venice_does_not_name_makes_the_price_unknown(stocked, client, extra):
    price = client.get(reverse("composer-price"), form(**{extra: "on"}), headers=HTMX)
    assert "price unknown" in price.content.decode()
    assert client.post("/generations/", form(**{extra: "on"})).status_code == 422
    client.post("/generations/", form(confirm_price="on", **{extra: "on"}))
    assert Generation.objects.get().price is None


def test_a_price_that_changed_since_the_page_was_shown_sends_nothing(stocked, client):
    def price_list(page):
        return re.search(r'name="price_list" value="([^"]+)"', page)[1]

    seen = price_list(client.get("/").content.decode())
    model = VeniceModel.objects.get(pk="z-image-turbo")
    model.spec["pricing"]["generation"]["usd"] = 0.05
    model.save()

    response = client.post("/generations/", form(price_list=seen))
    text = response.content.decode()
    assert response.status_code == 422
    assert "have changed: this is $0.05 now" in text
    assert not Generation.objects.exists()

    client.post("/generations/", form(price_list=price_list(text)))
    assert str(Generation.objects.get().price) == "0.050000"


def test_a_retry_at_another_price_sends_nothing(stocked, client, alice, run_jobs):
    generation = submit(alice, "Glass [[once 504]]")
    run_jobs()
    model = VeniceModel.objects.get(pk="z-image-turbo")
    model.spec["pricing"]["generation"]["usd"] = 0.05
    model.save()
    url = reverse("generation-retry", args=[generation.pk])
    page = client.post(url, {"form_token": "r"}, follow=True).content.decode()
    assert "have changed: this is $0.05 now" in page
    assert Generation.objects.count() == 1


def test_a_vanished_model_leads_to_the_replacement_that_venice_named(stocked, client, alice):
    earlier = submit(alice, "Painted houses", steps=5)
    model = VeniceModel.objects.get(pk="z-image-turbo")
    model.spec["deprecation"] = {"date": "2020-01-01T00:00:00Z", "replacementModelId": "hidream"}
    model.save()
    page = client.get(f"/?from={earlier.pk}&use=all").content.decode()
    assert "Z-Image Turbo is not offered now; HiDream takes its place" in page
    response = client.post(
        reverse("generation-retry", args=[earlier.pk]), {"form_token": "r"}, follow=True
    )
    assert "not offered" in response.content.decode()
    assert Generation.objects.count() == 1


def test_a_size_that_a_ratio_stands_for_comes_back_as_that_ratio(stocked, client):
    client.post("/generations/", {"prompt": "x", "aspect_ratio": "16:9"})
    made = Generation.objects.get()
    page = client.get(f"/?from={made.pk}&use=all").content.decode()
    assert re.search(r'value="16:9" checked', page)
    assert not re.search(r'name="width" value="1280"', page)


# --- found by review ---------------------------------------------------------------------------


def test_what_the_button_did_not_say_is_not_sent(stocked, client):
    response = client.post("/generations/", form(variants=4, shown_price="0.01"))
    assert response.status_code == 422
    assert "This is $0.04, not $0.01" in response.content.decode()
    assert not Generation.objects.exists()
    client.post("/generations/", form(variants=4, shown_price="0.04"))
    assert Generation.objects.count() == 1


@pytest.mark.parametrize("shown", ["", "free", "NaN", "Infinity"])
def test_a_shown_price_that_is_none_is_passed_over(stocked, client, shown):
    assert client.post("/generations/", form(shown_price=shown)).status_code == 302


def test_a_job_cancelled_while_it_runs_is_kept_but_hung_up_nowhere(
    stocked, client, alice, bob, sign_in
):
    from generations.models import Image
    from generations.services import call as calls
    from generations.services import queue

    generation = submit(alice)
    call = queue.claim()
    response = client.post(reverse("generation-cancel", args=[generation.pk]), headers=HTMX)
    assert "cannot be unsent" in response.content.decode()
    assert f"g-{generation.pk}" not in response.content.decode()
    calls.settle(call, calls.ask(call))
    image = str(Image.objects.get().pk)
    for person in (alice, bob):
        assert image not in sign_in(person).get("/gallery/").content.decode()
    assert "$0.01" in client.get("/").context["day"]["summary"]


def poll(client, seen, page):
    headers = {**HTMX, "HX-Current-URL": f"http://testserver{page}"}
    return client.get("/generations/poll/", {"seen": seen, "every": "2"}, headers=headers)


def test_a_new_job_is_put_into_the_studio_alone(stocked, client, alice):
    first, second = submit(alice, "First"), submit(alice, "Second")
    seen = f"{first.pk.hex}.1.0"
    assert "Second" in poll(client, seen, "/").content.decode()
    for page in (f"/generations/{first.pk}/", "/generations/?q=First", "/?show=needs"):
        assert poll(client, seen, page).status_code == 204, page
    assert second.is_active


def test_the_page_of_a_job_is_made_anew_when_it_ends(stocked, client, alice, run_jobs):
    generation = submit(alice)
    page = reverse("generation-detail", args=[generation.pk])
    run_jobs()
    assert poll(client, f"{generation.pk.hex}.1.0", page)["HX-Refresh"] == "true"


@pytest.mark.parametrize("there", ["foo", "on", "-1", "//elsewhere", "https://x.example/", ""])
def test_the_theme_takes_any_next(client, there):
    assert client.post("/theme/", {"theme": "dark", "next": there})["Location"] == "/"


@pytest.mark.parametrize("ratio", ["9" * 400 + ":" + "9" * 400, "0:0", "1:1\0", "a" * 10_000])
def test_any_ratio_is_an_error_of_its_field(stocked, client, ratio):
    query = {"prompt": "x", "aspect_ratio": ratio}
    assert client.post("/generations/", query).status_code == 422
    assert client.get(reverse("composer-price"), query, headers=HTMX).status_code == 200


def test_an_error_answers_htmx_with_a_sentence(client):
    response = client.get("/generations/not-there/", headers=HTMX)
    assert response.status_code == 404
    assert response["Content-Type"] == "text/plain"
    assert b"Reload the page" in response.content


@pytest.mark.services
@pytest.mark.parametrize("q", ["\0", "a\0b", "alice", "turbo", "7", "-7", "9" * 30, "%", "\\"])
def test_the_gallery_searches_all_that_it_says(client, alice, q):
    from tests.builders import make_image

    make_image(alice)
    page = client.get("/gallery/", {"q": q})
    assert page.status_code == 200
    found = bool(page.context["days"])
    # Signs alone are no words, so they leave nothing out; what cannot be read finds nothing.
    assert found is (q in ("alice", "turbo", "7", "%", "\\"))


def test_a_job_that_ended_between_two_submits_is_still_watched(stocked, client, alice, run_jobs):
    first = submit(alice, "Ends early")
    shown = f"{first.pk.hex}.1.0"
    run_jobs()
    text = client.post("/generations/", form(seen=shown), headers=HTMX).content.decode()
    assert shown in re.search(r'name="seen" value="([^"]+)"', text)[1]
    url = re.search(r'id="poller"[^>]*hx-get="([^"]+)"', text)[1].replace("&amp;", "&")
    assert f'id="g-{first.pk}"' in client.get(url, headers=HTMX).content.decode()
