"""ClickHouse by DSN through clickhouse-connect: the embedded engine or a server, and nobody else knows which.

WarehouseError
  WarehouseBusyError     will work later: unreachable, read-only, too many parts, out of memory
  WarehouseRefusedError  will never work: this statement or these data are wrong
"""

import asyncio
import logging
import os
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from sixfold.credit.config import WarehouseSettings

log = logging.getLogger(__name__)
R = TypeVar("R")

# Error codes of ClickHouse (src/Common/ErrorCodes.cpp) that say that the data or the statement are wrong.
REFUSED: Final = frozenset(
    {
        *(6, 10, 16, 20, 26, 27, 33, 34, 38, 41, 43, 44, 46, 47, 48, 50, 53, 62, 69, 70, 72, 117, 131, 153),
        *(158, 321, 349, 407, 636),
    }
)
_URL: Final = re.compile(r" with url: \S+")
_NOISY: Final = ("urllib3.connectionpool", "clickhouse_connect")
"""Loggers that warn, with the whole statement, of what is raised as well."""
UNKNOWN_DATABASE: Final = 81
CONNECT_WITHIN: Final = 30.0
"""Seconds that a start waits for a server that does not answer yet."""
READERS: Final = 2
MERGES_NICE: Final = 19
"""Of the embedded engine: merges leave the cores to what arrives and to who asks, and catch up when these rest."""
QUEUE: Final = 64
"""Statements that may wait for a reader; more are refused at once."""


class WarehouseError(RuntimeError):
    pass


class WarehouseBusyError(WarehouseError):
    pass


class WarehouseRefusedError(WarehouseError):
    pass


def classify(error: Exception) -> WarehouseError:
    """What an exception of clickhouse-connect means for whoever waits."""
    text = _words(error)
    if _code(error) in REFUSED:
        return WarehouseRefusedError(text)
    return WarehouseBusyError(text or type(error).__name__)


def _words(error: Exception) -> str:
    """What it says in one line, without the whole statement as a URL, behind which the reason stands."""
    return _URL.sub("", " ".join(str(error).split()))[:400]


def _code(error: BaseException | None) -> int | None:
    """ClickHouse's own number of an error; None where no ClickHouse said it."""
    code = getattr(error, "code", None)
    if code is None:
        digits = str(error).partition("Code: ")[2].partition(".")[0]
        code = int(digits) if digits.isdigit() else None
    return code


class Warehouse:
    """One connection that writes and some that read, each in a thread of its own; a component."""

    name = "warehouse"

    def __init__(self, settings: WarehouseSettings) -> None:
        self.settings = settings
        self._writer = ThreadPoolExecutor(1, "warehouse-writer")
        self._readers = ThreadPoolExecutor(READERS, "warehouse-reader")
        self._write_client: Client | None = None
        self._inserts: Any = None
        self._read_clients: list[Client] = []
        self._streams = threading.local()
        self._opened: list[Any] = []
        self._waiting = 0

    @property
    def embedded(self) -> bool:
        return self.settings.dsn.get_secret_value().startswith("chdb:")

    @property
    def path(self) -> str:
        """The directory of the embedded engine."""
        return self.settings.dsn.get_secret_value().removeprefix("chdb://")

    def client(self) -> Client:
        """A new client; the caller closes it. Raises WarehouseBusyError where nothing answers."""
        dsn = self.settings.dsn.get_secret_value()
        try:
            if self.embedded:
                return clickhouse_connect.get_client(dsn=dsn)
            return clickhouse_connect.get_client(
                dsn=dsn, autogenerate_session_id=False, connect_timeout=5, send_receive_timeout=120
            )
        except (ClickHouseError, OSError, RuntimeError) as error:
            raise WarehouseBusyError(
                f"cannot open the warehouse at {dsn.rpartition('@')[2]}: {_words(error)}"
            ) from error

    def _connect_embedded(self) -> Any:
        # Only where the DSN asks for the embedded engine is it installed.
        import chdb

        return chdb.connect(f"{self.path}?os_threads_nice_value_merge_mutate={MERGES_NICE}")

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        for noisy in _NOISY:
            logging.getLogger(noisy).setLevel(logging.ERROR)
        if self.embedded:
            # First: the engine takes its settings from whoever opens it.
            self._inserts = await loop.run_in_executor(self._writer, self._connect_embedded)
        self._write_client = await self._first_client()
        for _ in range(READERS):
            self._read_clients.append(await loop.run_in_executor(self._readers, self.client))

    async def _first_client(self) -> Client:
        """Waits a while for a server that does not answer yet; makes the database where a new one has none."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + CONNECT_WITHIN
        made = False
        while True:
            try:
                return await loop.run_in_executor(self._writer, self.client)
            except WarehouseBusyError as error:
                code = _code(error.__cause__)
                if code == UNKNOWN_DATABASE and not made:
                    await loop.run_in_executor(self._writer, self._make_database)
                    made = True
                    continue
                if self.embedded or code is not None or loop.time() > deadline:
                    raise
                log.warning("%s; trying again", error)
            await asyncio.sleep(0.5)

    def _make_database(self) -> None:
        cluster = f" ON CLUSTER '{self.settings.cluster}'" if self.settings.cluster else ""
        try:
            client = clickhouse_connect.get_client(
                dsn=self.settings.dsn.get_secret_value(), database="default", autogenerate_session_id=False
            )
            client.command(f"CREATE DATABASE IF NOT EXISTS {self.settings.database}{cluster}")
            client.close()
        except (ClickHouseError, OSError) as error:
            raise WarehouseBusyError(f"cannot make the database {self.settings.database}: {error}") from error

    async def stop(self) -> None:
        loop = asyncio.get_running_loop()
        for client in (*self._read_clients, self._write_client):
            if client is not None:
                await loop.run_in_executor(self._writer, client.close)
        if self._inserts is not None:
            await loop.run_in_executor(self._writer, self._inserts.close)
        for connection in self._opened:
            await loop.run_in_executor(self._writer, connection.close)
        self._opened.clear()
        self._read_clients.clear()
        self._write_client = self._inserts = None
        self._writer.shutdown(wait=True)
        self._readers.shutdown(wait=True)

    async def write(self, work: Callable[[Client], R]) -> R:
        """Run `work` with the writing client, one at a time. Raises WarehouseError."""
        client = self._write_client
        if client is None:
            raise WarehouseBusyError("the warehouse is not open")
        return await self._run(self._writer, work, client)

    async def read(self, work: Callable[[Client], R]) -> R:
        """Run `work` with a reading client. Raises WarehouseError."""
        if not self._read_clients:
            raise WarehouseBusyError("the warehouse is not open")
        if self._waiting >= QUEUE:
            raise WarehouseBusyError(f"{QUEUE} queries wait already; try again later")
        self._waiting += 1
        client = self._read_clients.pop(0)
        self._read_clients.append(client)
        try:
            return await self._run(self._readers, work, client)
        finally:
            self._waiting -= 1

    async def _run(self, executor: ThreadPoolExecutor, work: Callable[[Client], R], client: Client) -> R:
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, work, client)
        except (ClickHouseError, OSError) as error:
            raise classify(error) from error
        except RuntimeError as error:
            # The embedded engine raises its exceptions as RuntimeError; anything else is a fault of ours.
            if "Code: " not in str(error):
                raise
            raise classify(error) from error

    async def insert(self, table: str, data: pa.Table, token: str) -> None:
        """One block into `database.table`; a block whose token was inserted before is ignored, also by the rollups."""
        settings = {
            "insert_deduplication_token": token,
            "insert_deduplicate": 1,
            "deduplicate_blocks_in_dependent_materialized_views": 1,
            "input_format_null_as_default": 1,
            "async_insert": 0,
            "max_insert_block_size": 1_048_576,
            "min_insert_block_size_rows": 1_048_576,
            "min_insert_block_size_bytes": 1 << 30,
            "max_insert_threads": 1,
            "max_partitions_per_insert_block": 1_000,
        }
        name = f"{self.settings.database}.{table}"
        if self.embedded:
            await self.write(lambda _: self._stream(name, data, settings))
        else:
            await self.write(lambda client: client.insert_arrow(name, data, settings=settings))

    def _stream(self, name: str, data: pa.Table, settings: Mapping[str, Any]) -> None:
        """The rows into the engine through a file that is memory, without insert_arrow's file on the disk.

        Not by the engine's streaming insert, which says nothing of too many parts, a full disk or a failing view.
        """
        columns = ", ".join(f"`{column}`" for column in data.column_names)
        changed = ", ".join(
            f"{key} = {value!r}" if isinstance(value, str) else f"{key} = {value}"
            for key, value in settings.items()
        )
        assert self._inserts is not None
        with os.fdopen(os.memfd_create("block"), "wb") as file:
            with pa.ipc.new_stream(file, data.schema) as stream:
                stream.write_table(data)
            file.flush()
            path = f"/proc/self/fd/{file.fileno()}"
            self._inserts.query(
                f"INSERT INTO {name} ({columns}) FROM INFILE '{path}' SETTINGS {changed} FORMAT ArrowStream"
            )

    async def has_batch(self, table: str, gateway: str, epoch: str, sequence: int) -> bool:
        """Whether any row of the batch is stored."""
        found = await self.query_arrow(
            "SELECT 1 AS found FROM {database:Identifier}.{table:Identifier} WHERE gateway = {gateway:String} "
            "AND batch_epoch = {epoch:String} AND batch_sequence = {sequence:UInt64} LIMIT 1",
            {"database": self.settings.database, "table": table, "gateway": gateway, "epoch": epoch}
            | {"sequence": sequence},
        )
        return found.num_rows > 0

    async def query_arrow(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> pa.Table:
        """Rows of `sql` with bound `{name:Type}` parameters, within the time and memory limits."""
        bounds = {
            "max_execution_time": self.settings.query_seconds,
            "max_memory_usage": self.settings.query_memory_bytes,
            "readonly": 2,
            **(settings or {}),
        }
        if self.embedded:
            # The embedded engine has one session a connection: readonly would stick to the writer, too.
            del bounds["readonly"]
        return await self.read(
            lambda client: client.query_arrow(sql, parameters=dict(parameters or {}), settings=bounds)
        )

    async def query_stream(self, sql: str) -> bytes:
        """Rows of `sql`, a statement of ours without SETTINGS, as the Arrow IPC stream that the engine writes.

        For questions of a few milliseconds: nothing is parsed, converted or written again on the way.
        """
        bounds = {
            "max_execution_time": self.settings.query_seconds,
            "max_memory_usage": self.settings.query_memory_bytes,
            "max_threads": 1,
        }
        if not self.embedded:
            return await self.read(
                lambda client: client.raw_query(sql, settings={**bounds, "readonly": 2}, fmt="ArrowStream")
            )
        bounded = f"{sql} SETTINGS " + ", ".join(f"{name} = {value}" for name, value in bounds.items())
        return await self.read(lambda _: self._stream_of_thread().query(bounded, "ArrowStream").bytes())

    def _stream_of_thread(self) -> Any:
        """The reading thread's own connection."""
        connection = getattr(self._streams, "connection", None)
        if connection is None:
            connection = self._streams.connection = self._connect_embedded()
            self._opened.append(connection)
        return connection
