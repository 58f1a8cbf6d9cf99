"""What a pod runs: `python -m sixfold.address`."""

from sixfold.address.config import AddressSettings
from sixfold.address.service import Dependencies, build
from sixfold.chassis.lifecycle import Component
from sixfold.chassis.main import run_service
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.telemetry import Telemetry


def start(settings: AddressSettings, messaging: Messaging | None, telemetry: Telemetry) -> Component:
    assert messaging is not None, "the address centre lives on the bus"
    return build(settings, Dependencies(messaging, telemetry))


if __name__ == "__main__":
    run_service("address", AddressSettings, start)
