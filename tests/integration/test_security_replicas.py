"""Two replicas of the security centre as processes: they share the partitions, one is killed, the other takes over."""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from nats.js.api import StreamConfig

from sixfold.api.flow.codec import encode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import FLOW
from sixfold.api.security.v1 import security_pb2 as pb
from sixfold.api.security.v1.security_pb2_grpc import SecurityServiceStub
from sixfold.api.subjects import FLOW_STREAM, PARTITIONS, flow_subject, partition_of
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.rpc import connect
from sixfold.chassis.testing import free_port

from .one_detector import as_toml, without_others

pytestmark = [pytest.mark.nats, pytest.mark.timeout(240)]
Eventually = Callable[..., Awaitable[Any]]


def gateways() -> list[str]:
    """One of each partition."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < PARTITIONS:
        found.setdefault(partition_of(f"gw-{number}"), f"gw-{number}")
        number += 1
    return [found[partition] for partition in range(PARTITIONS)]


def attack(victim: int, rows: int = 100) -> dict[str, np.ndarray]:
    now = np.full(rows, int(datetime.now(UTC).timestamp() * 1000), np.int64)
    source = np.zeros((rows, 16), np.uint8)
    source[:, :4] = (0x20, 0x01, 0x0D, 0xB8)
    destination = source.copy()
    source[:, 15] = np.arange(rows) % 250
    destination[:, 7], destination[:, 15] = victim, 1
    values = {
        "time_start": now - 900, "time_end": now, "time_received": now, "exporter": source, "src_address": source,
        "dst_address": destination, "src_port": 123, "dst_port": 4_000, "protocol": 17, "bytes": 50_000,
        "packets": 40, "sampling_rate": 1,
    }  # fmt: skip
    return {
        name: value if isinstance(value, np.ndarray) else np.full(rows, value, FLOW.column(name).dtype)
        for name, value in values.items()
    }


@dataclass
class Replica:
    name: str
    config: Path
    stub: Any
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sixfold.security", "--config", str(self.config)]
        )

    def end(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(60)
            self.process = None

    async def shares(self) -> dict[str, int]:
        """Partitions by replica; empty while it does not answer."""
        try:
            answer = await self.stub.ListReplicas(pb.ListReplicasRequest(), timeout=5)
        except grpc.aio.AioRpcError:
            return {}
        return {one.name: len(one.partitions) for one in answer.replicas}

    async def held(self) -> set[int]:
        answer = await self.stub.ListReplicas(pb.ListReplicasRequest(), timeout=10)
        return {partition for one in answer.replicas if one.name == self.name for partition in one.partitions}

    async def incidents(self) -> list[pb.Incident]:
        return list(
            (await self.stub.ListIncidents(pb.ListIncidentsRequest(page_size=500), timeout=10)).incidents
        )


@pytest.fixture
async def replicas(tmp_path: Path, nats_url: str, messaging: Messaging) -> AsyncIterator[list[Replica]]:
    await messaging.ensure_stream(StreamConfig(name=FLOW_STREAM, subjects=["flow.>"]))
    async with AsyncExitStack() as channels:
        made: list[Replica] = []
        for name in ("one", "other"):
            port, config = free_port(), tmp_path / f"{name}.toml"
            config.write_text(
                f'[nats]\nservers = ["{nats_url}"]\n[rpc]\nport = {port}\n[replica]\nname = "{name}"\n'
                "[incidents]\nupdate_seconds = 0.5\n[volumetric.host]\nbits_per_second = 1e6\n"
                "packets_per_second = 1e9\nflows_per_second = 1e9\n" + as_toml(without_others("volumetric"))
            )
            channel = await channels.enter_async_context(connect(f"127.0.0.1:{port}"))
            made.append(Replica(name, config, SecurityServiceStub(channel)))
        yield made
        for one in made:
            one.end(signal.SIGKILL)


async def test_a_killed_replica_s_partitions_go_on_with_no_incident_twice(
    replicas: list[Replica], messaging: Messaging, assert_eventually: Eventually
) -> None:
    one, other = replicas
    for replica in replicas:
        replica.start()

    async def even() -> bool:
        return await one.shares() == await other.shares() == {"one": 2, "other": 2}

    await assert_eventually(even, timeout=60)
    everywhere = set(range(PARTITIONS))
    victims = {1: everywhere}
    sequence = 0

    async def publish() -> None:
        """Every victim is attacked through the gateways of its partitions."""
        nonlocal sequence
        while True:
            sequence += 1
            for partition, gateway in enumerate(gateways()):
                columns = [attack(victim) for victim, through in victims.items() if partition in through]
                batch = {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}
                data, count = encode(FLOW, batch), len(batch["time_end"])
                headers = BatchHeaders(FLOW.version, gateway, "*", "e1", sequence, 0, count, 0, 0).to_nats()
                await messaging.publish(flow_subject(gateway), data, headers=headers)
            await asyncio.sleep(0.2)

    publishing = asyncio.create_task(publish())

    async def told(replica: Replica, count: int, detectors: str = "volumetric") -> bool:
        found = [incident for incident in await replica.incidents() if incident.vector == detectors]
        return len(found) >= count

    await assert_eventually(lambda: told(one, 1), timeout=60)
    await assert_eventually(lambda: told(other, 1), timeout=60)  # each reads what the other has written
    orphaned = await one.held()
    one.end(signal.SIGKILL)
    victims[2] = orphaned
    await assert_eventually(lambda: told(other, 2), timeout=60)

    async def all_taken() -> bool:
        return await other.shares() == {"other": PARTITIONS}

    await assert_eventually(all_taken, timeout=60)
    one.start()
    await assert_eventually(even, timeout=60)
    orphaned = await other.held()
    other.end(signal.SIGKILL)
    victims[3] = orphaned
    await assert_eventually(lambda: told(one, 3), timeout=60)
    publishing.cancel()
    await asyncio.gather(publishing, return_exceptions=True)
    counts = Counter((incident.victim, incident.vector) for incident in await one.incidents())
    assert {victim for victim, vector in counts if vector == "volumetric"} >= {
        f"2001:db8:0:{victim}::1/128" for victim in (1, 2, 3)
    }
    assert set(counts.values()) == {1}
