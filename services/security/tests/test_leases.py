"""Sharing partitions: the table's rules, and two replicas on a real bus."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.chassis.messaging import Consumer, Messaging
from sixfold.security.adapters.leases import Partitions
from sixfold.security.domain.leases import Beats, Table, dump, joined, left, load

Eventually = Callable[..., Awaitable[Any]]
NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
STEPS = st.lists(
    st.tuples(st.sampled_from(["beat", "leave"]), NAMES, st.lists(NAMES, max_size=2)), min_size=1, max_size=20
)


@given(STEPS)
def test_every_partition_has_one_living_holder_and_the_load_is_even(steps: list) -> None:
    table = Table()
    for step, name, dead in steps:
        table = joined(table, name, "x", range(4), dead) if step == "beat" else left(table, name)
        assert load(dump(table)) == table
        if not table.members:
            assert table.holders == {}
            continue
        assert set(table.holders) == set(range(4))
        assert set(table.holders.values()) <= set(table.members)
        shares = [len(table.held(member)) for member in table.members]
        assert max(shares) - min(shares) <= 1


def test_a_beat_moves_nothing_and_a_newcomer_only_its_share() -> None:
    table = joined(Table(), "a", "1", range(4), [])
    assert joined(table, "a", "1", range(4), []).holders == table.holders
    two = joined(table, "b", "1", range(4), [])
    assert [len(two.held(name)) for name in "ab"] == [2, 2]
    three = joined(two, "c", "1", range(4), [])
    assert sum(two.holders[one] != three.holders[one] for one in range(4)) == 1


def test_only_those_who_may_watch_a_partition_get_it() -> None:
    table = joined(joined(Table(), "a", "1", (0,), []), "b", "1", (0, 1, 2), [])
    assert table.held("a") == (0,)
    assert table.held("b") == (1, 2)
    assert left(table, "b").holders == {0: "a"}


def test_a_beat_that_stands_still_is_dead_by_ones_own_clock_alone() -> None:
    beats = Beats(3.0)
    table = joined(joined(Table(), "a", "1", range(4), []), "b", "1", range(4), [])
    assert beats.dead(table, 100.0) == []
    table = joined(table, "a", "1", range(4), [])
    assert beats.dead(table, 102.0) == []
    assert beats.dead(table, 103.5) == ["b"]
    assert beats.dead(joined(table, "b", "2", range(4), []), 105.1) == ["a"]


class Reading:
    """In the place of a consumer: what is under test is who runs it."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.task: asyncio.Task[None] | None = None
        self.ready = True

    async def start(self) -> None:
        self.task = asyncio.create_task(asyncio.sleep(3600))

    async def stop(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def replica(messaging: Messaging, name: str) -> Partitions:
    async def gained(_: Sequence[int]) -> None:
        pass

    def consumer(partition: int) -> Consumer:
        return Reading(partition)  # pyright: ignore[reportReturnType]

    return Partitions(
        messaging, name=name, partitions=range(4), beat=0.1, patience=1.0, consumer=consumer, gained=gained
    )


@pytest.mark.nats
async def test_two_replicas_share_take_over_and_give_back(
    messaging: Messaging, assert_eventually: Eventually
) -> None:
    one, other = replica(messaging, "one"), replica(messaging, "other")
    await one.start()
    assert one.held == (0, 1, 2, 3)
    assert one.leads
    await other.start()
    await assert_eventually(lambda: len(one.held) == len(other.held) == 2)
    assert sorted(one.held + other.held) == [0, 1, 2, 3]
    assert other.task is not None
    other.task.cancel()  # no more beats, and no word of it
    await assert_eventually(lambda: len(one.held) == 4)
    again = replica(messaging, "other")
    await again.start()
    await assert_eventually(lambda: len(one.held) == len(again.held) == 2)
    await one.stop()
    await assert_eventually(lambda: again.held == (0, 1, 2, 3))
    await again.stop()
    assert again.table.members.keys() == {"other"}


@pytest.mark.nats
async def test_of_two_with_one_name_the_older_watches_nothing(
    messaging: Messaging, assert_eventually: Eventually
) -> None:
    older, newer = replica(messaging, "same"), replica(messaging, "same")
    await older.start()
    await newer.start()
    await assert_eventually(lambda: older.held == ())
    assert newer.held == (0, 1, 2, 3)
    await newer.stop()
    await assert_eventually(lambda: older.held == (0, 1, 2, 3))
    await older.stop()
