"""Forged sources that gateways report at their access interfaces (RFC 7039), as signals.

The object is the forged source: whoever holds that address is the one in whose name it was sent. An interface that
forges many at once is one signal about the network that holds them all, so that a flood of random sources is one
incident and not thousands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from sixfold.security.domain import addresses
from sixfold.security.domain.events import Evidence, Rates, Reason, Severity, Share
from sixfold.security.domain.signals import Signal

DETECTOR: Final = "source-validation"
VECTOR: Final = "spoofed-source"
SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Forged:
    interface: str
    hi: int
    lo: int
    packets: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Report:
    """What one gateway saw from `since` to `until`, milliseconds."""

    gateway: str
    since: int
    until: int
    dropped: bool
    sources: tuple[Forged, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoofingSettings:
    least_packets: int = 5
    """Of one object in one report; fewer keep an incident open, but open none."""
    most_sources: int = 8
    """Sources of one interface that are told one by one."""
    high_packets_per_second: float = 1_000.0


@dataclass(frozen=True, slots=True)
class Finding:
    """`address`: the single forged source, where it is one."""

    signal: Signal
    evidence: Evidence
    address: str = ""


def findings(report: Report, settings: SpoofingSettings) -> list[Finding]:
    by_interface: dict[str, list[Forged]] = {}
    for one in report.sources:
        by_interface.setdefault(one.interface, []).append(one)
    found: list[Finding] = []
    for interface, sources in sorted(by_interface.items()):
        groups = [[one] for one in sources] if len(sources) <= settings.most_sources else [sources]
        found += [_finding(report, interface, group, settings) for group in groups]
    return found


def with_holders(finding: Finding, holders: Mapping[str, str]) -> tuple[Signal, Evidence]:
    """holders: pseudonym of the terminal that holds an address, where one does."""
    terminal = holders.get(finding.address)
    if terminal is None:
        return finding.signal, finding.evidence
    text = f"{finding.address} is held by terminal {terminal}, in whose name it was sent"
    reasons = (*finding.signal.reasons, Reason("forged-holder", text, 0.0, 0.0))
    return replace(finding.signal, reasons=reasons), finding.evidence


def _finding(
    report: Report, interface: str, sources: Sequence[Forged], settings: SpoofingSettings
) -> Finding:
    packets, octets = sum(one.packets for one in sources), sum(one.bytes for one in sources)
    seconds = max((report.until - report.since) / 1000, 1.0)
    rates = Rates(octets * 8 / seconds, packets / seconds, 0.0)
    network = common_network([(one.hi, one.lo) for one in sources])
    what = addresses.address_text(*network[:2]) if len(sources) == 1 else f"{len(sources)} sources"
    done = "dropped" if report.dropped else "counted and let through"
    text = f"{packets} packets of {what}, not valid at {interface} of gateway {report.gateway}, {done}"
    signal = Signal(
        detector=DETECTOR,
        vector=VECTOR,
        network=network,
        window_start=report.since,
        window_end=report.until,
        rates=rates,
        opens=packets >= settings.least_packets,
        severity=_severity(report, rates, settings),
        confidence=0.95,
        reasons=(Reason("forged-packets", text, float(packets), float(settings.least_packets)),),
        side="source",
    )
    evidence = Evidence(
        window_start=_moment(report.since),
        window_end=_moment(report.until),
        rates=rates,
        top_sources=_shares(sources, octets),
        top_destination_ports=(),
        top_source_ports=(),
        protocols=(),
        sample_flows=(),
        query=_query(report, network),
    )
    single = addresses.address_text(*network[:2]) if len(sources) == 1 else ""
    return Finding(signal, evidence, single)


def _severity(report: Report, rates: Rates, settings: SpoofingSettings) -> Severity:
    if rates.packets_per_second >= settings.high_packets_per_second:
        return Severity.MEDIUM if report.dropped else Severity.HIGH
    return Severity.LOW if report.dropped else Severity.MEDIUM


def common_network(hosts: Sequence[tuple[int, int]]) -> tuple[int, int, int]:
    """The longest network that holds all of them, as (hi, lo, length); IPv4 and IPv6 have nothing in common but all."""
    numbers = [hi << 64 | lo for hi, lo in hosts]
    differing = 0
    for number in numbers:
        differing |= number ^ numbers[0]
    length = 128 - differing.bit_length()
    mask_hi, mask_lo = addresses.mask_words(length)
    return hosts[0][0] & mask_hi, hosts[0][1] & mask_lo, length


def _shares(sources: Sequence[Forged], octets: int) -> tuple[Share, ...]:
    most = sorted(sources, key=lambda one: (-one.packets, one.hi, one.lo))[:SHOWN]
    return tuple(
        Share(addresses.address_text(one.hi, one.lo), one.bytes, one.packets, 0, one.bytes / max(octets, 1))
        for one in most
    )


def _query(report: Report, network: tuple[int, int, int]) -> str:
    """SQL on sixfold.spoofed_sources that shows more of the same."""
    hi, lo, length = network
    mask_hi, mask_lo = addresses.mask_words(length)
    whole = (1 << 64) - 1
    first = addresses.address_text(hi, lo)
    last = addresses.address_text(hi | (mask_hi ^ whole), lo | (mask_lo ^ whole))
    # Every part is a number, a gateway's token or an address formatted here.
    return (
        "SELECT time_end, gateway, interface, address, packets, bytes, dropped FROM sixfold.spoofed_sources "  # noqa: S608
        f"WHERE address BETWEEN toIPv6('{first}') AND toIPv6('{last}') AND gateway = '{report.gateway}' "
        f"AND time_end >= fromUnixTimestamp64Milli({report.since}) ORDER BY time_end LIMIT 100"
    )


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(time / 1000, UTC)
