"""Pools, delegations and leases, decided and evolved without a bus."""

from dataclasses import replace

import pytest

from sixfold.address.domain import decisions, pools
from sixfold.address.domain.book import Book, evolve
from sixfold.address.domain.prefix import parse_address, parse_prefix
from sixfold.address.domain.values import DelegationWish, PoolWish, RefusedError, RenumberWish

NOW = 1_700_000_000_000
HOME = PoolWish("home", "", "2001:db8::/40", 0, "households", 48, 64, 3600, 60, "dense")


def apply(book, events):
    for event in events:
        evolve(book, event)


def opened(*wishes):
    book = Book()
    for wish in wishes:
        apply(book, pools.create_pool(book, wish, NOW))
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
    assert [d.prefix for d in book.listed("", "", 0)] == [
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
    assert refusal(pools.create_pool, book, replace(other, **change), NOW) == reason


def test_a_repeated_pool_is_no_error():
    book = opened(HOME)
    assert pools.create_pool(book, HOME, NOW) == []


def test_a_child_is_cut_out_of_its_parent():
    child = PoolWish("city", "home", "", 44, "", 0, 0, 0, 0, "dense")
    book = opened(HOME, child)
    city = book.pages["city"].pool.prefix
    assert str(city) == "2001:db8::/44"
    assert pools.create_pool(book, child, NOW) == []
    for number in range(100):
        assert not delegated(book, f"k{number}").delegation.prefix.overlaps(city)
    assert (
        refusal(pools.create_pool, book, replace(child, pool_id="x", prefix="2001:db8::/48"), NOW)
        == "POOL_OVERLAPS"
    )
    taken = str(delegated(book, "k0").delegation.prefix)
    assert refusal(pools.create_pool, book, replace(child, pool_id="x", prefix=taken), NOW) == "POOL_OVERLAPS"
    assert (
        refusal(pools.create_pool, book, replace(child, pool_id="x", prefix="2001:db9::/48"), NOW)
        == "POOL_OVERLAPS"
    )
    assert (
        refusal(pools.create_pool, book, replace(child, pool_id="x", length=40), NOW) == "LENGTH_OUT_OF_RANGE"
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
    assert book.delegation(number).version == 2
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
    assert not book.delegation(number).is_active
    assert decisions.tick(book, NOW + 100_001) == []
    apply(book, decisions.tick(book, NOW + 160_000))
    assert number not in book.leases
    assert book.pages["home"].space.blocks() == [parse_prefix("2001:db8::/40")]
    assert (len(book.leases), len(book.leases.keys), book.pages["home"].held) == (0, 0, 0)
    assert list(book.listed("", "s-1", 0)) == []


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
    assert not any(delegation.is_active for delegation in book.listed("", "", 0))


def test_ipv4_pools_delegate_addresses():
    book = opened(PoolWish("nat", "", "192.0.2.0/28", 0, "NAT64", 0, 0, 0, 0, "dense"))
    assert str(delegated(book, "a", 32, pool="nat").delegation.prefix) == "192.0.2.0/32"
    assert str(delegated(book, "b", 30, pool="nat").delegation.prefix) == "192.0.2.4/30"


def test_a_wish_repeated_in_one_batch_is_granted_once():
    book = opened(HOME)
    wishes = [wish("a"), wish("a"), wish("a", lease=5), wish("a", 60), wish("b", 60), wish("a", holder="s-2")]
    events, results = decisions.delegate_many(book, wishes, NOW)
    apply(book, events)
    assert [r.reason if isinstance(r, RefusedError) else r.known for r in results] == [
        False,
        True,
        True,
        "KEY_REUSED",
        False,
        "KEY_REUSED",
    ]
    assert results[1].delegation == results[2].delegation == results[0].delegation
    assert book.pages["home"].held == 2


def test_a_full_pool_answers_part_of_a_batch():
    book = opened(replace(HOME, prefix="2001:db8::/62", shortest_length=0))
    events, results = decisions.delegate_many(book, [wish(f"k{n}", 64) for n in range(6)], NOW)
    apply(book, events)
    assert [isinstance(result, RefusedError) for result in results] == [False] * 4 + [True] * 2
    assert results[5].reason == "POOL_EXHAUSTED"


def test_a_delegation_grows_where_it_stands_while_there_is_room():
    book = opened(replace(HOME, room_length=48))
    first = delegated(book, "a").delegation
    other = delegated(book, "b").delegation
    assert str(other.prefix) == "2001:db8:1::/56"
    assert refusal(decisions.grow, book, first.delegation_id, 60, 0, NOW) == "LENGTH_OUT_OF_RANGE"
    assert refusal(decisions.grow, book, first.delegation_id, 47, 0, NOW) == "LENGTH_OUT_OF_RANGE"
    assert refusal(decisions.grow, book, first.delegation_id, 52, 7, NOW) == "VERSION_STALE"
    for version, length in ((1, 52), (2, 48)):
        assert decisions.can_grow_to(book.pages["home"], book.delegation(1)) == 48
        events, grown = decisions.grow(book, 1, length, version, NOW)
        apply(book, events)
        assert book.delegation(1) == grown
        assert str(grown.prefix) == f"2001:db8::/{length}"
    assert decisions.grow(book, 1, 48, 0, NOW)[0] == []
    assert delegated(book, "a").known
    assert book.delegation_at(parse_address("2001:db8:0:ffff::")).delegation_id == 1
    filler = opened(replace(HOME, prefix="2001:db8::/47", shortest_length=0))
    for n in range(2):
        delegated(filler, f"k{n}", 56)
    assert refusal(decisions.grow, filler, 1, 52, 0, NOW) == "NO_ROOM_TO_GROW"


def test_a_reserved_prefix_is_kept_for_its_holder_and_an_excluded_one_from_all():
    book = opened(replace(HOME, quarantine_seconds=0))
    apply(book, pools.withhold(book, "home", "2001:db8:0:100::/56", "s-9", "contract", NOW))
    apply(book, pools.withhold(book, "home", "2001:db8::/56", "", "broken", NOW))
    assert pools.withhold(book, "home", "2001:db8::/56", "", "broken", NOW) == []
    assert refusal(pools.withhold, book, "home", "2001:db8::/60", "x", "", NOW) == "SPACE_IN_USE"
    assert refusal(pools.withhold, book, "home", "2001:db9::/56", "x", "", NOW) == "PREFIX_OUTSIDE"
    assert refusal(pools.withhold, book, "home", "2001:db8::/129", "x", "", NOW) == "PREFIX_MALFORMED"
    assert str(delegated(book, "a").delegation.prefix) == "2001:db8:0:200::/56"
    own = delegated(book, "b", holder="s-9").delegation
    assert str(own.prefix) == "2001:db8:0:100::/56"
    assert str(delegated(book, "c", holder="s-9").delegation.prefix) == "2001:db8:0:300::/56"
    assert refusal(decisions.grow, book, own.delegation_id, 52, 0, NOW) == "SPACE_RESERVED"
    assert refusal(pools.open_space, book, "home", "2001:db8:0:100::/56", NOW) == "SPACE_IN_USE"
    apply(book, decisions.release(book, own.delegation_id, 0, NOW)[0])
    assert str(delegated(book, "d").delegation.prefix) == "2001:db8:0:400::/56"
    assert str(delegated(book, "e", holder="s-9").delegation.prefix) == "2001:db8:0:100::/56"
    apply(book, pools.open_space(book, "home", "2001:db8::/56", NOW))
    assert refusal(pools.open_space, book, "home", "2001:db8::/56", NOW) == "SPACE_NOT_WITHHELD"
    assert str(delegated(book, "f").delegation.prefix) == "2001:db8::/56"


def test_renumbering_leaves_both_prefixes_valid_until_the_overlap_is_over():
    book = opened(HOME, replace(HOME, pool_id="new", prefix="2001:db9::/40"))
    old = delegated(book, "a").delegation
    asked = RenumberWish(old.delegation_id, "a2", 600, pool_id="new")
    events, (before, after) = decisions.renumber(book, asked, 1, NOW)
    apply(book, events)
    assert (before.expires, before.version) == (NOW + 600_000, 2)
    assert str(after.delegation.prefix) == "2001:db9::/56"
    assert decisions.renumber(book, asked, 1, NOW)[1][1] == replace(after, known=True)
    assert refusal(decisions.renew, book, 1, 0, 0, NOW) == "DELEGATION_RENUMBERED"
    again = replace(asked, key="a3")
    assert refusal(decisions.renumber, book, again, 0, NOW) == "DELEGATION_RENUMBERED"
    assert refusal(decisions.renumber, book, replace(again, delegation_id=2, key="a"), 0, NOW) == "KEY_REUSED"
    assert book.delegation(1).is_active
    apply(book, decisions.tick(book, NOW + 600_000))
    assert not book.delegation(1).is_active
    assert book.delegation(2).is_active
    apply(book, decisions.tick(book, NOW + 660_000))
    assert book.delegation(1) is None
    assert book.successors == {}


def test_a_pool_is_split_and_merged_with_all_that_lies_in_it():
    child = PoolWish("city", "home", "2001:db8:80::/44", 0, "", 0, 0, 0, 0, "dense")
    book = opened(replace(HOME, strategy="sparse", shortest_length=0), child)
    for number in range(8):
        delegated(book, f"k{number}")
    apply(book, pools.withhold(book, "home", "2001:db8:f0::/56", "", "", NOW))
    before = book.pages["home"].space.blocks()
    apply(book, pools.split_pool(book, "home", "upper", NOW))
    assert pools.split_pool(book, "home", "upper", NOW) == []
    assert {d.prefix.network >> 87 & 1 for d in book.listed("upper", "", 0)} == {1}
    lower, upper = book.pages["home"], book.pages["upper"]
    assert lower.held + upper.held == 8
    assert (lower.children, upper.children) == ([], ["city"])
    assert book.pages["city"].pool.parent_id == "upper"
    assert [len(page.withheld) for page in (lower, upper)] == [0, 1]
    assert [page.pool.pool_id for page in book.pages_at(parse_address("2001:db8:80::"))] == ["upper", "city"]
    assert refusal(pools.split_pool, book, "home", "city", NOW) == "POOL_EXISTS"
    assert refusal(pools.merge_pools, book, "home", "city", NOW) == "POOLS_APART"
    apply(book, pools.merge_pools(book, "home", "upper", NOW))
    page = book.pages["home"]
    assert (page.space.blocks(), page.held, list(book.pages)) == (before, 8, ["city", "home"])
    assert book.roots == [(page.pool.prefix.network, "home")]
    assert len(list(book.listed("home", "", 0))) == 8
    whole = opened(replace(HOME, prefix="2001:db8::/56", shortest_length=0))
    delegated(whole, "a", 56)
    assert refusal(pools.split_pool, whole, "home", "x", NOW) == "POOL_IN_ONE_PIECE"
    single = opened(PoolWish("one", "", "192.0.2.1/32", 0, "", 0, 0, 0, 0, "dense"))
    assert refusal(pools.split_pool, single, "one", "x", NOW) == "POOL_TOO_SMALL"
    two = opened(HOME, replace(HOME, pool_id="b", prefix="2001:db8:100::/40", lease_seconds=1))
    assert refusal(pools.merge_pools, two, "home", "b", NOW) == "POOLS_DIFFER"


def test_wide_and_ipv4_pools_are_served_in_batches():
    for prefix, length, last in (
        ("2001:db8::/32", 128, "2001:db8::13/128"),
        ("2001:db8::/60", 120, "2001:db8::1300/120"),
        ("2001:db8::/96", 128, "2001:db8::13/128"),
        ("10.0.0.0/8", 32, "10.0.0.19/32"),
    ):
        book = opened(PoolWish("p", "", prefix, 0, "", 0, length, 0, 0, "dense"))
        free = book.pages["p"].space.blocks()
        wishes = [wish(f"k{n}", length, "p") for n in range(20)]
        events, results = decisions.delegate_many(book, wishes, NOW)
        apply(book, events)
        assert str(results[-1].delegation.prefix) == last
        assert book.delegation_at(results[7].delegation.prefix.last) == results[7].delegation
        for answer in results:
            apply(book, decisions.release(book, answer.delegation.delegation_id, 0, NOW)[0])
        assert book.pages["p"].space.blocks() == free


@pytest.mark.parametrize(
    ("room", "strategy"), [(36, "dense"), (65, "dense"), (48, "sparse"), (4_000_000_000, "dense")]
)
def test_room_that_cannot_be_is_refused(room, strategy):
    asked = replace(HOME, room_length=room, strategy=strategy)
    assert refusal(pools.create_pool, Book(), asked, NOW) == "LENGTH_OUT_OF_RANGE"
