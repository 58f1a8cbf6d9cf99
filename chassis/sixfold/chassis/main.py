"""What a pod runs: `python -m sixfold.<service>` in one call of `run_service`.

Flags: `--config FILE`, `--set NAME=VALUE` (repeatable), `--check` (validate and end), `--dump` (print the settings with
their origin and end). SIGTERM and SIGINT drain and end with 0; unusable settings end with 2, a failure with 1.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sixfold.chassis.collector import SparingCollector
from sixfold.chassis.config import ConfigError, Loaded, load, render
from sixfold.chassis.http import HealthServer, HttpSettings
from sixfold.chassis.lifecycle import Component, Lifecycle, LifecycleError
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.telemetry import Telemetry, TelemetrySettings, log_to_stderr, setup


class ServiceSettings(Protocol):
    """What `run_service` needs of a service's settings; `nats` may be absent from a service without the bus."""

    @property
    def health(self) -> HttpSettings: ...

    @property
    def telemetry(self) -> TelemetrySettings: ...


S = TypeVar("S", bound=Any)
Build = Callable[[S, Messaging | None, Telemetry], Component]


def run_service(name: str, model: type[S], build: Build[S], arguments: Sequence[str] | None = None) -> None:
    """Parse the flags, load the settings, run until told to stop. Ends the process."""
    raise SystemExit(_run(name, model, build, arguments))


def load_arguments(
    name: str, model: type[S], arguments: Sequence[str] | None
) -> tuple[Loaded[S], argparse.Namespace]:
    parser = argparse.ArgumentParser(prog=f"python -m sixfold.{name}")
    parser.add_argument("--config", type=Path, help="settings file (TOML)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="one setting, over all others"
    )
    parser.add_argument("--check", action="store_true", help="validate the settings and end")
    parser.add_argument("--dump", action="store_true", help="print every setting with its origin and end")
    chosen = parser.parse_args(arguments)
    flags: dict[str, Any] = {}
    for item in chosen.set:
        key, separator, value = item.partition("=")
        if not separator:
            raise ConfigError(f"--set {item}: expected NAME=VALUE")
        flags[key] = value
    return load(model, file=chosen.config, flags=flags), chosen


def _run(name: str, model: type[S], build: Build[S], arguments: Sequence[str] | None) -> int:
    try:
        loaded, chosen = load_arguments(name, model, arguments)
    except ConfigError as error:
        sys.stderr.write(f"sixfold {name}: these settings cannot be used\n{error}\n")
        return 2
    if chosen.dump:
        sys.stdout.write(render(loaded) + "\n")
        return 0
    if chosen.check:
        sys.stdout.write(f"sixfold {name}: settings are valid\n")
        return 0
    settings = loaded.settings
    log_to_stderr(settings.telemetry.log_level)
    try:
        asyncio.run(_serve(name, settings, build))
    except LifecycleError as error:
        sys.stderr.write(f"sixfold {name}: {error}\n")
        return 1
    return 0


async def _serve(name: str, settings: Any, build: Build[Any]) -> None:
    telemetry = setup(settings.telemetry, service=name)
    nats: NatsSettings | None = getattr(settings, "nats", None)
    messaging = Messaging(nats, telemetry=telemetry) if nats is not None else None
    service = build(settings, messaging, telemetry)
    # The probes answer from the first moment; readiness follows the parts that come after.
    parts: list[Component] = [part for part in (messaging, service) if part is not None]
    inner = Lifecycle(parts, name=name)
    health = HealthServer(settings.health, inner, [telemetry.registry])
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await Lifecycle([health, inner, SparingCollector()], name=name, drain_timeout=30).run(stop)
    finally:
        telemetry.shutdown()
