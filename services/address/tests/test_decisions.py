"""Pools, delegations and leases, decided and evolved without a bus."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sixfold.address.domain import decisions
from sixfold.address.domain.book import Book, evolve
from sixfold.address.domain.prefix import parse_address, parse_prefix
from sixfold.address.domain.values import DelegationWish, PoolWish, RefusedError

NOW = 1_700_000_000_000
HOME = PoolWish("home", "", "2001:db8::/40", 0, "households", 48, 64, 3600, 60, "dense")


def apply(book, events):
    for event in events:
        evolve(book, event)


def opened(*wishes):
    book = Book()
    for wish in wishes:
        apply(book, decisions.create_pool(book, wish, NOW))
    return book


def wish(key="k", length=56, pool="home", holder="s-1", lease=0):
    return DelegationWish(pool, length, key, holder, lease)


def delegated(book, *args, now=NOW, **kwargs):
    events, result = decisions.delegate(book, wish(*args, **kwargs), now)
    apply(book, events)
    return result


def refusal(call, *args, **kwargs):
    with pytest.raises(RefusedError) as caught:
        call(*args, **kwargs)
    return caught.value.reason


def test_the_same_key_gets_the_same_prefix_and_another_key_another():
    book = opened(HOME)
    first = delegated(book, "a")
    assert delegated(book, "a") == replace(first, known=True)
    assert delegated(book, "b").delegation.prefix != first.delegation.prefix


def test_a_key_that_comes_with_another_wish_is_refused():
    book = opened(HOME)
    delegated(book, "a")
    assert refusal(delegated, book, "a", 60) == "KEY_REUSED"
    assert refusal(delegated, book, "a", holder="s-2") == "KEY_REUSED"


def test_a_batch_is_answered_one_by_one_and_the_book_stays_as_it_was():
    book = opened(HOME)
    free = book.pages["home"].space.blocks()
    wishes = [wish("a"), wish("b", 99), wish("a"), wish("c", pool="nowhere"), wish("d")]
    events, results = decisions.delegate_many(book, wishes, NOW)
    assert book.pages["home"].space.blocks() == free
    assert [r.reason if isinstance(r, RefusedError) else r.known for r in results] == [
        False,
        "LENGTH_OUT_OF_RANGE",
        True,
        "POOL_UNKNOWN",
        False,
    ]
    assert len(events) == 1
    apply(book, events)
    assert [d.prefix for d in book.delegations.values()] == [
        r.delegation.prefix for r in (results[0], results[4])
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"prefix": "2001:db8::/129"}, "PREFIX_MALFORMED"),
        ({"prefix": "2001:db8::1/64"}, "PREFIX_MALFORMED"),
        ({"prefix": ""}, "PREFIX_MALFORMED"),
        ({"prefix": "2001:db8::/32"}, "POOL_OVERLAPS"),
        ({"prefix": "2001:db8:ff::/48"}, "POOL_OVERLAPS"),
        ({"prefix": "2001:db8:40::/48"}, "POOL_OVERLAPS"),
        ({"prefix": "2001:db9::/40", "shortest_length": 32}, "LENGTH_OUT_OF_RANGE"),
        ({"prefix": "2001:db9::/40", "longest_length": 129}, "LENGTH_OUT_OF_RANGE"),
        ({"prefix": "2001:db9::/40", "shortest_length": 60, "longest_length": 56}, "LENGTH_OUT_OF_RANGE"),
        ({"parent_id": "nobody"}, "PARENT_UNKNOWN"),
        ({"pool_id": "a b"}, "POOL_ID_MALFORMED"),
        ({"pool_id": "home", "prefix": "2001:db9::/40"}, "POOL_EXISTS"),
        ({"prefix": "2001:db9::/40", "lease_seconds": 2**63}, "LEASE_OUT_OF_RANGE"),
    ],
)
def test_a_pool_that_cannot_be_is_refused_with_its_reason(change, reason):
    book = opened(HOME)
    other = PoolWish("other", "", "2001:db8::/40", 0, "", 0, 0, 0, 0, "dense")
    assert refusal(decisions.create_pool, book, replace(other, **change), NOW) == reason


def test_a_repeated_pool_is_no_error():
    book = opened(HOME)
    assert decisions.create_pool(book, HOME, NOW) == []


def test_a_child_is_cut_out_of_its_parent():
    child = PoolWish("city", "home", "", 44, "", 0, 0, 0, 0, "dense")
    book = opened(HOME, child)
    city = book.pages["city"].pool.prefix
    assert str(city) == "2001:db8::/44"
    assert decisions.create_pool(book, child, NOW) == []
    for number in range(100):
        assert not delegated(book, f"k{number}").delegation.prefix.overlaps(city)
    assert (
        refusal(decisions.create_pool, book, replace(child, pool_id="x", prefix="2001:db8::/48"), NOW)
        == "POOL_OVERLAPS"
    )
    taken = str(delegated(book, "k0").delegation.prefix)
    assert (
        refusal(decisions.create_pool, book, replace(child, pool_id="x", prefix=taken), NOW)
        == "POOL_OVERLAPS"
    )
    assert (
        refusal(decisions.create_pool, book, replace(child, pool_id="x", prefix="2001:db9::/48"), NOW)
        == "POOL_OVERLAPS"
    )
    assert (
        refusal(decisions.create_pool, book, replace(child, pool_id="x", length=40), NOW)
        == "LENGTH_OUT_OF_RANGE"
    )
    assert [page.pool.pool_id for page in book.pages_at(parse_address("2001:db8::1"))] == ["home", "city"]


def test_a_full_pool_refuses_and_gives_again_after_the_quarantine():
    book = opened(replace(HOME, prefix="2001:db8::/62", shortest_length=0))
    ids = [delegated(book, f"k{number}", 64).delegation.delegation_id for number in range(4)]
    assert refusal(delegated, book, "one more", 64) == "POOL_EXHAUSTED"
    apply(book, decisions.release(book, ids[2], 0, NOW)[0])
    assert refusal(delegated, book, "one more", 64) == "POOL_EXHAUSTED"
    assert decisions.tick(book, NOW + 59_999) == []
    apply(book, decisions.tick(book, NOW + 60_000))
    assert str(delegated(book, "one more", 64).delegation.prefix) == "2001:db8:0:2::/64"


def test_release_and_renewal_say_why_they_refuse():
    book = opened(HOME)
    number = delegated(book, "a").delegation.delegation_id
    assert refusal(decisions.release, book, 99, 0, NOW) == "DELEGATION_UNKNOWN"
    apply(book, decisions.renew(book, number, 7200, 1, NOW)[0])
    assert book.delegations[number].version == 2
    assert refusal(decisions.renew, book, number, 7200, 1, NOW) == "VERSION_STALE"
    assert refusal(decisions.release, book, number, 1, NOW) == "VERSION_STALE"
    apply(book, decisions.release(book, number, 2, NOW)[0])
    assert refusal(decisions.release, book, number, 0, NOW) == "DELEGATION_ENDED"
    assert refusal(decisions.renew, book, number, 0, 0, NOW) == "DELEGATION_ENDED"


def test_a_renewed_lease_outlives_its_first_end_and_ends_once():
    book = opened(HOME)
    number = delegated(book, "a", lease=10).delegation.delegation_id
    apply(book, decisions.renew(book, number, 100, 0, NOW)[0])
    assert decisions.tick(book, NOW + 99_999) == []
    apply(book, decisions.tick(book, NOW + 100_000))
    assert not book.delegations[number].is_active
    assert decisions.tick(book, NOW + 100_001) == []
    apply(book, decisions.tick(book, NOW + 160_000))
    assert number not in book.delegations
    assert book.pages["home"].space.blocks() == [parse_prefix("2001:db8::/40")]
    assert (book.by_key, book.by_holder, book.pages["home"].taken) == ({}, {}, {})


def test_a_clock_that_goes_back_ends_no_lease_early_and_grants_none_in_the_past():
    book = opened(HOME)
    delegated(book, "a", lease=10)
    back = delegated(book, "b", lease=10, now=NOW - 86_400_000)
    assert back.delegation.expires == NOW + 10_000


def test_an_expiry_storm_is_worked_off_in_bounded_steps():
    book = opened(HOME)
    events, _ = decisions.delegate_many(book, [wish(f"k{n}", lease=1) for n in range(2_500)], NOW)
    apply(book, events)
    steps = 0
    while events := decisions.tick(book, NOW + 1_000_000, most=1_000):
        assert all(len(event.delegation_ids) <= 1_000 for event in events)
        apply(book, events)
        steps += 1
    assert steps == 3
    assert not any(delegation.is_active for delegation in book.delegations.values())


def test_ipv4_pools_delegate_addresses():
    book = opened(PoolWish("nat", "", "192.0.2.0/28", 0, "NAT64", 0, 0, 0, 0, "dense"))
    assert str(delegated(book, "a", 32, pool="nat").delegation.prefix) == "192.0.2.0/32"
    assert str(delegated(book, "b", 30, pool="nat").delegation.prefix) == "192.0.2.4/30"


class Delegating(RuleBasedStateMachine):
    """Any order of delegating, releasing, renewing and time: nothing overlaps, nothing is lost."""

    def __init__(self):
        super().__init__()
        small = replace(HOME, prefix="2001:db8::/56", shortest_length=57, quarantine_seconds=5)
        self.book = opened(small, PoolWish("city", "home", "", 59, "", 60, 64, 0, 0, "sparse"))
        self.now, self.keys = NOW, 0

    @rule(length=st.integers(57, 64), pool=st.sampled_from(["home", "city"]), lease=st.integers(0, 20))
    def delegate(self, length, pool, lease):
        self.keys += 1
        asked = wish(f"k{self.keys}", length, pool, lease=lease)
        events, results = decisions.delegate_many(self.book, [asked], self.now)
        apply(self.book, events)
        refused = [result.reason for result in results if isinstance(result, RefusedError)]
        assert set(refused) <= {"POOL_EXHAUSTED", "LENGTH_OUT_OF_RANGE"}

    @precondition(lambda self: self.book.delegations)
    @rule(pick=st.integers(0, 1000), end=st.booleans())
    def change(self, pick, end):
        chosen = list(self.book.delegations.values())[pick % len(self.book.delegations)]
        if chosen.is_active:
            call = decisions.release if end else lambda b, n, v, t: decisions.renew(b, n, 7, v, t)
            apply(self.book, call(self.book, chosen.delegation_id, chosen.version, self.now)[0])

    @rule(seconds=st.integers(0, 10), most=st.integers(1, 5))
    def wait(self, seconds, most):
        self.now += seconds * 1000
        apply(self.book, decisions.tick(self.book, self.now, most=most))

    @invariant()
    def every_address_is_somewhere_once(self):
        for page in self.book.pages.values():
            parts = [d.prefix for d in self.book.delegations.values() if d.pool_id == page.pool.pool_id]
            parts += [self.book.pages[name].pool.prefix for name in page.children] + page.space.blocks()
            at = page.pool.prefix.network
            for part in sorted(parts):
                assert part.network == at
                at = part.last + 1
            assert at == page.pool.prefix.last + 1
            resting = [
                d.prefix.size
                for d in self.book.delegations.values()
                if d.pool_id == page.pool.pool_id and not d.is_active
            ]
            assert (page.resting, page.resting_addresses) == (len(resting), sum(resting))
            for delegation in self.book.delegations.values():
                if delegation.pool_id == page.pool.pool_id:
                    assert page.delegation_of(delegation.prefix.last) == delegation.delegation_id
            assert [d.delegation_id for d in self.book.listed(page.pool.pool_id, "", 0)] == sorted(
                d.delegation_id for d in self.book.delegations.values() if d.pool_id == page.pool.pool_id
            )


Delegating.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestDelegating = Delegating.TestCase
