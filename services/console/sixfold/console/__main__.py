"""What a pod runs: `python -m sixfold.console`."""

from sixfold.chassis.main import run_service
from sixfold.console.config import ConsoleSettings
from sixfold.console.service import Dependencies, build

if __name__ == "__main__":
    run_service(
        "console", ConsoleSettings, lambda settings, _, telemetry: build(settings, Dependencies(telemetry))
    )
