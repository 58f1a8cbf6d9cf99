"""The command lines of softflowd: one process for each metered interface, IPFIX to the agent."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sixfold.agent.gateway.plan import FlowExport

FILE: Final = "softflowd.commands"
_TIMEOUTS: Final = ("tcp.fin=5s", "tcp.rst=5s", "udp=30s", "expint=5s")
"""Its own are minutes, and a flood is over by then."""


def pid_file(interface: str) -> str:
    return f"softflowd-{interface}.pid"


def commands(export: FlowExport, folder: Path) -> Mapping[str, tuple[str, ...]]:
    host = f"[{export.host}]" if ":" in export.host else export.host
    return {
        interface: (
            "softflowd",
            "-i", interface,
            "-n", f"{host}:{export.port}",
            "-v", "10",
            "-T", "full",
            "-t", f"maxlife={export.maximum_lifetime}",
            *(part for timeout in _TIMEOUTS for part in ("-t", timeout)),
            "-p", str(folder / pid_file(interface)),
            "-c", str(folder / f"softflowd-{interface}.ctl"),
        )
        for interface in export.interfaces
    }  # fmt: skip
