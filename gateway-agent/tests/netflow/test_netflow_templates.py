"""Templates: late, changed, withdrawn, endless, refused, shared, kept over a restart."""

import json
import struct

import pytest
from netflow_wire import (
    NOW,
    V4,
    V6,
    Spec,
    Station,
    address,
    data_set,
    flow,
    ipfix,
    options_template,
    template,
    uint,
    v9,
)

MS = NOW * 1000
SWAPPED: list[Spec] = [(12, 4), (8, 4), *V4[2:]]


def test_data_before_its_template_waits_for_it() -> None:
    station = Station.open()
    assert station.flows(ipfix(data_set(256, flow(octets=1)))) == []
    assert station.flows(ipfix(data_set(256, flow(octets=2))), received=MS + 500) == []
    found = station.flows(ipfix(template(256, V4), data_set(256, flow(octets=3))), received=MS + 1000)
    assert [(row["bytes"], row["time_received"] - MS) for row in found] == [(1, 0), (2, 500), (3, 1000)]
    assert station.count("netflow_parked_sets") == station.count("netflow_released_sets") == 2
    assert station.count("sets_without_template") == 0


def test_waiting_is_bounded_in_time() -> None:
    station = Station.open(parked_seconds=10)
    station.feed(ipfix(data_set(256, flow())))
    station.collector.tick(MS + 9_000)
    assert station.count("sets_without_template") == 0
    station.collector.tick(MS + 10_000)
    assert station.count('sets_without_template{exporter="192.0.2.1"}') == 1
    assert station.flows(ipfix(template(256, V4)), received=MS + 11_000) == []


def test_waiting_is_bounded_in_bytes() -> None:
    station = Station.open(parked_bytes=2000, parked_bytes_per_session=1000)
    for n in range(8):
        station.feed(ipfix(data_set(256, *[flow()] * 8)), exporter="192.0.2.1" if n < 4 else f"192.0.2.{n}")
    assert 0 < station.count("netflow_parked_sets") < 8
    assert station.count("sets_without_template") == 8 - station.count("netflow_parked_sets")


def test_a_template_may_come_after_its_data_in_one_message() -> None:
    assert (
        len(Station.open().flows(ipfix(data_set(256, flow()), template(256, V4), data_set(256, flow())))) == 2
    )


def test_a_number_used_again_with_another_layout() -> None:
    station = Station.open()
    found = station.flows(
        ipfix(template(256, V4), data_set(256, flow("10.0.0.1", "10.0.0.2"))),
        ipfix(data_set(256, flow("10.0.0.1", "10.0.0.2"))),
        ipfix(template(256, SWAPPED), data_set(256, flow("10.0.0.1", "10.0.0.2"))),
        ipfix(data_set(256, flow("10.0.0.1", "10.0.0.2"))),
    )
    assert [row["src_address"] for row in found] == ["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2"]
    found = station.flows(ipfix(template(256, V6)), ipfix(data_set(256, flow("2001:db8::1", "2001:db8::2"))))
    assert [row["src_address"] for row in found] == ["2001:db8::1"]
    assert station.count('netflow_templates{event="redefined"}') == 2


def test_a_flow_template_may_become_an_options_template_and_back() -> None:
    station = Station.open()
    sampling = options_template(256, [(149, 4)], [(34, 4)])
    found = station.flows(
        ipfix(template(256, V4), data_set(256, flow())),
        ipfix(sampling, data_set(256, struct.pack(">II", 1, 10))),
        ipfix(template(256, V4), data_set(256, flow())),
    )
    assert [row["sampling_rate"] for row in found] == [0, 10]


def test_a_refresh_changes_nothing() -> None:
    station = Station.open()
    for _ in range(5):
        assert len(station.flows(ipfix(template(256, V4), data_set(256, flow())))) == 1
    assert station.count('netflow_templates{event="learned"}') == 1


@pytest.mark.parametrize("withdrawn", [256, 2])
def test_withdrawal(withdrawn: int) -> None:
    station = Station.open()
    withdrawal = data_set(2, struct.pack(">HH", withdrawn, 0))
    sampler = options_template(300, [(149, 4)], [(34, 4)])
    station.feed(ipfix(template(256, V4), sampler))
    assert len(station.flows(ipfix(data_set(256, flow()), withdrawal, data_set(256, flow())))) == 1
    assert station.count('netflow_templates{event="withdrawn"}') == 1
    assert station.count("netflow_parked_sets") == 1
    station.feed(ipfix(data_set(300, struct.pack(">II", 1, 10))))
    assert station.count("netflow_sampling_changes") == 1


def test_domains_and_processes_have_templates_of_their_own() -> None:
    station = Station.open()
    station.feed(ipfix(template(256, V4), domain=1), ipfix(template(256, SWAPPED), domain=2))
    station.feed(ipfix(template(256, SWAPPED), domain=1), port=4001)
    station.feed(v9(template(256, V6, 9)))
    for domain, port, src in ((1, 4000, "10.0.0.1"), (2, 4000, "10.0.0.2"), (1, 4001, "10.0.0.2")):
        (row,) = station.flows(ipfix(data_set(256, flow("10.0.0.1", "10.0.0.2")), domain=domain), port=port)
        assert (row["src_address"], row["observation_domain"]) == (src, domain)


def test_templates_from_another_port_are_borrowed_after_a_while() -> None:
    station = Station.open(borrow_after_seconds=2)
    station.feed(ipfix(template(256, V4)), port=5000)
    assert station.flows(ipfix(data_set(256, flow())), port=5001) == []
    assert len(station.flows(ipfix(data_set(256, flow())), port=5001, received=MS + 2500)) == 2
    assert len(station.flows(ipfix(data_set(256, flow())), port=5001, received=MS + 2600)) == 1
    station.feed(ipfix(template(256, SWAPPED)), port=5000, received=MS + 3000)
    (row,) = station.flows(ipfix(data_set(256, flow("10.0.0.1"))), port=5001, received=MS + 3100)
    assert row["dst_address"] == "10.0.0.1"
    assert station.count('netflow_templates{event="borrowed"}') == 1


def test_processes_that_disagree_lend_nothing() -> None:
    station = Station.open()
    station.feed(ipfix(template(256, V4)), port=5000)
    station.feed(ipfix(template(256, SWAPPED)), port=5001)
    station.feed(ipfix(data_set(256, flow())), port=5002)
    assert station.collector.tick(MS + 100_000).flows == []
    assert station.collector.tick(MS + 200_000).flows == []
    assert station.count("sets_without_template") == 1


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (ipfix(data_set(2, struct.pack(">HH", 256, 65_535), bytes(60_000))), "template-too-many-fields"),
        (ipfix(template(256, [(8, 4)] * 600)), "template-too-many-fields"),
        (ipfix(data_set(2, struct.pack(">HHHH", 256, 2, 8, 4))), "template-truncated"),
        (ipfix(data_set(2, struct.pack(">HHHH", 256, 1, 0x8008, 4))), "template-truncated"),
        (ipfix(template(255, [(8, 4)])), "template-number"),
        (ipfix(template(256, [(8, 0), (12, 0)])), "template-without-length"),
        (ipfix(template(256, [(8, 40_000), (12, 40_000)])), "template-too-long"),
        (v9(data_set(0, struct.pack(">HH", 256, 0), b"\1\1\1\1")), "template-empty"),
        (v9(data_set(1, struct.pack(">HHH", 256, 3, 4), bytes(8))), "options-template-length"),
        (ipfix(data_set(3, struct.pack(">HHH", 256, 1, 2), bytes(8))), "options-template-scope"),
        (ipfix(struct.pack(">HH", 256, 3)), "set-length"),
        (ipfix(struct.pack(">HH", 256, 900), bytes(20)), "set-truncated"),
        (ipfix(data_set(256, flow()))[:50], "message-length"),
        (b"\0\x0a\0", "short-header"),
        (b"", "short-header"),
        (v9()[:19], "short-header"),
        (b"\0\7" + bytes(60), "unknown-version"),
        (ipfix(template(256, V4), data_set(256, bytes(3))), "set-without-record"),
        (ipfix(bytes(40)), "zero-fill"),
        (ipfix(data_set(256, flow()), b"\1"), "trailing-bytes"),
        (ipfix(b"\1\0\0\4" * 5000), "too-many-sets"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(len(value)),
)
def test_malformed_messages_are_counted_by_cause(message: bytes, cause: str) -> None:
    station = Station.open()
    station.feed(message)
    assert station.count(f'netflow_malformed{{cause="{cause}"}}') >= 1


def test_reserved_sets_are_declined() -> None:
    station = Station.open()
    station.feed(ipfix(data_set(7, bytes(8)), data_set(0, bytes(8))), v9(data_set(2, bytes(8))))
    assert station.count('netflow_declined_sets{reason="reserved-set"}') == 3


def test_endless_templates_of_one_exporter_are_bounded() -> None:
    station = Station.open(max_templates_per_session=50)
    for n in range(20):
        station.feed(
            ipfix(*[template(256 + 100 * n + k, [(8, 4), (12, 4), (1, 1 + k % 8)]) for k in range(100)])
        )
    state = station.collector.state()
    assert sum(len(session["templates"]) for session in state["sessions"]) == 50


def test_forged_exporters_push_out_themselves_and_not_the_true_one() -> None:
    station = Station.open(max_sessions=64, max_templates=100)
    station.feed(ipfix(template(256, V4), data_set(256, flow())))
    for n in range(2000):
        forged = f"10.{n >> 8}.{n & 255}.1"
        station.feed(ipfix(template(256 + n % 50, V4), template(400, V6), domain=n), exporter=forged)
    assert len(station.flows(ipfix(data_set(256, flow()), sequence=1))) == 1
    state = station.collector.state()
    assert len(state["sessions"]) <= 64
    assert sum(len(session["templates"]) for session in state["sessions"]) <= 100
    assert station.count("netflow_sessions_evicted") > 1900


def test_more_forged_exporters_in_one_batch_than_the_table_has_room_for() -> None:
    from sixfold.agent.datagrams import Datagrams

    station = Station.open(max_sessions=8)
    message = ipfix(template(256, V4), data_set(256, flow()))
    datagrams = Datagrams.of([(message, f"10.0.{n >> 8}.{n & 255}", 1, MS) for n in range(500)])
    decoded = station.collector.decode(datagrams)
    assert sum(len(columns["bytes"]) for columns in decoded.flows) == 500
    exporters = {exporter.tobytes() for columns in decoded.flows for exporter in columns["exporter"]}
    assert len(exporters) == 500


def test_only_the_exporters_that_are_allowed_are_read() -> None:
    station = Station.open(exporters=("192.0.2.0/24", "2001:db8::/32", "198.51.100.7"))
    message = ipfix(template(256, V4), data_set(256, flow()))
    read = ["192.0.2.1", "2001:db8:ffff::1", "198.51.100.7"]
    for exporter in (*read, "192.0.3.1", "198.51.100.8", "2001:db9::1", "::192.0.2.1"):
        assert len(station.flows(message, exporter=exporter)) == (exporter in read)
    assert station.count("netflow_exporters_refused") == 4


@pytest.mark.parametrize(
    "wrong", [{"exporters": ("x",)}, {"sampling": {"10.0.0.1": 0}}, {"sampling": {"x": 5}}]
)
def test_settings_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Station.open(**wrong)


def test_state_goes_over_a_restart() -> None:
    old = Station.open()
    old.feed(
        ipfix(template(256, [*V4, (302, 4)]), options_template(257, [(302, 4)], [(309, 4), (310, 4)])),
        ipfix(data_set(257, struct.pack(">III", 5, 1, 128))),
        v9(template(300, V6, 9), domain=9),
    )
    state = json.loads(json.dumps(old.collector.state()))
    new = Station.open()
    new.collector.restore(state, MS + 60_000)
    (row,) = new.flows(ipfix(data_set(256, flow(octets=10) + uint(5, 4))))
    assert (row["bytes"], row["sampling_rate"]) == (1280, 128)
    assert len(new.flows(v9(data_set(300, flow("2001:db8::1", "2001:db8::2")), domain=9))) == 1
    late = Station.open(state_seconds=30)
    late.collector.restore(state, MS + 60_000)
    assert late.flows(ipfix(data_set(256, flow() + uint(5, 4)))) == []


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"format": 2, "sessions": []},
        {"format": 1, "sessions": "no"},
        {"format": 1, "sessions": [1, None, {}, {"address": "x"}]},
        {"format": 1, "sessions": [{"address": "10.0.0.1", "port": 70_000, "version": 10, "domain": 1}]},
    ],
)
def test_state_that_is_damaged_is_left_out(state: dict[str, object]) -> None:
    station = Station.open()
    station.collector.restore(state, MS)
    assert station.count('netflow_malformed{cause="state"}') >= 1
    assert len(station.flows(ipfix(template(256, V4), data_set(256, flow())))) == 1


def test_restored_state_is_bounded() -> None:
    old = Station.open()
    for n in range(40):
        old.feed(ipfix(template(256, V4), domain=n))
    new = Station.open(max_sessions=10, max_templates=5)
    new.collector.restore(old.collector.state(), MS)
    sessions = new.collector.state()["sessions"]
    assert len(sessions) <= 10
    assert sum(len(session["templates"]) for session in sessions) <= 5
    assert address("10.0.0.1")
