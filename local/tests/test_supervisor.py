import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sixfold.chassis.testing import eventually
from sixfold.local.child import Child, Program, RotatingLog, describe_exit
from sixfold.local.errors import LocalError
from sixfold.local.supervisor import Stage, Supervisor, http_status

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"


class Told:
    def __init__(self) -> None:
        self.steps: list[tuple[str, str]] = []
        self.notes: asyncio.Queue[str] = asyncio.Queue()

    def step(self, title: str, state: str) -> None:
        self.steps.append((title, state))

    def note(self, sentence: str) -> None:
        self.notes.put_nowait(sentence)


def python(name: str, code: str, *, ready: str | None = None, stop_timeout: float = 5.0) -> Program:
    return Program(name, name.title(), (sys.executable, "-c", code), ready, stop_timeout=stop_timeout)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_killed_child_is_started_again_and_reported(tmp_path: Path) -> None:
    told = Told()
    changed = asyncio.Event()
    supervisor = Supervisor(
        [Stage([python("one", SLEEP)])], logs=tmp_path, progress=told, changed=changed.set
    )
    await supervisor.start()
    try:
        first = supervisor.pids["one"]
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(10):
            sentence = await told.notes.get()
            await changed.wait()
        assert "signal SIGKILL" in sentence
        assert str(tmp_path / "one.log") in sentence
        assert supervisor.pids["one"] != first
    finally:
        assert await supervisor.stop(asyncio.Event())
    assert supervisor.pids == {}


async def test_stages_stop_in_reverse_and_a_stubborn_child_is_killed(tmp_path: Path) -> None:
    told = Told()
    stages = [Stage([python("first", STUBBORN, stop_timeout=0.3)]), Stage([python("second", SLEEP)])]
    supervisor = Supervisor(stages, logs=tmp_path, progress=told)
    await supervisor.start()
    await eventually(lambda: b"up" in (tmp_path / "first.log").read_bytes())
    pids = supervisor.pids
    assert not await supervisor.stop(asyncio.Event())
    assert [title for title, state in told.steps if state == "stopping"] == ["Second", "First"]
    assert "was killed" in told.notes.get_nowait()
    assert not any(map(alive, pids.values()))


async def test_a_child_that_never_starts_ends_the_start_with_its_words(tmp_path: Path) -> None:
    code = "import sys; sys.exit('the disk is full')"
    supervisor = Supervisor(
        [Stage([python("bad", code, ready="http://127.0.0.1:9/readyz")])], logs=tmp_path, progress=Told()
    )
    with pytest.raises(LocalError, match=r"exit code 1: the disk is full.*bad\.log"):
        await supervisor.start()
    await supervisor.stop(asyncio.Event())


async def test_a_program_that_is_not_there_is_explained(tmp_path: Path) -> None:
    supervisor = Supervisor(
        [Stage([Program("x", "X", ("/no/such/program",), None)])], logs=tmp_path, progress=Told()
    )
    with pytest.raises(LocalError, match="X cannot be started"):
        await supervisor.start()
    await supervisor.stop(asyncio.Event())


def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    code = textwrap.dedent("""
        import asyncio, sys
        from pathlib import Path
        from sixfold.local.child import Child, Program
        async def run():
            child = Child(Program("c", "C", (sys.executable, "-c", "import time; time.sleep(600)"), None),
                          logs=Path(sys.argv[1]), report=print, changed=lambda: None)
            await child.start()
            print(child.pid, flush=True)
            await asyncio.Event().wait()
        asyncio.run(run())
    """)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        pid = int(parent.stdout.readline())
        # a pidfd becomes readable when the process has ended: no guess at how long that takes
        descriptor = os.pidfd_open(pid)
        parent.kill()
        import select

        readable, _, _ = select.select([descriptor], [], [], 10)
        os.close(descriptor)
        assert readable


def test_logs_are_bounded(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "x.log", limit=1000, files=3)
    for number in range(1000):
        log.write(f"line {number}\n".encode())
    assert log.last_line() == "line 999"
    log.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["x.log", "x.log.1", "x.log.2"]
    assert all(file.stat().st_size <= 1000 for file in files)
    assert (tmp_path / "x.log").read_text().endswith("line 999\n")


def test_exits_are_named() -> None:
    assert describe_exit(3) == "exit code 3"
    assert describe_exit(-9) == "signal SIGKILL"


async def test_nobody_there_is_no_status() -> None:
    assert await http_status("http://127.0.0.1:9/readyz") is None


def test_child_is_inert_until_started(tmp_path: Path) -> None:
    child = Child(python("x", SLEEP), logs=tmp_path, report=print, changed=lambda: None)
    assert child.pid is None
    assert list(tmp_path.iterdir()) == []
