"""The convergence centre as its own process: exact accounts while it is killed again and again."""

import asyncio
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
from nats.js.api import StreamConfig

from sixfold.api.convergence.v1 import convergence_pb2 as pb
from sixfold.api.convergence.v1 import events_pb2
from sixfold.api.convergence.v1.convergence_pb2_grpc import ConvergenceServiceStub
from sixfold.api.flow.codec import encode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import FLOW
from sixfold.api.subjects import FLOW_STREAM, flow_subject
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.rpc import connect, reason_of
from sixfold.chassis.testing import free_port

pytestmark = pytest.mark.nats
Eventually = Callable[..., Awaitable[Any]]


class Centre:
    """One process of the centre, which can be killed and started again on the same ports."""

    def __init__(self, folder: Path, url: str) -> None:
        self.rpc, self.health = free_port(), free_port()
        self._config = folder / "convergence.toml"
        self._config.write_text(
            f'silent_seconds = 2\n[nats]\nservers = ["{url}"]\n[rpc]\nport = {self.rpc}\n'
            f"[health]\nport = {self.health}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "sixfold.convergence", "--config", str(self._config)]
        self._process = subprocess.Popen(command)

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


def flows(random: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
    """Random flows of the last half hour, many of them over several minutes."""
    end = np.int64(datetime.now(UTC).timestamp() * 1000) - random.integers(0, 1_800_000, rows)
    address = np.zeros((rows, 16), np.uint8)
    address[:, :4] = (0x20, 0x01, 0x0D, 0xB8)
    return {
        "time_start": end - random.integers(0, 400_000, rows), "time_end": end, "time_received": end,
        "exporter": address, "src_address": address, "dst_address": address,
        "src_port": random.choice(np.array([443, 53, 50_000], np.uint16), rows),
        "dst_port": random.choice(np.array([443, 53, 5060], np.uint16), rows),
        "protocol": random.choice(np.array([6, 17], np.uint8), rows),
        "bytes": random.integers(40, 10**9, rows).astype(np.uint64),
        "packets": random.integers(1, 10**6, rows).astype(np.uint64),
        "sampling_rate": np.ones(rows, np.uint32),
    }  # fmt: skip


async def test_accounts_are_exact_through_kill(
    centre: Centre, channel: grpc.aio.Channel, messaging: Messaging, assert_eventually: Eventually
) -> None:
    random = np.random.default_rng(11)
    expected: dict[str, list[int]] = {"gw-1": [0, 0, 0], "gw-2": [0, 0, 0]}

    async def send(first: int, last: int) -> None:
        for sequence in range(first, last):
            for gateway, sums in expected.items():
                batch = flows(random, 500)
                headers = BatchHeaders(FLOW.version, gateway, "*", "e1", sequence, 0, 500, 0, 0).to_nats()
                data = encode(FLOW, batch)
                await messaging.js.publish(flow_subject(gateway), data, headers=headers)
                if (
                    sequence % 3 == 0
                ):  # the same batch again, as a redrive or a second agent start would send it
                    await messaging.js.publish(
                        flow_subject(gateway),
                        data,
                        headers={**headers, "Nats-Msg-Id": f"again:{gateway}:{sequence}"},
                    )
                for place, value in enumerate((batch["bytes"].sum(), batch["packets"].sum(), 500)):
                    sums[place] += int(value)
            await asyncio.sleep(0)

    stub = ConvergenceServiceStub(channel)

    async def accounted(gateway: str) -> list[int]:
        answer = await stub.GetTraffic(
            pb.GetTrafficRequest(gateway=gateway, **_two_hours()), wait_for_ready=True, timeout=30
        )
        return [
            sum(getattr(cell, metric) for cell in answer.totals) for metric in ("bytes", "packets", "flows")
        ]

    for turn in range(3):
        centre.start()
        sending = asyncio.create_task(send(turn * 40, turn * 40 + 40))
        await assert_eventually(centre.ready, timeout=60)
        # Killed in the middle: some of this turn is recorded, not all of it acknowledged.
        before = turn * 40 * 500
        await assert_eventually(lambda least=before: _more(accounted, least), timeout=60)
        centre.end(signal.SIGKILL)
        await sending
    centre.start()
    await assert_eventually(centre.ready, timeout=60)

    async def exact() -> bool:
        return all([await accounted(gateway) == sums for gateway, sums in expected.items()])

    await assert_eventually(exact, timeout=90)
    told = await assert_eventually(lambda: _closed(stub), timeout=30)
    assert {minute.revision for minute in told} >= {1}
    assert await exact()
    assert centre.end(signal.SIGTERM) == 0


async def _more(accounted: Callable[[str], Awaitable[list[int]]], least: int) -> bool:
    return (await accounted("gw-1"))[2] > least


async def _closed(stub: Any) -> list[pb.TrafficMinute]:
    answer = await stub.GetTraffic(pb.GetTrafficRequest(**_two_hours()))
    return [minute for minute in answer.minutes if minute.closed]


def _two_hours() -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())
    return {"start_time": {"seconds": now - 7_200}, "end_time": {"seconds": now + 120}}


async def test_the_register_and_its_refusals(
    centre: Centre, channel: grpc.aio.Channel, assert_eventually: Eventually
) -> None:
    centre.start()
    await assert_eventually(centre.ready, timeout=60)
    stub = ConvergenceServiceStub(channel)
    request = pb.RegisterServiceRequest(
        name="City TV",
        network=events_pb2.NETWORK_BROADCAST,
        service_class="iptv",
        prefixes=["203.0.113.0/24"],
        ports=[events_pb2.PortRange(protocol="udp", first=5000, last=5010)],
        idempotency_key="tv-1",
    )
    answers = await asyncio.gather(*(stub.RegisterService(request) for _ in range(5)))
    assert len({answer.service.service_id for answer in answers}) == 1
    centre.end(signal.SIGKILL)
    centre.start()
    await assert_eventually(centre.ready, timeout=60)
    assert (await stub.RegisterService(request, wait_for_ready=True)).service == answers[0].service
    listed = await stub.ListServices(pb.ListServicesRequest(network=events_pb2.NETWORK_BROADCAST))
    assert list(listed.services) == [answers[0].service]
    other = pb.RegisterServiceRequest()
    other.CopyFrom(request)
    other.name = "Another"
    bare = pb.RegisterServiceRequest(name="x", network=events_pb2.NETWORK_TELECOM, idempotency_key="k")
    backwards = pb.GetTrafficRequest(start_time={"seconds": 5}, end_time={"seconds": 4})
    for call, reason in (
        (stub.RegisterService(other), "IDEMPOTENCY_KEY_USED"),
        (stub.RegisterService(bare), "PREFIXES_INVALID"),
        (stub.RegisterService(pb.RegisterServiceRequest(name="x")), "NETWORK_REQUIRED"),
        (stub.GetTraffic(backwards), "TIME_RANGE_EMPTY"),
        (stub.GetTraffic(pb.GetTrafficRequest(gateway="a.b")), "GATEWAY_MALFORMED"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        assert reason_of(refused.value) == reason
