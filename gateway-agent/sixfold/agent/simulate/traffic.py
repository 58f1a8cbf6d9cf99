"""Conversations of a step: who talks to whom over which service, how long and how much, all as columns."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.simulate.day import level
from sixfold.agent.simulate.region import (
    PORTS_PER_SUBSCRIBER,
    Numbers,
    Region,
    mapped,
    nat64,
    scatter,
)
from sixfold.agent.simulate.rows import IPV4, IPV6, NAT44, NAT64, ROW, Rows
from sixfold.agent.simulate.services import MULTICAST_INDEX, SERVICES, weights

ACTIVE_TIMEOUT_MS: Final = 60_000
"""No record is of a longer time: the gateways export long flows in parts."""
_TCP, _UDP, _ICMP, _ICMPV6 = 6, 17, 1, 58
_TCP_WHOLE, _TCP_RESET, _TCP_UNANSWERED = 0x1B, 0x16, 0x02
_PORTS_USED: Final = PORTS_PER_SUBSCRIBER


def _column(name: str) -> npt.NDArray[Any]:
    return np.array([getattr(service, name) for service in SERVICES])


@dataclass(frozen=True, slots=True)
class _Mix:
    """The services' numbers as columns, to be indexed by service."""

    protocol: npt.NDArray[Any]
    port: npt.NDArray[Any]
    median: npt.NDArray[Any]
    sigma: npt.NDArray[Any]
    tail: npt.NDArray[Any]
    up: npt.NDArray[Any]
    seconds: npt.NDArray[Any]
    packet: npt.NDArray[Any]

    @classmethod
    def of_services(cls) -> "_Mix":
        return cls(*(_column(name) for name in cls.__slots__))


class Traffic:
    """Background traffic of a region. Draws from one generator in a fixed order, so a seed gives one history."""

    def __init__(self, region: Region, rng: np.random.Generator, *, utc_offset: float, flat: bool) -> None:
        self._region, self._rng = region, rng
        self._utc_offset, self._flat = utc_offset, flat
        self._mix = _Mix.of_services()
        self._peers = {
            peer: np.array([service.peer == peer for service in SERVICES])
            for peer in ("site", "ipv4-site", "resolver", "time", "iot", "content")
        }
        self._port_turn = np.zeros(region.subscribers, dtype=np.uint16)

    def step(self, start_ms: int, step_ms: int, rate: float) -> Rows:
        """The rows of conversations that begin in the step; `rate` is rows a second at the busiest hour."""
        share = weights(start_ms, self._utc_offset, flat=self._flat)
        busiest = sum(service.weight for service in SERVICES)
        expected = rate * step_ms / 1000 / 2 * share.sum() / busiest
        count = int(self._rng.poisson(expected))
        service = np.searchsorted(np.cumsum(share) / share.sum(), self._rng.random(count), side="right")
        service = np.minimum(service, len(SERVICES) - 1)
        conversations = self._conversations(service, start_ms, step_ms)
        return np.concatenate([conversations, self._multicast(start_ms, step_ms)])

    def _subscribers(self, service: Numbers) -> tuple[Numbers, Numbers]:
        """(subscriber, device). A few homes are busy and many are quiet; things are spread evenly."""
        region, rng = self._region, self._rng
        drawn = (rng.random(len(service)) ** 1.7 * region.subscribers).astype(np.int64)
        device = rng.integers(0, 5, len(service))
        thing = self._peers["iot"][service]
        number = rng.integers(0, region.iot_devices, len(service))
        drawn = np.where(thing, number, drawn)
        device = np.where(thing, 8 + number // region.subscribers % 8, device)
        # Spread the busy ones over the numbers, and so over gateways and port blocks.
        return (scatter(drawn, 7) % np.uint64(region.subscribers)).astype(np.int64), device

    def _conversations(self, service: Numbers, start_ms: int, step_ms: int) -> Rows:
        region, rng, mix, count = self._region, self._rng, self._mix, len(service)
        subscriber, device = self._subscribers(service)
        site = np.minimum((region.sites ** rng.random(count)).astype(np.int64) - 1, region.sites - 1)
        start = start_ms + rng.integers(0, step_ms, count)
        down = np.exp(np.log(mix.median[service]) + mix.sigma[service] * rng.standard_normal(count))
        heavy = rng.random(count) < mix.tail[service]
        down = np.where(heavy, down * np.minimum(rng.pareto(1.15, count) + 1, 3_000), down)
        seconds = mix.seconds[service] * np.exp(rng.standard_normal(count) * 0.8)
        duration = np.clip((seconds * 1000).astype(np.int64), 1, ACTIVE_TIMEOUT_MS - 1)
        # No line is faster than a gigabit.
        down = np.minimum(down, 200 + duration * 125_000.0)
        answered = rng.random(count)
        rows = np.zeros(2 * count, dtype=ROW)
        upward, downward = rows[:count], rows[count:]
        protocol = mix.protocol[service]
        kind = self._path(service, subscriber, site)
        protocol = np.where((protocol == _ICMPV6) & (kind == NAT44), _ICMP, protocol)
        upward["start"], upward["end"] = start, start + duration
        upward["gateway"], upward["service"], upward["kind"] = region.gateway_of(subscriber), service, kind
        upward["protocol"] = protocol
        upward["tos"] = np.where(mix.port[service] == 5683, 0x20, 0)
        upward["dport"] = mix.port[service]
        ephemeral = rng.integers(32_768, 60_999, count)
        upward["sport"] = np.where(mix.port[service] == 0, 0, ephemeral)
        is_icmp = (protocol == _ICMP) | (protocol == _ICMPV6)
        upward["icmp"] = np.where(is_icmp, np.where(protocol == _ICMP, 8 << 8, 128 << 8), 0)
        flags = np.where(answered > 0.03, _TCP_WHOLE, np.where(answered > 0.01, _TCP_RESET, _TCP_UNANSWERED))
        upward["flags"] = np.where(protocol == _TCP, flags, 0)
        upward["label"] = np.where(kind != NAT44, rng.integers(0, 1 << 20, count), 0)
        self._addresses(upward, service, subscriber, device, site)
        self._ports(upward, subscriber)
        self._turn_round(upward, downward)
        self._volumes(upward, downward, service, down, answered <= 0.01)
        silent = (protocol == _TCP) & (answered <= 0.01)
        keep = np.ones(len(rows), dtype=bool)
        keep[count:] = ~silent
        return rows[keep]

    def _path(self, service: Numbers, subscriber: Numbers, site: Numbers) -> npt.NDArray[np.uint8]:
        to_site = self._peers["site"][service] & ~self._region.has_ipv6(site)
        ipv4 = to_site | self._peers["ipv4-site"][service]
        dual = self._region.is_dual_stack(subscriber)
        return np.where(ipv4, np.where(dual, NAT44, NAT64), IPV6).astype(np.uint8)

    def _addresses(
        self, rows: Rows, service: Numbers, subscriber: Numbers, device: Numbers, site: Numbers
    ) -> None:
        region, count, kind = self._region, len(rows), rows["kind"]
        peers = {name: mask[service] for name, mask in self._peers.items()}
        source = region.terminal(subscriber, device)
        target = region.site_ipv6(site)
        for mask, address in (
            (peers["resolver"], region.resolver(region.gateway_of(subscriber))),
            (peers["time"], region.service(0xFF7B, 0x7B, count)),
            (peers["iot"], region.service(0xFF1E, 1, count)),
            (peers["content"], region.site_ipv6(site % 8 + 60_100)),
        ):
            target[mask] = address[mask]
        ipv4_site = region.site_ipv4(site)
        four, six_to_four = kind == NAT44, kind == NAT64
        target[six_to_four] = nat64(ipv4_site[six_to_four])
        target[four] = mapped(ipv4_site[four])
        source[four] = region.private(subscriber[four])
        rows["src"], rows["dst"] = source, target
        public, block = region.port_block(subscriber, nat44=four)
        translated = four | six_to_four
        rows["public"] = np.where(translated, public, 0)
        rows["public_port"] = np.where(translated, block, 0)
        rows["peer"] = np.where(translated, ipv4_site, 0)

    def _ports(self, rows: Rows, subscriber: Numbers) -> None:
        """The next ports of each subscriber's block in turn, so that two sessions at a time never share one."""
        translated = np.flatnonzero((rows["kind"] == NAT64) | (rows["kind"] == NAT44))
        order = translated[np.argsort(subscriber[translated], kind="stable")]
        if not len(order):
            return
        owner = subscriber[order]
        first = np.concatenate([[True], owner[1:] != owner[:-1]])
        begin = np.flatnonzero(first)
        within = np.arange(len(order)) - np.repeat(begin, np.diff(np.append(begin, len(order))))
        turn = self._port_turn[owner] + within
        rows["public_port"][order] += (turn % _PORTS_USED).astype(np.uint16)
        np.add.at(self._port_turn, owner, 1)
        self._port_turn[owner] %= _PORTS_USED

    @staticmethod
    def _turn_round(upward: Rows, downward: Rows) -> None:
        """The other direction, seen on the inside like the first, leaving the gateway: no translation in it."""
        downward[:] = upward
        downward["src"], downward["dst"] = upward["dst"], upward["src"]
        downward["sport"], downward["dport"] = upward["dport"], upward["sport"]
        downward["egress"] = 1
        downward["kind"] = np.where(upward["kind"] == NAT44, IPV4, IPV6)
        downward["public"], downward["public_port"], downward["peer"] = 0, 0, 0
        downward["icmp"] = np.select([upward["icmp"] == 128 << 8, upward["icmp"] == 8 << 8], [129 << 8, 0], 0)

    def _volumes(
        self, upward: Rows, downward: Rows, service: Numbers, down: npt.NDArray[Any], silent: npt.NDArray[Any]
    ) -> None:
        mix, rng = self._mix, self._rng
        tcp = upward["protocol"] == _TCP
        packet = mix.packet[service]
        # Header octets of IPv6 and of the transport, and of a handshake and a farewell where there is one.
        header = np.where(tcp, 60, 48)
        down_packets = np.ceil(down / packet) + np.where(tcp, 3, 0)
        up = down * mix.up[service] * (0.7 + 0.6 * rng.random(len(service)))
        up_packets = np.maximum(np.ceil(up / packet), np.ceil(down_packets * 0.55)) + np.where(tcp, 3, 0)
        silent = silent & tcp
        upward["packets"] = np.where(silent, 3, up_packets)
        upward["octets"] = np.where(silent, 3 * header, up + up_packets * header).astype(np.uint64)
        downward["packets"] = down_packets
        downward["octets"] = (down + down_packets * header).astype(np.uint64)

    def _multicast(self, start_ms: int, step_ms: int) -> Rows:
        """Channels stream all the time; each is exported once in an active timeout, one after the other."""
        region = self._region
        turn = ACTIVE_TIMEOUT_MS
        channel = np.arange(region.channels, dtype=np.int64)
        due = start_ms + (channel * turn // region.channels - start_ms) % turn
        channel = channel[due < start_ms + step_ms]
        watched = level("flat" if self._flat else "evening", start_ms, self._utc_offset)
        everywhere = np.repeat(channel, region.gateways)
        gateway = np.tile(np.arange(region.gateways), len(channel))
        # The first channels are watched at any hour, the last only when all the region watches.
        shown = self._rng.random(len(everywhere)) < np.minimum(
            1.0, watched * 3 / (1 + everywhere * 3 / region.channels)
        )
        everywhere, gateway = everywhere[shown], gateway[shown]
        rows = np.zeros(len(everywhere), dtype=ROW)
        end = start_ms + (everywhere * turn // region.channels - start_ms) % turn
        rows["start"], rows["end"] = end - turn, end
        rows["src"], rows["dst"] = region.channel_source(everywhere), region.channel_group(everywhere)
        rows["sport"], rows["dport"], rows["protocol"] = 5_000, 5_000, _UDP
        rows["gateway"], rows["service"], rows["kind"] = gateway, MULTICAST_INDEX, IPV6
        rows["tos"], rows["egress"] = 0x88, 1
        bits = np.where(everywhere % 3 == 0, 8_000_000, 4_000_000) * (
            0.97 + 0.06 * self._rng.random(len(everywhere))
        )
        rows["packets"] = bits / 8 * turn / 1000 / 1_316
        rows["octets"] = rows["packets"] * np.uint64(1_316 + 48)
        return rows
