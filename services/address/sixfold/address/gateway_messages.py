"""Profiles checked, and configurations composed of them and the rules."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final

from google.protobuf.message import DecodeError

from sixfold.address.domain.translation.gateways import MOST_SLOTS, GatewayTranslation
from sixfold.address.domain.values import RefusedError
from sixfold.address.translation_messages import gateway_message
from sixfold.api.address.v1 import gateways_pb2 as pb
from sixfold.api.agent.v1 import agent_pb2 as agent

_INTERFACE: Final = re.compile(r"[A-Za-z0-9._-]{1,15}")
MOST_LINKS: Final = 4_096
MOST_MAPPINGS: Final = 1_024


@dataclass(frozen=True, slots=True)
class Composed:
    """`omitted`: (part, why) of what is not carried out."""

    configuration: agent.GatewayConfiguration
    omitted: tuple[tuple[str, str], ...]


def read_profile(data: bytes) -> pb.GatewayProfile:
    """Of what the ledger holds."""
    try:
        return pb.GatewayProfile.FromString(data)
    except DecodeError as error:
        raise RefusedError("invalid", "PROFILE_MALFORMED", str(error), "profile") from error


def checked_profile(wished: pb.GatewayProfile, known: pb.GatewayProfile | None) -> pb.GatewayProfile:
    """With slots for its static mappings: those of the known profile where they go to the same server."""
    profile = pb.GatewayProfile()
    profile.CopyFrom(wished)
    own = profile.own
    for field, is_set in (
        ("port_sets", bool(own.port_sets)),
        ("nat64.prefix", bool(own.nat64.prefix)),
        ("nat64.ipv4_pool", bool(own.nat64.ipv4_pool)),
    ):
        if is_set:
            raise _malformed(f"own.{field}", "comes from the translation rules")
    for field, names in (
        ("access_interfaces", own.access_interfaces),
        ("ipv4_interfaces", own.ipv4_interfaces),
    ):
        for at, name in enumerate(names):
            if not _INTERFACE.fullmatch(name):
                raise _malformed(f"own.{field}[{at}]", f"{name[:40]!r} is no name of an interface")
    _require_links(profile)
    _give_slots(profile, known)
    return profile


def _malformed(field: str, detail: str) -> RefusedError:
    return RefusedError("invalid", "PROFILE_MALFORMED", detail, f"profile.{field}")


def _require_links(profile: pb.GatewayProfile) -> None:
    if len(profile.links) > MOST_LINKS:
        raise _malformed("links", f"{len(profile.links)}, at most {MOST_LINKS}")
    taken: dict[object, str] = {}
    for at, link in enumerate(profile.links):
        if link.interface not in profile.own.access_interfaces:
            raise _malformed(f"links[{at}].interface", f"{link.interface[:40]!r} is no access interface")
        for number, text in enumerate(link.prefixes):
            field = f"links[{at}].prefixes[{number}]"
            try:
                network = ip_network(text)
            except ValueError as error:
                raise _malformed(field, str(error)[:200]) from error
            if taken.setdefault(network, link.interface) != link.interface:
                raise _malformed(field, f"{network} is reached over {taken[network]} already")


def _give_slots(profile: pb.GatewayProfile, known: pb.GatewayProfile | None) -> None:
    mappings = profile.own.static_mappings
    if len(mappings) > MOST_MAPPINGS:
        raise _malformed("own.static_mappings", f"{len(mappings)}, at most {MOST_MAPPINGS}")
    slots = {one.server_address: one.slot for one in (known.own.static_mappings if known else ())}
    for at, one in enumerate(mappings):
        field = f"own.static_mappings[{at}]"
        try:
            IPv4Address(one.public_address)
            one.server_address = str(IPv6Address(one.server_address))
        except ValueError as error:
            raise _malformed(field, str(error)[:200]) from error
        if one.slot > MOST_SLOTS:
            raise _malformed(f"{field}.slot", f"{one.slot} is not 1 to {MOST_SLOTS}")
        if one.slot:
            slots[one.server_address] = one.slot
    servers = {one.server_address for one in mappings}
    used = {slot for server, slot in slots.items() if server in servers}
    for one in mappings:
        if one.server_address not in slots:
            # From the top: the rules' subscribers are numbered from the bottom.
            slots[one.server_address] = next(slot for slot in range(MOST_SLOTS, 0, -1) if slot not in used)
            used.add(slots[one.server_address])
        one.slot = slots[one.server_address]


def compose(profile: pb.GatewayProfile, translation: GatewayTranslation) -> Composed:
    """The whole configuration. What would make the gateway refuse all of it is left out, and told."""
    ruled = gateway_message(translation)
    omitted = [(one.rule_id, one.why) for one in ruled.omitted]
    made = agent.GatewayConfiguration()
    made.CopyFrom(profile.own)
    pools = ruled.configuration.nat64.ipv4_pool
    sets = list(ruled.configuration.port_sets)
    if ruled.configuration.nat64.prefix:
        made.nat64.prefix = ruled.configuration.nat64.prefix
        made.nat64.ipv4_pool.extend(pools)
    else:
        made.ClearField("nat64")
        if made.HasField("dns64"):
            made.ClearField("dns64")
            omitted.append(("dns64", "no rule says the NAT64 prefix"))
        ipv6 = [one for one in sets if ":" in one.subscriber_prefix]
        if ipv6:
            omitted.append((f"{len(ipv6)} port sets of IPv6", "no rule says the NAT64 prefix"))
        sets = [one for one in sets if ":" not in one.subscriber_prefix]
    made.port_sets.extend(sets)
    del made.static_mappings[:]
    held = {one.slot for one in made.port_sets}
    for one in profile.own.static_mappings:
        why = _why_not(one, made, held)
        if why:
            omitted.append((f"static {one.public_address}", why))
        else:
            made.static_mappings.append(one)
    return Composed(made, tuple(omitted))


def _why_not(one: agent.StaticMapping, made: agent.GatewayConfiguration, held: set[int]) -> str:
    if not made.HasField("nat64"):
        return "no rule says the NAT64 prefix"
    if one.slot in held:
        return f"its slot {one.slot} is a subscriber's"
    public = IPv4Address(one.public_address)
    if not any(public in ip_network(pool) for pool in made.nat64.ipv4_pool):
        return "no rule in force holds that address"
    for first, last in _ports_of(made, one.public_address):
        if not one.public_port or first <= one.public_port <= last:
            return f"ports {first} to {last} are a subscriber's"
    return ""


def _ports_of(made: agent.GatewayConfiguration, address: str) -> Iterator[tuple[int, int]]:
    for one in made.port_sets:
        if one.public_address == address:
            for ports in one.ranges:
                yield ports.first, ports.last
