"""Which sources are genuine where: the prefixes that terminals hold behind a gateway, over its access interfaces."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sixfold.identity.domain.prefix import BITS, Prefix
from sixfold.identity.domain.values import Binding

MOST_SOURCES: Final = 500_000
"""Of one gateway; its agent takes no more."""
_IPV4_LENGTH: Final = 96
Source = tuple[Prefix, str]
"""A prefix and the interface that it is reached over."""


@dataclass(frozen=True, slots=True)
class Links:
    """The access side of one gateway. Without prefixes all terminals are reached over `only`."""

    by_prefix: Mapping[Prefix, str] = field(default_factory=dict[Prefix, str])
    only: str = ""

    def interface_of(self, prefix: Prefix) -> str:
        """Of the longest link that holds the prefix; empty where none does."""
        if not self.by_prefix:
            return self.only
        for length in range(prefix.length, -1, -1):
            network = prefix.network >> (BITS - length) << (BITS - length)
            found = self.by_prefix.get(Prefix(network, length))
            if found is not None:
                return found
        return ""


@dataclass(slots=True)
class Held:
    """Prefixes that terminals hold, by gateway, with how often. A shared address is the public side: no source."""

    by_gateway: dict[str, Counter[Prefix]] = field(default_factory=dict[str, Counter[Prefix]])

    def add(self, gateway: str, prefix: Prefix) -> None:
        self.by_gateway.setdefault(gateway, Counter())[prefix] += 1

    def remove(self, gateway: str, prefix: Prefix) -> None:
        held = self.by_gateway.get(gateway, Counter())
        held[prefix] -= 1
        if held[prefix] <= 0:
            del held[prefix]

    @classmethod
    def of(cls, bindings: Iterable[Binding]) -> "Held":
        held = cls()
        for binding in bindings:
            if not binding.is_shared:
                held.add(binding.gateway, binding.prefix)
        return held


@dataclass(frozen=True, slots=True)
class Genuine:
    """`unlinked`: prefixes that no link holds; `over`: those beyond what an agent takes."""

    sources: frozenset[Source]
    unlinked: int = 0
    over: int = 0


def genuine(prefixes: Iterable[Prefix], links: Links) -> Genuine:
    """What lies in another one of the same interface says nothing more, and is left out."""
    found: list[Source] = []
    unlinked = 0
    inside_of: dict[str, int] = {}
    for prefix in sorted(prefixes):
        interface = links.interface_of(prefix)
        if not interface:
            unlinked += 1
            continue
        last = prefix.network | ((1 << (BITS - prefix.length)) - 1)
        # In order, what holds others comes before them; the ends of those that hold only grow.
        if inside_of.get(interface, -1) >= last:
            continue
        inside_of[interface] = last
        found.append((prefix, interface))
    return Genuine(frozenset(found[:MOST_SOURCES]), unlinked, max(0, len(found) - MOST_SOURCES))


@dataclass(frozen=True, slots=True)
class Step:
    """One command: `base` 0 says all there are; otherwise a difference to that generation."""

    generation: int
    base: int
    sources: tuple[Source, ...]
    removed: tuple[Source, ...] = ()


def steps(
    wanted: frozenset[Source], told: frozenset[Source] | None, generation: int, *, at_once: int
) -> Sequence[Step]:
    """From what generation `generation` has (None: not known) to what is wanted, at most `at_once` sources a command.

    Nothing where it is the same. What is removed goes last: who is genuine before and after is never cut off.
    """
    if told is not None and generation:
        fresh, gone = sorted(wanted - told), sorted(told - wanted)
        none: list[Source] = []
        parts = [(fresh[at : at + at_once], none) for at in range(0, len(fresh), at_once)]
        parts += [(none, gone[at : at + at_once]) for at in range(0, len(gone), at_once)]
        if len(fresh) + len(gone) <= at_once and fresh and gone:
            parts = [(fresh, gone)]
        return [
            Step(generation + number, generation + number - 1, tuple(added), tuple(removed))
            for number, (added, removed) in enumerate(parts, 1)
        ]
    every = sorted(wanted)
    slices = [every[at : at + at_once] for at in range(0, len(every), at_once)] or [[]]
    return [
        Step(generation + number, generation + number - 1 if number > 1 else 0, tuple(some))
        for number, some in enumerate(slices, 1)
    ]
