"""What a policy would have met among the stored flows, on the real engine, as the servicer answers it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sixfold.agent.datagrams import address_bytes
from sixfold.api.agent.v1.agent_pb2 import PolicyMatch
from sixfold.api.credit.v1.credit_pb2 import SumFlowsRequest, SumFlowsResponse
from sixfold.api.flow.codec import record_batch
from sixfold.api.flow.schema import FLOW
from sixfold.chassis.rpc import InvalidArgument
from sixfold.credit.config import WarehouseSettings
from sixfold.credit.servicer import CreditServicer
from sixfold.credit.warehouse.connection import Warehouse
from sixfold.credit.warehouse.migrate import migrate

pytestmark = [pytest.mark.clickhouse, pytest.mark.timeout(120)]
NOW = datetime.now(UTC).replace(microsecond=0)
SPLIT = NOW - timedelta(minutes=10)
VICTIM, OTHER, VICTIM6 = "203.0.113.7", "203.0.113.8", "2001:db8::7"
# minutes before now, source, destination, ports, protocol, flags, bytes, packets
ROWS = [
    (30, "192.0.2.1", VICTIM, (40_000, 443), 6, 0x1B, 5_000, 10),
    (5, "192.0.2.1", VICTIM, (40_001, 443), 6, 0x1B, 7_000, 10),
    (30, "192.0.2.2", VICTIM, (40_000, 443), 6, 0x1B, 1_000, 1),
    (5, "198.51.100.1", VICTIM, (53, 9_999), 17, 0, 100_000, 100),
    (5, "198.51.100.2", VICTIM, (53, 9_999), 17, 0, 200_000, 200),
    (5, "198.51.100.2", OTHER, (53, 9_999), 17, 0, 400_000, 400),
    (5, "2001:db8:ff::1", VICTIM6, (1, 80), 6, 0x02, 60, 1),
    (90, "192.0.2.3", VICTIM, (40_000, 443), 6, 0x1B, 9_000, 10),
]


def _table() -> pa.Table:
    def moment(minutes: int) -> int:
        return int((NOW - timedelta(minutes=minutes)).timestamp() * 1000)

    def addresses(place: int) -> np.ndarray:
        return np.stack([np.frombuffer(address_bytes(str(row[place])), np.uint8) for row in ROWS])

    def numbers(values: list[Any], name: str) -> np.ndarray:
        return np.array(values, FLOW.column(name).dtype)

    times = np.array([moment(row[0]) for row in ROWS], np.int64)
    columns = {
        "time_received": times, "time_start": times, "time_end": times,
        "exporter": addresses(1), "src_address": addresses(1), "dst_address": addresses(2),
        "src_port": numbers([row[3][0] for row in ROWS], "src_port"),
        "dst_port": numbers([row[3][1] for row in ROWS], "dst_port"),
        "protocol": numbers([row[4] for row in ROWS], "protocol"),
        "tcp_flags": numbers([row[5] for row in ROWS], "tcp_flags"),
        "bytes": numbers([row[6] for row in ROWS], "bytes"),
        "packets": numbers([row[7] for row in ROWS], "packets"),
        "sampling_rate": numbers([1] * len(ROWS), "sampling_rate"),
    }  # fmt: skip
    table = pa.Table.from_batches([record_batch(FLOW, columns)])
    return table.append_column("gateway", pa.array(["gw-1"] * (len(ROWS) - 1) + ["gw-2"]))


@pytest.fixture
async def servicer(tmp_path: Path) -> AsyncIterator[CreditServicer]:
    settings = WarehouseSettings(dsn=f"chdb://{tmp_path / 'warehouse'}")
    warehouse = Warehouse(settings)
    await warehouse.start()
    try:
        await warehouse.write(lambda client: migrate(client, settings))
        await warehouse.insert("flows", _table(), "first")
        yield CreditServicer(warehouse, SimpleNamespace(newest={}), [])  # type: ignore[arg-type]
    finally:
        await warehouse.stop()


async def ask(servicer: CreditServicer, match: PolicyMatch, **more: Any) -> SumFlowsResponse:
    request = SumFlowsRequest(match=match, **more)
    request.start_time.FromDatetime(NOW - timedelta(hours=1))
    request.end_time.FromDatetime(NOW)
    request.split_time.FromDatetime(SPLIT)
    return await servicer.SumFlows(request, None)


async def test_sums_by_prefix_port_flags_length_and_split(servicer: CreditServicer) -> None:
    whole = await ask(servicer, PolicyMatch(destinations=[f"{VICTIM}/32"]))
    assert whole == SumFlowsResponse(
        flows=5, bytes=313_000, packets=321, sources=4, destinations=1,
        before_flows=2, before_bytes=6_000, before_sources=2,
        known_flows=1, known_bytes=7_000, known_sources=1,
    )  # fmt: skip
    reflected = PolicyMatch(destinations=["203.0.113.0/24"], protocols=[17])
    reflected.source_ports.add(first=53, last=53)
    found = await ask(servicer, reflected)
    assert (found.flows, found.sources, found.destinations, found.before_flows) == (3, 2, 2, 0)
    opening = PolicyMatch(destinations=[f"{VICTIM6}/128"], protocols=[6], tcp_flags_mask=18, tcp_flags=2)
    assert (await ask(servicer, opening)).flows == 1
    large = PolicyMatch(sources=["192.0.2.0/24", "2001:db8::/32"])
    large.lengths.add(first=600, last=65_535)
    assert (await ask(servicer, large)).bytes == 8_000
    assert (await ask(servicer, PolicyMatch(destinations=[f"{VICTIM}/32"]), gateways=["gw-2"])).flows == 0
    assert (await ask(servicer, PolicyMatch(destinations=["192.0.2.200/32"]))) == SumFlowsResponse()


@pytest.mark.parametrize(
    ("match", "reason"),
    [
        (PolicyMatch(), "MATCH_INVALID"),
        (PolicyMatch(destinations=["0.0.0.0/0"]), "MATCH_INVALID"),
        (PolicyMatch(destinations=["x') OR 1 --"]), "MATCH_INVALID"),
        (
            PolicyMatch(sources=[f"10.{n // 128}.{2 * (n % 128)}.0/24" for n in range(300)]),
            "TOO_MANY_PREFIXES",
        ),
    ],
)
async def test_what_is_no_choice_of_packets_is_refused(match: PolicyMatch, reason: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await CreditServicer(None, None, []).SumFlows(SumFlowsRequest(match=match), None)  # type: ignore[arg-type]
    assert refused.value.reason == reason
