"""ExaBGP beside the agent: its configuration, its process, and what it runs to hear of our routes."""

import contextlib
import os
import select
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TextIO

from sixfold.agent.config import BgpSettings
from sixfold.agent.gateway.daemons import Daemon, ensure, running_pid, stop
from sixfold.agent.gateway.policy.divert import (
    FILE,
    Announced,
    Route,
    read_announced,
    read_routes,
    write_announced,
)

CONFIGURATION: Final = "exabgp.conf"
ENVIRONMENT: Final = "exabgp.env"
PID: Final = "exabgp.pid"
LOG: Final = "exabgp.log"
_LOOK: Final = 0.2
_ANSWER_WITHIN: Final = 5.0


def configuration(settings: BgpSettings, folder: Path) -> str:
    """exabgp.conf: one neighbor for each peer, all of them told the same."""
    run = f"{sys.executable} -m sixfold.agent policy speak {folder}"
    lines = ["process sixfold {", f"  run {run};", "  encoder text;", "}"]
    for peer in settings.peers:
        lines += [
            f"neighbor {peer.address} {{",
            f"  router-id {settings.router_id};",
            f"  local-address {peer.local_address};",
            f"  local-as {settings.local_as};",
            f"  peer-as {peer.peer_as};",
            *([f"  connect {peer.port};"] if peer.port != 179 else []),
            "  family { ipv4 unicast; ipv6 unicast; ipv4 flow; ipv6 flow; }",
            "  api { processes [ sixfold ]; }",
            "}",
        ]
    return "".join(f"{line}\n" for line in lines)


def environment(settings: BgpSettings, folder: Path) -> str:
    """exabgp.env: it runs on without the agent, writes its pid into our folder and answers each announcement."""
    sections = {
        "api": {"ack": "true", "cli": "false"},
        "daemon": {"daemonize": "true", "pid": folder / PID, "user": settings.user},
        "log": {"destination": folder / LOG},
    }
    return "".join(
        f"[exabgp.{section}]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())
        for section, values in sections.items()
    )


def ensure_running(settings: BgpSettings, folder: Path) -> str:
    """What was done, or nothing. Raises ProgramError, OSError."""
    files = {CONFIGURATION: configuration(settings, folder), ENVIRONMENT: environment(settings, folder)}
    for name, text in files.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    command = (settings.program, "--env", str(folder / ENVIRONMENT), str(folder / CONFIGURATION))
    return ensure(Daemon("exabgp", command, folder / PID, "\0".join(files.values())))


def end(settings: BgpSettings, folder: Path) -> bool:
    return stop(folder / PID, settings.program)


def is_running(settings: BgpSettings, folder: Path) -> bool:
    return running_pid(folder / PID, settings.program) is not None


class Speaker:
    """Tells ExaBGP on its standard output what to announce, and keeps what it answered. One per ExaBGP."""

    def __init__(
        self, folder: Path, out: TextIO, answer: Callable[[], str], clock: Callable[[], float] = time.time
    ) -> None:
        """answer: the next line of ExaBGP's answer, `done` or `error`; empty where none came."""
        self._folder = folder
        self._out = out
        self._answer = answer
        self._clock = clock
        self._announced: dict[str, Route] = {}
        self._before = set(read_announced(folder).spoken)
        """Announced by one that ran before us in the same ExaBGP."""
        self._refused: dict[str, Route] = {}

    def look(self, wanted: Iterable[Route]) -> None:
        """One step from what is announced to what should be now."""
        now = self._clock()
        fresh = {one.what: one for one in wanted if one.expires > now}
        changed = bool(self._before)
        for what in sorted(self._before - set(fresh)):
            self._say(f"withdraw {what}")
        self._before.clear()
        for what in [what for what in self._announced if what not in fresh]:
            self._say(f"withdraw {what}")
            del self._announced[what]
            changed = True
        for what in [what for what in self._refused if what not in fresh]:
            del self._refused[what]
            changed = True
        for what, one in fresh.items():
            if what in self._announced or what in self._refused:
                continue
            taken = self._say(f"announce {what}")
            (self._announced if taken else self._refused)[what] = one
            changed = True
        if changed:
            self._tell()

    def _say(self, line: str) -> bool:
        self._out.write(f"{line}\n")
        self._out.flush()
        return self._answer() == "done"

    def _tell(self) -> None:
        counts: dict[str, int] = {}
        for one in self._announced.values():
            counts[one.policy_id] = counts.get(one.policy_id, 0) + 1
        refused = tuple(f"{one.policy_id}: {what}" for what, one in self._refused.items())
        with contextlib.suppress(OSError):
            write_announced(self._folder, Announced(counts, refused, tuple(self._announced)))


def speak(folder: Path) -> None:
    """What ExaBGP runs; until ExaBGP is gone. A file that is not there, or cannot be read, announces nothing new."""
    parent = os.getppid()
    speaker = Speaker(folder, sys.stdout, _line)
    known: tuple[Route, ...] = ()
    stamp = 0
    while os.getppid() == parent:
        with contextlib.suppress(OSError, ValueError, TypeError):
            if (found := (folder / FILE).stat().st_mtime_ns) != stamp:
                known, stamp = read_routes(folder), found
        speaker.look(known)
        time.sleep(_LOOK)


def _line() -> str:
    """ExaBGP's answer, read from the descriptor itself so that nothing waits in a buffer."""
    data = b""
    deadline = time.monotonic() + _ANSWER_WITHIN
    while not data.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([0], [], [], left)[0]:
            return ""
        piece = os.read(0, 1)
        if not piece:
            raise SystemExit(0)
        data += piece
        if data.endswith(b"\n") and data.strip() not in (b"done", b"error"):
            data = b""
    return data.decode().strip()
