"""Events that are too old are given up, and nothing else: against the real server, over restarts and failures."""

import asyncio
import enum
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.js.errors import NotFoundError

from sixfold.chassis.ledger import (
    SNAPSHOT_BUCKET,
    Ledger,
    LedgerError,
    LedgerUnavailableError,
    PlainError,
    PlainSnapshots,
)
from sixfold.chassis.messaging import Messaging

from .test_ledger import State, Text, ledger, take

pytestmark = pytest.mark.nats


async def taken(book: Ledger[State], number: int) -> None:
    await asyncio.gather(*(book.transact(take, key=f"k{len(book.state)}-{one}") for one in range(number)))


async def kept(messaging: Messaging) -> tuple[int, int, float | None]:
    info = await messaging.js.stream_info("LEDGER_ADDRESS")
    return info.state.first_seq, info.state.last_seq, info.config.max_age


async def test_old_events_go_and_the_state_stays_over_restarts(messaging: Messaging) -> None:
    book = ledger(messaging, snapshots=Text())
    await book.start()
    assert await book.cut(datetime.now(UTC)) == 0
    await taken(book, 20)
    moment = datetime.now(UTC)
    await taken(book, 10)
    gone = await book.cut(moment)
    assert gone >= 20
    assert await kept(messaging) == (gone + 1, 30, 0)
    assert await book.cut(moment) == 0
    assert await book.transact(take) == 30
    await book.stop()
    again = ledger(messaging, snapshots=Text())
    await again.start()
    assert again.state == tuple(range(31))
    assert await again.transact(take, key="k0-0") == 31, "a key that went with its event"
    assert await again.transact(take, key="k0-0") == 31
    # All of it, and it still goes on.
    assert await again.cut(datetime.now(UTC)) == 32 - gone
    assert await kept(messaging) == (33, 32, 0)
    assert await again.transact(take) == 32
    await again.stop()
    last = ledger(messaging, snapshots=Text())
    await last.start()
    assert last.state == tuple(range(33))
    await last.stop()


async def test_while_callers_go_on_nothing_is_lost(messaging: Messaging) -> None:
    book = ledger(messaging, snapshots=Text(), snapshot_every=7)
    await book.start()

    async def work() -> None:
        for _ in range(60):
            await book.transact(take)

    working = [asyncio.create_task(work()) for _ in range(4)]
    cut = 0
    for _ in range(3):
        await book.transact(take)
        cut += await book.cut(datetime.now(UTC))
    await asyncio.gather(*working)
    assert cut > 0
    await book.stop()
    again = ledger(messaging, snapshots=Text())
    await again.start()
    assert again.state == tuple(range(243))
    await again.stop()


class Unreadable(Text):
    def load(self, data: bytes) -> State:
        raise ValueError("damaged")


async def test_without_a_snapshot_that_can_be_read_back_nothing_goes(messaging: Messaging) -> None:
    for snapshots in (Unreadable(), None):
        book = ledger(messaging, snapshots=snapshots)
        await book.start()
        await taken(book, 5)
        with pytest.raises(LedgerError):
            await book.cut(datetime.now(UTC))
        await book.stop()
    assert await kept(messaging) == (1, 10, 0)


async def test_a_ledger_whose_snapshot_is_gone_does_not_start_as_if_nothing_had_been(
    messaging: Messaging,
) -> None:
    book = ledger(messaging, snapshots=Text())
    await book.start()
    await taken(book, 5)
    assert await book.cut(datetime.now(UTC)) == 5
    await book.stop()
    store = await messaging.js.object_store(SNAPSHOT_BUCKET)
    await store.delete("address")
    again = ledger(messaging, snapshots=Text(), append_timeout=0.5)
    with pytest.raises(LedgerUnavailableError, match="events before 6 were given up"):
        await again.start()
    with pytest.raises(NotFoundError):
        await messaging.js.get_msg("LEDGER_ADDRESS", 1)


class Colour(enum.IntEnum):
    RED = 1
    BLUE = 2


@dataclass(frozen=True, slots=True)
class Leaf:
    name: str
    key: bytes
    colour: Colour
    size: int
    pair: tuple[int, str] = (0, "")
    maybe: Colour | None = None


@dataclass(slots=True)
class Branch:
    leaves: dict[str, Leaf] = field(default_factory=dict[str, Leaf])
    sets: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    order: OrderedDict[str, int] = field(default_factory=OrderedDict[str, int])
    at: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict[tuple[int, int], tuple[int, ...]])


@dataclass(slots=True)
class Tree:
    branch: Branch = field(default_factory=Branch)
    nested: dict[str, dict[str, None]] = field(default_factory=dict[str, dict[str, None]])
    clock: int = 0


leaves = st.builds(
    Leaf,
    name=st.text(max_size=4),
    key=st.binary(max_size=4),
    colour=st.sampled_from(Colour),
    size=st.integers(0, 1 << 128),
    pair=st.tuples(st.integers(), st.text(max_size=2)),
    maybe=st.none() | st.sampled_from(Colour),
)
names, small = st.text(max_size=3), st.integers(0, 9)
trees = st.builds(
    Tree,
    branch=st.builds(
        Branch,
        leaves=st.dictionaries(names, leaves, max_size=4),
        sets=st.dictionaries(names, st.sets(small), max_size=3),
        order=st.dictionaries(names, small, max_size=4).map(OrderedDict),
        at=st.dictionaries(st.tuples(small, small), st.lists(small).map(tuple), max_size=3),
    ),
    nested=st.dictionaries(names, st.dictionaries(names, st.none(), max_size=2), max_size=3),
    clock=small,
)


@given(trees)
def test_plain_state_comes_back_equal_and_frozen_state_no_longer_changes(tree: Tree) -> None:
    snapshots = PlainSnapshots(Tree, "1")
    frozen = snapshots.freeze(tree)
    before = snapshots.load(snapshots.dump(tree))
    assert before == tree
    assert list(before.branch.order) == list(tree.branch.order)
    tree.branch.leaves["new"] = Leaf("x", b"", Colour.RED, 1)
    for one in tree.branch.sets.values():
        one.add(99)
    for one in tree.nested.values():
        one["new"] = None
    tree.branch.order["new"] = 1
    assert snapshots.load(snapshots.dump(frozen)) == before


def test_a_later_version_reads_an_earlier_one_and_what_cannot_be_written_is_named() -> None:
    @dataclass(frozen=True)
    class Now:
        clock: int = 7
        added: str = "default"

    read = PlainSnapshots(Now, "1").load(PlainSnapshots(Tree, "1").dump(Tree(clock=3)))
    assert read == Now(3, "default")

    @dataclass
    class Bad:
        what: object

    with pytest.raises(PlainError, match="object"):
        PlainSnapshots(Bad, "1")
