"""The whole platform as an operator starts it, in a temporary home."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clickhouse_connect

SIXFOLD = Path(__file__).resolve().parent.parent / ".venv" / "bin" / "sixfold"
READY_WITHIN = 120.0


@dataclass(frozen=True, slots=True)
class Platform:
    pid: int
    home: Path
    endpoints: dict[str, Any]
    seconds_to_ready: float

    def port(self, name: str) -> int:
        """The port of an endpoint such as `agent.ipfix`."""
        return int(str(self.endpoints[name]).rstrip("/").rpartition(":")[2])

    def client(self) -> Any:
        """A ClickHouse client over HTTP, as an analyst has it."""
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port("clickhouse_http"), username="analyst", database="sixfold"
        )


def free_port_base(width: int = 40) -> int:
    """A base such that `base .. base + width` was free a moment ago."""
    for base in range(30_000, 60_000, 100):
        try:
            for offset in range(width):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    with socket.socket(socket.AF_INET, kind) as probe:
                        probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        return base
    raise SystemExit("no free range of ports between 30000 and 60000")


@contextmanager
def up(home: Path | None = None, *arguments: str) -> Iterator[Platform]:
    """`sixfold up --no-sample` until the block ends."""
    with tempfile.TemporaryDirectory(prefix="sixfold-bench-") as folder:
        home = home or Path(folder) / "home"
        home.mkdir(exist_ok=True)
        log = (home / "up.log").open("wb")
        command = [
            str(SIXFOLD),
            "up",
            "--home",
            str(home),
            "--port-base",
            str(free_port_base()),
            "--no-sample",
        ]
        started = time.monotonic()
        process = subprocess.Popen(
            [*command, *arguments], stdout=log, stderr=subprocess.STDOUT, env=os.environ
        )
        try:
            yield _ready(process, home, started)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(process: subprocess.Popen[bytes], home: Path, started: float) -> Platform:
    endpoints = home / "endpoints.json"
    while not endpoints.exists():
        if process.poll() is not None or time.monotonic() - started > READY_WITHIN:
            raise SystemExit("the platform did not come up:\n" + (home / "up.log").read_text())
        time.sleep(0.02)
    return Platform(process.pid, home, json.loads(endpoints.read_text()), time.monotonic() - started)
