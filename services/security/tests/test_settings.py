"""Settings: what is refused when the centre is configured."""

from typing import Any

import pytest
from pydantic import ValidationError

from sixfold.chassis.config import ConfigError, load
from sixfold.security.config import SecuritySettings, VolumetricOptions, WindowOptions


def test_defaults_reach_the_domain_unchanged() -> None:
    chosen = SecuritySettings(window=WindowOptions(slot_seconds=2), volumetric=VolumetricOptions(release=0.5))
    assert chosen.window.domain().slot_ms == 2_000
    assert chosen.volumetric.domain().release == 0.5
    assert chosen.volumetric.domain().host.bits_per_second == 1e9


@pytest.mark.parametrize(
    "changes",
    [
        {"partitions": ()},
        {"partitions": (4,)},
        {"duplicate_exporters": (("192.0.2.0/24",),)},
        {"duplicate_exporters": (("router-1",),)},
        {"volumetric": {"window_slots": 60}},
        {"volumetric": {"release": 0}},
        {"window": {"hosts": 5}},
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SecuritySettings.model_validate(changes)


def test_a_misspelt_variable_is_named() -> None:
    with pytest.raises(ConfigError, match=r"volumetric\.release"):
        load(SecuritySettings, environment={"SIXFOLD_VOLUMETRIC__RELEAS": "0.5"})
