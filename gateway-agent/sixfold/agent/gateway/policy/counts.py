"""What policies have done, read back from the kernel in one dump."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sixfold.agent.gateway import nft
from sixfold.agent.gateway.policy.render import ACTED, CHAIN, FAMILY, MATCHED, TABLE
from sixfold.agent.gateway.system import run


@dataclass(frozen=True, slots=True)
class Count:
    matched_packets: int = 0
    matched_bytes: int = 0
    acted_packets: int = 0
    acted_bytes: int = 0


def read_counts(table: str = TABLE) -> dict[str, Count]:
    """By name of the policy. Raises ProgramError, also where there is no table."""
    found: dict[str, dict[str, int]] = {}
    for body in _bodies(run(["nft", "-j", "list", "counters", "table", FAMILY, table]), "counter"):
        name = str(body["name"])
        for suffix, word in ((MATCHED, "matched"), (ACTED, "acted")):
            if name.endswith(suffix):
                one = found.setdefault(name.removesuffix(suffix), {})
                one[f"{word}_packets"], one[f"{word}_bytes"] = int(body["packets"]), int(body["bytes"])
    return {name: Count(**values) for name, values in found.items()}


def read_rules(table: str = TABLE) -> str:
    """The chain as nft tells it, to see whether somebody changed it. Raises ProgramError."""
    return run(["nft", "list", "chain", FAMILY, table, CHAIN])


def read_objects(table: str = TABLE) -> list[tuple[str, str]]:
    """(kind, name) of every counter and set of the table. Raises ProgramError."""
    found = []
    for kind, plural in (("counter", "counters"), ("set", "sets")):
        text = run(["nft", "-t", "-j", "list", plural, "table", FAMILY, table])
        found += [(kind, str(body["name"])) for body in _bodies(text, kind)]
    return found


def owner(name: str) -> str:
    """The policy's name in that of one of its objects."""
    return name.rpartition("_")[0]


def remove_table(table: str = TABLE) -> None:
    """Raises ProgramError."""
    nft.load(f"add table {FAMILY} {table}\ndelete table {FAMILY} {table}\n")


def _bodies(text: str, kind: str) -> Iterator[dict[str, Any]]:
    for one in json.loads(text or '{"nftables": []}')["nftables"]:
        if kind in one:
            yield one[kind]
