"""Diversions as routes: a black hole (RFC 7999) or FlowSpec (RFC 8955, RFC 8956), as ExaBGP's commands tell them.

The routes that should be announced stand in a file; the process that ExaBGP runs for us (`speaker`) reads it. So the
announcements outlive the agent, and each still ends at its own moment.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Final

from sixfold.agent.config import BgpSettings
from sixfold.agent.gateway.policy.read import Policy
from sixfold.api.addressing.policy import BLACKHOLE, DIVERT, Network

FILE: Final = "routes.json"
ANNOUNCED: Final = "announced.json"
COMMUNITY: Final = "65535:666"
_FLAGS: Final = ((1, "fin"), (2, "syn"), (4, "rst"), (8, "push"), (16, "ack"), (32, "urgent"))


@dataclass(frozen=True, slots=True)
class Route:
    """One announcement. expires: seconds since 1970. what: as ExaBGP writes it after `announce` or `withdraw`."""

    policy_id: str
    expires: float
    what: str


def routes(policies: Iterable[Policy], settings: BgpSettings, now: datetime) -> tuple[Route, ...]:
    return tuple(
        Route(one.policy_id, one.expires.timestamp(), what)
        for one in policies
        if one.action.kind == DIVERT and one.expires > now
        for what in (_blackhole(one, settings) if one.action.route == BLACKHOLE else _flowspec(one))
    )


def _blackhole(policy: Policy, settings: BgpSettings) -> Iterator[str]:
    for network in policy.sides.destinations:
        hop = settings.next_hop_ipv4 if network.version == 4 else settings.next_hop_ipv6
        communities = " ".join((COMMUNITY, "65535:65281", *settings.communities))  # 65535:65281: NO_EXPORT
        yield f"route {network} next-hop {hop} community [ {communities} ]"


def _flowspec(policy: Policy) -> Iterator[str]:
    for version in (4, 6):
        if (both := policy.sides.of(version)) is None:
            continue
        narrowing = "".join(_narrowing(policy, version))
        for source, destination in product(*(side or (None,) for side in both)):
            sides = _side("source", source) + _side("destination", destination)
            yield f"flow route {{ match {{ {sides}{narrowing}}} then {{ {_then(policy)}; }} }}"


def _side(word: str, network: Network | None) -> str:
    return f"{word} {network}; " if network is not None else ""


def _narrowing(policy: Policy, version: int) -> Iterator[str]:
    if policy.protocols:
        word = "protocol" if version == 4 else "next-header"
        yield f"{word} [ {' '.join(f'={one}' for one in policy.protocols)} ]; "
    for word, ranges in (
        ("source-port", policy.source_ports),
        ("destination-port", policy.destination_ports),
        ("packet-length", policy.lengths),
    ):
        if ranges:
            yield f"{word} [ {' '.join(map(_range, ranges))} ]; "
    mask, value = policy.flags
    if mask:
        wanted = [f"{'=' if bit & value else '!'}{name}" for bit, name in _FLAGS if bit & mask]
        yield f"tcp-flags [ {'&'.join(wanted)} ]; "


def _range(one: tuple[int, int]) -> str:
    first, last = one
    return f"={first}" if first == last else f">={first}&<={last}"


def _then(policy: Policy) -> str:
    action = policy.action
    if action.redirect:
        return f"redirect {action.redirect}"
    # Both are the extended community traffic-rate, RFC 8955, 7.1.
    return f"rate-limit {action.bytes_per_second}" if action.bytes_per_second else "discard"


def write_routes(folder: Path, wanted: Sequence[Route]) -> None:
    _write(folder / FILE, json.dumps([asdict(one) for one in wanted]))


def read_routes(folder: Path) -> tuple[Route, ...]:
    """Raises OSError, ValueError."""
    return tuple(Route(**one) for one in json.loads((folder / FILE).read_text()))


@dataclass(frozen=True, slots=True)
class Announced:
    """routes: how many ExaBGP has taken, by policy. refused: those it has not. spoken: all that were announced."""

    routes: dict[str, int]
    refused: tuple[str, ...] = ()
    spoken: tuple[str, ...] = ()


def write_announced(folder: Path, now: Announced) -> None:
    _write(folder / ANNOUNCED, json.dumps(asdict(now)))


def read_announced(folder: Path) -> Announced:
    """Nothing where ExaBGP has not said anything yet."""
    try:
        body = json.loads((folder / ANNOUNCED).read_text())
        counts = {str(name): int(n) for name, n in body["routes"].items()}
        return Announced(counts, tuple(body["refused"]), tuple(body["spoken"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Announced({})


def _write(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o644)
    fresh.replace(path)
