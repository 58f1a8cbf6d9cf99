"""docs/adding-a-service.md, held: every service has the same rooms and stands everywhere it must."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from sixfold.api.subjects import CENTRES

ROOT = Path(__file__).resolve().parents[2]
SERVICES = sorted(path.name for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").exists())
ROOMS = {
    *("domain", "domain.py", "ports.py", "handlers.py", "adapters", "adapters.py", "servicer.py"),
    *("messages.py", "config.py", "service.py", "__main__.py", "__init__.py", "py.typed"),
}
DUTY_ROOM = re.compile(r"[a-z0-9_]+_(handlers|servicer|messages|ports)\.py")
"""A centre with several duties has these rooms once for each: `translation_servicer.py`."""
WEB_ROOMS = ROOMS | {"pages", "static", "templates", "openapi.yaml", "locale"}


def package(service: str) -> Path:
    return ROOT / "services" / service / "sixfold" / service


def test_every_centre_is_a_member() -> None:
    assert set(CENTRES) <= set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_rooms_that_always_stand(service: str) -> None:
    missing = {"config.py", "service.py", "__main__.py"} - {path.name for path in package(service).iterdir()}
    assert not missing


@pytest.mark.parametrize("service", CENTRES)
def test_a_centre_invents_no_rooms(service: str) -> None:
    present = {path.name for path in package(service).iterdir() if path.name != "__pycache__"}
    others = {name for name in present - ROOMS if not DUTY_ROOM.fullmatch(name)}
    assert others <= EXTRA_ROOMS.get(service, set())


# What one centre alone has, and why it is no room of the others.
EXTRA_ROOMS = {
    "credit": {"migrations", "loader", "warehouse"},  # the one owner of ClickHouse
    "identity": {
        "trace",
        "audit",
        "aaa",
        "oauth",
        "credentials",
        "binding_log.py",
    },  # watertight from each other, so apart
    "address": {"dhcpv6"},  # a protocol of its own
}


@pytest.mark.parametrize("centre", CENTRES)
def test_a_centre_has_its_contract(centre: str) -> None:
    folder = ROOT / "proto" / "sixfold" / "api" / centre / "v1"
    assert (folder / f"{centre}.proto").exists()
    assert (folder / "events.proto").exists()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_stands_in_the_house(service: str) -> None:
    taskfile = yaml.safe_load((ROOT / "Taskfile.yml").read_text())
    assert f"-e services/{service}" in taskfile["vars"]["MEMBERS"]
    local = tomllib.loads((ROOT / "local" / "pyproject.toml").read_text())
    assert any(line.startswith(f"sixfold-{service}") for line in local["project"]["dependencies"])
    importlinter = (ROOT / ".importlinter").read_text()
    assert importlinter.count(f"sixfold.{service}\n") + importlinter.count(f"sixfold.{service} |") >= 2
    values = yaml.safe_load((ROOT / "helm" / "sixfold" / "values.yaml").read_text())
    assert service in values["services"]
    schema = json.loads((ROOT / "helm" / "sixfold" / "values.schema.json").read_text())
    assert service in schema["properties"]["services"]["properties"]
