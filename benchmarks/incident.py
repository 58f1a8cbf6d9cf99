"""From the first bad flow at the agent to the incident; take-over between replicas; a feed of ten million prefixes.

The first is measured on the whole platform as `sixfold up` starts it, with its settings as they come: NetFlow v5 over
UDP to the agent, NATS, the security centre, and the incident as a watcher hears of it over gRPC. Attacks of several
strengths, each on another victim at a random moment, over a background; an attack sends its flows every 50 ms. The
second kills one of two replicas with -9 and waits until the other counts flows of the partitions it left.
"""

import asyncio
import contextlib
import random
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from benchmarks.platform import up
from benchmarks.report import report

BACKGROUND: Final = 2_000
"""Flows per second."""
STRENGTHS: Final = (3.0, 10.0, 30.0)
"""Times the default threshold of 100,000 packets per second to a host."""
RECORD: Final = struct.Struct("!4xHHIIIIHHxBBBHHBBxx")
"""After the two addresses."""
WITHIN: Final = 60.0


def main(*, quick: bool = False) -> None:
    attacks = 5 if quick else 40
    rows = asyncio.run(_incidents(attacks))
    goals = ["p99 under 2 s; a flood of k times the threshold fills it after a k-th of the window's 10 s"]
    report("incident", "from the first bad flow at the agent to the incident", rows, goals)
    turns = 2 if quick else 8
    times = asyncio.run(_take_overs(turns))
    report(
        "take-over",
        "from kill -9 of a replica until the other counts its partitions",
        [{"kills": len(times), **_quantiles(times)}],
        ["within 5 s"],
    )
    report(
        "feed", "a list of prefixes read, judged and ready", [_feed(1_000_000 if quick else 10_000_000)], []
    )


def _quantiles(values: list[float]) -> dict[str, float]:
    found = np.quantile(values, (0.5, 0.9, 0.99, 1.0))
    return dict(zip(("p50 s", "p90 s", "p99 s", "max s"), map(float, found), strict=True))


# -- the incident


@dataclass
class Exporter:
    """NetFlow v5 to the agent."""

    port: int
    way: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sequence: int = 0
    born: float = field(default_factory=time.time)

    def send(self, flows: list[tuple[str, str, int, int]]) -> None:
        """(source, destination, packets, bytes) of 30 flows at most, each of the last 50 ms."""
        now = time.time()
        up_ms = int((now - self.born + 10) * 1000)
        head = struct.pack(
            "!HHIIIIBBH",
            5,
            len(flows),
            up_ms,
            int(now),
            int(now % 1 * 1e9),
            self.sequence & 0xFFFFFFFF,
            0,
            0,
            0,
        )
        body = b"".join(
            socket.inet_aton(source) + socket.inet_aton(destination)
            + RECORD.pack(1, 2, packets, octets, up_ms - 50, up_ms, 5353, 9_999, 0, 17, 0, 0, 0, 0, 0)
            for source, destination, packets, octets in flows
        )  # fmt: skip
        self.sequence += len(flows)
        self.way.sendto(head + body, ("127.0.0.1", self.port))


async def _incidents(attacks: int) -> list[dict[str, Any]]:
    from sixfold.api.security.v1 import security_pb2 as pb
    from sixfold.api.security.v1.security_pb2_grpc import SecurityServiceStub
    from sixfold.chassis.rpc import connect

    chance = random.Random(7)
    rows: list[dict[str, Any]] = []
    with up() as platform:
        exporter = Exporter(platform.port("agent.netflow"))
        heard: dict[str, float] = {}
        news = asyncio.Event()
        async with connect(str(platform.endpoints["grpc.security"])) as channel:
            stub = SecurityServiceStub(channel)

            async def listen() -> None:
                async for change in stub.WatchIncidents(pb.WatchIncidentsRequest()):
                    heard.setdefault(change.incident.victim.partition("/")[0], time.perf_counter())
                    news.set()

            tasks = [asyncio.create_task(listen()), asyncio.create_task(_background(exporter, chance))]
            await asyncio.sleep(5)
            for place, strength in enumerate(STRENGTHS):
                times: list[float] = []
                for number in range(1, attacks + 1):
                    await asyncio.sleep(chance.random())
                    victim = f"203.0.{place}.{number}"
                    begun = time.perf_counter()
                    packets = int(strength * 100_000 * 0.05 / 30)
                    flows = [(f"198.18.0.{n + 1}", victim, packets, packets * 100) for n in range(30)]
                    while victim not in heard:
                        exporter.send(flows)
                        news.clear()
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(news.wait(), 0.05)
                        if time.perf_counter() - begun > WITHIN:
                            raise SystemExit(f"{victim}: no incident within {WITHIN:.0f} s")
                    times.append(heard[victim] - begun)
                name = f"{strength:g} times the packet threshold"
                rows.append({"attack": name, "attacks": len(times), **_quantiles(times)})
            for task in tasks:
                task.cancel()
    return rows


async def _background(exporter: Exporter, chance: random.Random) -> None:
    while True:
        flows = [
            (
                f"198.51.{chance.randrange(100)}.{chance.randrange(250)}",
                f"192.0.2.{chance.randrange(250)}",
                10,
                9_000,
            )
            for _ in range(25)
        ]
        exporter.send(flows)
        await asyncio.sleep(25 / BACKGROUND)


# -- take-over


async def _take_overs(turns: int) -> list[float]:
    from nats.js.api import StreamConfig

    from sixfold.api.subjects import FLOW_STREAM, PARTITIONS
    from sixfold.chassis.messaging import Messaging, NatsSettings
    from sixfold.chassis.testing import free_port
    from sixfold.local import nats_server

    times: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        log = (folder / "log").open("wb")
        server = _spawn(log, nats_server.binary(), "-js", "-sd", folder, "-p", port, "-a", "127.0.0.1")
        messaging = Messaging(NatsSettings(servers=(f"nats://127.0.0.1:{port}",), connect_timeout=10.0))
        processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            await _listens(port)
            await messaging.start()
            await messaging.ensure_stream(StreamConfig(name=FLOW_STREAM, subjects=["flow.>"]))
            configs = {one: folder / f"{one}.toml" for one in ("one", "other")}
            for one, config in configs.items():
                config.write_text(
                    f'[nats]\nservers = ["nats://127.0.0.1:{port}"]\n[rpc]\nport = {free_port()}\n'
                    f'[replica]\nname = "{one}"\n'
                )

            def start(one: str) -> None:
                processes[one] = _spawn(
                    log, sys.executable, "-m", "sixfold.security", "--config", configs[one]
                )

            for one in configs:
                start(one)
            for turn in range(turns):
                await _evenly_held(messaging, set(configs))
                # every batch of a killed one's partitions has to be acknowledged by the other
                killed = ("one", "other")[turn % 2]
                begun = time.perf_counter()
                processes[killed].send_signal(signal.SIGKILL)
                processes[killed].wait()
                await _counted_again(messaging, turn, PARTITIONS)
                times.append(time.perf_counter() - begun)
                start(killed)
        finally:
            for process in processes.values():
                process.kill()
                process.wait()
            await messaging.stop()
            server.kill()
            server.wait()
            log.close()
    return times


def _spawn(log: IO[bytes], *command: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([str(one) for one in command], stdout=log, stderr=log)


async def _listens(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


async def _evenly_held(messaging: Any, names: set[str]) -> None:
    from sixfold.security.adapters.leases import BUCKET, KEY
    from sixfold.security.domain.leases import load

    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        with contextlib.suppress(Exception):  # not there yet
            bucket = await messaging.js.key_value(BUCKET)
            table = load((await bucket.get(KEY)).value or b"")
            if set(table.members) == names and {len(table.held(one)) for one in names} == {2}:
                await asyncio.sleep(3)  # and their consumers run
                return
        await asyncio.sleep(0.1)
    raise SystemExit("two replicas do not share the partitions")


async def _counted_again(messaging: Any, turn: int, partitions: int) -> None:
    """Until a batch that was published after the kill is acknowledged, in every partition."""
    from sixfold.api.flow.codec import encode
    from sixfold.api.flow.headers import BatchHeaders
    from sixfold.api.flow.schema import FLOW
    from sixfold.api.subjects import FLOW_STREAM, partition_of

    names = iter(f"gw-{number}" for number in range(10_000))
    gateways: dict[int, str] = {}
    while len(gateways) < partitions:
        name = next(names)
        gateways.setdefault(partition_of(name), name)
    now = np.full(10, int(time.time() * 1000), np.int64)
    columns = {
        column.name: np.zeros((10, 16) if column.kind == "address" else 10, column.dtype)
        for column in FLOW.columns
        if column.required
    }
    columns |= {"time_start": now, "time_end": now, "time_received": now}
    for partition, gateway in gateways.items():
        headers = BatchHeaders(FLOW.version, gateway, "*", f"e{turn}", 1, 0, 10, 0, 0).to_nats()
        await messaging.publish(f"flow.{partition}.{gateway}", encode(FLOW, columns), headers=headers)
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        states = [
            await messaging.js.consumer_info(FLOW_STREAM, f"security-flows-{partition}")
            for partition in gateways
        ]
        if all(state.num_pending == 0 and state.num_ack_pending == 0 for state in states):
            return
        await asyncio.sleep(0.02)
    raise SystemExit("nobody took over")


# -- a feed


def _feed(prefixes: int) -> dict[str, Any]:
    """In a process of its own, so that the memory is the reading's."""
    code = f"import benchmarks.incident as one; print(*one.read_feed({prefixes}))"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    seconds, kept, peak, rate = map(float, answer.stdout.split())
    return {
        "prefixes": prefixes,
        "CPU s": seconds,
        "kept MB": kept / 1e6,
        "peak of the process MiB": peak,
        "M addresses matched/s": rate / 1e6,
    }


def read_feed(prefixes: int) -> tuple[float, int, float, float]:
    """CPU seconds to read a list of random addresses, bytes kept, peak in MiB, addresses matched in a second."""
    from sixfold.security.domain.intel.entries import Reading, Trust
    from sixfold.security.domain.intel.lists import Layout, read
    from sixfold.security.domain.intel.prefixes import Listed

    spent = 0.0

    def text() -> Iterator[bytes]:
        nonlocal spent
        random_numbers, left = np.random.default_rng(1), prefixes
        while left:
            before = time.process_time()
            count = min(left, 100_000)
            left -= count
            values = random_numbers.integers(0x0B000000, 0x60000000, count).tolist()
            lines = "\n".join(f"{v >> 24}.{v >> 16 & 255}.{v >> 8 & 255}.{v & 255}" for v in values)
            spent += time.process_time() - before
            yield (lines + "\n").encode()

    before = time.process_time()
    reading = Reading(Trust(), 60)
    read(text(), Layout(), reading)
    made = reading.finished(None)
    listed = Listed({"feed": made})
    seconds = time.process_time() - before - spent
    lo = np.random.default_rng(2).integers(0x0B000000, 0x60000000, 65_536).astype(np.uint64)
    hi, lo = np.zeros_like(lo), lo | np.uint64(0xFFFF << 32)
    before = time.process_time()
    for _ in range(20):
        listed.find(hi, lo, 1)
    rate = 20 * 65_536 / (time.process_time() - before)
    return seconds, made.bytes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, rate
