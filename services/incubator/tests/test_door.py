"""The open API over real HTTP and gRPC, with centres that answer from memory; every answer is held to the contract."""

import asyncio
import functools
import http.client
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health, health_pb2_grpc
from openapi_core import OpenAPI

from sixfold.api.address.v1 import address_pb2, address_pb2_grpc
from sixfold.api.agent.v1 import agent_pb2
from sixfold.api.credit.v1 import credit_pb2, credit_pb2_grpc
from sixfold.api.emergency.v1 import emergency_pb2, emergency_pb2_grpc
from sixfold.api.security.v1 import security_pb2, security_pb2_grpc
from sixfold.api.subjects import CENTRES
from sixfold.chassis.http import AsgiServer, HttpSettings
from sixfold.incubator.adapters.centres import Centres
from sixfold.incubator.adapters.contract import Contract, Incoming
from sixfold.incubator.domain.keys import SCOPES, ApiKey, by_digest, digest
from sixfold.incubator.pages.app import application
from sixfold.incubator.pages.door import Door


def now() -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC))
    return stamp


class Security(security_pb2_grpc.SecurityServiceServicer):
    async def ListIncidents(self, request, context):
        incident = security_pb2.Incident(
            incident_id="i-1",
            victim="203.0.113.77/32",
            vector="volumetric",
            status=security_pb2.INCIDENT_STATUS_OPEN,
            severity=3,
            opened=now(),
        )
        incident.evidence.top_sources.add(value="198.51.100.1")
        return security_pb2.ListIncidentsResponse(incidents=[incident])


class Emergency(emergency_pb2_grpc.EmergencyServiceServicer):
    async def ListAlerts(self, request, context):
        alert = emergency_pb2.Alert(
            alert_id="a-1", identifier="x", sender="s", status="Actual", state=request.state or 1, sent=now()
        )
        return emergency_pb2.ListAlertsResponse(alerts=[alert] * min(request.page_size, 2))


@dataclass
class Address(address_pb2_grpc.AddressServiceServicer):
    requests: list[Any] = field(default_factory=list)

    async def DelegatePrefix(self, request, context):
        if request.pool_id == "nowhere":
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is no pool 'nowhere'")
        repeated = any(one.idempotency_key == request.idempotency_key for one in self.requests)
        self.requests.append(request)
        delegation = address_pb2.Delegation(
            delegation_id=7, pool_id=request.pool_id, prefix="2001:db8:100::/56", holder=request.holder
        )
        return address_pb2.DelegatePrefixResponse(delegation=delegation, repeated_call=repeated)


class Credit(credit_pb2_grpc.CreditServiceServicer):
    async def ListGateways(self, request, context):
        beat = agent_pb2.Heartbeat(agent_version="0.1.0", time=now())
        gateways = [credit_pb2.Gateway(gateway="gw-1", heartbeat=beat), credit_pb2.Gateway(gateway="gw-2")]
        return credit_pb2.ListGatewaysResponse(gateways=gateways)

    async def GetIpv6Share(self, request, context):
        hours = (datetime.now(UTC) - request.start_time.ToDatetime(tzinfo=UTC)).total_seconds() / 3600
        share = credit_pb2.Ipv6Share(gateway=f"after-{hours:.0f}", hour=now(), bytes_ipv4=1, bytes_ipv6=3)
        return credit_pb2.GetIpv6ShareResponse(shares=[share])


@dataclass
class Site:
    port: int
    address: Address
    counted: list[tuple[str, int]]
    token: str = "sfk_all"

    async def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: Any = None,
        token: str | None = "sfk_all",
        **headers: str,
    ) -> tuple[int, dict[str, str], Any]:
        def call() -> tuple[int, dict[str, str], Any]:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            if token:
                names["authorization"] = f"Bearer {token}"
            data = None if body is None else body if isinstance(body, str) else json.dumps(body)
            if data is not None:
                names.setdefault("content-type", "application/json")
            connection.request(method, path, data, names)
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
            found = {name.lower(): value for name, value in answer.getheaders()}
            parsed = json.loads(text) if found["content-type"] == "application/json" else text
            return answer.status, found, parsed

        status, found, parsed = await asyncio.to_thread(call)
        if path.startswith("/v1/") and status not in (404, 405):
            hold_to_contract(path, method, status, found, parsed)
        return status, found, parsed


@dataclass
class Answer:
    status_code: int
    data: bytes
    headers: dict[str, str]
    content_type: str = "application/json"


@functools.cache
def published() -> OpenAPI:
    return OpenAPI.from_dict({**Contract().document, "servers": [{"url": "/v1"}]})


def hold_to_contract(path: str, method: str, status: int, headers: dict[str, str], body: Any) -> None:
    request = Incoming(path.partition("?")[0], method.lower(), {}, {}, "", None)
    result = published().unmarshal_response(request, Answer(status, json.dumps(body).encode(), headers))
    assert result.errors == []
    assert headers["x-correlator"]


@pytest.fixture(params=[()], ids=["all"])
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    server = grpc.aio.server()
    address = Address()
    security_pb2_grpc.add_SecurityServiceServicer_to_server(Security(), server)
    credit_pb2_grpc.add_CreditServiceServicer_to_server(Credit(), server)
    emergency_pb2_grpc.add_EmergencyServiceServicer_to_server(Emergency(), server)
    address_pb2_grpc.add_AddressServiceServicer_to_server(address, server)
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channels = {
        name: grpc.aio.insecure_channel(f"127.0.0.1:{9 if name in request.param else port}")
        for name in CENTRES
    }
    keys = [
        ApiKey("everything", digest("sfk_all"), SCOPES, 1000),
        ApiKey("reader", digest("sfk_alerts"), frozenset({"alerts:read"}), 1000),
        ApiKey("slow", digest("sfk_slow"), SCOPES, 2),
    ]
    counted: list[tuple[str, int]] = []
    contract = Contract()
    door = Door(
        Centres(channels, timeout=5),
        contract,
        by_digest(keys),
        anonymous_per_minute=5,
        count=lambda operation, status: counted.append((operation, status)),
    )
    http_server = AsgiServer(
        "incubator", application(contract, door, allowed_hosts=("127.0.0.1",)), HttpSettings()
    )
    await http_server.start()
    yield Site(http_server.port, address, counted)
    await http_server.stop()
    await asyncio.gather(*(channel.close() for channel in channels.values()))
    await server.stop(0)


async def test_shares_of_the_last_hours(site: Site) -> None:
    status, _, body = await site.ask("/v1/ipv6-share?hours=6")
    assert status == 200
    (item,) = body["items"]
    assert item["share"] == 0.75
    assert item["gateway"] in ("after-5", "after-6")


async def test_gateways_with_and_without_a_heartbeat(site: Site) -> None:
    _, _, body = await site.ask("/v1/gateways")
    assert [(one["gateway"], one["healthy"]) for one in body["items"]] == [("gw-1", True), ("gw-2", False)]


async def test_incidents_are_redacted(site: Site) -> None:
    status, _, body = await site.ask("/v1/incidents?status=OPEN")
    assert status == 200
    assert body["items"][0]["victimNetwork"] == "203.0.113.0/24"
    assert "203.0.113.77" not in json.dumps(body)
    assert "198.51.100.1" not in json.dumps(body)


async def test_alerts_by_state_and_limit(site: Site) -> None:
    _, _, body = await site.ask("/v1/alerts?state=EXPIRED&limit=1")
    assert [alert["state"] for alert in body["items"]] == ["EXPIRED"]


async def test_a_delegation_and_its_repetition(site: Site) -> None:
    wish = {"pool": "partners", "length": 56}
    first = await site.ask("/v1/prefix-delegations", method="POST", body=wish, idempotency_key="wish-0001")
    again = await site.ask("/v1/prefix-delegations", method="POST", body=wish, Idempotency_Key="wish-0001")
    assert (first[0], again[0]) == (201, 200)
    assert (
        first[2]
        == again[2]
        == {
            "delegationId": "7",
            "pool": "partners",
            "prefix": "2001:db8:100::/56",
            "holder": "application:everything",
        }
    )
    assert site.address.requests[0].idempotency_key == "application:everything:wish-0001"


@pytest.mark.parametrize(
    ("body", "headers", "named"),
    [
        ({"pool": "p", "length": 200}, {"idempotency_key": "wish-0001"}, "length"),
        ({"pool": "p", "length": 56, "extra": 1}, {"idempotency_key": "wish-0001"}, "extra"),
        ({"pool": "p"}, {"idempotency_key": "wish-0001"}, "length"),
        ({"pool": "p", "length": 56}, {}, "Idempotency-Key"),
        ({"pool": "p", "length": 56}, {"idempotency_key": "short"}, "Idempotency-Key"),
        ("{broken", {"idempotency_key": "wish-0001"}, "body"),
        ("x=1", {"idempotency_key": "wish-0001", "content_type": "text/plain"}, "text/plain"),
        (None, {"idempotency_key": "wish-0001"}, "body"),
        ("[" * 30_000, {"idempotency_key": "wish-0001"}, "body"),
    ],
)
async def test_bodies_that_the_contract_refuses(
    site: Site, body: Any, headers: dict[str, str], named: str
) -> None:
    status, _, error = await site.ask("/v1/prefix-delegations", method="POST", body=body, **headers)
    assert (status, error["status"], error["code"]) == (400, 400, "INVALID_ARGUMENT")
    assert named in error["message"]
    assert site.address.requests == []


async def test_a_body_without_end_is_cut_off(site: Site) -> None:
    status, _, error = await site.ask(
        "/v1/prefix-delegations", method="POST", body=json.dumps("x" * 100_000), idempotency_key="wish-0001"
    )
    assert (status, error["code"]) == (400, "INVALID_ARGUMENT")
    assert "65536 bytes" in error["message"]


async def test_query_parameters_are_held_to_the_contract(site: Site) -> None:
    for query in ("limit=0", "limit=many", "status=SOMETHING"):
        status, _, error = await site.ask(f"/v1/incidents?{query}")
        assert status == 400
        assert query.partition("=")[0] in error["message"]


async def test_what_a_centre_refuses(site: Site) -> None:
    wish = {"pool": "nowhere", "length": 56}
    status, _, error = await site.ask(
        "/v1/prefix-delegations", method="POST", body=wish, idempotency_key="wish-0001"
    )
    assert (status, error["code"]) == (404, "NOT_FOUND")
    assert "nowhere" in error["message"]


async def test_keys(site: Site) -> None:
    status, headers, error = await site.ask("/v1/alerts", token=None)
    assert (status, error["code"], headers["www-authenticate"]) == (401, "UNAUTHENTICATED", "Bearer")
    status, _, _ = await site.ask("/v1/alerts", token="sfk_unknown")
    assert status == 401
    status, _, _ = await site.ask("/v1/alerts", token="sfk_alerts")
    assert status == 200
    status, _, error = await site.ask("/v1/incidents", token="sfk_alerts")
    assert (status, error["code"]) == (403, "PERMISSION_DENIED")
    assert "security:read" in error["message"]
    assert site.counted[-1] == ("getIncidents", 403)


async def test_limits_of_keys_and_of_guessing(site: Site) -> None:
    answers = [await site.ask("/v1/alerts", token="sfk_slow") for _ in range(3)]
    assert [status for status, _, _ in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1][1]["retry-after"]) <= 31
    guesses = [(await site.ask("/v1/alerts", token=f"sfk_{n}"))[0] for n in range(7)]
    assert guesses == [401] * 5 + [429] * 2
    assert (await site.ask("/v1/alerts"))[0] == 200, "a valid key is not hindered by others' guesses"


async def test_correlators(site: Site) -> None:
    _, headers, _ = await site.ask("/v1/alerts", x_correlator="mine-1")
    assert headers["x-correlator"] == "mine-1"
    _, headers, _ = await site.ask("/v1/alerts", x_correlator="no spaces")
    assert headers["x-correlator"] != "no spaces"


@pytest.mark.parametrize("site", [CENTRES], indirect=True, ids=["none"])
async def test_without_centres(site: Site) -> None:
    status, _, body = await site.ask("/v1/health", token=None)
    assert (status, body["status"]) == (200, "DEGRADED")
    status, _, error = await site.ask("/v1/incidents")
    assert (status, error["code"]) == (503, "UNAVAILABLE")


async def test_health_needs_no_key(site: Site) -> None:
    status, _, body = await site.ask("/v1/health", token=None)
    assert (status, body["status"], len(body["centres"])) == (200, "UP", 6)


async def test_what_is_not_there(site: Site) -> None:
    status, _, error = await site.ask("/v1/nothing")
    assert (status, error["code"]) == (404, "NOT_FOUND")
    status, _, error = await site.ask("/v1/alerts", method="DELETE")
    assert (status, error["code"]) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_portal_and_reference(site: Site, language: str) -> None:
    for path in ("/", "/docs"):
        status, headers, text = await site.ask(f"{path}?lang={language}", token=None)
        assert status == 200
        assert f'<html lang="{language}">' in text
        assert "createPrefixDelegation" in text
        assert "<script" not in text
        assert "default-src 'none'" in headers["content-security-policy"]
    _, headers, text = await site.ask("/openapi.yaml", token=None)
    assert headers["content-type"] == "application/yaml"
    assert text.startswith("openapi: 3.0.3")
