"""The meter's flows of real and lab attacks: packets and octets by 5-tuple as tshark counts them, exactly."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from meter_oracle import Key, softflowd, tuples

from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams, address_text
from sixfold.agent.meter.command import meter_capture
from sixfold.agent.meter.flows import Ended, Meter
from sixfold.agent.netflow.collector import Collector

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "attacks"
FILES = sorted(SHARED.glob("*.pcap*")) if SHARED.is_dir() else []

pytestmark = [
    pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there: captures of others"),
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
]


def metered(file: Path) -> tuple[Meter, list[Ended]]:
    meter, flows = Meter(), []
    meter_capture(file, meter, flows.append)
    return meter, flows


def sums(groups: list[Ended]) -> tuple[Counter[Key], Counter[Key], Counter[Key]]:
    """(packets, octets, flows) by 5-tuple."""
    packets: Counter[Key] = Counter()
    octets: Counter[Key] = Counter()
    flows: Counter[Key] = Counter()
    for group in groups:
        for row in range(len(group["bytes"])):
            key = (
                address_text(group["src_address"][row].tobytes()),
                address_text(group["dst_address"][row].tobytes()),
                int(group["src_port"][row]),
                int(group["dst_port"][row]),
                int(group["protocol"][row]),
            )
            packets[key] += int(group["packets"][row])
            octets[key] += int(group["bytes"][row])
            flows[key] += 1
    return packets, octets, flows


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_packets_and_octets_by_5_tuple_are_those_of_tshark(file: Path, tmp_path: Path) -> None:
    meter, groups = metered(file)
    packets, octets, flows = sums(groups)
    their_packets, their_octets = tuples(file)
    assert packets == their_packets
    assert octets == their_octets
    assert packets.total() == meter.metered.packets
    exported = softflowd(file, tmp_path)
    softflows = None if exported is None else softflowd_flows(exported)
    # softflowd keeps ICMP flows for five minutes; the meter ends a flow after 15 s of silence or after 60 s.
    if softflows is not None and file.name != "ndpi-icmp-tunnel.pcap":
        assert flows.total() == softflows
    print(
        f"{file.name:48} packets {packets.total():6} 5-tuples {len(packets):6} "
        f"flows {flows.total():6} softflowd {softflows or '-':>6} declined {dict(meter.metered.declined)}"
    )


def softflowd_flows(exported: list[bytes]) -> int:
    decoded = Collector(Counters()).decode(
        Datagrams.of([(payload, "127.0.0.1", 4739, 1_700_000_000_000) for payload in exported])
    )
    return sum(int((group["packets"] > 0).sum()) for group in decoded.flows)
