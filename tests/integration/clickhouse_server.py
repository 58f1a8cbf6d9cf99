"""The embedded engine behind its HTTP port in a process of its own: `python -m sixfold.local.clickhouse`."""

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import clickhouse_connect

from sixfold.chassis.testing import free_port


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def code(self) -> int:
        return int(self.headers.get("x-clickhouse-exception-code", 0))


@dataclass(frozen=True, slots=True)
class ClickHouseServer:
    home: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def password(self) -> str:
        return (self.home / "secrets" / "clickhouse-loader.password").read_text().strip()

    @property
    def dsn(self) -> str:
        return f"http://loader:{self.password}@127.0.0.1:{self.port}/sixfold"

    def connect(self, user: str = "analyst", **options: Any) -> Any:
        """A clickhouse-connect client over HTTP; the caller closes it."""
        password = self.password if user == "loader" else ""
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port, username=user, password=password, **options
        )

    def send(
        self,
        query: str | None = None,
        body: Any = None,
        *,
        method: str | None = None,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> Reply:
        """One request as any HTTP client would send it."""
        if query is not None:
            parameters["query"] = query
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(
                method or ("GET" if body is None else "POST"),
                f"{path}?{urlencode(parameters)}" if parameters else path,
                body,
                dict(headers or {}),
            )
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, names, answer.read())
        finally:
            connection.close()

    def as_loader(self, query: str, body: Any = None, **parameters: Any) -> Reply:
        names = {"X-ClickHouse-User": "loader", "X-ClickHouse-Key": self.password}
        return self.send(query, b"" if body is None else body, headers=names, **parameters)


@contextmanager
def clickhouse_server(home: Path) -> Iterator[ClickHouseServer]:
    port = free_port()
    command = [sys.executable, "-m", "sixfold.local.clickhouse", "--home", str(home), "--port", str(port)]
    home.mkdir(parents=True, exist_ok=True)
    with (home / "clickhouse.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)
    server = ClickHouseServer(home, port, process)
    try:
        _wait(server)
        yield server
    finally:
        process.terminate()
        assert process.wait(30) == 0, (home / "clickhouse.log").read_text()


def _wait(server: ClickHouseServer) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            assert server.send(path="/ping").body == b"Ok.\n"
            return
        except OSError:
            assert server.process.poll() is None, (server.home / "clickhouse.log").read_text()
            assert time.monotonic() < until, (server.home / "clickhouse.log").read_text()
            time.sleep(0.02)
