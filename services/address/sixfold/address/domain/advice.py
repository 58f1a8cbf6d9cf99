"""What an operator should do about a pool, from how it is used."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from sixfold.address.domain.forecast import Forecast
from sixfold.address.domain.utilisation import Density
from sixfold.api.addressing.density import RIPE_RATIO

Urgency = Literal["now", "soon", "later"]

SOON_DAYS: Final = 90.0
NOW_DAYS: Final = 30.0
RESTING_SHARE: Final = 0.2
FRAGMENTED: Final = 0.5
HOARD: Final = 0.25
FEW: Final = 16


@dataclass(frozen=True, slots=True)
class PoolUse:
    """Shares 0 to 1. `largest_free_share`: of all that is free, what one block holds. `top_holder_share`: of what is
    delegated, what one holder has."""

    pool_id: str
    delegations: int
    used_share: float
    resting_share: float
    free_share: float
    largest_free_share: float
    density: Density
    shortest_fits: bool
    child_share: float = 0.0
    top_holder: str = ""
    top_holder_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Advice:
    pool_id: str
    urgency: Urgency
    reason: str
    detail: str
    remedy: str


def advise(use: PoolUse, outlook: Forecast | None) -> list[Advice]:
    return [*_fullness(use, outlook), *_shape(use)]


def _fullness(use: PoolUse, outlook: Forecast | None) -> Iterable[Advice]:
    days = outlook.full_in_days if outlook is not None else None
    if use.free_share == 0 and use.child_share < 1:
        yield Advice(
            use.pool_id,
            "now",
            "POOL_FULL",
            "nothing is free",
            "give it a larger parent block, or a second pool",
        )
    elif days is not None and days <= SOON_DAYS:
        between = (
            "" if outlook is None else f" ({_days(outlook.full_earliest)} to {_days(outlook.full_latest)})"
        )
        urgency: Urgency = "now" if days <= NOW_DAYS else "soon"
        remedy = "plan a second pool of the same purpose beside it, or shorten the leases"
        yield Advice(use.pool_id, urgency, "POOL_FILLS", f"full in {days:.0f} days{between}", remedy)
    density = use.density
    if density.hd_ratio >= RIPE_RATIO and use.used_share > 0:
        counted = f": {density.used:,} of /56 in use, {density.enough:,} are enough" if density.used else ""
        yield Advice(
            use.pool_id,
            "soon",
            "HD_RATIO_REACHED",
            f"HD-ratio {density.hd_ratio:.3f}, over {RIPE_RATIO}{counted}",
            "a registry gives more space at this density: ask",
        )


def _shape(use: PoolUse) -> Iterable[Advice]:
    if not use.shortest_fits and use.free_share > 0:
        detail = "space is free, but no block of the pool's shortest length"
        yield Advice(
            use.pool_id,
            "soon",
            "SHORTEST_DOES_NOT_FIT",
            detail,
            "renumber the smallest neighbours into another pool",
        )
    elif use.free_share > 0.05 and use.largest_free_share < FRAGMENTED and use.delegations >= FEW:
        detail = f"the largest free block holds {use.largest_free_share:.0%} of what is free"
        remedy = "use the dense strategy, or renumber a few delegations"
        yield Advice(use.pool_id, "later", "FRAGMENTED", detail, remedy)
    if use.resting_share >= RESTING_SHARE:
        detail = f"{use.resting_share:.0%} of the pool rests in quarantine"
        yield Advice(
            use.pool_id,
            "soon",
            "QUARANTINE_HEAVY",
            detail,
            "a shorter quarantine, or longer leases: holders change too often",
        )
    if use.delegations >= FEW and use.top_holder_share >= HOARD:
        detail = f"{use.top_holder} holds {use.top_holder_share:.0%} of what is delegated"
        yield Advice(
            use.pool_id,
            "later",
            "ONE_HOLDER",
            detail,
            "ask whether it is one customer, or a default holder in a script",
        )


def _days(days: float | None) -> str:
    return "over ten years" if days is None else f"{days:.0f}"
