"""Sampling: who says it, who it is for, and what is left uncorrected."""

import struct

import pytest
from netflow_wire import (
    V4,
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

SAMPLED: list[Spec] = [*V4, (302, 4)]


def rates(station: Station, *messages: bytes) -> list[tuple[int, int]]:
    return [(row["sampling_rate"], row["bytes"]) for row in station.flows(*messages)]


def test_unknown_sampling_is_counted_and_not_corrected() -> None:
    station = Station.open()
    assert rates(station, ipfix(template(256, V4), data_set(256, flow(octets=7)))) == [(0, 7)]
    assert station.count('flows_unknown_sampling{exporter="192.0.2.1"}') == 1


@pytest.mark.parametrize(
    ("options", "values", "rate"),
    [
        ([(34, 4)], uint(100, 4), 100),
        ([(34, 4), (35, 1)], uint(100, 4) + b"\2", 100),
        ([(50, 4)], uint(64, 4), 64),
        ([(305, 4), (306, 4)], struct.pack(">II", 1, 999), 1000),
        ([(305, 4), (306, 4)], struct.pack(">II", 10, 990), 100),
        ([(309, 4), (310, 4)], struct.pack(">II", 1, 256), 256),
        ([(305, 4), (309, 4), (310, 4)], struct.pack(">III", 1, 1, 256), 256),
        ([(311, 8)], struct.pack(">d", 0.002), 500),
        ([(311, 4)], struct.pack(">f", 0.25), 4),
    ],
)
def test_ways_to_say_the_rate(options: list[Spec], values: bytes, rate: int) -> None:
    station = Station.open()
    told = options_template(257, [(149, 4)], options), data_set(257, uint(1, 4) + values)
    assert rates(station, ipfix(*told, template(256, V4), data_set(256, flow(octets=7)))) == [
        (rate, 7 * rate)
    ]
    assert station.count('netflow_declined{reason="options-data"}') == 1


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ([(34, 4)], uint(0, 4)),
        ([(305, 4), (306, 4)], struct.pack(">II", 0, 999)),
        ([(309, 4), (310, 4)], struct.pack(">II", 0, 256)),
        ([(311, 8)], struct.pack(">d", float("nan"))),
        ([(311, 8)], struct.pack(">d", -1)),
    ],
)
def test_rates_that_say_nothing(options: list[Spec], values: bytes) -> None:
    told = options_template(257, [(149, 4)], options), data_set(257, uint(1, 4) + values)
    assert rates(Station.open(), ipfix(*told, template(256, V4), data_set(256, flow(octets=7)))) == [(0, 7)]


def test_v9_sampler_of_a_record() -> None:
    station = Station.open()
    samplers = options_template(257, [(1, 4)], [(48, 1), (49, 1), (50, 4)], 9)
    told = data_set(257, uint(0, 4) + b"\1\2" + uint(10, 4), uint(0, 4) + b"\2\2" + uint(20, 4))
    flows = template(256, [*V4, (48, 1)], 9)
    records = [flow(octets=7) + bytes([sampler]) for sampler in (1, 2, 9)]
    assert rates(station, v9(samplers, told, flows, data_set(256, *records))) == [(10, 70), (20, 140), (0, 7)]


def test_one_selector_holds_for_records_that_name_none() -> None:
    told = options_template(257, [(302, 4)], [(34, 4)]), data_set(257, struct.pack(">II", 5, 10))
    assert rates(Station.open(), ipfix(*told, template(256, V4), data_set(256, flow(octets=7)))) == [(10, 70)]


def test_rates_of_interfaces() -> None:
    station = Station.open()
    told = options_template(257, [(2, 4)], [(34, 4)], 9), data_set(257, struct.pack(">IIII", 1, 10, 2, 20))
    flows = template(256, [*V4, (10, 4)], 9)
    records = [flow(octets=7) + uint(interface, 4) for interface in (1, 2, 3)]
    assert rates(station, v9(*told, flows, data_set(256, *records))) == [(10, 70), (20, 140), (0, 7)]


def test_a_rate_in_the_record_itself() -> None:
    specs: list[Spec] = [*V4, (34, 4)]
    records = [flow(octets=7) + uint(rate, 4) for rate in (5, 0)]
    assert rates(Station.open(), ipfix(template(256, specs), data_set(256, *records))) == [(5, 35), (0, 7)]


def test_a_change_holds_from_where_it_stands() -> None:
    station = Station.open()
    options = options_template(257, [(149, 4)], [(34, 4)])
    station.feed(ipfix(options, template(256, V4)))

    def told(rate: int) -> bytes:
        return ipfix(data_set(257, struct.pack(">II", 1, rate)))

    data = ipfix(data_set(256, flow(octets=7)))
    assert [
        rate for rate, _ in rates(station, data, told(10), data, data, told(20), data, told(20), data)
    ] == [0, 10, 10, 20, 20]


def test_options_data_before_its_template_counts_when_it_comes() -> None:
    station = Station.open()
    station.feed(ipfix(data_set(257, struct.pack(">II", 1, 10)), template(256, V4)))
    station.feed(ipfix(options_template(257, [(149, 4)], [(34, 4)])))
    assert rates(station, ipfix(data_set(256, flow(octets=7)))) == [(10, 70)]


def test_other_processes_of_the_exporter_and_the_operators_setting() -> None:
    station = Station.open(sampling={"198.51.100.1": 50})
    told = options_template(257, [(149, 4)], [(34, 4)]), data_set(257, struct.pack(">II", 1, 10))
    station.feed(ipfix(*told, domain=1))
    assert rates(station, ipfix(template(256, V4), data_set(256, flow(octets=7)), domain=2)) == [(10, 70)]
    (row,) = station.flows(ipfix(template(256, V4), data_set(256, flow(octets=7))), exporter="198.51.100.1")
    assert (row["sampling_rate"], row["bytes"]) == (50, 350)


def test_known_selectors_are_bounded() -> None:
    station = Station.open()
    station.feed(ipfix(options_template(257, [(302, 4)], [(34, 4)])))
    for start in range(0, 20_000, 5000):
        station.feed(ipfix(data_set(257, *[struct.pack(">II", n, 10) for n in range(start, start + 5000)])))
    (session,) = station.collector.state()["sessions"]
    assert len(session["sampling"]["selectors"]) == 1024
    assert address("10.0.0.1")
