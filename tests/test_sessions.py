"""How long a copy of a session is believed."""

from importlib import import_module

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache

from veniceweb.sessions import BELIEVED, BriefCache

pytestmark = [pytest.mark.django_db, pytest.mark.services]


class Noted(dict):
    def set(self, key, value, timeout):
        self[key] = timeout


@pytest.mark.parametrize(("asked", "kept"), [(1_209_600, BELIEVED), (5, 5), (None, BELIEVED)])
def test_a_copy_is_believed_for_a_minute_at_most(asked, kept):
    noted = Noted()
    BriefCache(noted).set("session", {}, asked)
    assert noted == {"session": kept}


def test_a_session_is_found_without_its_copy_and_not_without_its_row():
    store = import_module(settings.SESSION_ENGINE).SessionStore
    made = store()
    made["word"] = "kept"
    made.save()
    cache.clear()
    assert store(made.session_key)["word"] == "kept"
    Session.objects.all().delete()
    cache.clear()
    assert "word" not in store(made.session_key)
