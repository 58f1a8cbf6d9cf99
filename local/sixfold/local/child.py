"""One child process of the supervisor: started, logged, watched, restarted, stopped."""

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_BACKOFF_FIRST: Final = 0.2
_BACKOFF_MOST: Final = 10.0
_STEADY_AFTER: Final = 30.0
LOG_BYTES: Final = 8 * 1024 * 1024
LOG_FILES: Final = 3


@dataclass(frozen=True)
class Program:
    """What a child runs, in exactly this environment (None: ours).

    `ready` is an URL that answers 200 once it is ready; None: ready when it runs.
    """

    name: str
    title: str
    command: Sequence[str]
    ready: str | None
    environment: Mapping[str, str] | None = None
    stop_timeout: float = 20.0


class RotatingLog:
    """Appends bytes to `path`; keeps `files` files of at most `limit` bytes, and the last lines in memory."""

    def __init__(self, path: Path, *, limit: int = LOG_BYTES, files: int = LOG_FILES) -> None:
        self.path = path
        self._limit, self._files = limit, files
        self._file = path.open("ab")
        self._recent: deque[bytes] = deque(maxlen=20)

    def write(self, data: bytes) -> None:
        if self._file.tell() + len(data) > self._limit and self._file.tell():
            self._rotate()
        self._file.write(data)
        self._file.flush()
        self._recent.extend(line[:500] for line in data.splitlines()[-20:] if line.strip())

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self._files - 1, 0, -1):
            source = self.path if number == 1 else self.path.with_suffix(f".log.{number - 1}")
            if source.exists():
                source.replace(self.path.with_suffix(f".log.{number}"))
        self._file = self.path.open("ab")

    def last_line(self) -> str:
        return self._recent[-1].decode(errors="replace") if self._recent else ""

    def close(self) -> None:
        self._file.close()


def _tie_to_parent(parent: int, libc: ctypes.CDLL) -> Callable[[], None]:
    def in_child() -> None:
        # the kernel kills the child when the supervisor is gone, however it went; a parent that died between
        # fork and prctl is noticed by its pid
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return in_child


def describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"signal {signal.Signals(-code).name}"
    return f"signal {-code}"


class Child:
    """Keeps one program running until `stop`.

    `report` gets one sentence per restart; `changed` is called whenever the pid changes. A restart waits 0.2 s,
    the next twice as long, up to 10 s; a run of 30 s resets the wait.
    """

    def __init__(
        self,
        program: Program,
        *,
        logs: Path,
        report: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        self.program = program
        self.log_path = logs / f"{program.name}.log"
        self.restarts = 0
        self.pid: int | None = None
        self._report, self._changed = report, changed
        self._process: asyncio.subprocess.Process | None = None
        self._log: RotatingLog | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.last_failure: str | None = None

    async def start(self) -> None:
        """Spawn the program; OSError if it cannot be executed at all."""
        self._log = RotatingLog(self.log_path)
        await self._spawn()
        self._task = asyncio.create_task(self._keep_running(), name=f"child {self.program.name}")

    async def _spawn(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self.program.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self.program.environment,
            # a Ctrl-C of the terminal reaches the supervisor alone: it stops the children in order
            start_new_session=True,
            preexec_fn=_tie_to_parent(os.getpid(), ctypes.CDLL(None)),
        )
        self.pid = self._process.pid
        self._changed()

    async def _run_once(self) -> int:
        process, log = self._process, self._log
        if process is None or process.stdout is None or log is None:
            raise RuntimeError("not started")
        while data := await process.stdout.read(65536):
            log.write(data)
        return await process.wait()

    async def _keep_running(self) -> None:
        wait = _BACKOFF_FIRST
        while True:
            begun = time.monotonic()
            code = await self._run_once()
            self.pid = None
            if self._stopping:
                return
            wait = _BACKOFF_FIRST if time.monotonic() - begun > _STEADY_AFTER else wait
            last = self._log.last_line() if self._log else ""
            self.last_failure = f"{describe_exit(code)}" + (f": {last[:300]}" if last else "")
            self._report(
                f"{self.program.title} ended ({self.last_failure}); starting it again in {wait:.1f} s. "
                f"Its log: {self.log_path}"
            )
            await asyncio.sleep(wait)
            wait = min(wait * 2, _BACKOFF_MOST)
            self.restarts += 1
            while True:
                try:
                    await self._spawn()
                    break
                except OSError as error:
                    self.last_failure = f"cannot be started: {error}"
                    self._report(f"{self.program.title} {self.last_failure}")
                    await asyncio.sleep(_BACKOFF_MOST)

    def kill(self) -> None:
        """End it at once; nothing is drained."""
        self._stopping = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            # not `send_signal`: that would reap a child that has just ended, behind the back of its watcher
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def stop(self) -> bool:
        """Ask it to end, wait `stop_timeout`, then kill. True if it ended by itself."""
        self._stopping = True
        graceful = True
        if self._task is not None:
            if self.pid is None:  # between two runs
                self._task.cancel()
            self._signal(signal.SIGTERM)
            _, waiting = await asyncio.wait({self._task}, timeout=self.program.stop_timeout)
            if waiting:
                graceful = False
                self._signal(signal.SIGKILL)
                _, waiting = await asyncio.wait({self._task}, timeout=5.0)
                self._task.cancel()
        if self._log is not None:
            self._log.close()
        self.pid = None
        return graceful
