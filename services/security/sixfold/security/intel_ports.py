"""What threat intelligence needs from outside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sixfold.security.domain.intel.entries import Reading, Trust
from sixfold.security.domain.intel.lists import Layout
from sixfold.security.domain.intel.prefixes import PrefixSet


class FeedUnreachableError(Exception):
    """A feed cannot be read now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSource:
    """One feed as the settings have it."""

    name: str
    kind: str
    """`list`, `csv`, `stix` or `taxii`."""
    source: str
    """A file, an http or https address; of TAXII the collection's."""
    interval: float
    lifetime: float
    """Seconds that a reading is used for."""
    confidence: int
    trust: Trust
    layout: Layout = field(default_factory=Layout)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    timeout: float = 60.0
    most_bytes: int = 2 << 30


Read = Callable[[FeedSource, Reading, str, datetime, int], str | None]
"""adapters.feeds.read"""


class Store(Protocol):
    async def save(self, name: str, made: PrefixSet, taken: int, expires: int) -> None: ...

    async def load(self, name: str) -> tuple[PrefixSet, int, int] | None: ...


class IntelMeter(Protocol):
    def reading(self, feed: str, outcome: str) -> None:
        """`taken`, `unchanged`, `unreachable` or a cause of refusal."""
        ...

    def refused(self, feed: str, cause: str, number: int) -> None: ...
