"""Programs that run on without us: started when they are missing or have another configuration, known by a pid file.

Beside the pid file lies `<name>.running`: the pid and a digest of the configuration it was started with. So it is
seen whether a program has what it should have, also after the agent was killed between writing and starting.
"""

import contextlib
import hashlib
import os
import select
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sixfold.agent.gateway.system import ProgramError, run

_START_WITHIN: Final = 10.0
_STOP_WITHIN: Final = 5.0


@dataclass(frozen=True, slots=True)
class Daemon:
    """A program that puts itself into the background and writes its pid. digest: of all that it was told."""

    name: str
    command: tuple[str, ...]
    pid_file: Path
    configuration: str

    @property
    def digest(self) -> str:
        return hashlib.sha256("\0".join((*self.command, self.configuration)).encode()).hexdigest()


def state(daemon: Daemon) -> str:
    """`running`, `outdated` (with another configuration) or `stopped`."""
    pid = running_pid(daemon.pid_file, daemon.command[0])
    if pid is None:
        return "stopped"
    try:
        known = _mark(daemon.pid_file).read_text()
    except OSError:
        known = ""
    return "running" if known == f"{pid} {daemon.digest}" else "outdated"


def ensure(daemon: Daemon) -> str:
    """Have it run with its configuration; what was done, or nothing. Raises ProgramError."""
    before = state(daemon)
    if before == "running":
        return ""
    stop(daemon.pid_file, daemon.command[0])
    daemon.pid_file.unlink(missing_ok=True)
    run(daemon.command, timeout=_START_WITHIN)
    deadline = time.monotonic() + _START_WITHIN
    while (pid := running_pid(daemon.pid_file, daemon.command[0])) is None:
        if time.monotonic() > deadline:
            raise ProgramError(f"{daemon.name} ended, or did not begin, without a word; see its log")
        time.sleep(0.01)
    _mark(daemon.pid_file).write_text(f"{pid} {daemon.digest}")
    return f"{daemon.name} {'started' if before == 'stopped' else 'restarted'}"


def stop(pid_file: Path, program: str) -> bool:
    """End it, if it runs. True where it did."""
    pid = running_pid(pid_file, program)
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            for number in (signal.SIGTERM, signal.SIGKILL):
                signal.pidfd_send_signal(descriptor, number)
                if select.select([descriptor], [], [], _STOP_WITHIN)[0]:
                    break
        finally:
            os.close(descriptor)
    pid_file.unlink(missing_ok=True)
    _mark(pid_file).unlink(missing_ok=True)
    return True


def running_pid(pid_file: Path, program: str) -> int | None:
    """The pid in the file, if a process of this program has it."""
    try:
        pid = int(pid_file.read_text().split()[0])
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        ended = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, ValueError, IndexError):
        return None
    return pid if name == Path(program).name[:15] and not ended else None


def _mark(pid_file: Path) -> Path:
    return pid_file.with_suffix(".running")
