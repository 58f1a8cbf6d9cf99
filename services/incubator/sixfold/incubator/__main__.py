"""What a pod runs: `python -m sixfold.incubator`."""

from sixfold.chassis.main import run_service
from sixfold.incubator.config import IncubatorSettings
from sixfold.incubator.service import Dependencies, build

if __name__ == "__main__":
    run_service(
        "incubator",
        IncubatorSettings,
        lambda settings, _, telemetry: build(settings, Dependencies(telemetry)),
    )
