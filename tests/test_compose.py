"""compose.yaml fits the code: names, commands, times, and what every service has to be."""

import re

import pytest
import yaml

from tests.test_layers import ROOT
from veniceweb import env

COMPOSE = ROOT / "docker/compose.yaml"
SERVICES = yaml.safe_load(COMPOSE.read_text())["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("veniceweb:")}
# Of the store: what its library reads, and where the images lie.
OTHERS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
# Set beside our own: the version of the image, and what only Compose needs.
COMPOSE_ONLY = {"VENICEWEB_VERSION", "WORKER_GRACE", "POSTGRES_PASSWORD"}


def entrypoint_commands():
    text = (ROOT / "docker/entrypoint.sh").read_text()
    return set(re.findall(r"^  (\w+)\)", text, re.M))


def test_every_variable_is_one_of_ours():
    known = set(env.VARIABLES) | OTHERS
    for name, service in OURS.items():
        assert set(service["environment"]) <= known, name


def test_every_variable_of_the_file_is_one_that_compose_reads():
    used = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    assert used <= set(env.VARIABLES) | OTHERS | COMPOSE_ONLY
    lines = (ROOT / "docker/.env.example").read_text()
    asked = re.findall(r"^(\w+)=", lines, re.M)
    assert len(asked) == 6
    assert set(asked) <= used
    made = (ROOT / "docker/secrets.sh").read_text()
    assert re.findall(r"^(\w+)=", made, re.M) == asked


def test_what_has_no_default_is_named_in_the_file():
    needed = set(re.findall(r"\$\{(\w+):\?", COMPOSE.read_text()))
    asked = re.findall(r"^(\w+)=", (ROOT / "docker/.env.example").read_text(), re.M)
    assert needed <= set(asked)


def test_every_command_is_known():
    assert {one["command"] for one in OURS.values()} <= entrypoint_commands()
    for service in OURS.values():
        match service["healthcheck"]:
            case {"test": ["CMD", "/entrypoint.sh", *asked]}:
                assert asked[0] in entrypoint_commands()
            case other:
                assert other == {"disable": True}


def test_a_worker_may_end_its_calls():
    grace = SERVICES["worker"]["stop_grace_period"]
    timeout = OURS["worker"]["environment"]["VENICEWEB_CALL_TIMEOUT"]
    seconds = [int(re.search(r":-(\d+)", text)[1]) for text in (grace, timeout)]
    assert seconds[0] == seconds[1] + 10


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_shut_in(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] not in ("root", "0", "0:0")
    assert service["logging"]["options"]["max-size"]
    assert service["healthcheck"]
    assert "privileged" not in service


def test_only_caddy_is_reached_from_outside():
    assert [name for name, one in SERVICES.items() if "ports" in one] == ["caddy"]
    inner = yaml.safe_load(COMPOSE.read_text())["networks"]
    for name in ("postgres", "valkey", "s3"):
        assert all(inner[network]["internal"] for network in SERVICES[name]["networks"])
    assert "inner" not in SERVICES["caddy"]["networks"]


def test_they_start_when_what_they_need_is_well():
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            ends = how["condition"] == "service_completed_successfully"
            assert ends == (needed == "migrate"), (name, needed)
            assert ends or how["condition"] == "service_healthy"


def test_every_volume_has_a_name():
    volumes = yaml.safe_load(COMPOSE.read_text())["volumes"]
    assert all(one["name"] for one in volumes.values())
    used = {one.split(":")[0] for s in SERVICES.values() for one in s.get("volumes", [])}
    assert used == set(volumes)
