"""`python -m sixfold.credit`: the credit centre alone, what a pod runs."""

from sixfold.chassis.main import run_service
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.telemetry import Telemetry
from sixfold.credit.config import CreditSettings
from sixfold.credit.service import Dependencies, Service, build


def start(settings: CreditSettings, messaging: Messaging | None, telemetry: Telemetry) -> Service:
    assert messaging is not None, "the settings have `nats`"
    return build(settings, Dependencies(messaging, telemetry))


if __name__ == "__main__":
    run_service("credit", CreditSettings, start)
