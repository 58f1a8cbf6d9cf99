"""A ClickHouse that refuses: the loader waits and says so, and stores every flow once when it may again."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from sixfold.api.flow.codec import record_batch
from sixfold.api.flow.schema import FLOW
from sixfold.api.subjects import DEAD_LETTER_STREAM, partition_of
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.testing import assert_eventually
from sixfold.credit.config import WarehouseSettings
from sixfold.credit.warehouse.connection import Warehouse, WarehouseBusyError, classify
from sixfold.credit.warehouse.migrate import migrate
from sixfold.local.observe import samples, total
from tests.chaos.http_warehouse import Credit, Engine

from .flow_batches import batch, columns, holds, publish

pytestmark = [pytest.mark.nats, pytest.mark.clickhouse, pytest.mark.timeout(240)]
LOADER = f"loader-flow-{partition_of('gw-1')}"

Act = Callable[[Engine], Awaitable[None]]


async def unreachable(engine: Engine) -> None:
    await asyncio.to_thread(engine.kill)


async def reachable(engine: Engine) -> None:
    await engine.start()


async def too_many_parts(engine: Engine) -> None:
    await engine.write("SYSTEM STOP MERGES sixfold.flows")
    await engine.write(
        "ALTER TABLE sixfold.flows MODIFY SETTING parts_to_delay_insert = 1, parts_to_throw_insert = 1"
    )


async def parts_again(engine: Engine) -> None:
    await engine.write("ALTER TABLE sixfold.flows RESET SETTING parts_to_delay_insert, parts_to_throw_insert")
    await engine.write("SYSTEM START MERGES sixfold.flows")


async def another_password(engine: Engine) -> None:
    engine.password_file.rename(engine.password_file.with_suffix(".old"))
    await asyncio.to_thread(engine.kill)
    await engine.start()


async def the_same_password(engine: Engine) -> None:
    engine.password_file.with_suffix(".old").replace(engine.password_file)
    await asyncio.to_thread(engine.kill)
    await engine.start()


async def test_a_clickhouse_that_refuses_is_waited_for_and_nothing_is_lost(
    messaging: Messaging, tmp_path: Path
) -> None:
    engine = Engine(tmp_path / "engine")
    await engine.start()
    dsn = f"http://loader:{engine.password}@127.0.0.1:{engine.port}/sixfold"
    credit = Credit(tmp_path / "credit", messaging.settings.servers[0], dsn)
    await asyncio.to_thread(engine.kill)
    try:
        await credit.start()
        assert '"credit"' in await credit.until_ready(False)
        await assert_eventually(lambda: "cannot open the warehouse" in credit.log(), 30)
        await engine.start()
        await credit.until_ready()
        stored, waited = 0, 0.0
        refusals: list[tuple[Act, Act, str]] = [
            (unreachable, reachable, "Connection refused"),
            (too_many_parts, parts_again, "TOO_MANY_PARTS"),
            (another_password, the_same_password, "AUTHENTICATION_FAILED"),
        ]
        for number, (begin, end, cause) in enumerate(refusals):
            for sequence in (3 * number + 1, 3 * number + 2):
                await publish(messaging, *batch(sequence)[:2])
                stored += 100
                await assert_eventually(lambda stored=stored: has(engine, stored), 30)
            await assert_eventually(lambda: holds(messaging, 0), 30)
            await begin(engine)
            await publish(messaging, *batch(3 * number + 3)[:2])
            stored += 100
            assert LOADER in await credit.until_ready(False)
            await assert_eventually(lambda cause=cause: cause in credit.log(), 30)
            waited, before = await waiting(credit), waited
            assert waited > before, "each try is counted"
            await assert_eventually(lambda: holds(messaging, 1), 30)  # it stays in the stream, and only it
            await end(engine)
            await credit.until_ready()
            await assert_eventually(lambda stored=stored: has(engine, stored), 30)
        assert (await messaging.js.stream_info(DEAD_LETTER_STREAM)).state.messages == 0
    finally:
        credit.kill()
        engine.kill()


async def has(engine: Engine, rows: int) -> bool:
    return await engine.ask("SELECT count() FROM sixfold.flows") == [[rows]]


async def waiting(credit: Credit) -> float:
    _, page = await credit.get("/metrics")
    return total(samples(page), "loader_batches_total", outcome="waiting")


PARTS = "parts_to_delay_insert = 1, parts_to_throw_insert = 1"
FAILING = "CREATE MATERIALIZED VIEW sixfold.failing_mv TO sixfold.traffic_hour AS SELECT throwIf(bytes >= 0) AS flows"
REFUSALS = {
    "TOO_MANY_PARTS": (
        f"ALTER TABLE sixfold.flows MODIFY SETTING {PARTS}",
        "ALTER TABLE sixfold.flows RESET SETTING parts_to_delay_insert, parts_to_throw_insert",
    ),
    "TOO_MANY_PARTS: while pushing to view": (
        f"ALTER TABLE sixfold.traffic_hour MODIFY SETTING {PARTS}",
        "ALTER TABLE sixfold.traffic_hour RESET SETTING parts_to_delay_insert, parts_to_throw_insert",
    ),
    "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO": (
        f"{FAILING} FROM sixfold.flows",
        "DROP VIEW sixfold.failing_mv SYNC",
    ),
    "NOT_ENOUGH_SPACE": (
        "ALTER TABLE sixfold.flows MODIFY SETTING min_free_disk_bytes_to_perform_insert = 1000000000000000",
        "ALTER TABLE sixfold.flows RESET SETTING min_free_disk_bytes_to_perform_insert",
    ),
}


@pytest.mark.parametrize("cause", REFUSALS)
async def test_the_embedded_engine_tells_that_it_has_not_stored_a_block(tmp_path: Path, cause: str) -> None:
    settings = WarehouseSettings(dsn=f"chdb://{tmp_path / 'warehouse'}")
    warehouse = Warehouse(settings)
    await warehouse.start()
    try:
        await warehouse.write(lambda client: migrate(client, settings))
        blocks = [columns(1_000, seed) for seed in (1, 2)]
        tables = [pa.Table.from_batches([record_batch(FLOW, one)]) for one in blocks]
        await warehouse.insert("flows", tables[0], "first")
        begin, end = REFUSALS[cause]
        await warehouse.write(lambda client: client.command(begin))
        for _ in range(2):
            with pytest.raises(WarehouseBusyError, match=cause.partition(":")[0]):
                await warehouse.insert("flows", tables[1], "second")
        await warehouse.write(lambda client: client.command(end))
        for _ in range(2):
            await warehouse.insert("flows", tables[1], "second")
        expected = {"n": [2_000], "octets": [sum(int(one["bytes"].sum()) for one in blocks)]}
        for table, number in (
            ("flows", "count()"),
            ("traffic_minute", "sum(flows)"),
            ("traffic_hour", "sum(flows)"),
        ):
            sql = f"SELECT toInt64({number}) AS n, toInt64(sum(bytes)) AS octets FROM sixfold.{table}"
            assert (await warehouse.query_arrow(sql)).to_pydict() == expected, table
    finally:
        await warehouse.stop()


@pytest.mark.parametrize("code", [164, 202, 210, 241, 242, 243, 252, 319, 516, 999])
def test_what_a_server_may_get_over_is_no_refusal_of_the_data(code: int) -> None:
    assert isinstance(classify(DatabaseError(f"Code: {code}. DB::Exception: no")), WarehouseBusyError)
