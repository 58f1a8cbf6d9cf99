"""`python -m sixfold.security`: the security centre alone, what a pod runs."""

from sixfold.chassis.main import run_service
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.telemetry import Telemetry
from sixfold.security.config import SecuritySettings
from sixfold.security.service import Dependencies, Service, build


def start(settings: SecuritySettings, messaging: Messaging | None, telemetry: Telemetry) -> Service:
    assert messaging is not None, "the settings have `nats`"
    return build(settings, Dependencies(messaging, telemetry))


if __name__ == "__main__":
    run_service("security", SecuritySettings, start)
