"""What the chart renders is what the services read: every settings file loads in its service's own model."""

import importlib
import importlib.util
import tomllib
from pathlib import Path

import pytest

from sixfold.chassis.config import load

ROOT = Path(__file__).resolve().parents[2]


def chart():
    spec = importlib.util.spec_from_file_location("chart_check", ROOT / "helm" / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECK = chart()


@pytest.mark.parametrize("variant", sorted(CHECK.VARIANTS))
def test_rendered_settings_are_read_by_their_service(variant: str, tmp_path: Path) -> None:
    manifests = CHECK.render(CHECK.VARIANTS[variant])
    maps = [manifest for manifest in manifests if manifest["kind"] == "ConfigMap"]
    assert len(maps) >= 7
    for manifest in maps:
        name = manifest["metadata"]["labels"]["app.kubernetes.io/component"]
        model = getattr(importlib.import_module(f"sixfold.{name}.config"), f"{name.title()}Settings")
        file = tmp_path / f"{name}.toml"
        file.write_text(manifest["data"]["settings.toml"])
        settings = load(model, file=file, environment={}).settings
        assert settings.health.port == 8080
        if variant == "secured" and hasattr(settings, "rpc"):
            assert settings.rpc.tls is not None
            assert str(settings.nats.nkey_seed_file) == f"/etc/sixfold/nkey/{name}.nk"


def test_the_security_centre_reaches_its_neighbours() -> None:
    for variant, secured in (("defaults", False), ("secured", True)):
        found = CHECK.render(CHECK.VARIANTS[variant])
        (text,) = (
            one["data"]["settings.toml"]
            for one in found
            if one["kind"] == "ConfigMap" and one["metadata"]["name"].endswith("security")
        )
        services = {one["metadata"]["name"] for one in found if one["kind"] == "Service"}
        settings = tomllib.loads(text)
        for part, centre in (("mitigation", "credit"), ("spoofing", "identity")):
            name, _, port = settings[part][centre].partition(":")
            assert name in services
            assert port == "50051"
            assert bool(settings[part].get("client", {}).get("tls")) is secured


def test_every_pod_starts_a_module_that_exists() -> None:
    for manifest in CHECK.render({}):
        if manifest["kind"] == "Deployment":
            command = manifest["spec"]["template"]["spec"]["containers"][0]["command"]
            assert importlib.util.find_spec(f"{command[2]}.__main__") is not None


def test_the_chart_is_clean() -> None:
    assert [
        trouble for name, values in CHECK.VARIANTS.items() for trouble in CHECK.troubles_of(name, values)
    ] == []
