"""The command lines of softflowd: one process for each metered interface, IPFIX to the agent."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sixfold.agent.gateway.plan import FlowExport

FILE: Final = "softflowd.commands"


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
            "-p", str(folder / pid_file(interface)),
            "-c", str(folder / f"softflowd-{interface}.ctl"),
        )
        for interface in export.interfaces
    }  # fmt: skip
