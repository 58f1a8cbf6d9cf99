"""How full a pool is."""

import math
from dataclasses import dataclass

from sixfold.address.domain.book import PoolPage
from sixfold.address.domain.prefix import BITS, Prefix


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
