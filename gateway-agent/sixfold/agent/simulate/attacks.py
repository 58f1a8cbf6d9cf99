"""Attacks on demand: `KIND@START+DURATION:RATE[,key=value…]`, each a pattern that a detector should find."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from sixfold.agent.datagrams import address_bytes, address_text
from sixfold.agent.simulate.region import Numbers, Region, mapped, scatter
from sixfold.agent.simulate.rows import IPV4, IPV6, ROW, Rows

_FORM: Final = re.compile(
    r"(?P<kind>[a-z-]+)@(?P<start>[^+]+)\+(?P<duration>[^:]+):(?P<rate>[0-9.]+[kM]?)(?P<rest>(,[^,=]+=[^,]+)*)"
)
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_ALLOWED: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "2001:db8::/32", "198.18.0.0/15", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",
        "100.64.0.0/10", "10.0.0.0/8",
    )
)  # fmt: skip


class AttackError(ValueError):
    """An attack that cannot be understood or would use real addresses."""


@dataclass(frozen=True, slots=True)
class Attack:
    """rate: flow records a second. sources: how many sources (or, of a scan, targets). start is from the beginning."""

    kind: str
    start_ms: int
    duration_ms: int
    rate: float
    target: str
    port: int
    gateway: int
    sources: int

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.target

    def rows_until(self, elapsed_ms: int) -> int:
        """Rows that have been made when so much of the simulation has passed."""
        return int(min(max(elapsed_ms - self.start_ms, 0), self.duration_ms) * self.rate / 1000)


Fill = Callable[[Attack, Rows, np.random.Generator, Numbers], None]
"""Fills addresses, ports, protocol, flags and volume; the last argument numbers the rows from the attack's start."""


@dataclass(frozen=True, slots=True)
class Pattern:
    fill: Fill
    target: str
    port: int
    sources: int
    what: str


def parse_attack(text: str) -> Attack:
    """`syn-flood@30+60:5k,target=2001:db8:ff00:1::1,port=443`. Times in s, or with m, h, d. AttackError otherwise."""
    found = _FORM.fullmatch(text.strip())
    if not found:
        raise AttackError(f"{text!r} is not KIND@START+DURATION:RATE[,key=value…], as syn-flood@30+60:5000")
    pattern = PATTERNS.get(found["kind"])
    if pattern is None:
        raise AttackError(f"no attack {found['kind']!r}; there are: {', '.join(sorted(PATTERNS))}")
    options = dict(part.split("=", 1) for part in found["rest"].split(",") if part)
    if unknown := set(options) - {"target", "port", "gateway", "sources"}:
        raise AttackError(
            f"{text!r}: unknown {', '.join(sorted(unknown))}; known: target, port, gateway, sources"
        )
    rate = found["rate"]
    factor = {"k": 1e3, "M": 1e6}.get(rate[-1], 1)
    try:
        attack = Attack(
            kind=found["kind"],
            start_ms=_milliseconds(found["start"]),
            duration_ms=_milliseconds(found["duration"]),
            rate=float(rate.rstrip("kM")) * factor,
            target=_allowed(options.get("target", pattern.target)),
            port=int(options.get("port", pattern.port)),
            gateway=int(options.get("gateway", 0)),
            sources=int(options.get("sources", pattern.sources)),
        )
    except ValueError as error:
        raise AttackError(f"{text!r}: {error}") from error
    if not 0 <= attack.port < 65_536 or not 0 < attack.sources <= 1 << 24 or attack.gateway < 0:
        raise AttackError(f"{text!r}: port, gateway or sources out of range")
    if not 0 < attack.rate <= 1e7:
        raise AttackError(f"{text!r}: the rate must be above 0 and at most 10M flows a second")
    return attack


def _milliseconds(text: str) -> int:
    found = re.fullmatch(r"([0-9.]+)([smhd]?)", text)
    if not found:
        raise ValueError(f"{text!r} is no time")
    return int(float(found[1]) * _UNITS[found[2]] * 1000)


def _allowed(text: str) -> str:
    address = ipaddress.ip_address(text)
    if not any(address.version == network.version and address in network for network in _ALLOWED):
        raise ValueError(f"{address} is not an address for documentation, benchmarks or private use")
    return str(address)


def attack_rows(
    attack: Attack,
    number: int,
    region: Region,
    rng: np.random.Generator,
    start_ms: int,
    begin_ms: int,
    step_ms: int,
) -> Rows:
    """Rows that begin in the step at `start_ms`; the simulation began at `begin_ms`. `number` labels them."""
    before = attack.rows_until(start_ms - begin_ms)
    count = attack.rows_until(start_ms - begin_ms + step_ms) - before
    rows = np.zeros(count, dtype=ROW)
    if not count:
        return rows
    rows["start"] = np.sort(start_ms + rng.integers(0, step_ms, count))
    rows["end"] = rows["start"] + rng.integers(0, 40, count)
    rows["packets"] = 1
    rows["kind"] = IPV6 if attack.is_ipv6 else IPV4
    rows["gateway"] = attack.gateway % region.gateways
    rows["attack"] = number
    PATTERNS[attack.kind].fill(attack, rows, rng, np.arange(before, before + count, dtype=np.int64))
    return rows


def _strangers(attack: Attack, who: Numbers, salt: int) -> np.ndarray:
    """Addresses out in the internet: 10/8 for IPv4, 2001:db8:c000::/34 for IPv6."""
    number = scatter(who, salt)
    if not attack.is_ipv6:
        return mapped((np.uint64(0x0A000000) | number % np.uint64(1 << 24)).astype(np.int64))
    address = np.zeros((len(who), 16), dtype=np.uint8)
    address[:, :4] = (0x20, 0x01, 0x0D, 0xB8)
    address[:, 4:12] = number.astype(">u8").view(np.uint8).reshape(-1, 8)
    address[:, 4] = address[:, 4] & 0x3F | 0xC0
    address[:, 4] = np.minimum(address[:, 4], 0xEF)  # 2001:db8:ff00::/40 are the region's own servers
    address[:, 15] = 1
    return address


def _to_target(attack: Attack, rows: Rows) -> None:
    rows["dst"] = np.frombuffer(address_bytes(attack.target), dtype=np.uint8)
    rows["dport"] = attack.port


def _header(attack: Attack, transport: int) -> int:
    return (40 if attack.is_ipv6 else 20) + transport


def _syn_flood(attack: Attack, rows: Rows, rng: np.random.Generator, numbers: Numbers) -> None:
    _to_target(attack, rows)
    rows["src"] = _strangers(attack, rng.integers(0, attack.sources, len(rows)), 11)
    rows["sport"] = rng.integers(1_024, 65_536, len(rows))
    rows["protocol"], rows["flags"] = 6, 0x02
    rows["octets"] = _header(attack, 20)


def _udp_flood(attack: Attack, rows: Rows, rng: np.random.Generator, numbers: Numbers) -> None:
    _to_target(attack, rows)
    rows["src"] = _strangers(attack, rng.integers(0, attack.sources, len(rows)), 12)
    rows["sport"] = rng.integers(1_024, 65_536, len(rows))
    rows["protocol"] = 17
    rows["packets"] = rng.integers(40, 400, len(rows))
    rows["octets"] = rows["packets"] * np.uint64(_header(attack, 8) + 1_000)


_AMPLIFIERS: Final = np.array([123, 389, 1_900, 11_211, 19, 3_702])


def _udp_amplification(attack: Attack, rows: Rows, rng: np.random.Generator, numbers: Numbers) -> None:
    _to_target(attack, rows)
    reflector = rng.integers(0, attack.sources, len(rows))
    rows["src"] = _strangers(attack, reflector, 13)
    rows["sport"] = _AMPLIFIERS[reflector % 2 * (reflector // 2 % len(_AMPLIFIERS))]
    rows["dport"] = rng.integers(1_024, 65_536, len(rows)) if not attack.port else attack.port
    rows["protocol"] = 17
    rows["packets"] = rng.integers(5, 120, len(rows))
    rows["octets"] = rows["packets"] * np.uint64(_header(attack, 8) + 440)


def _dns_amplification(attack: Attack, rows: Rows, rng: np.random.Generator, numbers: Numbers) -> None:
    _to_target(attack, rows)
    rows["src"] = _strangers(attack, rng.integers(0, attack.sources, len(rows)), 14)
    rows["sport"] = 53
    rows["dport"] = rng.integers(1_024, 65_536, len(rows)) if not attack.port else attack.port
    rows["protocol"] = 17
    rows["packets"] = rng.integers(2, 40, len(rows))
    rows["octets"] = rows["packets"] * rng.integers(1_200, 1_480, len(rows)).astype(np.uint64)


def _port_scan(attack: Attack, rows: Rows, rng: np.random.Generator, numbers: Numbers) -> None:
    _to_target(attack, rows)
    rows["src"] = _strangers(attack, numbers % attack.sources, 15)
    rows["sport"] = 40_000 + numbers % 20_000
    rows["dport"] = 1 + scatter(numbers % 65_535, 16) % np.uint64(65_535)
    rows["protocol"] = 6
    rows["flags"] = 0x02
    rows["octets"] = _header(attack, 24)


def _horizontal_scan(attack: Attack, rows: Rows, rng: np.random.Generator, numbers: Numbers) -> None:
    """One infected machine looks for one port everywhere; the target is the scanner's own address."""
    rows["src"] = np.frombuffer(address_bytes(attack.target), dtype=np.uint8)
    rows["dst"] = _strangers(attack, numbers % attack.sources, 17)
    rows["sport"] = rng.integers(1_024, 65_536, len(rows))
    rows["dport"] = attack.port
    rows["protocol"] = 6
    rows["flags"] = 0x02
    rows["octets"] = _header(attack, 20)


def _brute_force(attack: Attack, rows: Rows, rng: np.random.Generator, numbers: Numbers) -> None:
    _to_target(attack, rows)
    rows["src"] = _strangers(attack, numbers % attack.sources, 18)
    rows["sport"] = rng.integers(1_024, 65_536, len(rows))
    rows["protocol"], rows["flags"] = 6, 0x1F
    rows["packets"] = rng.integers(12, 18, len(rows))
    rows["octets"] = rows["packets"] * np.uint64(_header(attack, 20)) + np.uint64(1_800)


_SERVER: Final = "203.0.113.80"
PATTERNS: Final[dict[str, Pattern]] = {
    "syn-flood": Pattern(_syn_flood, _SERVER, 443, 1 << 20, "one SYN each from spoofed sources to one port"),
    "udp-flood": Pattern(_udp_flood, _SERVER, 27_015, 500, "many UDP packets from bots to one port"),
    "udp-amplification": Pattern(
        _udp_amplification, _SERVER, 0, 3_000, "answers of NTP, CLDAP, SSDP, memcached"
    ),
    "dns-amplification": Pattern(
        _dns_amplification, _SERVER, 0, 4_000, "large DNS answers of open resolvers"
    ),
    "port-scan": Pattern(_port_scan, _SERVER, 0, 1, "one source tries all ports of one target"),
    "horizontal-scan": Pattern(
        _horizontal_scan, "2001:db8:1:10::bad", 23, 1 << 20, "one source, one port, all"
    ),
    "brute-force": Pattern(_brute_force, _SERVER, 22, 3, "log-ins tried again and again"),
}


def describe(attack: Attack, begin_ms: int) -> dict[str, object]:
    """The label of an attack for the truth file: when, what, on whom, and how to find its flows."""
    scan = attack.kind == "horizontal-scan"
    return {
        "attack": attack.kind,
        "what": PATTERNS[attack.kind].what,
        "start": begin_ms + attack.start_ms,
        "end": begin_ms + attack.start_ms + attack.duration_ms,
        "gateway": attack.gateway,
        "target": None if scan else attack.target,
        "source": attack.target if scan else _one_source(attack),
        "port": attack.port or None,
        "sources": 1 if scan else attack.sources,
        "flows_per_second": attack.rate,
    }


def _one_source(attack: Attack) -> str | None:
    if attack.kind != "port-scan" or attack.sources != 1:
        return None
    return address_text(_strangers(attack, np.zeros(1, dtype=np.int64), 15)[0].tobytes())
