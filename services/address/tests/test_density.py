"""How dense pools are as a registry counts: in /56, over the whole tree below (RIPE-738, RFC 3194)."""

import pytest

from sixfold.address.domain import decisions, pools
from sixfold.address.domain.book import Book, evolve
from sixfold.address.domain.utilisation import density
from sixfold.address.domain.values import DelegationWish, PoolWish

NOW = 1_700_000_000_000


def book_with(*wishes):
    book = Book()
    for wish in wishes:
        for event in pools.create_pool(book, wish, NOW):
            evolve(book, event)
    return book


def delegate(book, pool, length, number):
    for n in range(number):
        wish = DelegationWish(pool, length, f"{pool} {length} {n}", "s-1", 0)
        events, _ = decisions.delegate(book, wish, NOW)
        for event in events:
            evolve(book, event)


def test_delegations_in_all_pools_below_count_in_56s():
    book = book_with(
        PoolWish("nation", "", "2001:db8::/40", 0, "", 40, 64, 0, 0, "dense"),
        PoolWish("city", "nation", "", 44, "", 44, 64, 0, 0, "dense"),
    )
    delegate(book, "city", 48, 2)
    delegate(book, "city", 56, 3)
    delegate(book, "nation", 60, 16)
    found = density(book, book.pages["nation"])
    assert found.used == 2 * 256 + 3 + 1
    assert found.hd_ratio == pytest.approx(0.5632, abs=0.001)  # ln 516 / ln 65,536
    assert density(book, book.pages["city"]).used == 2 * 256 + 3


def test_the_threshold_of_an_allocation_is_the_registrys():
    """A /32, whose 16,777,216 /56 are enough used at 6,183,533 (RIPE-738, appendix A)."""
    book = book_with(PoolWish("nation", "", "2001:db8::/32", 0, "", 32, 64, 0, 0, "dense"))
    assert density(book, book.pages["nation"]).enough == 6_183_533


def test_ipv4_is_counted_in_its_own_delegations():
    book = book_with(PoolWish("four", "", "192.0.2.0/24", 0, "", 24, 32, 0, 0, "dense"))
    delegate(book, "four", 32, 255)
    found = density(book, book.pages["four"])
    assert (found.used, found.enough) == (0, 0)
    assert found.hd_ratio > 0.99
