"""What tshark reads in an sFlow capture: flow samples, counter samples and the datagrams it finds malformed."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

_PORT_OWNERS = {"6": "tcp", "17": "udp"}
_GENERIC = {
    "sflow_245.ifindex": "if_index",
    "sflow_245.iftype": "if_type",
    "sflow_245.ifspeed": "if_speed",
    "sflow_245.ifinoct": "in_octets",
    "sflow_245.ifinpkt": "in_unicast_packets",
    "sflow_245.ifinmcast": "in_multicast_packets",
    "sflow_245.ifinbcast": "in_broadcast_packets",
    "sflow_245.ifindisc": "in_discards",
    "sflow_245.ifinerr": "in_errors",
    "sflow_245.ifinunk": "in_unknown_protocols",
    "sflow_245.ifoutoct": "out_octets",
    "sflow_245.ifoutpkt": "out_unicast_packets",
    "sflow_245.ifoutmcast": "out_multicast_packets",
    "sflow_245.ifoutbcast": "out_broadcast_packets",
    "sflow_245.ifoutdisc": "out_discards",
    "sflow_245.ifouterr": "out_errors",
}


@dataclass
class Oracle:
    """flows and counters: in order, values as text. malformed: datagrams that tshark could not finish."""

    datagrams: int = 0
    malformed: int = 0
    flows: list[dict[str, str]] = field(default_factory=list)
    counters: list[dict[str, str]] = field(default_factory=list)


def ask_tshark(file: Path) -> Oracle:
    text = subprocess.run(
        ["tshark", "-r", str(file), "-d", "udp.port==6343,sflow", "-T", "pdml"],
        check=True, capture_output=True, timeout=120,
    ).stdout  # fmt: skip
    oracle = Oracle()
    for packet in ElementTree.fromstring(text):
        protocols = [proto.get("name") for proto in packet.iter("proto")]
        if "sflow" not in protocols:
            continue
        oracle.datagrams += 1
        oracle.malformed += "_ws.malformed" in protocols
        _read(packet, oracle)
    return oracle


def _read(packet: ElementTree.Element, oracle: Oracle) -> None:
    """Walk the dissection in document order; what stands before the sFlow version is the datagram's own headers."""
    agent, inside, flow, counter, source = "", False, None, None, ""
    for element in packet.iter():
        name, show = element.get("name", ""), element.get("show", "")
        if name == "sflow_245.version":
            inside = True
        elif not inside:
            continue
        elif name.startswith("sflow_245.agent") and name != "sflow_245.agenttype":
            agent = show
        elif name == "sflow.flow_sample.sampling_rate":
            flow = {"agent": agent, "sampling_rate": show}
            oracle.flows.append(flow)
        elif name == "sflow.counters_sample.source_id_index":
            source = show
            flow = None
        elif name == "sflow_245.ifindex":
            counter = {"agent": agent, "source_index": source}
            oracle.counters.append(counter)
        if counter is not None and name in _GENERIC:
            counter.setdefault(_GENERIC[name], show)
        if flow is not None:
            flow.setdefault(name, show)


def is_ip(flow: dict[str, str]) -> bool:
    return "ip.src" in flow or "ipv6.src" in flow


def flow_row(flow: dict[str, str]) -> tuple[object, ...]:
    """The values that a decoder must give: agent, addresses, ports, protocol, octets, packets, rate, interfaces."""
    rate = int(flow["sampling_rate"])
    if "ip.src" in flow:
        source, target = flow["ip.src"], flow["ip.dst"]
        protocol, length = flow["ip.proto"], int(flow["ip.len"])
    else:
        source, target = flow["ipv6.src"], flow["ipv6.dst"]
        protocol, length = flow["ipv6.nxt"], int(flow["ipv6.plen"]) + 40
    owner = _PORT_OWNERS.get(protocol, "none")
    return (
        flow["agent"],
        source,
        target,
        int(flow.get(f"{owner}.srcport", 0)),
        int(flow.get(f"{owner}.dstport", 0)),
        int(protocol),
        length * rate,
        rate,
        rate,
        int(flow["tcp.flags"], 16) if owner == "tcp" else 0,
    )
