"""Forged sources: each packet told once, also over a bus that is away and counters that begin anew."""

import asyncio
from types import SimpleNamespace
from typing import Any

from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import address_bytes
from sixfold.agent.gateway.forged import Count, ForgedSources
from sixfold.api.agent.v1 import agent_pb2 as pb
from sixfold.chassis.messaging import BusUnavailableError
from sixfold.chassis.testing import assert_eventually

ONE, OTHER = ("a0", "2001:db8:ff::1"), ("b0", "192.0.2.7")


class Bus:
    def __init__(self) -> None:
        self.away = False
        self.told: dict[str, pb.SpoofedSources] = {}

    async def publish(self, subject: str, data: bytes, *, message_id: str, timeout: float) -> None:
        assert subject == "report.gw-1.spoofed-source"
        self.told.setdefault(message_id, pb.SpoofedSources.FromString(data))
        if self.away:
            raise BusUnavailableError("it came, and its acknowledgement did not")


class Bench:
    def __init__(self) -> None:
        self.bus, self.counters = Bus(), Counters()
        self.now: tuple[Count, dict[Any, Count]] = (Count(), {})
        self.forged = ForgedSources(
            "gw-1",
            plan=lambda: SimpleNamespace(validation=SimpleNamespace(action="drop")),  # type: ignore[arg-type,return-value]
            messaging=self.bus,  # type: ignore[arg-type]
            counters=self.counters,
            seconds=0.001,
            read=self.read,
        )
        self.reads = 0

    def read(self) -> tuple[Count, dict[Any, Count]]:
        self.reads += 1
        return self.now

    async def look(self, total: int, sources: dict[Any, int]) -> None:
        self.now = (Count(total, total * 60), {one: Count(n, n * 60) for one, n in sources.items()})
        await self.forged.look("drop")

    @property
    def packets(self) -> list[int]:
        return [one.packets for one in self.bus.told.values()]


async def test_what_is_new_is_told_with_its_sources() -> None:
    bench = Bench()
    await bench.look(5, {ONE: 4, OTHER: 1})
    await bench.look(5, {ONE: 4, OTHER: 1})
    await bench.look(7, {ONE: 4, OTHER: 3})
    assert bench.packets == [5, 2]
    first, second = bench.bus.told.values()
    assert [(one.interface, one.address, one.packets) for one in first.sources] == [
        ("a0", address_bytes(ONE[1]), 4),
        ("b0", address_bytes(OTHER[1]), 1),
    ]
    assert (second.sources[0].bytes, second.action) == (120, pb.SourceValidation.ACTION_DROP)
    assert bench.counters.snapshot()['forged_packets{action="drop"}'] == 7


async def test_a_table_that_was_loaded_anew_counts_from_zero() -> None:
    bench = Bench()
    await bench.look(5, {ONE: 5})
    await bench.look(2, {ONE: 2})
    assert bench.packets == [5, 2]


async def test_without_the_bus_nothing_is_lost_or_told_twice() -> None:
    bench = Bench()
    bench.bus.away = True
    await bench.look(5, {ONE: 5})
    await bench.look(9, {ONE: 9})
    bench.bus.away = False
    await bench.look(10, {ONE: 10})
    await bench.look(10, {ONE: 10})
    assert bench.packets == [5, 5]


async def test_what_was_counted_before_a_start_is_not_told_again() -> None:
    bench = Bench()
    bench.now = (Count(100, 6_000), {ONE: Count(100, 6_000)})
    running = asyncio.create_task(bench.forged.run())
    await assert_eventually(lambda: bench.reads > 2)
    assert bench.packets == []
    bench.now = (Count(101, 6_060), {ONE: Count(101, 6_060)})
    await assert_eventually(lambda: bench.packets)
    running.cancel()
    assert bench.packets == [1]
