"""`sixfold-agent run`: the agent as a daemon, until SIGTERM or SIGINT."""

import asyncio
import ctypes
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sixfold.agent.config import AgentSettings
from sixfold.agent.service import Dependencies, Service, build
from sixfold.chassis.config import Loaded, load
from sixfold.chassis.http import HealthServer
from sixfold.chassis.lifecycle import Lifecycle
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.telemetry import log_to_stderr, setup

_MMAP_THRESHOLD: Final = -3
_TRIM_THRESHOLD: Final = -1


def load_settings(config: Path | None, overrides: dict[str, Any]) -> Loaded[AgentSettings]:
    """File < environment (SIXFOLD_AGENT_…) < flag. Raises ConfigError."""
    return load(AgentSettings, file=config, environment_prefix="SIXFOLD_AGENT_", flags=overrides)


def keep_memory() -> None:
    """Have the C library keep what large arrays and batches gave back, instead of asking the kernel each time.

    The pages of a batch come again and again: this saves a tenth of the agent's CPU. Without effect elsewhere than on
    glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 32 << 20)
        mallopt(_TRIM_THRESHOLD, 128 << 20)


async def serve(settings: AgentSettings, started: Callable[[Service], None] | None = None) -> None:
    """Run until told to stop. Raises StateHeldError, OSError or LifecycleError."""
    keep_memory()
    log_to_stderr(settings.telemetry.log_level)
    telemetry = setup(settings.telemetry, service="gateway-agent")
    # A gateway loses its centre now and then: the agent starts and collects without the bus, too.
    messaging = Messaging(settings.nats, require=False)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        service = build(settings, Dependencies(messaging, telemetry))
        if started is not None:
            started(service)
        health = HealthServer(settings.health, service.unready, [telemetry.registry])
        await Lifecycle([health, messaging, service], name="agent", drain_timeout=60).run(stop)
    finally:
        await asyncio.to_thread(telemetry.shutdown)
