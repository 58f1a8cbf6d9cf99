"""What went out of pools and came back, also where a storm leaves nothing of what ended."""

from dataclasses import replace

from sixfold.address.adapters.turnover import TurnoverCounter
from sixfold.address.domain import decisions, pools
from sixfold.address.domain.book import Book, evolve
from sixfold.address.domain.leases import SEGMENT
from sixfold.address.domain.values import DelegationWish, PoolWish

NOW = 1_700_000_000_000
SHORT = PoolWish("short", "", "2001:db8::/32", 0, "households", 48, 64, 3_600, 0, "dense")


class Told:
    """A book and its follower, told as the ledger tells: after all events of a decision have been evolved."""

    def __init__(self):
        self.book = Book()
        self.turnover = TurnoverCounter(lambda: self.book)
        self.sequence = 0
        self(pools.create_pool(self.book, SHORT, NOW))

    def __call__(self, events, *, replayed=False):
        for event in events:
            evolve(self.book, event)
        for event in events:
            self.sequence += 1
            self.turnover(event, self.sequence, replayed)

    def delegate(self, number, first=0, lease=1):
        for start in range(first, first + number, 10_000):
            names = range(start, min(start + 10_000, first + number))
            wishes = [DelegationWish("short", 64, f"k{name}", "s-1", lease) for name in names]
            self(decisions.delegate_many(self.book, wishes, NOW)[0])

    def storm(self):
        while events := decisions.tick(self.book, NOW + 1_000_000, most=10_000):
            self(events)


def test_a_storm_that_empties_whole_segments_is_counted():
    told = Told()
    assert told.turnover.taken() == {}
    told.delegate(SEGMENT + 1_000)
    one = told.turnover.taken()["short"]
    assert (one.made, one.ended, one.top) == (SEGMENT + 1_000, 0, ("s-1", 1.0))
    told.storm()
    assert told.book.leases.segments.keys() == {1}, "of what ended nothing is left to look at"
    assert told.turnover.taken()["short"].ended == SEGMENT + 1_000
    assert told.turnover.taken() == {}


def test_made_and_ended_in_one_interval_are_both_counted_and_replayed_ones_are_not():
    told = Told()
    told.turnover.taken()
    told.delegate(30)
    told.delegate(10, first=30, lease=0)
    told.storm()
    one = told.turnover.taken()["short"]
    assert (one.made, one.ended) == (40, 30)
    wish = replace(DelegationWish("short", 64, "late", "s-2", 0))
    told(decisions.delegate_many(told.book, [wish], NOW)[0], replayed=True)
    assert told.turnover.taken() == {}
