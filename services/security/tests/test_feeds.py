"""Feeds from files and real HTTP servers to the detector and to incidents."""

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from nats.js.api import StreamConfig

from sixfold.api.flow.codec import encode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import FLOW
from sixfold.api.subjects import FLOW_STREAM, flow_subject
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.telemetry import Telemetry
from sixfold.security.adapters.feeds import FeedStore
from sixfold.security.adapters.feeds import read as read_feed
from sixfold.security.config import FeedOptions, IntelOptions, SecuritySettings
from sixfold.security.domain.detectors.intel import DETECTOR, Intel, IntelSettings
from sixfold.security.domain.engine import Engine, Entry
from sixfold.security.domain.events import Severity
from sixfold.security.domain.evidence import gather, query
from sixfold.security.domain.intel.entries import Reading, Trust
from sixfold.security.domain.intel.indicators import networks_of
from sixfold.security.domain.intel.indicators import read as read_indicators
from sixfold.security.domain.intel.lists import Layout, read
from sixfold.security.domain.intel.prefixes import Listed, PrefixSet
from sixfold.security.domain.window import Window, WindowSettings
from sixfold.security.intel_handlers import Feeds, FeedState
from sixfold.security.service import Dependencies, build

Eventually = Callable[..., Awaitable[Any]]
NOW_MS = 1_800_000_000_000
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)


def listed(text: str) -> PrefixSet:
    reading = Reading(Trust(), 60)
    read([text.encode()], Layout(), reading)
    return reading.finished(None)


def flows(*pairs: tuple[str, str], packets: int = 10, at: int = NOW_MS) -> dict[str, Any]:
    count = len(pairs)
    address = np.zeros((count, 16), np.uint8)
    address[:, 10:12] = 255
    ends = [address.copy(), address.copy()]
    for row, pair in enumerate(pairs):
        for end, text in zip(ends, pair, strict=True):
            end[row, 12:] = [int(octet) for octet in text.split(".")]
    values: dict[str, Any] = {
        "time_start": np.full(count, at - 500, np.int64), "time_end": np.full(count, at, np.int64),
        "exporter": address, "src_address": ends[0], "dst_address": ends[1],
    }  # fmt: skip
    numbers = {
        "time_received": (at, np.int64), "src_port": (40_000, np.uint16), "dst_port": (443, np.uint16),
        "protocol": (6, np.uint8), "bytes": (packets * 500, np.uint64), "packets": (packets, np.uint64),
        "sampling_rate": (1, np.uint32), "tcp_flags": (24, np.uint16),
    }  # fmt: skip
    return values | {name: np.full(count, value, kind) for name, (value, kind) in numbers.items()}


def engine(text: str, **settings: int) -> tuple[Engine, Intel]:
    running = Intel(IntelSettings(**settings))
    running.listed = Listed({"feed": listed(text)})
    return Engine(Window(WindowSettings(light_bytes=0)), [Entry(DETECTOR, running)]), running


def test_who_sends_to_a_listed_address_is_named_and_a_listed_one_that_knocks_is_named_itself() -> None:
    made, running = engine("198.51.100.0/24,90\n203.0.113.9,40\n")
    columns = flows(
        *[("192.0.2.1", "198.51.100.7")] * 3,
        ("192.0.2.2", "192.0.2.3"),
        *[("203.0.113.9", f"192.0.2.{host}") for host in range(10, 40)],
    )
    made.add(columns, NOW_MS)
    answers = flows(*[(f"192.0.2.{host}", "203.0.113.9") for host in range(10, 40)], packets=1)
    made.add(answers, NOW_MS)
    signals = made.look([NOW_MS // 5000], NOW_MS)["threat-intel"]
    contact, source = sorted(signals, key=lambda one: one.vector)
    assert (contact.vector, contact.severity, contact.confidence) == ("listed-contact", Severity.HIGH, 0.9)
    assert contact.network == (0, 0xFFFF_C000_0201, 128)
    assert "feed feed lists with a confidence of 90 %" in contact.reasons[0].text
    assert (source.vector, source.severity) == ("listed-source", Severity.LOW)
    evidence = gather(contact, [("gw-1", columns)])
    assert {sample.dst_address for sample in evidence.sample_flows} == {"198.51.100.7"}
    assert "AND dst_address BETWEEN toIPv6('198.51.100.7')" in query(contact)
    assert made.look([], NOW_MS)["threat-intel"] == []
    again = Intel(IntelSettings())
    again.listed = running.listed
    again.restore(running.dump())
    restarted = Engine(Window(WindowSettings(light_bytes=0)), [Entry(DETECTOR, again)])
    restarted.add(flows(("192.0.2.1", "198.51.100.7"), packets=1), NOW_MS)
    [told] = restarted.look([NOW_MS // 5000], NOW_MS)["threat-intel"]
    assert told.reasons[0].measured == 31


def test_what_is_remembered_of_listed_traffic_is_bounded() -> None:
    made, running = engine("198.51.100.0/24\n", limit=64)
    for part in range(4):
        pairs = [(f"192.0.{part}.{host}", "198.51.100.7") for host in range(200)]
        made.add(flows(*pairs), NOW_MS)
    assert len(made.look([NOW_MS // 5000], NOW_MS)["threat-intel"]) <= 64
    assert len(running.dump()["bytes"]) <= 64


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("[ipv4-addr:value = '198.51.100.1']", 1),
        ("[ipv4-addr:value ISSUBSET '198.51.100.0/24' OR ipv6-addr:value = '2001:db8::/32']", 2),
        (
            "[ipv4-addr:value IN ('198.51.100.1', '198.51.100.2')] OR [network-traffic:dst_ref.value = '192.0.2.1']",
            3,
        ),
        ("[ipv4-addr:value = '198.51.100.1' AND network-traffic:dst_port = 80]", None),
        ("[ipv4-addr:value = '198.51.100.1'] FOLLOWEDBY [ipv4-addr:value = '198.51.100.2']", None),
        ("[ipv4-addr:value != '198.51.100.1']", None),
        ("[domain-name:value = 'example.com']", None),
        ("[file:hashes.'SHA-256' = 'aa']", None),
        ("", None),
    ],
)
def test_patterns_that_name_addresses(pattern: str, count: int | None) -> None:
    found = networks_of(pattern)
    assert (None if found is None else len(found)) == count


def indicator(pattern: str, **more: Any) -> dict[str, Any]:
    return {"type": "indicator", "pattern_type": "stix", "pattern": pattern, **more}


BUNDLE = {
    "type": "bundle",
    "objects": [
        indicator("[ipv4-addr:value = '198.51.100.1']", confidence=85, valid_until="2100-01-01T00:00:00Z"),
        indicator("[ipv4-addr:value = '198.51.100.2']", revoked=True),
        indicator("[ipv4-addr:value = '198.51.100.3']", valid_until="2020-01-01T00:00:00Z"),
        indicator("[url:value = 'https://example.com']"),
        indicator("[ipv4-addr:value = '198.51.100.999']"),
        {"type": "malware"}, 7, None,
    ],
}  # fmt: skip


def test_revoked_expired_and_other_indicators_are_passed_over_and_counted() -> None:
    reading = Reading(Trust(), 50)
    read_indicators(BUNDLE["objects"], reading, NOW)
    assert len(reading.finished(None)) == 1
    assert dict(reading.passed_over) == {"revoked": 1, "expired": 1, "other-pattern": 1}
    assert dict(reading.refused) == {"malformed": 1}


class Web:
    """A real HTTP server with one document, which tests change."""

    def __init__(self) -> None:
        self.body, self.tag, self.status, self.asked = b"", "", 200, list[dict[str, str]]()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked.append(dict(self.headers.items()))
                same = web.tag and self.headers.get("If-None-Match") == web.tag
                self.send_response(304 if same else web.status)
                if web.tag:
                    self.send_header("ETag", web.tag)
                if web.status in (301, 302):
                    self.send_header("Location", "http://127.0.0.2:9/")
                self.end_headers()
                if not same:
                    self.wfile.write(web.body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/list"


@pytest.fixture
def web() -> Iterator[Web]:
    made = Web()
    thread = Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


class Counts:
    def __init__(self) -> None:
        self.readings: list[str] = []
        self.entries: dict[str, int] = {}

    def reading(self, feed: str, outcome: str) -> None:
        self.readings.append(outcome)

    def refused(self, feed: str, cause: str, number: int) -> None:
        self.entries[cause] = number


class NothingKept:
    async def save(self, name: str, made: PrefixSet, taken: int, expires: int) -> None:
        pass

    async def load(self, name: str) -> None:
        return None


@contextmanager
def reader(option: FeedOptions, **changes: Any) -> Iterator[tuple[Feeds, Counts]]:
    counts = Counts()
    source = replace(option.domain(()), **changes)
    yield (
        Feeds(
            [source],
            read=read_feed,
            store=NothingKept(),
            install=lambda _: None,
            meter=counts,
            clock=lambda: NOW,
        ),
        counts,
    )


async def test_a_feed_is_read_again_only_when_it_changed_and_its_failures_cost_nothing_of_it(
    web: Web,
) -> None:
    web.body, web.tag = b"198.51.100.0/24\nnonsense\n", '"1"'
    with reader(FeedOptions(name="drop", source=web.url)) as (feeds, counts):
        feed = await feeds.refresh("drop")
        assert (feed.state, feed.prefixes, feed.refused) == (FeedState.CURRENT, 1, {"malformed": 1})
        assert (await feeds.refresh("drop")).prefixes == 1
        web.tag, web.status = "", 503
        feed = await feeds.refresh("drop")
        assert (feed.state, feed.prefixes) == (FeedState.STALE, 1)
        assert "503" in feed.trouble
        web.status, web.body = 200, b"198.51.100.0/24\n0.0.0.0/0\n"
        feed = await feeds.refresh("drop")
        assert feed.trouble.startswith("default-route")
        assert feeds.look_up(0, 0xFFFF_C633_6401)[0].confidence == 60
        assert feeds.look_up(0, 0xFFFF_0808_0808) == []
        web.status = 302
        assert "redirects to 127.0.0.2:9" in (await feeds.refresh("drop")).trouble
        assert counts.readings == ["taken", "unchanged", "unreachable", "default-route", "unreachable"]


async def test_a_feed_that_suddenly_shrinks_is_taken_when_a_person_accepts_it(web: Web) -> None:
    web.body = "\n".join(f"198.51.{n // 200}.{n % 200}" for n in range(5_000)).encode()
    with reader(FeedOptions(name="drop", source=web.url)) as (feeds, _):
        assert (await feeds.refresh("drop")).prefixes == 5_000
        web.body = b"198.51.100.1\n"
        feed = await feeds.refresh("drop")
        assert feed.trouble.startswith("shrank")
        assert feed.prefixes == 5_000
        assert (await feeds.refresh("drop", accept_change=True)).prefixes == 1


async def test_secrets_are_sent_and_what_is_too_long_is_refused(web: Web, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("swordfish\n")
    web.body = b"198.51.100.1\n" * 100
    option = FeedOptions(name="paid", source=web.url, secret_file=secret)
    with reader(option, most_bytes=500) as (feeds, _):
        feed = await feeds.refresh("paid")
        assert feed.state is FeedState.FAILED
        assert "more than 500 bytes" in feed.trouble
    assert web.asked[-1]["Authorization"] == "Bearer swordfish"
    assert "swordfish" not in repr(option.domain(()))


async def test_a_bundle_in_a_file_and_one_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(BUNDLE))
    with reader(FeedOptions(name="file", kind="stix", source=str(path))) as (feeds, _):
        assert (await feeds.refresh("file")).prefixes == 1
        path.write_text("[1, 2]")
        assert (await feeds.refresh("file")).trouble.startswith("no-bundle")
        path.unlink()
        assert (await feeds.refresh("file")).trouble.startswith("unreachable")


@pytest.mark.nats
async def test_a_listed_contact_becomes_an_incident_and_the_list_outlives_its_source(
    messaging: Messaging, telemetry: Telemetry, assert_eventually: Eventually, tmp_path: Path
) -> None:

    await messaging.ensure_stream(StreamConfig(name=FLOW_STREAM, subjects=["flow.>"]))
    path = tmp_path / "list.txt"
    path.write_text("203.0.113.0/24,95\n")
    chosen = SecuritySettings(intel=IntelOptions(feeds=(FeedOptions(name="drop", source=str(path)),)))
    service = build(chosen, Dependencies(messaging, telemetry))
    await service.start()
    await assert_eventually(lambda: len(service.feeds.listed) == 1)
    numbers = iter(range(1, 1_000))

    async def told() -> bool:
        batch = flows(*[("192.0.2.1", "203.0.113.7")] * 3, at=int(datetime.now(UTC).timestamp() * 1000))
        headers = BatchHeaders(FLOW.version, "gw-1", "*", "e1", next(numbers), 0, 3, 0, 0).to_nats()
        await messaging.publish(flow_subject("gw-1"), encode(FLOW, batch), headers=headers)
        return bool(service.ledger.state.by_id)

    await assert_eventually(told, interval=0.2)
    incident = next(iter(service.ledger.state.by_id.values()))
    assert (incident.vector, incident.side, incident.technique) == ("listed-contact", "source", "T1071")
    assert incident.evidence.sample_flows[0].dst_address == "203.0.113.7"
    await assert_eventually(lambda: service.feeds.feeds["drop"].taken is not None)
    kept = FeedStore(messaging)

    async def saved() -> bool:
        return await kept.load("drop") is not None

    await assert_eventually(saved)
    await service.stop()
    path.unlink()
    again = build(chosen, Dependencies(messaging, telemetry))
    await again.start()
    await assert_eventually(lambda: again.feeds.feeds["drop"].state is FeedState.STALE)
    assert len(again.feeds.listed) == 1
    await again.stop()
