"""The README's pictures, taken from the running demo so that they stay true.

    .venv/bin/python docs/screenshots.py

Starts `manage.py up` on a folder of its own, fills it as a small team would, and looks at it in
Chromium. What it takes is written to docs/images/, as WebP.
"""

import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.faults.studio import ADMIN, PASSWORD, Studio, manage

OUT = ROOT / "docs/images"
WIDE, PHONE = {"width": 1360, "height": 850}, {"width": 390, "height": 800}
# Bytes; a README is read over all kinds of lines.
LARGEST = 150_000
SQUARE, LANDSCAPE, PORTRAIT = ("1024", "1024"), ("1280", "768"), ("832", "1216")
PROMPTS = [
    ("Regatta at sunset, sails leaning into the light", LANDSCAPE),
    ("A stone bridge over a quiet canal at dawn", SQUARE),
    ("Northern lights above a frozen fjord", LANDSCAPE),
    ("Bouquet of dahlias, dark background", PORTRAIT),
    ("Coloured fishermen's houses, Burano, noon", LANDSCAPE),
    ("Bauhaus tiles, poster for a summer concert", PORTRAIT),
    ("Ringed planet over a violet horizon", LANDSCAPE),
    ("Still life with ceramic bottles, morning light", SQUARE),
    ("Dunes of the Sahara in evening light", LANDSCAPE),
    ("Layered paper cave, deep blue", SQUARE),
    ("Pine forest in fog", LANDSCAPE),
    ("Old town skyline with domes, golden hour", LANDSCAPE),
    ("Topographic map of an invented island", SQUARE),
    ("Moonlit lagoon with wooden posts", LANDSCAPE),
    ("Mountain ridges in blue mist", LANDSCAPE),
    ("Marbled ink, teal and gold", PORTRAIT),
    ("Autumn leaves, botanical plate", PORTRAIT),
    ("Harbour skyline at night", LANDSCAPE),
]
MIA, REPORTED = "mia@example.com", "Silk flow, abstract, red and black"


def main() -> None:
    OUT.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="veniceweb-pictures-"))
    try:
        with Studio(folder / "data", None, VENICEWEB_NAME="Atelier") as studio:
            studio.sign_in()
            made = fill(studio)
            link = share(studio, made[:9])
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox"]
                )
                take_all(chromium, studio, link)
                chromium.close()
    finally:
        shutil.rmtree(folder)


# --- what there is to see -----------------------------------------------------------------------


def fill(studio: Studio) -> list[str]:
    """Make the images; returns their ids."""
    theirs = of_somebody_else(studio)
    jobs = [submit(studio, prompt, size) for prompt, size in PROMPTS]
    for job in [*jobs, theirs]:
        studio.wait_for_state(job, "succeeded", 120)
    made, reported = [studio.image_of(job) for job in jobs], studio.image_of(theirs)
    studio.post(f"/images/{reported}/report/", reason="other", words="Is this ours to show?")
    for image in made[::4]:
        studio.post(f"/images/{image}/marks/", favourite="on")
    return made


def of_somebody_else(studio: Studio) -> str:
    told = {**studio.environment, "VENICEWEB_PASSWORD": PASSWORD}
    command = manage("adduser", MIA, "--role", "member")
    subprocess.run(command, env=told, check=True, stdout=subprocess.DEVNULL)
    ours, studio.http = studio.http, httpx.Client(base_url=studio.address, trust_env=False)
    try:
        studio.sign_in(MIA)
        return submit(studio, REPORTED, SQUARE)
    finally:
        studio.http.close()
        studio.http = ours


def submit(studio: Studio, prompt: str, size: tuple[str, str]) -> str:
    return studio.submit(prompt, width=size[0], height=size[1], format="webp")


def share(studio: Studio, images: list[str]) -> str:
    """The address of a link to these, as the client gets it."""
    token = studio.http.cookies["csrftoken"]
    fields = {
        "csrfmiddlewaretoken": token,
        "images": images,
        "title": "Autumn campaign, first round",
        "expires": "14",
        "picks": "on",
        "download": "on",
    }
    answer = studio.http.post("/shares/", data=fields)
    page = studio.http.get(answer.headers["location"]).text
    found = re.search(rf"{studio.address}/s/[^\"/]+/", page)
    assert found, page
    return found[0]


# --- looking ------------------------------------------------------------------------------------


def take_all(chromium: Browser, studio: Studio, link: str) -> None:
    take(chromium, studio, "gallery", "/gallery/", theme="light")
    take(chromium, studio, "review", "/review/", theme="dark")
    take(chromium, studio, "share", link, theme="light")
    take(chromium, studio, "phone", "/gallery/", theme="dark", size=PHONE)
    # Last, for it makes more.
    take(chromium, studio, "studio", "/", theme="dark", prepare=compose(studio))


def take(
    chromium: Browser,
    studio: Studio,
    name: str,
    path: str,
    *,
    theme: str,
    size: dict[str, int] = WIDE,
    prepare: Callable[[Page], object] = lambda page: None,
) -> None:
    context = chromium.new_context(
        base_url=studio.address,
        viewport=size,
        color_scheme=theme,
        device_scale_factor=2 if size is PHONE else 1.25,
        reduced_motion="reduce",
    )
    page = context.new_page()
    if path.startswith("/"):
        page.goto("/accounts/login/")
        page.fill("[name=login]", ADMIN)
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url("**/")
    page.goto(path)
    page.wait_for_load_state("networkidle")
    prepare(page)
    page.evaluate("Promise.all([...document.images].map(i => i.decode().catch(() => {})))")
    keep(name, page.screenshot())
    context.close()


def compose(studio: Studio) -> Callable[[Page], object]:
    """Something being made, and something being written."""

    def prepare(page: Page) -> None:
        for prompt in ("Garden of peonies after rain", "A viaduct in the rain"):
            job = submit(studio, prompt, LANDSCAPE)
        studio.wait_for_state(job, "calling")
        page.reload()
        page.fill("[name=prompt]", "A glass pavilion by the sea, last light, long exposure")

    return prepare


def keep(name: str, png: bytes) -> None:
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in (82, 70, 55, 40):
        picture.save(OUT / f"{name}.webp", quality=quality, method=6)
        if (OUT / f"{name}.webp").stat().st_size < LARGEST:
            break
    print(f"{name}.webp: {(OUT / f'{name}.webp').stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
