# ruff: noqa: PT017 - a refusal may come or not; where it comes, its reason is one of those expected
"""Any order of wishes, ends, changes of pools, snapshots and time, against a model that is a plain dictionary."""

from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sixfold.address.adapters.ledger import BookSnapshots
from sixfold.address.domain import decisions, pools
from sixfold.address.domain.book import Book, evolve
from sixfold.address.domain.prefix import Prefix
from sixfold.address.domain.values import DelegationWish, PoolWish, RefusedError, RenumberWish

NOW = 1_700_000_000_000
POOLS = (
    PoolWish("home", "", "2001:db8::/56", 0, "", 57, 64, 9, 5, "dense"),
    PoolWish("city", "home", "", 59, "", 60, 64, 0, 0, "sparse"),
    PoolWish("roomy", "", "2001:db9::/56", 0, "", 57, 64, 0, 5, "dense", 60),
)
REFUSALS = {"POOL_EXHAUSTED", "LENGTH_OUT_OF_RANGE"}


@dataclass
class Held:
    prefix: Prefix
    holder: str
    key: str
    active: bool = True
    version: int = 1


class Delegating(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.book, self.now, self.keys = Book(), NOW, 0
        self.held: dict[int, Held] = {}
        for wish in POOLS:
            self.apply(pools.create_pool(self.book, wish, NOW))

    def apply(self, events):
        for event in events:
            name = type(event).__name__
            evolve(self.book, event)
            if name in ("DelegationsReleased", "LeasesExpired"):
                for number in event.delegation_ids:
                    self.held[number].active = False
                    self.held[number].version += 1
            elif name == "PrefixesReturned":
                for number in event.delegation_ids:
                    assert not self.held.pop(number).active

    def picked(self, pick, *, active=True):
        chosen = [number for number, held in self.held.items() if held.active or not active]
        return chosen[pick % len(chosen)] if chosen else None

    @rule(
        lengths=st.lists(st.integers(57, 64), min_size=1, max_size=12),
        pool=st.sampled_from(["home", "city", "roomy", "upper"]),
        lease=st.integers(0, 20),
        holder=st.sampled_from(["s-1", "s-2"]),
    )
    def delegate(self, lengths, pool, lease, holder):
        wishes = []
        for length in lengths:
            self.keys += 1
            wishes.append(DelegationWish(pool, length, f"k{self.keys}", holder, lease))
        before = {name: page.space.blocks() for name, page in self.book.pages.items()}
        events, results = decisions.delegate_many(self.book, wishes, self.now)
        assert before == {name: page.space.blocks() for name, page in self.book.pages.items()}
        self.apply(events)
        for wish, result in zip(wishes, results, strict=True):
            if isinstance(result, RefusedError):
                assert result.reason in REFUSALS | ({"POOL_UNKNOWN"} if pool == "upper" else set())
                continue
            assert not result.known
            prefix = result.delegation.prefix
            assert prefix.length == wish.length
            assert not any(prefix.overlaps(other.prefix) for other in self.held.values())
            self.held[result.delegation.delegation_id] = Held(prefix, holder, wish.key)

    @precondition(lambda self: self.held)
    @rule(pick=st.integers(0, 1000))
    def repeat(self, pick):
        number = self.picked(pick, active=False)
        held, there = self.held[number], self.book.delegation(number)
        wish = DelegationWish(there.pool_id, held.prefix.length, held.key, held.holder, 0)
        events, (answer,) = decisions.delegate_many(self.book, [wish], self.now)
        assert (events, answer.known, answer.delegation) == ([], True, there)

    @precondition(lambda self: self.held)
    @rule(pick=st.integers(0, 1000), what=st.sampled_from(["release", "renew", "grow", "renumber"]))
    def change(self, pick, what):
        number = self.picked(pick)
        if number is None:
            return
        held = self.held[number]
        try:
            if what == "release":
                events, _ = decisions.release(self.book, number, held.version, self.now)
            elif what == "renew":
                events, _ = decisions.renew(self.book, number, 7, held.version, self.now)
                held.version += 1
            elif what == "grow":
                length = max(held.prefix.length - 1 - pick % 3, 57)
                events, grown = decisions.grow(self.book, number, length, held.version, self.now)
                others = [other.prefix for key, other in self.held.items() if key != number]
                assert not any(grown.prefix.overlaps(other) for other in others)
                assert grown.prefix.holds(held.prefix)
                self.held[number] = replace(held, prefix=grown.prefix, version=grown.version)
            else:
                self.keys += 1
                wish = RenumberWish(number, f"k{self.keys}", 6)
                events, (_, new) = decisions.renumber(self.book, wish, held.version, self.now)
                prefix = new.delegation.prefix
                assert not any(prefix.overlaps(other.prefix) for other in self.held.values())
                held.version += 1
                self.held[new.delegation.delegation_id] = Held(prefix, held.holder, wish.key)
        except RefusedError as error:
            assert error.reason in {
                "POOL_EXHAUSTED",
                "LENGTH_OUT_OF_RANGE",
                "NO_ROOM_TO_GROW",
                "DELEGATION_RENUMBERED",
                "SPACE_RESERVED",
            }
            return
        self.apply(events)

    @rule(number=st.integers(0, 63), holder=st.sampled_from(["", "s-1"]), back=st.booleans())
    def withhold(self, number, holder, back):
        prefix = Prefix(self.book.pages["home"].pool.prefix.network + (number << 66), 62)
        try:
            self.apply(
                pools.open_space(self.book, "home", str(prefix), self.now)
                if back
                else pools.withhold(self.book, "home", str(prefix), holder, "", self.now)
            )
        except RefusedError as error:
            assert error.reason in {"SPACE_IN_USE", "SPACE_NOT_WITHHELD", "PREFIX_OUTSIDE"}

    @rule()
    def split_or_merge(self):
        call = pools.merge_pools if "upper" in self.book.pages else pools.split_pool
        try:
            self.apply(call(self.book, "roomy", "upper", self.now))
        except RefusedError as error:
            assert error.reason == "POOL_IN_ONE_PIECE"

    @rule(seconds=st.integers(-10, 10), most=st.integers(1, 5))
    def wait(self, seconds, most):
        self.now += seconds * 1000
        self.apply(decisions.tick(self.book, self.now, most=most))

    @rule()
    def restart(self):
        snapshots = BookSnapshots()
        self.book = snapshots.load(snapshots.dump(snapshots.freeze(self.book)))

    @invariant()
    def the_book_is_the_model(self):
        listed = {one.delegation_id: one for one in self.book.listed("", "", 0)}
        assert {
            number: (one.prefix, one.holder, one.is_active, one.version) for number, one in listed.items()
        } == {
            number: (held.prefix, held.holder, held.active, held.version)
            for number, held in self.held.items()
        }

    @invariant()
    def every_address_is_somewhere_once(self):
        for page in self.book.pages.values():
            own = list(self.book.listed(page.pool.pool_id, "", 0))
            parts = [one.prefix for one in own] + page.space.blocks()
            parts += [self.book.pages[name].pool.prefix for name in page.children]
            parts += [one.prefix for one in page.withheld.values() if not one.delegation_id]
            at = page.pool.prefix.network
            for part in sorted(parts):
                assert part.network == at
                at = part.last + 1
            assert at == page.pool.prefix.last + 1
            rests = [one.prefix.size for one in own if not one.is_active]
            assert (page.resting, page.resting_addresses) == (len(rests), sum(rests))
            assert (page.held, page.held_addresses) == (len(own), sum(one.prefix.size for one in own))
            for one in own[:5]:
                assert self.book.delegation_at(one.prefix.last) == one


Delegating.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDelegating = Delegating.TestCase
