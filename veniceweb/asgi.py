"""The ASGI application: static files first, then Django."""

import os
from concurrent.futures import ThreadPoolExecutor

import django
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "veniceweb.settings")
django.setup(set_prefix=False)

from veniceweb.bodies import with_small_bodies  # noqa: E402  (needs the settings)
from veniceweb.handler import PageHandler  # noqa: E402
from veniceweb.static import with_static_files  # noqa: E402

# By its name: this only wires. In a thread, for the server's loop may run already.
with ThreadPoolExecutor(1) as _thread:
    _check = "generations.services.installation.require_readable_secrets_at_start"
    _thread.submit(import_string(_check)).result()

application = with_static_files(with_small_bodies(PageHandler()))
