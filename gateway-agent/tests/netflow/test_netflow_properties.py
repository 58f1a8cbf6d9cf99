"""What holds for any template, any record and any bytes."""

import resource
import struct
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from netflow_wire import (
    NOW,
    Spec,
    Station,
    address,
    data_set,
    flow,
    ipfix,
    options_template,
    rows,
    template,
    v5,
    v5_record,
    v9,
)

from sixfold.agent.datagrams import Datagrams, address_text
from sixfold.agent.netflow.collector import Collector
from sixfold.agent.netflow.elements import VARIABLE
from sixfold.api.flow.codec import encode
from sixfold.api.flow.schema import FLOW, NAT_SESSION

NUMBERS = {
    7: "src_port",
    11: "dst_port",
    4: "protocol",
    6: "tcp_flags",
    5: "ip_tos",
    10: "input_interface",
    16: "src_as",
    1: "bytes",
    2: "packets",
}
SIZES = {7: 2, 11: 2, 4: 1, 6: 2, 5: 1, 10: 4, 16: 4, 1: 8, 2: 8}
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)


@st.composite
def layouts(draw: st.DrawFn) -> list[Spec]:
    """Any fields around an address pair: numbers in reduced sizes, unknown, enterprise, variable and empty ones."""
    known: list[Spec] = [
        (element, draw(st.integers(1, SIZES[element])))
        for element in draw(st.lists(st.sampled_from(sorted(NUMBERS)), unique=True))
    ]
    unknown: list[Spec] = draw(
        st.lists(
            st.tuples(
                st.one_of(
                    st.integers(500, 20_000), st.tuples(st.integers(1, 2**32 - 1), st.integers(0, 32_767))
                ).filter(lambda element: not (isinstance(element, tuple) and element[0] == 29305)),
                st.one_of(st.integers(0, 20), st.just(VARIABLE)),
            ),
            max_size=4,
        )
    )
    family: list[Spec] = draw(st.sampled_from([[(8, 4), (12, 4)], [(27, 16), (28, 16)]]))
    return draw(st.permutations([*known, *unknown, *family]))


def record(draw: st.DrawFn, specs: list[Spec]) -> tuple[bytes, dict[str, Any]]:
    """A record and what its columns must be."""
    out, expected = b"", {}
    for element, length in specs:
        if length == VARIABLE:
            text = draw(st.binary(max_size=300))
            out += (bytes([len(text)]) if len(text) < 255 else b"\xff" + struct.pack(">H", len(text))) + text
            continue
        raw = draw(st.binary(min_size=length, max_size=length))
        out += raw
        if element in NUMBERS:
            expected[NUMBERS[element]] = int.from_bytes(raw, "big")
        elif element in (8, 12, 27, 28):
            whole = raw if length == 16 else bytes(10) + b"\xff\xff" + raw
            expected["src_address" if element in (8, 27) else "dst_address"] = address_text(whole)
    return out, expected


@relaxed
@given(st.data())
def test_any_record_of_any_template_is_read_as_it_was_written(data: st.DataObject) -> None:
    specs = data.draw(layouts())
    n = data.draw(st.integers(1, 30))
    per_message = data.draw(st.integers(1, 5))
    made = [record(data.draw, specs) for _ in range(n)]
    sets = [
        data_set(256, *[raw for raw, _ in made[at : at + per_message]]) for at in range(0, n, per_message)
    ]
    station = Station.open()
    found = station.flows(ipfix(template(256, specs)), *[ipfix(some) for some in sets])
    assert len(found) == n
    key = ("src_address", "dst_address")
    got = sorted(found, key=lambda row: sorted((k, str(v)) for k, v in row.items()))
    wanted = sorted(
        (expected for _, expected in made), key=lambda row: sorted((k, str(v)) for k, v in row.items())
    )
    names = {*key, *(name for expected in wanted for name in expected)}
    assert sorted(tuple(str(row[name]) for name in sorted(names)) for row in got) == sorted(
        tuple(str(row[name]) for name in sorted(names)) for row in wanted
    )


@st.composite
def traffic(draw: st.DrawFn) -> list[tuple[bytes, str, int, int]]:
    """Datagrams of several exporters that change templates, sampling and layouts under way."""
    v4: list[Spec] = [(8, 4), (12, 4), (1, 4), (2, 4)]
    swapped: list[Spec] = [(12, 4), (8, 4), (2, 4), (1, 4)]
    wide: list[Spec] = [*v4, (96, VARIABLE)]
    sixteen = bytes(range(16))
    sets = {
        "learn": template(256, v4), "swap": template(256, swapped), "wide": template(256, wide),
        "withdraw": data_set(2, struct.pack(">HH", 256, 0)), "data": data_set(256, sixteen),
        "more": data_set(256, sixteen, sixteen[::-1], sixteen), "padded": data_set(256, sixteen, padding=3),
        "other": data_set(300, sixteen), "learn-other": template(300, swapped),
        "options": options_template(400, [(149, 4)], [(34, 4)]), "rate": data_set(400, struct.pack(">II", 1, 10)),
        "rate-2": data_set(400, struct.pack(">II", 1, 20)),
    }  # fmt: skip
    names = st.lists(st.sampled_from(sorted(sets)), min_size=1, max_size=4)
    return [
        (ipfix(*[sets[name] for name in chosen], domain=domain), f"192.0.2.{exporter}", 4000, NOW * 1000)
        for chosen, exporter, domain in draw(
            st.lists(st.tuples(names, st.integers(1, 2), st.integers(1, 2)), max_size=25)
        )
    ]


@relaxed
@given(traffic())
def test_a_batch_is_read_as_its_datagrams_are_one_by_one(
    datagrams: list[tuple[bytes, str, int, int]],
) -> None:
    together, apart = Station.open(), Station.open()
    at_once = rows(together.collector.decode(Datagrams.of(datagrams)).flows)
    single = [row for one in datagrams for row in rows(apart.collector.decode(Datagrams.of([one])).flows)]
    assert sorted(map(repr, at_once)) == sorted(map(repr, single))
    assert together.counters.snapshot() == apart.counters.snapshot()
    assert together.collector.state() == apart.collector.state()


SEEDS = [
    ipfix(
        template(256, [(8, 4), (12, 4), (1, 4), (96, VARIABLE)]), data_set(256, bytes(12) + b"\5hello" * 3)
    ),
    ipfix(options_template(257, [(302, 4)], [(309, 4), (310, 4)]), data_set(257, bytes(12))),
    v9(template(260, [(8, 4), (12, 4), (22, 4), (21, 4), (230, 1), (225, 4)], 9), data_set(260, bytes(42))),
    v9(template(261, [(8, 4), (12, 4), (233, 1), (231, 4), (225, 4)], 9), data_set(261, bytes(34))),
    v5(v5_record(), v5_record()),
    ipfix(data_set(256, flow(), address("2001:db8::1"))),
]


def patched(seed: bytes, at: int, patch: bytes, cut: int) -> bytes:
    at %= len(seed)
    return (seed[:at] + patch + seed[at + len(patch) :])[: cut or None]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=200),
            st.builds(
                patched,
                st.sampled_from(SEEDS), st.integers(0, 10_000), st.binary(min_size=1, max_size=6), st.integers(0, 200),
            ),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_no_bytes_make_it_raise_and_what_comes_out_is_a_batch(payloads: list[bytes]) -> None:
    station = Station.open()
    decoded = station.feed(*payloads)
    for columns in decoded.flows:
        assert encode(FLOW, columns)
    for columns in decoded.nat_sessions:
        assert encode(NAT_SESSION, columns)
    restored = Station.open()
    restored.collector.restore(station.collector.state(), NOW * 1000)


def test_memory_stays_bounded_under_a_flood_of_forged_exporters() -> None:
    station = Station.open(max_sessions=512, max_templates=2000)
    random = np.random.default_rng(1)

    def flood(rounds: int, collector: Collector) -> None:
        for _ in range(rounds):
            datagrams = [
                (
                    ipfix(
                        template(
                            int(random.integers(256, 60_000)),
                            [(8, 4), (12, 4), (int(random.integers(1000, 30_000)), 5)],
                        ),
                        data_set(int(random.integers(256, 60_000)), bytes(300)),
                        domain=int(random.integers(0, 1 << 31)),
                    ),
                    f"10.{random.integers(256)}.{random.integers(256)}.{random.integers(256)}",
                    1,
                    NOW * 1000,
                )
                for _ in range(200)
            ]
            collector.decode(Datagrams.of(datagrams))

    flood(10, station.collector)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    flood(20, station.collector)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 << 10, f"{grown} KiB"
    state = station.collector.state()
    assert sum(len(session["templates"]) for session in state["sessions"]) <= 2000
