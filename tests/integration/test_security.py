"""The security centre as its own process: over gRPC, on a real bus, through kill -9."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from nats.js.api import StreamConfig

from sixfold.api.flow.codec import encode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import FLOW
from sixfold.api.security.v1 import security_pb2 as pb
from sixfold.api.security.v1.security_pb2_grpc import SecurityServiceStub
from sixfold.api.subjects import FLOW_STREAM, flow_subject
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.rpc import connect, reason_of
from sixfold.chassis.testing import free_port

from .one_detector import as_toml, without_others

pytestmark = pytest.mark.nats
Eventually = Callable[..., Awaitable[Any]]
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Centre:
    """One process of the centre, which can be killed and started again on the same ports."""

    def __init__(self, folder: Path, url: str) -> None:
        self.rpc, self.health = free_port(), free_port()
        self.traces = folder / "traces.jsonl"
        self._config = folder / "security.toml"
        self._config.write_text(
            f'[nats]\nservers = ["{url}"]\n[rpc]\nport = {self.rpc}\n[health]\nport = {self.health}\n'
            f'[telemetry]\ntraces_file = "{self.traces}"\n'
            "[incidents]\nupdate_seconds = 0.2\n[volumetric.host]\nbits_per_second = 1e6\n"
            "packets_per_second = 1e9\nflows_per_second = 1e9\n" + as_toml(without_others("volumetric"))
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sixfold.security", "--config", str(self._config)]
        )

    def end(self, number: int) -> int:
        assert self._process is not None
        os.kill(self._process.pid, number)
        code = self._process.wait(30)
        self._process = None
        return code

    def clean(self) -> None:
        if self._process is not None:
            self.end(signal.SIGKILL)

    async def ready(self) -> bool:
        return await asyncio.to_thread(self._ready)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health}/readyz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False


@pytest.fixture
async def centre(tmp_path: Path, nats_url: str, messaging: Messaging) -> AsyncIterator[Centre]:
    await messaging.ensure_stream(StreamConfig(name=FLOW_STREAM, subjects=["flow.>"]))
    made = Centre(tmp_path, nats_url)
    yield made
    made.clean()


@pytest.fixture
async def channel(centre: Centre) -> AsyncIterator[grpc.aio.Channel]:
    async with connect(f"127.0.0.1:{centre.rpc}") as opened:
        yield opened


def attack(rows: int = 100, size: int = 50_000) -> dict[str, np.ndarray]:
    now = np.full(rows, int(datetime.now(UTC).timestamp() * 1000), np.int64)
    address = np.zeros((rows, 16), np.uint8)
    address[:, :4] = (0x20, 0x01, 0x0D, 0xB8)
    source = address.copy()
    source[:, 15] = np.arange(rows) % 250
    values = {
        "time_start": now - 900, "time_end": now, "time_received": now,
        "exporter": address, "src_address": source, "dst_address": address,
        "src_port": 123, "dst_port": 4_000, "protocol": 17, "bytes": size, "packets": 40, "sampling_rate": 1,
    }  # fmt: skip
    return {
        name: value if isinstance(value, np.ndarray) else np.full(rows, value, FLOW.column(name).dtype)
        for name, value in values.items()
    }


async def publish(messaging: Messaging, sequence: int) -> None:
    headers = BatchHeaders(FLOW.version, "gw-1", "*", "e1", sequence, 0, 100, 0, 0).to_nats()
    headers["traceparent"] = f"00-{TRACE}-b7ad6b7169203331-01"
    await messaging.js.publish(flow_subject("gw-1"), encode(FLOW, attack()), headers=headers)


async def test_one_incident_from_flow_to_operator_through_kill(
    centre: Centre, channel: grpc.aio.Channel, messaging: Messaging, assert_eventually: Eventually
) -> None:
    stub = SecurityServiceStub(channel)
    centre.start()
    await assert_eventually(centre.ready, timeout=60)

    health = await health_pb2_grpc.HealthStub(channel).Check(
        health_pb2.HealthCheckRequest(service="sixfold.api.security.v1.SecurityService"), wait_for_ready=True
    )
    assert health.status == health_pb2.HealthCheckResponse.SERVING
    asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    reflected = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(asked)
    names = [one.name async for answer in reflected for one in answer.list_services_response.service]
    assert "sixfold.api.security.v1.SecurityService" in names

    numbers = iter(range(1, 10_000))

    async def incidents() -> list[pb.Incident]:
        await publish(messaging, next(numbers))
        return list((await stub.ListIncidents(pb.ListIncidentsRequest(), wait_for_ready=True)).incidents)

    [first] = await assert_eventually(incidents)
    assert first.victim == "2001:db8::/128"
    assert first.status == pb.INCIDENT_STATUS_OPEN
    assert first.evidence.top_source_ports[0].value == "123"

    centre.end(signal.SIGKILL)
    for _ in range(5):
        await publish(messaging, next(numbers))
    centre.start()
    await assert_eventually(centre.ready, timeout=60)

    async def grown() -> bool:
        [incident] = await incidents()
        assert incident.incident_id == first.incident_id
        return (
            incident.updated.ToDatetime() > first.updated.ToDatetime()
            and incident.last_seen != first.last_seen
        )

    await assert_eventually(grown, timeout=40)
    watched = stub.WatchIncidents(pb.WatchIncidentsRequest())
    present = await watched.read()
    assert present.incident.incident_id == first.incident_id
    await stub.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(incident_id=first.incident_id, actor="li"))
    while present.incident.status != pb.INCIDENT_STATUS_ACKNOWLEDGED:
        present = await watched.read()
    watched.cancel()
    closed = await stub.MarkIncidentFalsePositive(
        pb.MarkIncidentFalsePositiveRequest(incident_id=first.incident_id, actor="li", note="backup")
    )
    assert closed.incident.status == pb.INCIDENT_STATUS_FALSE_POSITIVE
    top = await stub.ListTopTalkers(
        pb.ListTopTalkersRequest(side=pb.SIDE_DESTINATION, metric=pb.METRIC_PACKETS)
    )
    assert top.talkers[0].address == "2001:db8::"
    assert top.error_bound == 0
    assert len(await incidents()) == 1  # held back, though the traffic goes on

    assert centre.end(signal.SIGTERM) == 0
    spans = [json.loads(line) for line in centre.traces.read_text().splitlines()]
    assert TRACE in {span["context"]["trace_id"].removeprefix("0x") for span in spans}


async def test_refusals_tell_the_field_and_the_reason(
    centre: Centre, channel: grpc.aio.Channel, assert_eventually: Eventually
) -> None:
    centre.start()
    await assert_eventually(centre.ready, timeout=60)
    stub = SecurityServiceStub(channel)
    calls = [
        (stub.GetIncident(pb.GetIncidentRequest(incident_id="inc-0")), "INCIDENT_UNKNOWN"),
        (stub.CloseIncident(pb.CloseIncidentRequest(incident_id="inc-0", actor="li")), "INCIDENT_UNKNOWN"),
        (stub.CloseIncident(pb.CloseIncidentRequest(incident_id="inc-0")), "ACTOR_REQUIRED"),
        (stub.ListTopTalkers(pb.ListTopTalkersRequest(window_seconds=10**6)), "WINDOW_TOO_LONG"),
        (stub.ListTopTalkers(pb.ListTopTalkersRequest(limit=10**6)), "LIMIT_TOO_HIGH"),
        (stub.ListIncidents(pb.ListIncidentsRequest(victim="10.0.0.1/8")), "VICTIM_MALFORMED"),
        (stub.ListIncidents(pb.ListIncidentsRequest(page_token="x")), "PAGE_TOKEN_UNKNOWN"),
    ]
    for call, reason in calls:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        assert reason_of(refused.value) == reason
