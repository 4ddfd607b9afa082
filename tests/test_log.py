"""The log tells no token of a share link."""

import json
import logging
import sys

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from generations.services import invite as invites
from tests.builders import make_share


def lines(name, record):
    options = dict(settings.LOGGING["formatters"][name])
    return import_string(options.pop("()"))(**options).format(record)


@pytest.fixture(params=["text", "json"])
def written(request, caplog):
    """Every record so far, as the log would have it."""

    def write():
        found = [lines(request.param, record) for record in caplog.records]
        if request.param == "json":
            assert all(json.loads(line) for line in found)
        return "\n".join(found)

    caplog.set_level(logging.DEBUG)
    return write


@pytest.mark.django_db
def test_no_answer_names_a_token(client, alice, written):
    share, path = make_share(alice)
    token = path.split("/")[2]
    share.revoked_at = share.created_at
    share.save()
    for address in (path, f"{path}unlock/", f"{path}zip", path.rstrip("/"), f"{path}a/b"):
        client.get(address)
        client.post(address, {"password": "x"})
    assert "/s/…" in written()
    assert token not in written()


def test_no_traceback_names_a_token(caplog, written):
    try:
        raise ValueError('no "/s/a-token-of-a-share-link/zip"')
    except ValueError:
        logging.getLogger("x").error(
            "at %s", "/s/a-token-of-a-share-link/", exc_info=sys.exc_info()
        )
    assert "a-token-of-a-share-link" not in written()
    assert "no" in written()


@pytest.mark.django_db
def test_no_answer_names_an_invitation(client, ada, written):
    invite = invites.create(ada, role="member")
    token = invites.token_of(invite)
    invites.withdraw([invite], by=ada)
    for address in (f"/invite/{token}/", f"/invite/{token}", f"/accounts/signup/{token}/"):
        client.get(address)
        client.post(address, {"name": "x"})
    logging.getLogger("x").error("to /accounts/login/?next=%%2Finvite%%2F%s%%2F", token)
    for shown in ("/invite/…", "/signup/…", "%2Finvite%2F…"):
        assert shown in written()
    assert token not in written()
