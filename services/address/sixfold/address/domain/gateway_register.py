"""Translating gateways: the profile of each, and which number its newest configuration has.

A profile is bytes here; what stands in it is the business of `gateway_messages`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from sixfold.address.domain.values import RefusedError

MOST_GATEWAYS: Final = 10_000
MOST_PROFILE_BYTES: Final = 256 * 1024
_GATEWAY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class GatewayPut:
    gateway: str
    profile: bytes
    time: int


@dataclass(frozen=True, slots=True)
class GatewayRemoved:
    gateway: str
    time: int


@dataclass(frozen=True, slots=True)
class GatewayComposed:
    gateway: str
    generation: int
    digest: bytes
    time: int


GatewayEvent = GatewayPut | GatewayRemoved | GatewayComposed
GATEWAY_EVENTS = (GatewayPut, GatewayRemoved, GatewayComposed)


@dataclass(frozen=True, slots=True)
class GatewayRecord:
    """Without a profile it was removed; its generations go on where they were, should it come back."""

    gateway: str
    profile: bytes = b""
    generation: int = 0
    digest: bytes = b""
    put: int = 0
    composed: int = 0


Gateways = dict[str, GatewayRecord]


def evolve_gateways(gateways: Gateways, event: GatewayEvent) -> None:
    """Changes `gateways` in place."""
    known = gateways.get(event.gateway, GatewayRecord(event.gateway))
    match event:
        case GatewayPut():
            known = replace(known, profile=event.profile, put=event.time)
        case GatewayRemoved():
            known = replace(known, profile=b"", digest=b"", put=event.time)
        case GatewayComposed():
            known = replace(known, generation=event.generation, digest=event.digest, composed=event.time)
    gateways[event.gateway] = known


def put_gateway(gateways: Gateways, gateway: str, profile: bytes, now: int) -> list[GatewayEvent]:
    """Nothing where it has this profile already."""
    if not _GATEWAY.fullmatch(gateway):
        detail = "1 to 64 of letters, digits, '-' and '_'"
        raise RefusedError("invalid", "GATEWAY_MALFORMED", detail, "profile.gateway")
    if len(profile) > MOST_PROFILE_BYTES:
        detail = f"{len(profile)} bytes, at most {MOST_PROFILE_BYTES}"
        raise RefusedError("invalid", "PROFILE_TOO_LARGE", detail, "profile")
    known = gateways.get(gateway)
    if known is None and len(gateways) >= MOST_GATEWAYS:
        raise RefusedError("exhausted", "TOO_MANY_GATEWAYS", f"there are {MOST_GATEWAYS} already")
    return [] if known is not None and known.profile == profile else [GatewayPut(gateway, profile, now)]


def remove_gateway(gateways: Gateways, gateway: str, now: int) -> list[GatewayEvent]:
    require_gateway(gateways, gateway)
    return [GatewayRemoved(gateway, now)]


def require_gateway(gateways: Mapping[str, GatewayRecord], gateway: str) -> GatewayRecord:
    known = gateways.get(gateway)
    if known is None or not known.profile:
        raise RefusedError("unknown", "GATEWAY_UNKNOWN", f"there is no gateway {gateway[:80]!r}", "gateway")
    return known


def number_configuration(
    gateways: Gateways, gateway: str, digest: bytes, reported: int, now: int
) -> list[GatewayEvent]:
    """A number for what was composed, where it is not what was numbered last, or the gateway has a later one."""
    known = gateways.get(gateway)
    if known is None or not known.profile or (known.digest == digest and reported <= known.generation):
        return []
    return [GatewayComposed(gateway, max(known.generation, reported) + 1, digest, now)]
