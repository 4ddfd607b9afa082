"""The Celery application: `celery -A veniceweb worker`, `celery -A veniceweb beat`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "veniceweb.settings")
app = Celery("veniceweb")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
