"""How full a pool is."""

import math
from dataclasses import dataclass

from sixfold.address.domain.book import Book, PoolPage
from sixfold.address.domain.prefix import BITS, Prefix
from sixfold.api.addressing.density import RIPE_UNIT, hd_ratio, threshold


@dataclass(frozen=True, slots=True)
class Utilisation:
    """Shares of the pool's addresses, 0 to 1; `largest_free` in bits of the family, 0 where nothing is free."""

    delegations: int
    quarantined: int
    child_pools: int
    delegated_share: float
    quarantined_share: float
    child_share: float
    free_share: float
    withheld_share: float
    largest_free: int
    hd_ratio: float


def utilisation(page: PoolPage) -> Utilisation:
    """`hd_ratio` is log(delegated) / log(all) in units of the pool's longest delegation (RFC 3194)."""
    pool, size = page.pool, page.pool.prefix.size
    held = page.held_addresses
    largest = page.space.largest
    unit = 1 << (BITS - pool.longest)
    delegated = (held - page.resting_addresses) // unit
    return Utilisation(
        delegations=page.held - page.resting,
        quarantined=page.resting,
        child_pools=len(page.children),
        delegated_share=(held - page.resting_addresses) / size,
        quarantined_share=page.resting_addresses / size,
        child_share=page.child_addresses / size,
        withheld_share=sum(one.prefix.size for one in page.withheld.values() if not one.delegation_id) / size,
        free_share=page.space.free_addresses / size,
        largest_free=0 if largest is None else Prefix(pool.prefix.network, largest).family_length,
        hd_ratio=math.log(delegated) / math.log(size // unit) if delegated > 0 and size > unit else 0.0,
    )


@dataclass(frozen=True, slots=True)
class Density:
    """How dense a pool is as a registry counts: what is delegated in it and in all pools below, in /56. Both counts are
    0 for a pool that holds no whole /56 (IPv4, single networks); its ratio is then in its own longest delegation."""

    hd_ratio: float
    used: int = 0
    enough: int = 0
    """Used /56 from which on more may be asked for: HD-ratio 0.94 (RIPE-738, 5.2.2)."""


def density(book: Book, page: PoolPage) -> Density:
    length = page.pool.prefix.length
    if length >= RIPE_UNIT:
        return Density(utilisation(page).hd_ratio)
    used = _delegated_addresses(book, page) >> (BITS - RIPE_UNIT)
    return Density(hd_ratio(used, 1 << (RIPE_UNIT - length)), used, threshold(length))


def _delegated_addresses(book: Book, page: PoolPage) -> int:
    total, waiting = 0, [page]
    while waiting:
        one = waiting.pop()
        total += one.held_addresses - one.resting_addresses
        waiting += [book.pages[child] for child in one.children]
    return total
