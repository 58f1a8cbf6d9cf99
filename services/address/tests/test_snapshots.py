from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.address.adapters.ledger import codec
from sixfold.address.adapters.snapshots import dump_book, load_book
from sixfold.address.domain import decisions
from sixfold.address.domain.book import Book, evolve
from sixfold.address.domain.values import DelegationWish, PoolWish

NOW = 1_700_000_000_000
HOME = PoolWish("home", "", "2001:db8::/52", 0, "households", 0, 64, 3600, 60, "dense")
POOLS = (HOME, replace(HOME, pool_id="city", parent_id="home", prefix="", length=56, strategy="sparse"))
steps = st.lists(
    st.tuples(st.sampled_from(["home", "city"]), st.integers(57, 64), st.integers(0, 2)), max_size=60
)


@given(steps)
@settings(max_examples=60, deadline=None)
def test_a_book_from_its_snapshot_or_its_events_goes_on_the_same(wishes):
    book, again, events_codec = Book(), Book(), codec()

    def apply(events):
        for event in events:
            evolve(book, event)
            evolve(again, events_codec.decode(*events_codec.encode(event)))

    for pool in POOLS:
        apply(decisions.create_pool(book, pool, NOW))
    for number, (pool, length, then) in enumerate(wishes):
        wish = DelegationWish(pool, length, f"k{number}", f"s-{number % 3}", 10 * then)
        events, (answer,) = decisions.delegate_many(book, [wish], NOW + number * 1_000)
        apply(events)
        if then == 2 and events:
            apply(decisions.release(book, answer.delegation.delegation_id, 0, NOW)[0])
        apply(decisions.tick(book, NOW + number * 2_000))
    loaded = load_book(dump_book(book))
    for other in (loaded, again):
        assert other.delegations == book.delegations
        assert list(other.delegations) == list(book.delegations)
        assert (other.by_key, other.by_holder, other.roots) == (book.by_key, book.by_holder, book.roots)
        assert (other.last_id, other.clock) == (book.last_id, book.clock)
        for name, page in book.pages.items():
            twin = other.pages[name]
            assert twin.pool == page.pool
            assert twin.space.blocks() == page.space.blocks()
            assert (twin.taken, twin.resting, twin.resting_addresses) == (
                page.taken,
                page.resting,
                page.resting_addresses,
            )
            assert (twin.children, twin.child_addresses) == (page.children, page.child_addresses)
        for later in (0, 30_000, 10_000_000):
            assert decisions.tick(other, NOW + later) == decisions.tick(book, NOW + later)
        wish = DelegationWish("home", 60, "next", "s-1", 0)
        assert decisions.delegate_many(other, [wish], NOW)[0] == decisions.delegate_many(book, [wish], NOW)[0]
