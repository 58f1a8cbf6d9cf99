"""What went out of each pool, and came back, since somebody asked last: from the ledger's events."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from sixfold.address.domain.book import Book
from sixfold.address.domain.events import DelegationsReleased, LeasesExpired, PrefixesDelegated

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
    """A follower of the ledger. Replayed events are of the past and not counted."""

    def __init__(self, book: Callable[[], Book]) -> None:
        self._book = book
        self._pools: dict[str, Turnover] = {}

    def __call__(self, event: object, sequence: int, replayed: bool) -> None:
        if replayed:
            return
        if isinstance(event, PrefixesDelegated):
            self._made(event)
        elif isinstance(event, DelegationsReleased | LeasesExpired):
            ids = np.asarray(event.delegation_ids, np.int64)
            for pool_id, _, ended, _, _ in self._book().leases.groups(ids):
                self._pools.setdefault(pool_id, Turnover()).ended += len(ended)

    def _made(self, event: PrefixesDelegated) -> None:
        one = self._pools.setdefault(event.pool_id, Turnover())
        holders = event.holders or tuple(grant.holder for grant in event.grants)
        one.made += len(holders)
        if len(one.holders) < MOST_HOLDERS:
            one.holders.update(holders)

    def taken(self) -> dict[str, Turnover]:
        """By pool, and counting begins anew."""
        taken, self._pools = self._pools, {}
        return taken
