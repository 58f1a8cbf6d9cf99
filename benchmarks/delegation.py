"""Prefix delegation, durable: each answer comes after the ledger's acknowledgement.

The address centre runs as its own process on a real NATS (file store), and is asked over gRPC: one by one by 64
concurrent callers, and in bulks of 10,000. At each number of existing leases the same is measured; then a pool is
filled to the last prefix, 10 % of the leases end at once, and the process is killed and started again. One
subscriber a lease, names of 16 characters. Kea, with perfdhcp, runs in the same run.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc

from benchmarks import kea
from benchmarks.process import cpu_seconds
from benchmarks.report import report
from sixfold.api.address.v1 import address_pb2 as pb
from sixfold.api.address.v1.address_pb2_grpc import AddressServiceStub
from sixfold.chassis.testing import NatsServer, free_port

BULK = 10_000
IN_FLIGHT = 2
CALLERS = 64
LARGEST = 64 * 1024 * 1024


class Centre:
    """The address centre as a pod runs it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.port = free_port()
        self._url, self._folder = url, folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        settings = (
            f"rpc.port={self.port}",
            f'nats.servers=["{self._url}"]',
            "health.port=0",
            "ends_at_once=5000",
        )
        flags = [part for setting in settings for part in ("--set", setting)]
        with (self._folder / "address.log").open("ab") as log:
            self._process = subprocess.Popen([sys.executable, "-m", "sixfold.address", *flags], stderr=log)

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def resident(self) -> int:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Load:
    """Asks one centre; every wish is a new one."""

    def __init__(self, stub: AddressServiceStub, centre: Centre) -> None:
        self.stub, self.centre = stub, centre
        self.asked = 0

    async def bulk(self, number: int, pool: str = "home", lease: int = 0) -> tuple[float, float]:
        """(delegations a second, CPU microseconds of the centre for each)"""
        starts = iter(range(0, number, BULK))

        async def one() -> None:
            for start in starts:
                size = min(BULK, number - start)
                first, self.asked = self.asked, self.asked + size
                names = range(first, first + size)
                request = pb.BulkDelegatePrefixesRequest(
                    pool_id=pool,
                    length=64,
                    lease_seconds=lease,
                    idempotency_keys=[f"key-{name}" for name in names],
                    holders=[f"s{name:015x}" for name in names],
                )
                answer = await self.stub.BulkDelegatePrefixes(request, timeout=60)
                if answer.refused:
                    raise SystemExit(f"refused: {answer.refused[0].reason}")

        return await self._timed(one, IN_FLIGHT, number)

    async def single(self, number: int) -> tuple[float, float, float]:
        """(delegations a second, CPU microseconds of the centre for each, p99 in milliseconds)"""
        seconds: list[float] = []

        async def one() -> None:
            while len(seconds) < number:
                name, self.asked = self.asked, self.asked + 1
                began = time.perf_counter()
                await self.stub.DelegatePrefix(
                    pb.DelegatePrefixRequest(
                        pool_id="home",
                        length=64,
                        idempotency_key=f"key-{name}",
                        holder=f"s{name:015x}",
                    ),
                    timeout=60,
                )
                seconds.append(time.perf_counter() - began)

        rate, cpu = await self._timed(one, CALLERS, number)
        return rate, cpu, sorted(seconds)[len(seconds) * 99 // 100] * 1000

    async def batches(self, number: int) -> tuple[float, float]:
        """As `bulk`, with the ordinary batches of a front that gathers what comes in a few milliseconds."""
        done = 0

        async def one() -> None:
            nonlocal done
            while done < number:
                first, self.asked, done = self.asked, self.asked + CALLERS, done + CALLERS
                wishes = [
                    pb.DelegatePrefixRequest(
                        pool_id="home", length=64, idempotency_key=f"key-{name}", holder=f"s{name:015x}"
                    )
                    for name in range(first, first + CALLERS)
                ]
                request = pb.BatchDelegatePrefixesRequest(requests=wishes)
                await self.stub.BatchDelegatePrefixes(request, timeout=60)

        return await self._timed(one, IN_FLIGHT, number)

    async def floor(self, number: int) -> tuple[float, float]:
        """Calls that do nothing: what Python's gRPC takes by itself."""
        left = iter(range(number))

        async def one() -> None:
            for _ in left:
                await self.stub.ListPools(pb.ListPoolsRequest(parent_id="none"), timeout=60)

        return await self._timed(one, CALLERS, number)

    async def refusals(self, number: int) -> float:
        """Median milliseconds of a refusal by the full pool."""
        seconds: list[float] = []
        for turn in range(number):
            began = time.perf_counter()
            try:
                await self.stub.DelegatePrefix(
                    pb.DelegatePrefixRequest(
                        pool_id="small", length=64, idempotency_key=f"no-{turn}", holder="s"
                    )
                )
            except grpc.aio.AioRpcError:
                seconds.append(time.perf_counter() - began)
        return sorted(seconds)[len(seconds) // 2] * 1000

    async def _timed(
        self, one: Callable[[], Awaitable[None]], callers: int, number: int
    ) -> tuple[float, float]:
        began, used = time.perf_counter(), cpu_seconds(self.centre.pid)
        await asyncio.gather(*(one() for _ in range(callers)))
        used = cpu_seconds(self.centre.pid) - used
        return number / (time.perf_counter() - began), used / number * 1e6


def main(*, quick: bool = False) -> None:
    with tempfile.TemporaryDirectory(prefix="sixfold-bench-") as folder:
        nats = NatsServer(Path(folder) / "nats")
        nats.start()
        centre = Centre(nats.url, Path(folder))
        centre.start()
        try:
            rows = asyncio.run(_measure(centre, quick))
        finally:
            centre.kill()
            nats.stop()
    reason = kea.why_not()
    found: dict[str, Any] = {}
    if not reason:
        try:
            found = kea.measure(4 if quick else 10, (3_000, 5_000, 7_000, 9_000, 12_000))
        except kea.KeaError as error:
            reason = f"Kea not measured: {error}"
    rows.append(
        {
            "what": reason or "Kea 2.2, four-way exchanges (memfile, no fsync)",
            "a second": round(found.get("rate", 0)) or "",
            "CPU us each": found.get("cpu_us", ""),
        }
    )
    report(
        "delegation",
        "prefix delegation, acknowledged by the ledger",
        rows,
        [
            "bulk 100,000/s, flat from 0 to 10 M leases and from empty to 99.9 % full",
            "under 64 bytes a lease; restart with 10 M under 20 s; one by one ahead of Kea",
        ],
    )


async def _measure(centre: Centre, quick: bool) -> list[dict[str, Any]]:
    levels = (0, 100_000, 200_000) if quick else (0, 1_000_000, 10_000_000)
    sample, singles = (20_000, 2_000) if quick else (200_000, 20_000)
    rows: list[dict[str, Any]] = []
    options = [("grpc.max_receive_message_length", LARGEST), ("grpc.max_send_message_length", LARGEST)]
    options.append(("grpc.max_reconnect_backoff_ms", 500))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{centre.port}", options=options) as channel:
        load = Load(AddressServiceStub(channel), centre)
        for pool, prefix in (
            ("home", "2001:db8::/32"),
            ("small", "2001:db9::/48"),
            ("short", "2001:dba::/40"),
        ):
            wish = pb.CreatePoolRequest(pool_id=pool, prefix=prefix, longest_length=64)
            await load.stub.CreatePool(wish, wait_for_ready=True, timeout=60)
        await load.bulk(BULK)
        await load.single(500)
        empty, held = centre.resident(), load.asked
        for level in levels:
            if level > load.asked:
                await load.bulk(level - load.asked)
            rate, cpu = await load.bulk(sample)
            rows.append({"what": f"bulk, over {level:,} leases", "a second": round(rate), "CPU us each": cpu})
            rate, cpu, slow = await load.single(singles)
            name = f"one by one, {CALLERS} callers, over {level:,} leases"
            rows.append({"what": name, "a second": round(rate), "CPU us each": cpu, "p99 ms": slow})
            rate, cpu = await load.batches(singles)
            name = f"batches of {CALLERS}, over {level:,} leases"
            rows.append({"what": name, "a second": round(rate), "CPU us each": cpu})
        rate, cpu = await load.floor(singles)
        rows.append({"what": "calls that do nothing", "a second": round(rate), "CPU us each": cpu})
        await asyncio.sleep(0 if quick else 15)  # a snapshot under way has its own memory
        grown = (centre.resident() - empty) / (load.asked - held)
        rows.append({"what": f"memory, {load.asked:,} leases", "bytes a lease": grown})
        rows += await _full(load)
        rows += await _storm(load, 20_000 if quick else 1_000_000, singles)
        rows.append(await _restart(load, centre))
    return rows


async def _full(load: Load) -> list[dict[str, Any]]:
    """A pool of 65,536 from empty to full."""
    first, _ = await load.bulk(20_000, "small")
    await load.bulk(65_536 - 40_000 - 64, "small")
    last, _ = await load.bulk(20_000, "small")
    await load.bulk(64, "small")
    refused = await load.refusals(200)
    return [
        {"what": "bulk into an empty pool of 65,536", "a second": round(first)},
        {"what": "bulk into the same pool, up to 99.9 %", "a second": round(last)},
        {"what": "a refusal by the same pool, full", "median ms": refused},
    ]


async def _storm(load: Load, number: int, singles: int) -> list[dict[str, Any]]:
    """Leases that end together, while others ask."""
    await load.bulk(number, "short", lease=5)
    await asyncio.sleep(5)
    began, slowest, calls = time.perf_counter(), 0.0, 0
    while True:
        _, _, slow = await load.single(max(singles // 20, CALLERS))
        slowest, calls = max(slowest, slow), calls + 1
        pool = await load.stub.GetPool(pb.GetPoolRequest(pool_id="short"))
        if pool.utilisation.delegations + pool.utilisation.quarantined == 0:
            break
    seconds = time.perf_counter() - began
    name = f"{number:,} leases end at once; meanwhile one by one"
    return [{"what": name, "a second": round(number / seconds), "p99 ms": slowest}]


async def _restart(load: Load, centre: Centre) -> dict[str, Any]:
    centre.kill()
    began = time.perf_counter()
    centre.start()
    pool = await load.stub.GetPool(pb.GetPoolRequest(pool_id="home"), wait_for_ready=True, timeout=300)
    seconds = time.perf_counter() - began
    name = f"restart after kill -9 with {pool.utilisation.delegations:,} leases"
    return {"what": name, "seconds": seconds}
