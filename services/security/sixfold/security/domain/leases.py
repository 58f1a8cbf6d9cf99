"""Who watches which partition: one table that every replica reads and rewrites by compare-and-set.

A replica shows that it lives by counting up its beat. Whoever sees a beat that has not changed for a while, by its own
clock, takes that replica out and shares its partitions among those that live; clocks are never compared.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Member:
    """A replica. A new process of the same name has another `life`, and takes the former's place at once."""

    life: str
    beat: int
    partitions: tuple[int, ...]
    """Those that it may watch."""


@dataclass(frozen=True, slots=True)
class Table:
    members: Mapping[str, Member] = field(default_factory=dict[str, Member])
    holders: Mapping[int, str] = field(default_factory=dict[int, str])

    def held(self, name: str) -> tuple[int, ...]:
        return tuple(sorted(partition for partition, holder in self.holders.items() if holder == name))


def dump(table: Table) -> bytes:
    return json.dumps(
        {
            "members": {name: [one.life, one.beat, one.partitions] for name, one in table.members.items()},
            "holders": {str(partition): name for partition, name in table.holders.items()},
        }
    ).encode()


def load(data: bytes) -> Table:
    """Raises ValueError."""
    try:
        values: Any = json.loads(data)
        members = {
            str(name): Member(str(life), int(beat), tuple(int(one) for one in partitions))
            for name, (life, beat, partitions) in values["members"].items()
        }
        holders = {int(partition): str(name) for partition, name in values["holders"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the table of leases is damaged: {error}") from error
    return Table(members, holders)


def joined(table: Table, name: str, life: str, partitions: Sequence[int], dead: Sequence[str]) -> Table:
    """With one more beat of `name`, without the dead, everything shared out."""
    members = {other: member for other, member in table.members.items() if other not in dead or other == name}
    before = members.get(name)
    beat = before.beat + 1 if before is not None else 1
    members[name] = Member(life, beat, tuple(sorted(partitions)))
    return shared(replace(table, members=members))


def left(table: Table, name: str) -> Table:
    """Without `name`, what it held shared among the others."""
    return shared(replace(table, members={key: one for key, one in table.members.items() if key != name}))


def shared(table: Table) -> Table:
    """Every partition held by a member that may watch it, as evenly as that goes, with few moves."""
    members = table.members
    wanted = sorted({partition for member in members.values() for partition in member.partitions})
    holders = {
        partition: holder
        for partition, holder in table.holders.items()
        if holder in members and partition in members[holder].partitions
    }
    load = dict.fromkeys(sorted(members), 0)
    for holder in holders.values():
        load[holder] += 1

    def lightest(partition: int) -> str:
        return min(
            (name for name in load if partition in members[name].partitions), key=lambda name: load[name]
        )

    for partition in wanted:
        if partition not in holders:
            holders[partition] = name = lightest(partition)
            load[name] += 1
    for partition in reversed(wanted):
        holder, other = holders[partition], lightest(partition)
        if load[holder] - load[other] > 1:
            holders[partition] = other
            load[holder] -= 1
            load[other] += 1
    return replace(table, holders=holders)


class Beats:
    """When each beat was last seen to change, by one's own clock."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._seen: dict[str, tuple[str, int, float]] = {}

    def dead(self, table: Table, now: float) -> list[str]:
        """Members whose beat has stood still for longer than the patience; `now` in seconds."""
        seen: dict[str, tuple[str, int, float]] = {}
        for name, member in table.members.items():
            before = self._seen.get(name)
            same = before is not None and before[:2] == (member.life, member.beat)
            seen[name] = before if same and before is not None else (member.life, member.beat, now)
        self._seen = seen
        return [name for name, (_, _, since) in seen.items() if now - since > self._patience]
