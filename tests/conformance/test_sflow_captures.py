"""Every sFlow capture of others, decoded as tshark decodes it; a table file by file, and what is declined and why."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from sflow_oracle import Oracle, ask_tshark, flow_row, is_ip

from sixfold.agent.capture import datagrams, export_protocol
from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams, address_text
from sixfold.agent.decoded import Decoded
from sixfold.agent.sflow import SflowCollector

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "netflow"
FILES = (
    "ndpi/sflow.pcap",
    "tcpdump/sflow-print-v6.pcap",
    "tcpdump/sflow_expanded.pcap",
    "tcpdump/sflow_multiple_counter_30_pdus.pcap",
    "tcpdump/sflow_print-segv.pcap",
)
DECLINED = {
    # file: (counter: how many), each with its reason
    "tcpdump/sflow_multiple_counter_30_pdus.pcap": {
        # Host counters (sFlow Host Structures): there is no column for a machine's processor and memory.
        **{
            f'sflow_records_unread{{format="counter:{number}"}}': 2
            for number in (2000, 2001, 2003, 2004, 2005, 2006)
        },
    },
    "tcpdump/sflow_print-segv.pcap": {
        # The datagram ends inside its own header: the agent address is followed by nothing that the length admits.
        'sflow_malformed{cause="truncated-header"}': 1,
    },
}
COMPARED = (
    "if_index", "if_type", "if_speed", "in_octets", "in_unicast_packets", "in_multicast_packets",
    "in_broadcast_packets", "in_discards", "in_errors", "in_unknown_protocols", "out_octets",
    "out_unicast_packets", "out_multicast_packets", "out_broadcast_packets", "out_discards", "out_errors",
)  # fmt: skip

pytestmark = [
    pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there: captures of others"),
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
]


def sflow_only(file: Path) -> Datagrams:
    """The captures hold some NetFlow too, which goes to another port."""
    every = datagrams(file)
    kinds = [export_protocol(every.data[row, :4].tobytes()) for row in range(len(every))]
    return every.select([row for row, kind in enumerate(kinds) if kind == "sflow"])


def our_flows(decoded: Decoded) -> list[tuple[object, ...]]:
    return [
        (
            address_text(columns["exporter"][row].tobytes()),
            address_text(columns["src_address"][row].tobytes()),
            address_text(columns["dst_address"][row].tobytes()),
            *(
                int(columns[name][row])
                for name in (
                    "src_port", "dst_port", "protocol", "bytes", "packets", "sampling_rate", "tcp_flags",
                )
            ),
        )
        for columns in decoded.flows
        for row in range(len(columns["bytes"]))
    ]  # fmt: skip


def our_counters(decoded: Decoded) -> list[tuple[object, ...]]:
    return [
        (address_text(columns["exporter"][row].tobytes()), *(int(columns[name][row]) for name in COMPARED))
        for columns in decoded.counters
        for row in range(len(columns["if_index"]))
    ]


@pytest.mark.parametrize("name", FILES)
def test_a_capture_decodes_as_tshark_decodes_it(name: str) -> None:
    oracle = ask_tshark(SHARED / name)
    counters = Counters()
    decoded = SflowCollector(counters).decode(sflow_only(SHARED / name))
    assert Counter(our_flows(decoded)) == Counter(flow_row(flow) for flow in oracle.flows if is_ip(flow))
    theirs = Counter((row["agent"], *(int(row[column], 0) for column in COMPARED)) for row in oracle.counters)
    ours = Counter(our_counters(decoded))
    assert ours == theirs
    snapshot = counters.snapshot()
    assert {
        key: value
        for key, value in snapshot.items()
        if key.startswith(("sflow_malformed", "sflow_declined", "sflow_records_unread"))
    } == DECLINED.get(name, {})
    print(row_of_table(name, oracle, ours.total(), len(our_flows(decoded)), snapshot))


def row_of_table(name: str, oracle: Oracle, counters: int, flows: int, snapshot: dict[str, int]) -> str:
    declined = sum(DECLINED.get(name, {}).values())
    return (
        f"{name:46} datagrams {snapshot['sflow_datagrams']:3} flows {flows:3}/{len(oracle.flows):3} "
        f"counters {counters:4}/{len(oracle.counters):4} (ours/tshark) declined {declined}"
    )


def test_the_fields_of_an_expanded_sample_with_router_and_gateway_data() -> None:
    """Read off tshark's dissection by hand."""
    decoded = SflowCollector(Counters()).decode(sflow_only(SHARED / "tcpdump/sflow_expanded.pcap"))
    (flow,) = decoded.flows
    assert address_text(flow["next_hop"][0].tobytes()) == "54.54.54.54"
    expected = {
        "src_prefix_length": 32, "dst_prefix_length": 22, "src_as": 203_476, "dst_as": 203_361, "vlan": 809,
        "input_interface": 29_001, "output_interface": 1_285_816_721, "ip_tos": 8, "observation_domain": 0,
    }  # fmt: skip
    assert {name: int(flow[name][0]) for name in expected} == expected
