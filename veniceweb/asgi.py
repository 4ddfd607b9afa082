"""The ASGI application: static files first, then Django."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "veniceweb.settings")
django_application = get_asgi_application()

from veniceweb.static import with_static_files  # noqa: E402  (needs the settings)

application = with_static_files(django_application)  # type: ignore[arg-type]
