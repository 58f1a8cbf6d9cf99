"""What a pod runs: `python -m sixfold.identity`."""

from sixfold.chassis.lifecycle import Component
from sixfold.chassis.main import run_service
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.telemetry import Telemetry
from sixfold.identity.config import IdentitySettings
from sixfold.identity.service import Dependencies, build


def start(settings: IdentitySettings, messaging: Messaging | None, telemetry: Telemetry) -> Component:
    assert messaging is not None, "the identity centre lives on the bus"
    return build(settings, Dependencies(messaging, telemetry))


if __name__ == "__main__":
    run_service("identity", IdentitySettings, start)
