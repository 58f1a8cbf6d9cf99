"""The loader in a process of its own, the engine behind its HTTP port in another, and a line between them to cut."""

import asyncio
import contextlib
import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sixfold.chassis.testing import assert_eventually, free_port

Cut = Literal["half the body", "before the answer"]
_INSERT = b"insert_deduplication_token=loader-flow-"


@dataclass
class Engine:
    """`python -m sixfold.local.clickhouse`; started again it has the same port and tables."""

    home: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        await asyncio.to_thread(self._spawn)
        await assert_eventually(self._answers, 60)

    def _spawn(self) -> None:
        command = [sys.executable, "-m", "sixfold.local.clickhouse"]
        command += ["--home", str(self.home), "--port", str(self.port)]
        self.home.mkdir(exist_ok=True)
        with (self.home / "clickhouse.log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log)

    async def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError((self.home / "clickhouse.log").read_text())
        return await self.ask("SELECT 1") == [[1]]

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    @property
    def password_file(self) -> Path:
        return self.home / "secrets" / "clickhouse-loader.password"

    @property
    def password(self) -> str:
        return self.password_file.read_text().strip()

    async def write(self, statement: str) -> None:
        """As the loader's user."""
        url = f"http://127.0.0.1:{self.port}/"
        names = {"X-ClickHouse-User": "loader", "X-ClickHouse-Key": self.password}
        request = urllib.request.Request(url, statement.encode(), names)
        await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=30).close())

    async def ask(self, statement: str) -> list[list[Any]] | None:
        """The rows; None while it does not answer."""
        return await asyncio.to_thread(self._ask, statement)

    def _ask(self, statement: str) -> list[list[Any]] | None:
        query = {"query": statement, "default_format": "JSONCompactEachRow"}
        query["output_format_json_quote_64bit_integers"] = "0"
        url = f"http://127.0.0.1:{self.port}/?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return [json.loads(line) for line in answer.read().splitlines()]
        except (OSError, urllib.error.URLError):
            return None


@dataclass
class Credit:
    """`python -m sixfold.credit` with an http DSN."""

    folder: Path
    nats: str
    dsn: str
    health: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Started, and answering at its health port; not necessarily ready."""
        await asyncio.to_thread(self._spawn)
        await assert_eventually(self._is_up, 60)

    def _spawn(self) -> None:
        self.folder.mkdir(exist_ok=True)
        config = self.folder / "credit.toml"
        config.write_text(
            f'[nats]\nservers = ["{self.nats}"]\n[warehouse]\ndsn = "{self.dsn}"\n[health]\nport = {self.health}\n'
            "[loader]\nlinger = 0.05\nack_wait = 2\nstream_bytes = 268435456\n"
        )
        with (self.folder / "credit.log").open("ab") as log:
            command = [sys.executable, "-m", "sixfold.credit", "--config", str(config)]
            self.process = subprocess.Popen(command, stderr=log)

    async def _is_up(self) -> bool:
        return (await self.get("/readyz"))[0] != 0

    async def until_ready(self, ready: bool = True) -> str:
        """What /readyz says once it says so."""

        async def said() -> str:
            status, body = await self.get("/readyz")
            return body if status == (200 if ready else 503) else ""

        return await assert_eventually(said, 60)

    async def get(self, path: str) -> tuple[int, str]:
        """(status, body); status 0 where nobody answers."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(self.log())
        return await asyncio.to_thread(self._get, path)

    def _get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (OSError, urllib.error.URLError):
            return 0, ""

    def log(self) -> str:
        return (self.folder / "credit.log").read_text(errors="replace")[-4000:]

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


class Line:
    """A TCP proxy. Armed, it holds the next insert of flows at the cut, once, until it is released: then it is cut."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._cut: Cut | None = None
        self.reached = asyncio.Event()
        self._released = asyncio.Event()

    def arm(self, cut: Cut) -> None:
        self.reached.clear()
        self._released.clear()
        self._cut = cut

    def release(self) -> None:
        self._released.set()

    async def _hold(self) -> None:
        self._cut = None
        self.reached.set()
        await self._released.wait()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Line"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self.release()
            server.close()

    async def _serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            upstream, forth = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            back.close()
            return
        inserting = asyncio.Event()
        ways = [
            asyncio.create_task(self._there(client, forth, inserting)),
            asyncio.create_task(self._back(upstream, back, inserting)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for writer in (forth, back):
            writer.transport.abort()

    async def _there(
        self, client: asyncio.StreamReader, forth: asyncio.StreamWriter, inserting: asyncio.Event
    ) -> None:
        while data := await client.read(1 << 16):
            if self._cut is not None and _INSERT in data:
                inserting.set()
            if inserting.is_set() and self._cut == "half the body":
                # The head, and what of the body came with it; there is more, a block is larger than one read.
                forth.write(data[: len(data) // 2] if len(data) > 4_096 else data)
                await forth.drain()
                if len(data) > 4_096:
                    await self._hold()
                    return
                continue
            forth.write(data)
            await forth.drain()

    async def _back(
        self, upstream: asyncio.StreamReader, back: asyncio.StreamWriter, inserting: asyncio.Event
    ) -> None:
        while data := await upstream.read(1 << 16):
            if inserting.is_set() and self._cut == "before the answer":
                await self._hold()
                return
            back.write(data)
            await back.drain()
