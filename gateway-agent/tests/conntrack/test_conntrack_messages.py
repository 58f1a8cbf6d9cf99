"""ctnetlink messages to columns, whatever stands in them and however they are mixed or cut."""

import ipaddress
import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.agent.conntrack import messages

from .conntrack_wire import DESTROY, ICMP, NEW, TCP, UDP, Entry, Tuple, datagrams, message

PORT = st.integers(0, 65_535)
ADDRESSES = {
    4: st.ip_addresses(v=4).map(str),
    6: st.ip_addresses(v=6).map(str),
}


@st.composite
def entries(draw) -> Entry:
    addresses = ADDRESSES[draw(st.sampled_from((4, 6)))]
    protocol = draw(st.sampled_from((TCP, UDP, ICMP)))

    def one() -> Tuple:
        return Tuple(
            draw(addresses), draw(PORT), draw(addresses), 0 if protocol == ICMP else draw(PORT), protocol
        )

    return Entry(
        one(),
        one(),
        kind=draw(st.sampled_from((NEW, DESTROY))),
        octets=draw(st.none() | st.tuples(st.integers(0, 1 << 50), st.integers(0, 1 << 50))),
        start=draw(st.integers(0, 1 << 41)),
        mark=draw(st.booleans()),
    )


def text(value: np.ndarray) -> str:
    return str(ipaddress.ip_address(value.tobytes()))


@given(st.lists(entries(), min_size=1, max_size=30))
@settings(max_examples=150, deadline=None)
def test_what_the_kernel_says_is_what_is_read(given_entries: list[Entry]) -> None:
    groups = list(messages.read(datagrams([message(one) for one in given_entries])))
    read = {}
    for group in groups:
        assert not isinstance(group, int)
        for at, row in enumerate(group.rows.tolist()):
            read[row] = Entry(
                Tuple(
                    text(group.src[at]),
                    group.sport[at],
                    text(group.dst[at]),
                    group.dport[at],
                    group.protocol[at],
                ),
                Tuple(
                    text(group.reply_src[at]),
                    group.reply_sport[at],
                    text(group.reply_dst[at]),
                    group.reply_dport[at],
                    group.protocol[at],
                ),
                kind=group.kind,
                octets=(int(group.octets[at]), 0),
                start=int(group.started[at]),
            )
    assert len(read) == len(given_entries)
    for row, one in enumerate(given_entries):
        octets = (sum(one.octets or ()), 0)
        assert read[row] == Entry(one.original, one.reply, kind=one.kind, octets=octets, start=one.start)


def test_rubbish_is_counted_and_harms_nobody() -> None:
    source = random.Random(7)
    good = message(
        Entry(Tuple("10.0.0.1", 1, "10.0.0.2", 2, TCP), Tuple("10.0.0.2", 2, "203.0.113.1", 9, TCP))
    )
    for _ in range(2_000):
        bad = bytearray(good)
        for _ in range(source.randrange(1, 6)):
            bad[source.randrange(16, len(bad))] = source.randrange(256)
        bad = bad[: source.randrange(1, len(bad) + 1)]
        groups = list(messages.read(datagrams([bytes(bad), good, b"", bytes(1_024)])))
        rows = [row for group in groups if not isinstance(group, int) for row in group.rows.tolist()]
        assert 1 in rows
        assert len(rows) + sum(group for group in groups if isinstance(group, int)) == 4
