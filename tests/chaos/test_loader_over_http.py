"""Loader and engine apart, HTTP between them: either killed in the midst of an insert, and every flow is there once."""

import secrets
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest

from sixfold.api.subjects import flow_subject
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.testing import assert_eventually
from tests.integration.flow_batches import batch

from .http_warehouse import Credit, Cut, Engine, Line

pytestmark = [pytest.mark.nats, pytest.mark.clickhouse, pytest.mark.chaos, pytest.mark.timeout(300)]
ROWS = 20_000
BATCHES = (
    "SELECT batch_sequence AS number, count(), sum(bytes) FROM sixfold.flows GROUP BY number ORDER BY number"
)


async def test_killed_in_the_midst_of_an_insert(tmp_path: Path, messaging: Messaging) -> None:
    engine = Engine(tmp_path / "engine")
    await engine.start()
    async with Line(engine.port).open() as line:
        credit = Credit(
            tmp_path / "credit",
            messaging.settings.servers[0],
            f"http://loader:{engine.password}@127.0.0.1:{line.port}/sixfold",
        )
        await credit.start()
        try:
            await credit.until_ready()
            expected: list[list[Any]] = []
            for victim, cut in product((credit, engine), get_args(Cut)):
                line.arm(cut)
                for sequence in range(len(expected) + 1, len(expected) + 4):
                    headers, data, octets = batch(sequence, ROWS)
                    # Another message id each time: only the loader keeps a batch from being stored twice.
                    for _ in range(2):
                        await messaging.publish(
                            flow_subject("gw-1"), data, headers=headers, message_id=secrets.token_hex(8)
                        )
                    expected.append([sequence, ROWS, octets])
                await assert_eventually(line.reached.is_set, 30)
                before = (await engine.ask(BATCHES)) or []
                if cut == "half the body":
                    assert before == expected[:-3]
                else:
                    assert before == expected[: len(before)]
                    assert len(before) > len(expected) - 3, (
                        "the engine has the block, and the loader does not know"
                    )
                victim.kill()
                line.release()
                await victim.start()
                await credit.until_ready()
                await assert_eventually(lambda: _are(engine, expected), 60)
            await assert_eventually(lambda: _is_empty(messaging), 30)
            assert await engine.ask(BATCHES) == expected
            totals = [[len(expected) * ROWS, sum(octets for _, _, octets in expected)]]
            assert await engine.ask("SELECT sum(flows), sum(bytes) FROM sixfold.traffic_minute") == totals
            assert await engine.ask("SELECT sum(flows), sum(bytes) FROM sixfold.traffic_hour") == totals
        finally:
            credit.kill()
            engine.kill()


async def _are(engine: Engine, expected: list[list[Any]]) -> bool:
    return await engine.ask(BATCHES) == expected


async def _is_empty(messaging: Messaging) -> bool:
    return (await messaging.js.stream_info("FLOWS")).state.messages == 0
