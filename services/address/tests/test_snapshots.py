from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.address.adapters.ledger import BookSnapshots, codec
from sixfold.address.domain import decisions, leases, pools
from sixfold.address.domain.book import Book, evolve
from sixfold.address.domain.events import Grant, PrefixesDelegated
from sixfold.address.domain.prefix import parse_prefix
from sixfold.address.domain.values import DelegationWish, PoolWish

NOW = 1_700_000_000_000
HOME = PoolWish("home", "", "2001:db8::/52", 0, "households", 0, 64, 3600, 60, "dense")
POOLS = (HOME, replace(HOME, pool_id="city", parent_id="home", prefix="", length=56, strategy="sparse"))
steps = st.lists(
    st.tuples(st.sampled_from(["home", "city"]), st.integers(57, 64), st.integers(0, 3)), max_size=60
)


def page_content(page):
    numbers = (page.held, page.held_addresses, page.resting, page.resting_addresses, page.child_addresses)
    return page.pool, page.space.blocks(), list(page.children), dict(page.withheld), numbers


def content(book):
    pages = {name: page_content(page) for name, page in book.pages.items()}
    return list(book.listed("", "", 0)), pages, book.roots, book.last_id, book.clock, book.successors


def again(book):
    snapshots = BookSnapshots()
    return snapshots.load(snapshots.dump(snapshots.freeze(book)))


def require_same_future(one, other):
    for later in (0, 30_000, 10_000_000):
        assert decisions.tick(one, NOW + later) == decisions.tick(other, NOW + later)
    wishes = [DelegationWish("home", 60, f"next{n}", "s-1", 0) for n in range(5)]
    assert decisions.delegate_many(one, wishes, NOW)[0] == decisions.delegate_many(other, wishes, NOW)[0]


@given(steps)
@settings(max_examples=60, deadline=None)
def test_a_book_from_its_snapshot_or_its_events_goes_on_the_same(wishes):
    book, followed, events_codec = Book(), Book(), codec()
    frozen = []

    def apply(events):
        for event in events:
            evolve(book, event)
            evolve(followed, events_codec.decode(*events_codec.encode(event)))

    for pool in POOLS:
        apply(pools.create_pool(book, pool, NOW))
    apply(pools.withhold(book, "home", "2001:db8:0:f00::/60", "s-2", "kept", NOW))
    for number, (pool, length, then) in enumerate(wishes):
        wish = DelegationWish(pool, length, f"k{number}", f"s-{number % 3}", 10 * then)
        events, (answer,) = decisions.delegate_many(book, [wish], NOW + number * 1_000)
        apply(events)
        if then == 2 and events:
            apply(decisions.release(book, answer.delegation.delegation_id, 0, NOW)[0])
        if then == 3 and len(frozen) < 2:
            frozen.append((BookSnapshots().freeze(book), content(book)))
        apply(decisions.tick(book, NOW + number * 2_000))
    for other in (again(book), followed):
        assert content(other) == content(book)
        for number in range(len(wishes)):
            hashed = decisions.key_hash(f"k{number}")
            assert other.of_key(hashed) == book.of_key(hashed)
        require_same_future(other, book)
    for earlier, expected in frozen:
        assert content(BookSnapshots().load(BookSnapshots().dump(earlier))) == expected


def test_segments_are_sealed_packed_dropped_and_kept(monkeypatch):
    """With segments of 64 rows what happens in a large book happens in a small one."""
    monkeypatch.setattr(leases, "SEGMENT", 64)
    book = Book()

    def apply(events):
        for event in events:
            evolve(book, event)

    apply(pools.create_pool(book, replace(HOME, quarantine_seconds=0), NOW))
    for start in range(0, 1_000, 100):
        wishes = [DelegationWish("home", 64, f"k{n}", f"s-{n % 7}", 0) for n in range(start, start + 100)]
        apply(decisions.delegate_many(book, wishes, NOW)[0])
    every = list(book.listed("", "", 0))
    assert len(every) == len({one.prefix for one in every}) == 1_000
    assert content(again(book)) == content(book)
    kept = {one.delegation_id for one in every if one.delegation_id % 10 == 3 or one.delegation_id > 900}
    for one in every:
        if one.delegation_id not in kept:
            apply(decisions.release(book, one.delegation_id, 0, NOW)[0])
    assert [one for one in every if one.delegation_id in kept] == list(book.listed("", "", 0))
    assert any(segment.offsets is not None for segment in book.leases.segments.values())
    assert len(book.leases.segments[2].length) < 64
    for one in every:
        found = book.delegation_at(one.prefix.last)
        assert found == (one if one.delegation_id in kept else None)
        assert (book.of_key(decisions.key_hash(f"k{one.delegation_id - 1}")) is not None) == (found == one)
    assert [one.holder for one in book.listed("home", "s-3", 900)] == ["s-3"] * len(
        [n for n in range(900, 1_000) if n % 7 == 3]
    )
    other = again(book)
    assert content(other) == content(book)
    require_same_future(other, book)
    for one in list(book.listed("", "", 0)):
        apply(decisions.release(book, one.delegation_id, 0, NOW)[0])
    assert list(book.leases.segments) == [15]
    assert book.pages["home"].space.blocks() == [parse_prefix(HOME.prefix)]


def test_what_was_written_before_there_were_columns_is_read():
    book = Book()
    for event in pools.create_pool(book, HOME, NOW):
        evolve(book, event)
    network = parse_prefix("2001:db8::/64").packed
    old = PrefixesDelegated("home", NOW, grants=(Grant(1, network, 64, "s-1", "k", 0),))
    name, data = codec().encode(old)
    evolve(book, codec().decode(name, data))
    events, answer = decisions.delegate(book, DelegationWish("home", 64, "k", "s-1", 0), NOW)
    assert answer.known
    assert events == []
