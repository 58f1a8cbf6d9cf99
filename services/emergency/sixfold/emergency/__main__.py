"""What a pod runs: `python -m sixfold.emergency`."""

from sixfold.chassis.lifecycle import Component
from sixfold.chassis.main import run_service
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.telemetry import Telemetry
from sixfold.emergency.config import EmergencySettings
from sixfold.emergency.service import Dependencies, build


def start(settings: EmergencySettings, messaging: Messaging | None, telemetry: Telemetry) -> Component:
    assert messaging is not None, "the emergency centre lives on the bus"
    return build(settings, Dependencies(messaging, telemetry))


if __name__ == "__main__":
    run_service("emergency", EmergencySettings, start)
