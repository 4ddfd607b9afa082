"""A real Chromium against Django's live server, the stand-in behind, a worker in a thread."""

import os
import shutil
import threading

import pytest

# Playwright's loop runs in this thread; Django would refuse the ORM beside it.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

from django.db import connections
from playwright.sync_api import sync_playwright

from generations.services import catalogue, worker
from generations.services import key as keys
from tests.builders import PASSWORD

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items):
    here = os.path.dirname(__file__)
    for item in items:
        if str(item.fspath).startswith(here):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    path = shutil.which("chromium")
    if not path:
        pytest.skip("there is no chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Watch:
    """What a page complained about: policy violations, errors, answers of 400 and more."""

    def __init__(self):
        self.complaints: list[str] = []

    def __call__(self, page):
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("response", self._response)

    def _console(self, message):
        # Chromium repeats every answer of 400 and more on the console; _response has it.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(f"console: {message.text}")

    def _response(self, response):
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")

    def expect(self, *beginnings):
        """Forget complaints that the test itself asked for."""
        self.complaints = [c for c in self.complaints if not c.startswith(beginnings)]


@pytest.fixture
def watch():
    seen = Watch()
    yield seen
    assert seen.complaints == []


@pytest.fixture
def studio(transactional_db, standin, live_server, settings):
    """The live studio with a team key and a catalogue."""
    settings.CSRF_TRUSTED_ORIGINS = [live_server.url]
    keys.save(None, "team-key-of-the-test-0123456789")
    catalogue.refresh()
    return live_server.url


@pytest.fixture
def open_page(chromium, studio, watch):
    """open_page(user, **context options): a page of a fresh context, signed in by the form."""
    contexts = []

    def opened(user=None, path="/", **options):
        context = chromium.new_context(base_url=studio, **options)
        contexts.append(context)
        page = context.new_page()
        watch(page)
        page.goto(path)
        if user is not None:
            page.fill("[name=login]", user.email)
            page.fill("[name=password]", PASSWORD)
            page.locator("form[action^='/accounts/login'] button:not([type=button])").click()
            page.wait_for_url(f"{studio}{path}")
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def run_worker(transactional_db):
    """Runs the waiting jobs in a thread of its own, as a worker process would."""

    def run():
        worker.slots.cache_clear()

        def work():
            try:
                worker.run(threading.Event())
            finally:
                connections.close_all()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    return run
