"""Which network carries a flow, and which class of service it is: rules as data, judged on whole columns.

Network, the first that says so: a registered service (address, and port where it names ports); the
interface that
the flow came in or went out by; the longest configured prefix around the destination, then the source; a
configured port;
otherwise the internet. Service class: the registered service's; VPN protocols; multicast is IPTV; the
first class in
order whose ports hold the source or destination port. Only headers are judged, never content.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.convergence.domain.cells import FAMILIES, NETWORKS, SERVICE_CLASSES
from sixfold.convergence.domain.events import Network, PortRange
from sixfold.convergence.domain.prefixes import (
    LEADS,
    Leads,
    PrefixTable,
    interval_of,
    is_ipv4,
    leads,
    of_leads,
)

Columns = Mapping[str, npt.NDArray[Any]]
TCP, UDP = 6, 17
PROTOCOLS: Final = {"tcp": TCP, "udp": UDP}
JUDGED: Final = ("src_address", "dst_address", "src_port", "dst_port", "protocol")
INTERFACES: Final = ("input_interface", "output_interface")
VPN_PROTOCOLS: Final = (47, 50, 51, 115)  # GRE, ESP, AH, L2TP
_OTHER: Final = SERVICE_CLASSES.index("other")
_IPTV: Final = SERVICE_CLASSES.index("iptv")
_VPN: Final = SERVICE_CLASSES.index("vpn")
_UNKNOWN: Final = -1
_CLASSES: Final = np.int8(len(SERVICE_CLASSES))
_FAMILIES: Final = np.int8(len(FAMILIES))
Codes = npt.NDArray[np.int8]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class NetworkRule:
    """What belongs to a network. `interfaces` are (exporter address, SNMP index)."""

    network: Network
    prefixes: tuple[str, ...] = ()
    ports: tuple[PortRange, ...] = ()
    interfaces: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceRule:
    """A registered service. Without prefixes its ports alone decide, without ports its prefixes."""

    network: Network
    service_class: str
    prefixes: tuple[str, ...]
    ports: tuple[PortRange, ...]


def columns_needed(networks: Sequence[NetworkRule]) -> frozenset[str]:
    """Columns of a flow batch that these rules judge by."""
    by_interface = any(rule.interfaces for rule in networks)
    return frozenset([*JUDGED, *(["exporter", *INTERFACES] if by_interface else [])])


class Classifier:
    """Compiled rules. Making one costs with the rules; judging a batch does not."""

    def __init__(
        self,
        networks: Sequence[NetworkRule],
        classes: Sequence[tuple[str, PortRange]],
        services: Sequence[ServiceRule] = (),
    ) -> None:
        """`classes` are (service class, ports). Raises ValueError for a bad prefix, protocol or class."""
        self._services: Sequence[ServiceRule] = services
        self._service_prefixes = PrefixTable(
            (prefix, index) for index, service in enumerate(services) for prefix in service.prefixes
        )
        self._service_ports = [(index, s) for index, s in enumerate(services) if not s.prefixes]
        self._prefixes = PrefixTable(
            (prefix, NETWORKS.index(rule.network)) for rule in networks for prefix in rule.prefixes
        )
        self._first = np.array(
            [rules[0] if rules else _UNKNOWN for rules in self._prefixes.rules], dtype=np.int8
        )
        self._row = np.full(256, 2 << 16, dtype=np.intp)
        self._row[[TCP, UDP]] = 0, 1 << 16
        self._vpn = np.isin(np.arange(256), VPN_PROTOCOLS)
        first = of_leads(0)
        self._multicast = (first[:, 0] == 0xFF) | (is_ipv4(np.arange(LEADS)) & (first[:, 12] >> 4 == 0xE))
        self._network_of_port = _port_table(
            [(NETWORKS.index(rule.network), ports) for rule in networks for ports in rule.ports], _UNKNOWN
        )
        self._class_of_port = _port_table(
            [(SERVICE_CLASSES.index(name), ports) for name, ports in classes], _OTHER
        )
        self._interfaces = [
            (_packed(exporter), index, NETWORKS.index(rule.network))
            for rule in networks
            for exporter, index in rule.interfaces
        ]

    def codes(self, columns: Columns) -> npt.NDArray[np.int64]:
        """The place of every flow in a totals array: `(network * classes + class) * families + family`."""
        destination, source = leads(columns["dst_address"]), leads(columns["src_address"])
        protocol = columns["protocol"].astype(np.intp)
        row = self._row[protocol]
        ports = row + columns["dst_port"], row + columns["src_port"]
        service_class = np.minimum(*(self._class_of_port[port] for port in ports))
        multicast = self._multicast[destination]
        if multicast.any():
            service_class[multicast & (protocol == UDP) & (service_class == _OTHER)] = _IPTV
        service_class[self._vpn[protocol]] = _VPN
        network = self._by_prefix(columns, source, destination, self._by_port(*ports))
        network = self._by_interface(columns, network)
        network, service_class = self._by_service(columns, network, service_class)
        network[network == _UNKNOWN] = NETWORKS.index(Network.INTERNET)
        family = np.where(is_ipv4(destination), np.int8(FAMILIES.index(4)), np.int8(FAMILIES.index(6)))
        return ((network * _CLASSES + service_class) * _FAMILIES + family).astype(np.int64)

    def _by_port(self, destination: Indices, source: Indices) -> Codes:
        one, other = self._network_of_port[destination], self._network_of_port[source]
        return np.where(one != _UNKNOWN, one, other)

    def _by_prefix(self, columns: Columns, source: Leads, destination: Leads, network: Codes) -> Codes:
        """The destination's prefix before the source's."""
        for name, known in (("src_address", source), ("dst_address", destination)):
            found = self._first[self._prefixes.codes(columns[name], known)]
            network = np.where(found != _UNKNOWN, found, network)
        return network

    def _by_interface(self, columns: Columns, network: Codes) -> Codes:
        for exporter, index, code in self._interfaces:
            here = (columns["exporter"] == exporter).all(axis=1)
            for name in INTERFACES:
                if name in columns:
                    network = np.where(here & (columns[name] == index), np.int8(code), network)
        return network

    def _by_service(self, columns: Columns, network: Codes, service_class: Codes) -> tuple[Codes, Codes]:
        if not self._services:
            return network, service_class
        judged = np.zeros(len(network), dtype=bool)
        for side in ("dst", "src"):
            codes = self._service_prefixes.codes(columns[f"{side}_address"])
            found: list[int] = np.unique(codes).tolist()
            for code in found:
                rows = np.flatnonzero((codes == code) & ~judged)
                rules = [(index, self._services[index]) for index in self._service_prefixes.rules[code]]
                for _, service in [*rules, *self._service_ports]:
                    if not len(rows):
                        break
                    mine = rows[_ports_match(service.ports, columns, f"{side}_port", rows)]
                    network[mine] = NETWORKS.index(service.network)
                    service_class[mine] = SERVICE_CLASSES.index(service.service_class)
                    judged[mine] = True
                    rows = rows[~judged[rows]]
        return network, service_class


def _ports_match(
    ports: tuple[PortRange, ...], columns: Columns, name: str, rows: npt.NDArray[np.intp]
) -> npt.NDArray[np.bool_]:
    if not ports:
        return np.ones(len(rows), dtype=bool)
    port, protocol = columns[name][rows], columns["protocol"][rows]
    match = np.zeros(len(rows), dtype=bool)
    for one in ports:
        match |= (protocol == PROTOCOLS[one.protocol]) & (port >= one.first) & (port <= one.last)
    return match


def _port_table(entries: Sequence[tuple[int, PortRange]], missing: int) -> Codes:
    """Answers by (tcp, udp, neither) and port, flat; the first entry that names a port has it."""
    table = np.full((3, 65_536), missing, dtype=np.int8)
    for value, ports in reversed(entries):
        check_ports(ports)
        table[list(PROTOCOLS).index(ports.protocol), ports.first : ports.last + 1] = value
    return table.reshape(-1)


def check_ports(ports: PortRange) -> None:
    """Raises ValueError for a range that is none."""
    if ports.protocol not in PROTOCOLS:
        raise ValueError(f"protocol {ports.protocol!r} is not one of {', '.join(PROTOCOLS)}")
    if not 0 < ports.first <= ports.last <= 65_535:
        raise ValueError(f"ports {ports.first} to {ports.last} are no range within 1 to 65535")


def _packed(address: str) -> npt.NDArray[np.uint8]:
    first, last = interval_of(address)
    if first != last:
        raise ValueError(f"{address!r} is not one address")
    return np.frombuffer(first.to_bytes(16, "big"), dtype=np.uint8)
