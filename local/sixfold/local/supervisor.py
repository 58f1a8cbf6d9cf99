"""Starts the children in order, waits until each is ready, keeps them running, stops them in reverse."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from sixfold.local.child import Child, Program
from sixfold.local.errors import LocalError

READY_TIMEOUT: Final = 90.0
_START_FAILURES: Final = 3


class Progress(Protocol):
    """What the supervisor tells while it works; the terminal shows it."""

    def step(self, title: str, state: str) -> None: ...
    def note(self, sentence: str) -> None: ...


@dataclass(frozen=True)
class Stage:
    """Programs that start together; the next stage begins once all of them are ready. They stop one by one, the
    last first.
    """

    programs: Sequence[Program]


async def http_status(url: str, *, within: float = 2.0) -> int | None:
    """The status that `url` (http://host:port/path on loopback) answers; None where nobody does."""
    address, _, path = url.removeprefix("http://").partition("/")
    host, _, port = address.partition(":")
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(f"GET /{path} HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
            line = await reader.readline()
            parts = line.split()
            return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else None
    except (OSError, TimeoutError, ValueError):
        return None
    finally:
        if writer is not None:
            writer.close()


class Supervisor:
    """Owns the children of one platform. `changed` is called when a pid changes after all was ready."""

    def __init__(
        self,
        stages: Sequence[Stage],
        *,
        logs: Path,
        progress: Progress,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._progress = progress
        self._changed = changed
        self._ready = False
        self._stages = [
            [
                Child(program, logs=logs, report=progress.note, changed=self._pid_changed)
                for program in stage.programs
            ]
            for stage in stages
        ]

    @property
    def children(self) -> list[Child]:
        return [child for stage in self._stages for child in stage]

    @property
    def pids(self) -> dict[str, int]:
        return {child.program.name: child.pid for child in self.children if child.pid is not None}

    def _pid_changed(self) -> None:
        if self._ready:
            self._changed()

    async def start(self) -> None:
        """Start every stage; LocalError names the child that failed and its log. The caller stops anyway."""
        for stage in self._stages:
            for child in stage:
                self._progress.step(child.program.title, "starting")
                try:
                    await child.start()
                except OSError as error:
                    raise LocalError(f"{child.program.title} cannot be started: {error}.") from error
            waits = [asyncio.create_task(self._until_ready(child)) for child in stage]
            try:
                for wait in asyncio.as_completed(waits):
                    if failure := await wait:
                        raise LocalError(failure)
            finally:
                for task in waits:
                    task.cancel()
        self._ready = True

    async def _until_ready(self, child: Child) -> str | None:
        """None once ready, otherwise the sentence that says why not."""
        begun = time.monotonic()
        program = child.program
        while time.monotonic() - begun < READY_TIMEOUT:
            if child.restarts >= _START_FAILURES:
                self._progress.step(program.title, "failed")
                return f"{program.title} does not start ({child.last_failure}). Read {child.log_path}, then retry."
            if child.pid is not None and (program.ready is None or await http_status(program.ready) == 200):
                self._progress.step(program.title, f"ready ({time.monotonic() - begun:.1f} s)")
                return None
            await asyncio.sleep(0.05)
        self._progress.step(program.title, "failed")
        return f"{program.title} was not ready within {READY_TIMEOUT:.0f} s. Read {child.log_path}."

    async def stop(self, hurry: asyncio.Event) -> bool:
        """Stop one after another in reverse, each with its bound; `hurry` kills the rest. True if all was clean."""
        self._ready = False
        clean = True
        watch = asyncio.create_task(self._kill_when(hurry))
        for child in reversed(self.children):
            if child.pid is not None:
                self._progress.step(child.program.title, "stopping")
            if not await child.stop():
                clean = False
                self._progress.note(
                    f"{child.program.title} did not stop within {child.program.stop_timeout:.0f} s and was killed; "
                    f"nothing acknowledged is lost. Its log: {child.log_path}"
                )
        watch.cancel()
        return clean

    async def _kill_when(self, hurry: asyncio.Event) -> None:
        await hurry.wait()
        for child in self.children:
            child.kill()
