"""Incidents to others: STIX by its authors' validator, TAXII by the client that others use, webhooks by their rules."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
import taxii2client.v21 as client
from nats.js.api import StreamConfig
from pydantic import ValidationError
from stix2validator import ValidationOptions, validate_instance

from sixfold.api.subjects import DEAD_LETTER_STREAM, FLOW_STREAM
from sixfold.chassis.http import AsgiServer, HttpSettings
from sixfold.chassis.messaging import Messaging, redrive
from sixfold.chassis.telemetry import Telemetry
from sixfold.security.adapters import taxii
from sixfold.security.adapters.webhooks import BACKOFF, secret_of, signature
from sixfold.security.config import ExchangeOptions, SecuritySettings, TaxiiOptions, WebhookOptions
from sixfold.security.domain import decisions
from sixfold.security.domain.decisions import LifeCycle
from sixfold.security.domain.events import Evidence, FlowSample, Rates, Reason, Severity, Share
from sixfold.security.domain.exchange.catalogue import Catalogue, Wanted
from sixfold.security.domain.exchange.stix import bundle, pattern
from sixfold.security.domain.incidents import Incident, Incidents, evolve
from sixfold.security.domain.intel.indicators import networks_of
from sixfold.security.domain.signals import Signal
from sixfold.security.service import Dependencies, Service, build

Eventually = Callable[..., Awaitable[Any]]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LIFE = LifeCycle()
VICTIM = (0, 0xFFFF_CB00_7107, 128)


def evidence(at: datetime = NOW) -> Evidence:
    flow = FlowSample(
        at, at, "gw-1", "192.0.2.1", "198.51.100.1", "203.0.113.7", 53, 4_000, 17, 90_000, 90, 1
    )
    share = Share("198.51.100.1", 90_000, 90, 1, 1.0)
    ports = (replace(share, value="4000", share=0.3),)
    return Evidence(
        at, at, Rates(1e9, 1e6, 1e3), (share, replace(share, value="2001:db8::1")), ports,
        (replace(share, value="53"),), (replace(share, value="17"),), (flow, replace(flow, protocol=1)), "SELECT 1",
    )  # fmt: skip


def opened(state: Incidents, number: int = 0, side: str = "destination", now: datetime = NOW) -> Incidents:
    at = int(now.timestamp() * 1000)
    signal = Signal(
        detector="reflection", vector="dns-amplification", network=(VICTIM[0], VICTIM[1] + number, 128),
        window_start=at - 10_000, window_end=at, rates=Rates(1e9, 1e6, 1e3), opens=True, severity=Severity.HIGH,
        confidence=0.9, reasons=(Reason("bits", "much", 2.0, 1.0),), side=side, technique="T1498.002",
    )  # fmt: skip
    return after(state, decisions.decide_observe(state, [(signal, evidence(now))], now, LIFE))


def after(state: Incidents, events: list) -> Incidents:
    for event in events:
        state = evolve(state, event)
    return state


def lives() -> Iterator[Incident]:
    """An incident at every step of a life."""
    for side in ("destination", "source"):
        state = opened(opened(Incidents(), 0, side), 0, side)
        identifier = next(iter(state.by_id))
        later = NOW + timedelta(minutes=5)
        yield state.by_id[identifier]
        steps = [
            lambda s, i=identifier, t=later: decisions.decide_acknowledge(s, i, "li", "looking 看", t),
            lambda s, i=identifier, t=later: decisions.decide_mitigated(s, i, "mit-1", "li", "block", t),
            lambda s, i=identifier, t=later: decisions.decide_mitigation_ended(s, i, "mit-1", "", "over", t),
            lambda s, i=identifier, t=later: decisions.decide_close(s, i, "li", "done", t, LIFE),
            lambda s, i=identifier, t=later: decisions.decide_false_positive(s, i, "li", "a backup", t, LIFE),
        ]
        for step in steps:
            state = after(state, step(state))
            yield state.by_id[identifier]


def test_every_step_of_a_life_is_valid_stix() -> None:
    options = ValidationOptions(version="2.1", strict=False, enforce_refs=True)
    for incident in lives():
        told = dict(bundle(incident, producer="Sixfold", tlp="amber"))
        result: Any = validate_instance(json.loads(json.dumps(told)), options)
        assert result.is_valid, [str(error) for error in result.errors]
        # ICMP has no ports, and a page on the web no hash that lasts
        warnings = [
            str(one) for one in result.warnings if "src_port" not in str(one) and "{302}" not in str(one)
        ]
        assert not warnings, warnings


def test_what_is_in_a_bundle() -> None:
    *_, mitigated, ended, closed, false = list(lives())[:6]
    kinds = {one["type"] for one in bundle(mitigated, producer="Sixfold", tlp="green")["objects"]}
    assert kinds == {
        "identity", "attack-pattern", "incident", "indicator", "observed-data", "sighting", "relationship",
        "ipv4-addr", "ipv6-addr", "network-traffic", "course-of-action", "note",
    }  # fmt: skip

    def one(incident: Incident, kind: str) -> Any:
        return next(
            o for o in bundle(incident, producer="Sixfold", tlp="green")["objects"] if o["type"] == kind
        )

    assert one(mitigated, "course-of-action")["labels"] == ["in-force"]
    assert one(ended, "course-of-action")["labels"] == ["ended"]
    assert "revoked" not in one(closed, "indicator")
    assert one(closed, "indicator")["valid_until"] > one(closed, "indicator")["valid_from"]
    assert one(false, "indicator")["revoked"] is True
    assert one(false, "indicator")["id"] == one(mitigated, "indicator")["id"]
    assert one(closed, "incident")["modified"] >= one(closed, "incident")["created"]


def test_a_pattern_of_a_victim_is_taken_by_no_list_of_culprits() -> None:
    victim, source = (
        next(iter(opened(Incidents(), 0, side).by_id.values())) for side in ("destination", "source")
    )
    assert pattern(victim) == (
        "[network-traffic:dst_ref.value = '203.0.113.7' AND network-traffic:protocols[*] = 'udp' "
        "AND network-traffic:src_port = 53]"
    )
    assert networks_of(pattern(victim)) is None
    nothing = replace(evidence(), protocols=(), top_source_ports=(), top_destination_ports=())
    assert networks_of(pattern(replace(victim, evidence=nothing))) is None
    assert networks_of(pattern(replace(source, evidence=nothing))) == [VICTIM]


def test_the_catalogue_shows_every_version_after_the_ones_shown_before() -> None:
    catalogue = Catalogue(producer="Sixfold", tlp="amber", incidents=3)
    state = Incidents()
    for number in range(3):
        state = opened(state, number, now=NOW + timedelta(seconds=number))
    catalogue.refresh(state.by_id.values())
    everything = catalogue.page(Wanted(), None, 1_000)
    assert not everything.more
    last = everything.entries[-1]
    assert [
        entry.object_id for entry in catalogue.page(Wanted(added_after=last.added), None, 9).entries
    ] == []
    first = next(iter(state.by_id))
    # told late: its time is before that of what was shown already
    state = after(state, decisions.decide_note(state, first, "li", "late", NOW + timedelta(milliseconds=1)))
    catalogue.refresh(state.by_id.values())
    newer = catalogue.page(Wanted(added_after=last.added), None, 1_000).entries
    assert {entry.content["type"] for entry in newer} >= {"incident", "indicator", "note", "sighting"}
    assert not any(entry.content["type"] in ("ipv4-addr", "identity") for entry in newer)
    before = len(catalogue)
    for number in range(3, 9):
        state = opened(state, number, now=NOW + timedelta(seconds=number))
        catalogue.refresh(state.by_id.values())
    assert len(catalogue) <= before
    types = {entry.content["type"] for entry in catalogue.page(Wanted(), None, 1_000).entries}
    assert {"identity", "attack-pattern", "ipv4-addr"} <= types
    assert (
        sum(entry.content["type"] == "incident" for entry in catalogue.page(Wanted(), None, 1_000).entries)
        == 3
    )


class Asked:
    def __init__(self, state: Incidents, **options: str) -> None:
        self.counted: list[tuple[str, int]] = []
        self.catalogue = Catalogue(producer="Sixfold", tlp="amber", incidents=100)
        self.app = taxii.app(
            self.catalogue,
            lambda: self.catalogue.refresh(state.by_id.values()),
            title="Sixfold",
            count=lambda *one: self.counted.append(one),
            **options,
        )


async def test_the_client_that_others_use_reads_all_pages() -> None:
    state = Incidents()
    for number in range(12):
        state = opened(state, number, now=NOW + timedelta(seconds=number))
    asked = Asked(state, username="partner", password="swordfish")
    server = AsgiServer("taxii", asked.app, HttpSettings())
    await server.start()
    url = f"http://127.0.0.1:{server.port}/taxii2/"

    def read() -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any], dict[str, Any]]:
        door = client.Server(url, user="partner", password="swordfish")
        [collection] = door.api_roots[0].collections
        assert (collection.can_read, collection.can_write) == (True, False)
        found: list[dict[str, Any]] = []
        for page in client.as_pages(collection.get_objects, per_request=20):
            found += page.get("objects", [])
        indicator = next(one for one in found if one["type"] == "indicator")
        return (
            found,
            collection.get_object(indicator["id"]),
            collection.get_manifest(type=["incident"], limit=5),
            collection.object_versions(indicator["id"]),
        )

    found, one, manifest, versions = await asyncio.to_thread(read)
    await server.stop()
    assert sum(each["type"] == "incident" for each in found) == 12
    assert len({each["id"] for each in found}) == len(found) == len(asked.catalogue)
    assert one["objects"][0]["type"] == "indicator"
    assert len(manifest["objects"]) == 5
    assert manifest["more"] is True
    assert versions["versions"] == [one["objects"][0]["modified"]]


async def test_what_taxii_refuses_and_how() -> None:
    asked = Asked(opened(Incidents()))
    server, closed = (
        AsgiServer("taxii", app, HttpSettings())
        for app in (asked.app, Asked(Incidents(), username="partner", password="swordfish").app)
    )
    await server.start()
    await closed.start()
    await asyncio.to_thread(_refusals, f"http://127.0.0.1:{server.port}", f"http://127.0.0.1:{closed.port}")
    await server.stop()
    await closed.stop()
    assert ("objects", 200) in asked.counted


def _refusals(url: str, closed: str) -> None:
    held = f"/taxii2/security/collections/{taxii.COLLECTION}"
    ok = requests.get(f"{url}{held}/objects/", headers={"accept": taxii.MEDIA}, timeout=30)
    assert (ok.status_code, ok.headers["content-type"]) == (200, taxii.MEDIA)
    assert ok.headers["x-taxii-date-added-first"] == ok.headers["x-taxii-date-added-last"]
    for path, headers, status in [
        ("/taxii2/", {"accept": "text/html"}, 406),
        ("/taxii2/", {"accept": "application/taxii+json;version=2.0"}, 406),
        ("/taxii2/elsewhere/", {}, 404),
        ("/taxii2/security/collections/other/objects/", {}, 404),
        ("/taxii2/security/status/1/", {}, 404),
        (f"{held}/objects/indicator--1/", {}, 404),
        (f"{held}/objects/?limit=0", {}, 400),
        (f"{held}/objects/?limit=x", {}, 400),
        (f"{held}/objects/?next=x", {}, 400),
        (f"{held}/objects/?next=WzEsMl0=", {}, 400),
        (f"{held}/objects/?added_after=soon", {}, 400),
        (f"{held}/objects/?match[type]={','.join(map(str, range(200)))}", {}, 400),
    ]:
        answer = requests.get(f"{url}{path}", headers=headers, timeout=30)
        assert (path, answer.status_code) == (path, status)
        assert answer.json()["http_status"] == str(status)
    assert requests.post(f"{url}{held}/objects/", json={}, timeout=30).status_code == 403
    assert requests.delete(f"{url}{held}/objects/indicator--1/", timeout=30).status_code == 403
    late = requests.get(f"{url}{held}/objects/?added_after=2100-01-01T00:00:00Z", timeout=30)
    assert late.json() == {}
    assert requests.get(f"{closed}/taxii2/", timeout=30).status_code == 401
    assert (
        requests.get(f"{closed}/taxii2/", headers={"authorization": "Basic !"}, timeout=30).status_code == 401
    )
    assert requests.get(f"{closed}/taxii2/", auth=("partner", "swordfish"), timeout=30).status_code == 200


def test_a_taxii_door_to_the_world_needs_a_password() -> None:
    with pytest.raises(ValidationError, match="needs taxii"):
        TaxiiOptions(enabled=True, http=HttpSettings(host="0.0.0.0"))


SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Receiver:
    """A partner's door: verifies signatures, answers as told, remembers what it got."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.got: list[tuple[str, int, dict[str, Any]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.answers.pop(0) if receiver.answers else 204
                signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
                wanted = base64.b64encode(
                    hmac.new(bytes(range(32)), signed, hashlib.sha256).digest()
                ).decode()
                if self.headers["webhook-signature"] != f"v1,{wanted}":
                    status = 401
                receiver.got.append((self.headers["webhook-id"], status, json.loads(body)))
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.2:9/")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_the_example_of_standard_webhooks_is_signed_as_it_says() -> None:
    secret = secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    for bad in ("secret", "whsec_", "whsec_AAAA", "whsec_*"):
        with pytest.raises(ValueError, match=r"webhook|padding|base64"):
            secret_of(bad)
    assert sum(BACKOFF) > 3_600


@pytest.mark.nats
async def test_a_webhook_is_told_again_until_it_is_heard_once_and_a_refused_one_waits_as_a_dead_letter(
    messaging: Messaging,
    telemetry: Telemetry,
    assert_eventually: Eventually,
    receiver: Receiver,
    tmp_path: Path,
) -> None:
    await messaging.ensure_stream(StreamConfig(name=FLOW_STREAM, subjects=["flow.>"]))
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    hook = WebhookOptions(name="partner", url=receiver.url, secret_file=secret)
    chosen = SecuritySettings(exchange=ExchangeOptions(webhooks=(hook,)))
    service = build(chosen, Dependencies(messaging, telemetry))
    await service.start()
    await assert_eventually(lambda: service.ready)
    receiver.answers += [503, 302, 204, 400]
    incident_id = await _an_incident(service)
    await assert_eventually(lambda: [status for _, status, _ in receiver.got] == [503, 302, 204], timeout=60)
    first, second, third = receiver.got
    assert first[0] == second[0] == third[0]
    assert third[2]["type"] == "incident.opened"
    assert third[2]["data"]["incident"]["incidentId"] == incident_id
    now = datetime.now(UTC)
    await service.ledger.transact(
        lambda state: (decisions.decide_acknowledge(state, incident_id, "li", "", now), None)
    )
    await assert_eventually(lambda: len(receiver.got) == 4)
    assert receiver.got[3][1] == 400

    async def dead() -> bool:
        return (await messaging.js.stream_info(DEAD_LETTER_STREAM)).state.messages == 1

    await assert_eventually(dead)
    letter = await messaging.js.get_msg(DEAD_LETTER_STREAM, 1)
    assert (letter.headers or {})["Sixfold-Cause"] == "webhook-refused"
    length = service.ledger.sequence
    assert await redrive(messaging, "security-webhook-partner") == 1
    await assert_eventually(lambda: len(receiver.got) == 5)
    assert receiver.got[4][:2] == (receiver.got[3][0], 204)
    assert service.ledger.sequence == length
    await service.stop()


async def _an_incident(service: Service) -> str:
    state = opened(Incidents(), now=datetime.now(UTC))
    [incident] = state.by_id.values()
    signal = Signal(
        detector="reflection", vector=incident.vector, network=VICTIM, window_start=0, window_end=1,
        rates=Rates(1, 1, 1), opens=True, severity=Severity.HIGH, confidence=0.9, reasons=incident.reasons,
    )  # fmt: skip
    now = datetime.now(UTC)
    await service.ledger.transact(
        lambda known: (decisions.decide_observe(known, [(signal, evidence(now))], now, LIFE), None)
    )
    return next(iter(service.ledger.state.by_id))
