"""Reports of forged sources on the real bus: rows in the warehouse, once."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from nats.js.api import StreamConfig

from sixfold.agent.datagrams import address_bytes
from sixfold.api.agent.v1 import agent_pb2 as agent
from sixfold.api.subjects import REPORT_STREAM, report_subject
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.telemetry import Telemetry
from sixfold.chassis.testing import assert_eventually
from sixfold.credit.config import CreditSettings, WarehouseSettings
from sixfold.credit.service import Dependencies, build

pytestmark = [pytest.mark.nats, pytest.mark.clickhouse]
NOW = datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC)


def report(gateway: str, packets: int, *sources: tuple[str, int]) -> agent.SpoofedSources:
    made = agent.SpoofedSources(
        gateway=gateway, action=agent.SourceValidation.ACTION_DROP, packets=packets, bytes=packets * 100
    )
    made.since.FromDatetime(NOW.replace(second=0))
    made.until.FromDatetime(NOW)
    for address, number in sources:
        made.sources.add(interface="a0", address=address_bytes(address), packets=number, bytes=number * 100)
    return made


async def test_every_report_is_rows_once_and_a_wrong_one_a_dead_letter(
    tmp_path: Path, messaging: Messaging, telemetry: Telemetry
) -> None:
    settings = CreditSettings(warehouse=WarehouseSettings(dsn=f"chdb://{tmp_path / 'warehouse'}"))  # type: ignore[arg-type]
    service = build(settings, Dependencies(messaging, telemetry))
    await service.start()
    try:
        await messaging.ensure_stream(StreamConfig(name=REPORT_STREAM, subjects=["report.>"]))
        told = report("gw-1", 12, ("2001:db8:bad::1", 7), ("192.0.2.66", 3)).SerializeToString()
        await messaging.publish(report_subject("gw-1", "spoofed-source"), told)
        await messaging.publish(report_subject("gw-2", "spoofed-source"), told)  # it speaks for another
        await messaging.publish(report_subject("gw-1", "policy"), b"\xff")  # another kind: not ours
        last = report("gw-1", 5, ("2001:db8:bad::2", 5)).SerializeToString()
        await messaging.publish(report_subject("gw-1", "spoofed-source"), last)

        async def stored() -> list | None:
            table = await service.warehouse.query_arrow(
                "SELECT replaceOne(toString(address), '::ffff:', '') AS source, interface, packets, bytes, dropped "
                "FROM sixfold.spoofed_sources ORDER BY packets"
            )
            return table.to_pylist() if table.num_rows >= 4 else None

        found = await assert_eventually(stored, timeout=60)
        assert [(row["source"], row["interface"], row["packets"], row["bytes"]) for row in found] == [
            ("::", "", 2, 200), ("192.0.2.66", "a0", 3, 300),
            ("2001:db8:bad::2", "a0", 5, 500), ("2001:db8:bad::1", "a0", 7, 700),
        ]  # fmt: skip
        assert all(row["dropped"] for row in found)
        hour = await service.warehouse.query_arrow(
            "SELECT sum(packets) AS packets, sum(sources) AS sources FROM sixfold.v_spoofed_sources_hour"
        )
        assert hour.to_pylist() == [{"packets": 17, "sources": 3}]

        async def dead() -> bool:
            info = await messaging.js.stream_info("DEAD")
            return info.state.messages == 1

        await assert_eventually(dead, timeout=60)
    finally:
        await service.stop()
