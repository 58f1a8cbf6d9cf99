"""Feeds of listed prefixes: parsing, what is not believed, and matching against columns."""

import ipaddress
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sixfold.security.domain.addresses import parse_network
from sixfold.security.domain.intel.entries import Entries, FeedRefusedError, Reading, Trust, entries_of
from sixfold.security.domain.intel.lists import Layout, read
from sixfold.security.domain.intel.prefixes import FOREVER, Listed, PrefixSet

NOW = 1_800_000_000
LENIENT = Trust(most_refused=1.0, largest_coverage=1.0)
PLAIN = Layout()


def words(*texts: str) -> tuple[np.ndarray, np.ndarray]:
    networks = [parse_network(text) for text in texts]
    return np.array([one[0] for one in networks], np.uint64), np.array(
        [one[1] for one in networks], np.uint64
    )


def taken(text: str, trust: Trust = LENIENT, layout: Layout = PLAIN, before: int | None = None) -> PrefixSet:
    reading = Reading(trust, 60)
    read([text.encode()], layout, reading)
    return reading.finished(before)


def refused(text: str, trust: Trust = LENIENT) -> dict[str, int]:
    reading = Reading(trust, 60)
    read([text.encode()], Layout(), reading)
    reading.finished(None)
    return dict(reading.refused)


def test_a_list_as_they_come() -> None:
    made = taken(
        "\ufeff# a comment\n; another\n\n// and one\r\n198.51.100.0/24 ; SBL1\r\n203.0.113.7\n"
        "2001:db8:1::/48,80,2027-01-20T00:00:00Z\n2001:db8:2::1, 90\n192.0.2.0/28\t# tab\n"
    )
    assert len(made) == 5
    hi, lo = words(
        "198.51.100.255", "203.0.113.7", "203.0.113.8", "2001:db8:1:ff::1", "2001:db8:2::1", "192.0.2.16"
    )
    assert made.confidence(hi, lo, NOW).tolist() == [60, 60, 0, 80, 90, 0]
    later = int(datetime(2027, 1, 21, tzinfo=UTC).timestamp())
    assert made.confidence(hi, lo, later).tolist() == [60, 60, 0, 0, 90, 0]


def test_csv_by_the_names_in_its_head() -> None:
    layout = Layout(prefix="ip", confidence="score", expires="until", delimiter=";")
    made = taken(
        '"id";"ip";"score";"until"\n1;"198.51.100.1";75;2100-01-01\n2;2001:db8::/32;;\n', layout=layout
    )
    assert made.confidence(*words("198.51.100.1", "2001:db8::1"), NOW).tolist() == [75, 60]
    with pytest.raises(FeedRefusedError, match="no column 'ip'"):
        taken("address,score\n198.51.100.1,3\n", layout=Layout(prefix="ip"))


def test_single_entries_are_refused_and_counted_by_cause() -> None:
    text = "\n".join(
        [
            "198.51.100.0/24", "hello", "256.1.1.1", "1.2.3.4/33", "010.1.1.1", "2001:db8::/129", "2001:zz::/32",
            "198.51.100.1/24", "6.0.0.0/7", "2001::/16", "10.0.0.0/24", "127.0.0.1", "fe80::1", "ff02::1", "224.0.0.1",
            "203.0.113.0/25", "203.0.0.0/16", "2001:db8:42::1", "198.51.99.1,0", "198.51.99.2,200",
        ]
    )  # fmt: skip
    protected = (parse_network("203.0.113.0/24"), parse_network("2001:db8:42::/48"))
    trust = Trust(most_refused=1.0, protected=protected)
    assert refused(text, trust) == {
        "malformed": 6, "host-bits": 1, "too-short": 2, "reserved": 5, "protected": 3, "confidence": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "trust", "before", "cause"),
    [
        ("198.51.100.0/24\n0.0.0.0/0\n", LENIENT, None, "default-route"),
        ("198.51.100.0/24\n::/0\n", LENIENT, None, "default-route"),
        ("\n".join(f"{n}.0.0.0/8" for n in range(11, 60)), Trust(), None, "too-wide"),
        ("\n".join(["198.51.100.0/24", *["x"] * 30]), Trust(), None, "too-many-refused"),
        ("<!DOCTYPE html><html>", LENIENT, None, "no-list"),
        ("\n".join(f"198.51.100.{n}" for n in range(50)), Trust(small=10), 5, "grew"),
        ("198.51.100.1\n", Trust(small=10), 50, "shrank"),
        ("\n".join(f"198.51.100.{n}" for n in range(50)), Trust(most=20), None, "too-large"),
    ],
)
def test_a_poisoned_feed_is_refused_whole(text: str, trust: Trust, before: int | None, cause: str) -> None:
    with pytest.raises(FeedRefusedError) as error:
        taken(text, trust, before=before)
    assert error.value.cause == cause


NETWORKS = st.one_of(
    st.builds(
        lambda address, length: ipaddress.ip_network((address, length), strict=False),
        st.integers(0xC6336400, 0xC63364FF),
        st.integers(20, 32),
    ),
    st.builds(
        lambda low, length: ipaddress.ip_network(((0x20010DB8 << 96) | low, length), strict=False),
        st.sampled_from([0, 1, 1 << 64, 3 << 64, (1 << 64) | 256, 5 << 80]),
        st.integers(33, 128),
    ),
)


@given(st.lists(NETWORKS, max_size=12), st.lists(NETWORKS, min_size=1, max_size=8))
def test_matching_is_membership_in_any_prefix(listed: list, asked: list) -> None:
    reading = Reading(LENIENT, 50)
    reading.add(entries_of((parse_network(str(one)), 50, FOREVER) for one in listed))
    made = reading.finished(None)
    assert PrefixSet.load(made.dump()).dump().keys() == made.dump().keys()
    addresses = [edge for one in asked for edge in (one[0], one[-1])]
    hi, lo = words(*(str(one) for one in addresses))
    wanted = [any(one.version == net.version and one in net for net in listed) for one in addresses]
    assert (made.confidence(hi, lo, NOW) > 0).tolist() == wanted
    rows, feed, confidence = Listed({"none": PrefixSet(), "one": made}).find(hi, lo, NOW)
    assert rows.tolist() == [row for row, hit in enumerate(wanted) if hit]
    assert set(feed.tolist()) <= {1}
    assert set(confidence.tolist()) <= {50}
    for row, hit in enumerate(wanted):
        found = made.range_of(int(hi[row]), int(lo[row]), NOW)
        assert (found is not None) == hit
        if found is not None:
            assert found[0] <= (int(hi[row]) << 64 | int(lo[row])) <= found[1]


def test_the_surest_feed_is_named_and_short_ipv6_prefixes_are_found() -> None:
    sets = {
        "weak": taken("198.51.100.0/24,30\n2a00::/20,40\n"),
        "sure": taken("198.51.100.7,90\n"),
    }
    listed = Listed(sets)
    rows, feed, confidence = listed.find(
        *words("198.51.100.7", "198.51.100.8", "2a00:0fff::1", "2a00:1000::1"), NOW
    )
    assert rows.tolist() == [0, 1, 2]
    assert [listed.names[place] for place in feed] == ["sure", "weak", "weak"]
    assert confidence.tolist() == [90, 30, 40]


@given(st.binary(max_size=300))
@example(b"\x00:")
def test_no_bytes_break_the_reader(data: bytes) -> None:
    try:
        reading = Reading(LENIENT, 60)
        read([data], Layout(), reading)
        reading.finished(None)
    except FeedRefusedError:
        pass


def test_parts_are_cut_at_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sixfold.security.domain.intel.lists.PART", 64)
    lines = [f"198.51.{n // 250}.{n % 250}" for n in range(1000)]
    data = "\n".join(lines).encode()
    reading = Reading(LENIENT, 60)
    read((data[at : at + 7] for at in range(0, len(data), 7)), Layout(), reading)
    assert len(reading.finished(None)) == 1000


def test_ten_million_prefixes_are_one_small_table() -> None:
    rng = np.random.default_rng(7)
    reading = Reading(Trust(), 60)
    for _ in range(10):
        lo = rng.integers(0x0B000000, 0x60000000, 1_000_000).astype(np.uint64) | np.uint64(0xFFFF << 32)
        many = {
            "hi": np.uint64(0),
            "length": np.uint8(128),
            "confidence": np.uint8(60),
            "expires": np.uint32(FOREVER),
        }
        columns = {name: np.full(len(lo), value) for name, value in many.items()}
        reading.add(Entries(lo=lo, **columns))
    made = reading.finished(None)
    assert 9_900_000 < len(made) <= 10_000_000
    assert made.bytes < 100_000_000
    assert (made.confidence(np.zeros(1000, np.uint64), lo[:1000], NOW) == 60).all()
    outside = lo[:1000] + np.uint64(0x60000000)
    assert not len(Listed({"large": made}).candidates(np.zeros(1000, np.uint64), outside))
