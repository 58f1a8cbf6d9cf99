"""What went out of each pool, and came back, since somebody asked last: from the ledger's events."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sixfold.address.domain.book import Book
from sixfold.address.domain.events import PrefixesDelegated

MOST_HOLDERS: Final = 100_000
"""Holders counted in an interval; of a storm with more only the first so many are told apart."""


@dataclass(slots=True)
class Turnover:
    made: int = 0
    ended: int = 0
    holders: Counter[str] = field(default_factory=Counter[str])

    @property
    def top(self) -> tuple[str, float]:
        """The holder that got most, and its share of what was made."""
        if not self.made or not self.holders:
            return "", 0.0
        holder, number = self.holders.most_common(1)[0]
        return holder, number / self.made


class TurnoverCounter:
    """A follower of the ledger. Replayed events are of the past and not counted.

    What ended is not looked up by its events: a lease that ends without a quarantine is forgotten by the time that they
    are told. It is what was made, less what the pool has more of now than when it was last asked.
    """

    def __init__(self, book: Callable[[], Book]) -> None:
        self._book = book
        self._pools: dict[str, Turnover] = {}
        self._live: dict[str, int] | None = None

    def __call__(self, event: object, sequence: int, replayed: bool) -> None:
        if isinstance(event, PrefixesDelegated) and not replayed:
            one = self._pools.setdefault(event.pool_id, Turnover())
            holders = event.holders or tuple(grant.holder for grant in event.grants)
            one.made += len(holders)
            if len(one.holders) < MOST_HOLDERS:
                one.holders.update(holders)

    def taken(self) -> dict[str, Turnover]:
        """By pool, and counting begins anew. The first time nothing has ended yet."""
        before, taken = self._live, self._pools
        self._live, self._pools = self._now(), {}
        if before is not None:
            for pool_id, live in self._live.items():
                made = taken[pool_id].made if pool_id in taken else 0
                # Pools that were split or merged change without an end.
                if (ended := made - (live - before.get(pool_id, 0))) > 0:
                    taken.setdefault(pool_id, Turnover()).ended = ended
        return taken

    def _now(self) -> dict[str, int]:
        return {pool_id: page.held - page.resting for pool_id, page in self._book().pages.items()}
