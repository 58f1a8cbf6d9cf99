"""A warehouse with a little of everything, brought in by the loader over the http DSN.

Everything arrived ten minutes into the hour before this one, but for one flow two days earlier.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from sixfold.agent.datagrams import address_bytes
from sixfold.api.agent.v1.agent_pb2 import Heartbeat, Listener
from sixfold.api.flow.codec import encode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import ADDRESS, FLOW, INTERFACE_COUNTER, NAT_SESSION, BatchSchema
from sixfold.api.subjects import counter_subject, flow_subject, heartbeat_subject, nat_subject
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.telemetry import TelemetrySettings, setup
from sixfold.chassis.testing import NatsServer, assert_eventually
from sixfold.credit.config import CreditSettings, LoaderSettings, WarehouseSettings
from sixfold.credit.service import Dependencies, build

from .clickhouse_server import ClickHouseServer, clickhouse_server

Row = Mapping[str, Any]
HOUR = (datetime.now(UTC) - timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
ARRIVAL = int((HOUR + timedelta(minutes=10)).timestamp() * 1000)
TWO_DAYS = 2 * 86_400_000
TCP, UDP = 6, 17


def _flow(src: str, dst: str, ports: tuple[int, int], protocol: int, octets: int, **more: Any) -> Row:
    return {
        "time_start": ARRIVAL - 30_000,
        "time_end": ARRIVAL - 1_000,
        "time_received": ARRIVAL,
        "src_address": src,
        "dst_address": dst,
        "src_port": ports[0],
        "dst_port": ports[1],
        "protocol": protocol,
        "bytes": octets,
        "packets": octets // 100,
        "sampling_rate": 1,
    } | more


SEEN_TWICE = ("2001:db8:1::1", "2001:db8:2::2", (50_000, 443), TCP)
FLOWS: Mapping[str, Sequence[Row]] = {
    "gw-1": [
        {"exporter": "192.0.2.1", **flow}
        for flow in (
            _flow(*SEEN_TWICE, 3_000),
            _flow("198.51.100.7", "203.0.113.9", (40_000, 443), TCP, 1_000),
            _flow("2001:db8:1::1", "64:ff9b::cb00:7109", (5_353, 53), UDP, 500),
            _flow(
                *("100.64.0.1", "203.0.113.9", (40_001, 443), TCP, 500),
                post_nat_src_address="198.18.0.0",
                post_nat_src_port=13_501,
            ),
        )
    ],
    "gw-2": [
        {"exporter": "192.0.2.2", **flow}
        for flow in (
            _flow(*SEEN_TWICE, 2_900),
            _flow(
                *("2001:db8:ff1f::35", "ff3e:20:2001:db8::8000:35", (5_000, 5_000), UDP, 10_000),
                sampling_rate=0,
            ),
            _flow("2001:db8:1::1", "2001:db8:2::2", (50_001, 443), TCP, 11_000)
            | {"time_received": ARRIVAL - TWO_DAYS},
        )
    ],
}


def _event(event: int, seconds: int, **more: Any) -> Row:
    return {
        "time": ARRIVAL + seconds * 1000,
        "time_received": ARRIVAL + seconds * 1000,
        "exporter": "192.0.2.1",
        "event": event,
        "protocol": 0,
        "post_nat_src_address": "198.18.0.0",
        "src_port": 0,
        "post_nat_src_port": 0,
    } | more


_EARLIER = {
    "src_address": "2001:db8:0:20::9",
    "protocol": TCP,
    "src_port": 40_000,
    "post_nat_src_port": 13_500,
}
NAT_EVENTS: Sequence[Row] = [
    _event(6, 1, **_EARLIER),
    _event(7, 5, **_EARLIER),
    _event(16, 10, src_address="2001:db8:0:10::7", port_block_start=13_120, port_block_end=14_127),
    _event(16, 11, src_address="2001:db8:0:30::8", port_block_start=14_128, port_block_end=15_135),
]
COUNTERS: Sequence[Row] = [
    {
        "time_received": ARRIVAL + seconds * 1000,
        "exporter": "192.0.2.5",
        "source_index": 3,
        "if_index": 3,
        "in_octets": 1_000_000 + seconds * 1_000,
        "out_octets": 2_000_000 + seconds * 500,
    }
    for seconds in (0, 20)
]


def _columns(schema: BatchSchema, rows: Sequence[Row]) -> dict[str, np.ndarray]:
    told = {name for row in rows for name in row}
    made: dict[str, np.ndarray] = {}
    for column in schema.columns:
        if not column.required and column.name not in told:
            continue
        values = [row.get(column.name, "::" if column.kind == ADDRESS else 0) for row in rows]
        made[column.name] = (
            np.stack([np.frombuffer(address_bytes(value), np.uint8) for value in values])
            if column.kind == ADDRESS
            else np.array(values, dtype=column.dtype)
        )
    return made


async def _publish(
    messaging: Messaging, subject: str, schema: BatchSchema, gateway: str, rows: Sequence[Row]
) -> None:
    times = [row["time_received"] for row in rows]
    headers = BatchHeaders(schema.version, gateway, "*", "e1", 1, 1, len(rows), min(times), max(times))
    data = encode(schema, _columns(schema, rows))
    # A retry with the same number and another message id: the warehouse itself must know it.
    for attempt in ("first", "again"):
        await messaging.publish(subject, data, headers=headers.to_nats(), message_id=f"{subject}-{attempt}")


def _heartbeat(gateway: str, counters: Mapping[str, int], troubles: Sequence[str] = ()) -> Heartbeat:
    beat = Heartbeat(
        gateway=gateway,
        agent_version="0.1.0",
        epoch="e1",
        exporters=1,
        templates=2,
        counters=counters,
        troubles=troubles,
        listeners=[Listener(protocol="ipfix", port=4739, kernel_drops=4)],
    )
    beat.time.FromDatetime(datetime.now(UTC))
    beat.started.FromDatetime(HOUR)
    return beat


HEARTBEATS = (
    _heartbeat(
        "gw-1",
        {
            'sequence_lost{domain="1",exporter="192.0.2.1"}': 12,
            'sequence_late{domain="1",exporter="192.0.2.1"}': 2,
            'kernel_drops{port="4739"}': 4,
            'netflow_malformed{cause="trailing-bytes"}': 1,
            "flows": 4,
            'sets_without_template{exporter="192.0.2.1"}': 0,
        },
        ["4 datagrams were dropped"],
    ),
    _heartbeat("gw-2", {'flows_unknown_sampling{exporter="192.0.2.2"}': 1, "flows": 3}),
)


async def _fill(server: ClickHouseServer, nats: str) -> None:
    telemetry = setup(TelemetrySettings(), service="test")
    messaging = Messaging(NatsSettings(servers=(nats,), name="test"))
    await messaging.start()
    settings = CreditSettings(
        warehouse=WarehouseSettings(dsn=server.dsn), loader=LoaderSettings(linger=0.05, stream_bytes=1 << 28)
    )
    credit = build(settings, Dependencies(messaging, telemetry))
    await credit.start()
    for gateway, rows in FLOWS.items():
        await _publish(messaging, flow_subject(gateway), FLOW, gateway, rows)
    await _publish(messaging, nat_subject("gw-1"), NAT_SESSION, "gw-1", NAT_EVENTS)
    await _publish(messaging, counter_subject("gw-1"), INTERFACE_COUNTER, "gw-1", COUNTERS)
    for beat in HEARTBEATS:
        await messaging.publish(heartbeat_subject(beat.gateway), beat.SerializeToString())
    counts = {"flows": 7, "nat_sessions": 4, "interface_counters": 2, "gateways": 2}

    async def stored() -> bool:
        sql = "SELECT " + ", ".join(f"(SELECT count() FROM sixfold.{table})" for table in counts)
        found = await asyncio.to_thread(server.as_loader, sql)
        streams = [await messaging.js.stream_info(name) for name in ("FLOWS", "NAT", "EXPORTERS")]
        drained = all(stream.state.messages == 0 for stream in streams)
        return drained and [int(n) for n in found.text.split("\t")] == list(counts.values())

    await assert_eventually(stored, 60)
    await credit.stop()
    await messaging.stop()
    telemetry.shutdown()


def _attribute(server: ClickHouseServer) -> None:
    """A flow with a pseudonym, which the batches of this schema do not carry."""
    names = "time_received, time_start, time_end, gateway, exporter, src_address, dst_address, src_port, dst_port, "
    names += "protocol, bytes, packets, sampling_rate, subscriber"
    when = f"fromUnixTimestamp64Milli({ARRIVAL})"
    reply = server.as_loader(
        f"INSERT INTO sixfold.flows ({names}) SELECT {when}, {when}, {when}, 'gw-3', '::ffff:192.0.2.3', "
        "'2001:db8:1::99', '2001:db8:2::2', 50009, 443, 6, 7000, 70, 1, 'p-7f3a'"
    )
    assert reply.status == 200, reply.text


@contextmanager
def analyst_warehouse(folder: Path) -> Iterator[ClickHouseServer]:
    nats = NatsServer(folder / "nats")
    nats.start()
    try:
        with clickhouse_server(folder / "clickhouse") as server:
            asyncio.run(_fill(server, nats.url))
            _attribute(server)
            yield server
    finally:
        nats.stop()
