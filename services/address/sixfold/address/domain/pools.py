"""Decisions about pools: from the book and a wish to the events that it takes, or a refusal. The book is left
as it was."""

import re
from typing import Final

from sixfold.address.domain.book import Book, PoolPage
from sixfold.address.domain.events import (
    Event,
    PoolCreated,
    PoolsMerged,
    PoolSplit,
    SpaceOpened,
    SpaceWithheld,
)
from sixfold.address.domain.prefix import BITS, Prefix, PrefixError, parse_prefix
from sixfold.address.domain.values import PoolWish, RefusedError

LONGEST_LEASE: Final = 100 * 365 * 86_400
_POOL_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def page_of(book: Book, pool_id: str, field: str = "pool_id") -> PoolPage:
    page = book.pages.get(pool_id)
    if page is None:
        raise RefusedError("unknown", "POOL_UNKNOWN", f"there is no pool {pool_id!r}", field)
    return page


def create_pool(book: Book, wish: PoolWish, now: int) -> list[Event]:
    """Nothing where the pool is there and as wished: a repeated call is no error."""
    now = max(now, book.clock)
    _require_name(wish.pool_id, "pool_id")
    if len(wish.purpose) > 256:
        raise RefusedError("invalid", "PURPOSE_TOO_LONG", "at most 256 characters", "purpose")
    for name, seconds in (
        ("lease_seconds", wish.lease_seconds),
        ("quarantine_seconds", wish.quarantine_seconds),
    ):
        if seconds > LONGEST_LEASE:
            raise RefusedError("invalid", "LEASE_OUT_OF_RANGE", f"{seconds} s is over a hundred years", name)
    prefix = _pool_prefix(book, wish)
    shortest, longest = _delegation_lengths(wish, prefix)
    created = PoolCreated(
        wish.pool_id,
        wish.parent_id,
        prefix.packed,
        prefix.length,
        wish.purpose,
        shortest,
        longest,
        wish.lease_seconds,
        wish.quarantine_seconds,
        wish.strategy,
        now,
        _room(wish, prefix, longest),
    )
    there = book.pages.get(wish.pool_id)
    if there is None:
        _require_room(book, wish, prefix)
        return [created]
    pool = there.pool
    same = (pool.parent_id, pool.prefix, pool.purpose, pool.shortest, pool.longest) == (
        wish.parent_id,
        prefix,
        wish.purpose,
        shortest,
        longest,
    ) and (pool.lease_seconds, pool.quarantine_seconds, pool.strategy, pool.room) == (
        wish.lease_seconds,
        wish.quarantine_seconds,
        wish.strategy,
        created.room,
    )
    if not same:
        raise RefusedError(
            "exists",
            "POOL_EXISTS",
            f"pool {wish.pool_id!r} is {pool.prefix} and other than wished",
            "pool_id",
        )
    return []


def _pool_prefix(book: Book, wish: PoolWish) -> Prefix:
    parent = book.pages.get(wish.parent_id) if wish.parent_id else None
    if wish.parent_id and parent is None:
        raise RefusedError("unknown", "PARENT_UNKNOWN", f"there is no pool {wish.parent_id!r}", "parent_id")
    if wish.prefix:
        try:
            prefix = parse_prefix(wish.prefix)
        except PrefixError as error:
            raise RefusedError("invalid", "PREFIX_MALFORMED", str(error), "prefix") from error
        if parent is not None and (not parent.pool.prefix.holds(prefix) or prefix == parent.pool.prefix):
            detail = f"{prefix} is not a part of {parent.pool.prefix}"
            raise RefusedError("invalid", "POOL_OVERLAPS", detail, "prefix")
        return prefix
    if parent is None:
        raise RefusedError("invalid", "PREFIX_MALFORMED", "a root pool needs a prefix", "prefix")
    there = book.pages.get(wish.pool_id)
    length = parent.pool.prefix.in_bits_of_128(wish.length)
    if not parent.pool.prefix.length < length <= BITS:
        detail = f"/{wish.length} does not fit into {parent.pool.prefix}"
        raise RefusedError("invalid", "LENGTH_OUT_OF_RANGE", detail, "length")
    if there is not None and there.pool.prefix.length == length:
        return there.pool.prefix
    chosen = parent.space.choose(length, parent.pool.room_kept)
    if chosen is None:
        detail = f"no /{wish.length} is free in {parent.pool.prefix}"
        raise RefusedError("exhausted", "PARENT_FULL", detail, "length")
    return chosen


def _require_room(book: Book, wish: PoolWish, prefix: Prefix) -> None:
    if not wish.parent_id:
        other = book.root_overlapping(prefix)
        if other is not None:
            detail = f"{prefix} overlaps pool {other.pool.pool_id!r} ({other.pool.prefix})"
            raise RefusedError("exists", "POOL_OVERLAPS", detail, "prefix")
        return
    parent = book.pages[wish.parent_id]
    if parent.space.is_free(prefix):
        return
    siblings = (book.pages[name].pool for name in parent.children)
    sibling = next((pool for pool in siblings if pool.prefix.overlaps(prefix)), None)
    if sibling is not None:
        detail = f"{prefix} overlaps pool {sibling.pool_id!r} ({sibling.prefix})"
    else:
        detail = f"{prefix} holds delegations of pool {wish.parent_id!r}"
    raise RefusedError("exists", "POOL_OVERLAPS", detail, "prefix")


def _delegation_lengths(wish: PoolWish, prefix: Prefix) -> tuple[int, int]:
    usual = 32 if prefix.is_ipv4 else 64
    longest = prefix.in_bits_of_128(wish.longest_length or max(usual, prefix.family_length))
    shortest = prefix.in_bits_of_128(wish.shortest_length) if wish.shortest_length else prefix.length
    if not prefix.length <= shortest <= longest <= BITS:
        detail = (
            f"delegations from /{wish.shortest_length} to /{wish.longest_length} do not fit into {prefix}"
        )
        raise RefusedError("invalid", "LENGTH_OUT_OF_RANGE", detail, "shortest_length")
    return shortest, longest


def _require_name(pool_id: str, field: str) -> None:
    if not _POOL_ID.fullmatch(pool_id):
        detail = "1 to 64 of letters, digits, '-', '_' and '.'"
        raise RefusedError("invalid", "POOL_ID_MALFORMED", detail, field)


def _room(wish: PoolWish, prefix: Prefix, longest: int) -> int:
    if not wish.room_length:
        return 0
    room = prefix.in_bits_of_128(wish.room_length)
    if wish.strategy == "sparse" or not prefix.length <= room <= longest:
        detail = f"room of /{wish.room_length} is for dense pools, from /{prefix.family_length} to the longest length"
        raise RefusedError("invalid", "LENGTH_OUT_OF_RANGE", detail, "room_length")
    return room


def split_pool(book: Book, pool_id: str, other_id: str, now: int) -> list[Event]:
    """`pool_id` keeps the lower half; what lies in the upper one goes to the new pool `other_id`. Nothing where
    that is done already."""
    now = max(now, book.clock)
    page = page_of(book, pool_id)
    _require_name(other_id, "other_pool_id")
    pool, other = page.pool, book.pages.get(other_id)
    if other is not None:
        if (
            pool.prefix.length == other.pool.prefix.length
            and other.pool.prefix.network == pool.prefix.last + 1
        ):
            return []
        raise RefusedError("exists", "POOL_EXISTS", f"there is a pool {other_id!r}", "other_pool_id")
    if pool.prefix.length >= pool.longest:
        detail = f"{pool.prefix} is as long as the longest delegation of pool {pool_id!r}"
        raise RefusedError("precondition", "POOL_TOO_SMALL", detail, "pool_id")
    whole = book.delegation_at(pool.prefix.network)
    if (whole is not None and whole.prefix == pool.prefix) or pool.prefix in page.withheld:
        detail = f"all of {pool.prefix} is given as one"
        raise RefusedError("precondition", "POOL_IN_ONE_PIECE", detail, "pool_id")
    return [PoolSplit(pool_id, other_id, now)]


def merge_pools(book: Book, pool_id: str, other_id: str, now: int) -> list[Event]:
    """Two halves of one prefix, of one parent and with the same rules, become `pool_id`."""
    now = max(now, book.clock)
    one, other = page_of(book, pool_id).pool, page_of(book, other_id, "other_pool_id").pool
    size = one.prefix.size
    if one.prefix.length != other.prefix.length or one.prefix.network ^ size != other.prefix.network:
        detail = f"{one.prefix} and {other.prefix} are not the two halves of one prefix"
        raise RefusedError("precondition", "POOLS_APART", detail, "other_pool_id")
    rules = ("parent_id", "longest", "lease_seconds", "quarantine_seconds", "strategy", "room")
    differing = [name for name in rules if getattr(one, name) != getattr(other, name)]
    if differing:
        detail = f"pools {pool_id!r} and {other_id!r} differ in {', '.join(differing)}"
        raise RefusedError("precondition", "POOLS_DIFFER", detail, "other_pool_id")
    parent = book.pages.get(one.parent_id)
    if parent is not None and parent.pool.prefix.length == one.prefix.length - 1:
        detail = f"together they are all of pool {one.parent_id!r}"
        raise RefusedError("precondition", "POOL_OVERLAPS", detail, "other_pool_id")
    return [PoolsMerged(pool_id, other_id, now)]


def withhold(book: Book, pool_id: str, prefix: str, holder: str, reason: str, now: int) -> list[Event]:
    """Keep a free prefix for `holder`, or from everybody where there is none. Nothing where it is so already."""
    page, wanted = _space_in(book, pool_id, prefix)
    for name, text, most in (("holder", holder, 128), ("reason", reason, 256)):
        if len(text) > most:
            raise RefusedError("invalid", f"{name.upper()}_MALFORMED", f"at most {most} characters", name)
    there = page.withheld.get(wanted)
    if there is not None and (there.holder, there.reason) == (holder, reason):
        return []
    if not page.space.is_free(wanted):
        raise RefusedError("exists", "SPACE_IN_USE", f"{wanted} is not free in pool {pool_id!r}", "prefix")
    now = max(now, book.clock)
    return [SpaceWithheld(pool_id, wanted.packed, wanted.length, holder, reason, now)]


def open_space(book: Book, pool_id: str, prefix: str, now: int) -> list[Event]:
    """End a reservation or an exclusion. Refused while the holder has the prefix."""
    page, wanted = _space_in(book, pool_id, prefix)
    there = page.withheld.get(wanted)
    if there is None:
        detail = f"{wanted} is neither reserved nor excluded in pool {pool_id!r}"
        raise RefusedError("unknown", "SPACE_NOT_WITHHELD", detail, "prefix")
    if there.delegation_id:
        detail = f"{wanted} is delegation {there.delegation_id}"
        raise RefusedError("precondition", "SPACE_IN_USE", detail, "prefix")
    return [SpaceOpened(pool_id, wanted.packed, wanted.length, max(now, book.clock))]


def _space_in(book: Book, pool_id: str, prefix: str) -> tuple[PoolPage, Prefix]:
    page = page_of(book, pool_id)
    try:
        wanted = parse_prefix(prefix)
    except PrefixError as error:
        raise RefusedError("invalid", "PREFIX_MALFORMED", str(error), "prefix") from error
    if not page.pool.prefix.holds(wanted):
        detail = f"{wanted} is not a part of {page.pool.prefix}"
        raise RefusedError("invalid", "PREFIX_OUTSIDE", detail, "prefix")
    return page, wanted
