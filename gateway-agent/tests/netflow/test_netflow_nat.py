"""NAT events: RFC 8158, Cisco NEL, ASA NSEL."""

import struct

from netflow_wire import NOW, Spec, Station, address, data_set, ipfix, template, uint, v9

from sixfold.api.flow.codec import encode
from sixfold.api.flow.schema import NAT_SESSION

MS = NOW * 1000
NEL: list[Spec] = [
    (323, 8),
    (230, 1),
    (4, 1),
    (8, 4),
    (225, 4),
    (7, 2),
    (227, 2),
    (12, 4),
    (226, 4),
    (11, 2),
    (228, 2),
    (234, 4),
]


def nel(event: int) -> bytes:
    return (
        uint(MS - 77, 8) + bytes([event, 6]) + address("100.64.0.5") + address("203.0.113.9")
        + struct.pack(">HH", 5000, 61_000) + address("198.51.100.7") * 2 + struct.pack(">HHI", 443, 443, 12)
    )  # fmt: skip


def test_session_events_of_v9_and_ipfix() -> None:
    for message in (
        v9(template(256, NEL, 9), data_set(256, nel(1), nel(2))),
        ipfix(template(256, NEL), data_set(256, nel(4), nel(5))),
    ):
        station = Station.open()
        decoded = station.feed(message)
        assert decoded.flows == []
        (columns,) = decoded.nat_sessions
        assert encode(NAT_SESSION, columns)
        first, second = Station.open().sessions(message)
        assert first | {"event": 0, "time_received": 0} == {
            "time": MS - 77, "time_received": 0, "exporter": "192.0.2.1", "event": 0, "protocol": 6,
            "src_address": "100.64.0.5", "src_port": 5000, "post_nat_src_address": "203.0.113.9",
            "post_nat_src_port": 61_000, "dst_address": "198.51.100.7", "dst_port": 443,
            "post_nat_dst_address": "198.51.100.7", "post_nat_dst_port": 443, "observation_domain": 1,
            "ingress_vrf": 12,
        }  # fmt: skip
        assert second["event"] == first["event"] + 1
        assert station.count('netflow_records{kind="nat-session"}') == 2


def test_nat64_session_and_port_block() -> None:
    nat64: list[Spec] = [
        (323, 8),
        (230, 1),
        (4, 1),
        (27, 16),
        (225, 4),
        (7, 2),
        (227, 2),
        (28, 16),
        (226, 4),
        (463, 4),
    ]
    record = (
        uint(MS, 8) + bytes([6, 17]) + address("2001:db8::5") + address("203.0.113.9") + struct.pack(">HH", 1, 2)
        + address("64:ff9b::c633:6407") + address("198.51.100.7") + uint(3, 4)
    )  # fmt: skip
    block: list[Spec] = [(323, 8), (230, 1), (8, 4), (225, 4), (361, 2), (364, 2)]
    allocated = (
        uint(MS, 8) + b"\x10" + address("100.64.0.5") + address("203.0.113.9") + struct.pack(">HH", 1024, 512)
    )
    session, ports = Station.open().sessions(
        ipfix(template(256, nat64), template(257, block), data_set(256, record), data_set(257, allocated))
    )
    assert (session["src_address"], session["post_nat_src_address"]) == ("2001:db8::5", "203.0.113.9")
    assert (session["dst_address"], session["post_nat_dst_address"]) == ("64:ff9b::c633:6407", "198.51.100.7")
    assert session["nat_instance"] == 3
    assert (ports["event"], ports["port_block_start"], ports["port_block_end"]) == (16, 1024, 1535)


def test_exhaustion_has_no_addresses_and_is_kept() -> None:
    (event,) = Station.open().sessions(
        ipfix(template(256, [(323, 8), (230, 1), (283, 4)]), data_set(256, uint(MS, 8) + b"\3" + uint(8, 4)))
    )
    assert (event["event"], event["nat_instance"], event["src_address"]) == (3, 8, "::")


ASA: list[Spec] = [
    (148, 4), (8, 4), (7, 2), (12, 4), (11, 2), (4, 1), (225, 4), (227, 2), (226, 4), (228, 2), (233, 1), (33002, 2),
    (323, 8), (231, 4), (232, 4), (40000, 20),
]  # fmt: skip


def asa(event: int, translated: str, sent: int = 0, got: int = 0) -> bytes:
    return (
        uint(1, 4) + address("10.0.0.5") + uint(5000, 2) + address("198.51.100.7") + uint(443, 2) + b"\6"
        + address(translated) + uint(5000, 2) + address("198.51.100.7") + uint(443, 2) + bytes([event]) + uint(2025, 2)
        + uint(MS - 5, 8) + uint(sent, 4) + uint(got, 4) + bytes(20)
    )  # fmt: skip


def test_asa_events_are_sessions_flows_both_or_declined() -> None:
    station = Station.open()
    decoded = station.feed(
        v9(
            template(263, ASA, 9),
            data_set(
                263,
                asa(1, "203.0.113.9"),  # translated and begun: a session
                asa(2, "203.0.113.9", 100, 200),  # ended, with traffic: a session and a flow
                asa(5, "203.0.113.9", 10, 0),  # update: a flow
                asa(3, "10.0.0.5"),  # denied
                asa(1, "10.0.0.5"),  # begun without translation
            ),
        )
    )
    sessions = [columns["event"].tolist() for columns in decoded.nat_sessions]
    assert sessions == [[1, 2]]
    assert decoded.nat_sessions[0]["bytes"].tolist() == [0, 300]
    assert [columns["bytes"].tolist() for columns in decoded.flows] == [[100, 10], [200]]
    kinds = {
        kind: station.count(f'netflow_records{{kind="{kind}"}}')
        for kind in ("flow", "nat-session", "flow-and-nat-session", "declined")
    }
    assert kinds == {"flow": 1, "nat-session": 1, "flow-and-nat-session": 1, "declined": 2}
    assert station.count('netflow_declined{reason="firewall-denied"}') == 1
    assert station.count('netflow_declined{reason="firewall-event"}') == 1


def test_old_asa_fields() -> None:
    specs: list[Spec] = [
        (8, 4),
        (12, 4),
        (4, 1),
        (40001, 4),
        (40002, 4),
        (40003, 2),
        (40004, 2),
        (40005, 1),
        (85, 4),
    ]
    record = (
        address("10.0.0.5")
        + address("198.51.100.7")
        + b"\6"
        + address("203.0.113.9")
        + address("198.51.100.7")
    )
    record += struct.pack(">HHBI", 9, 443, 2, 1000)
    station = Station.open()
    decoded = station.feed(v9(template(263, specs, 9), data_set(263, record)))
    assert decoded.nat_sessions[0]["event"].tolist() == [2]
    assert decoded.nat_sessions[0]["bytes"].tolist() == [1000]
    assert decoded.flows[0]["post_nat_src_port"].tolist() == [9]


def test_a_flow_with_translation_stays_a_flow() -> None:
    specs: list[Spec] = [(8, 4), (12, 4), (225, 4), (227, 2), (281, 16), (1, 4), (2, 4)]
    record = (
        address("10.0.0.5")
        + address("198.51.100.7")
        + address("203.0.113.9")
        + uint(61_000, 2)
        + bytes(16)
        + uint(9, 4) * 2
    )
    station = Station.open()
    (row,) = station.flows(ipfix(template(256, specs), data_set(256, record)))
    assert (row["post_nat_src_address"], row["post_nat_src_port"]) == ("203.0.113.9", 61_000)
