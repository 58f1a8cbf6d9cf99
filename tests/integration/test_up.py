"""`sixfold up` as an operator meets it: ready, refused a second time, stopped cleanly, the same state afterwards."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest

from sixfold.api.address.v1 import address_pb2
from sixfold.api.address.v1.address_pb2_grpc import AddressServiceStub
from sixfold.api.subjects import CENTRES

pytestmark = [pytest.mark.nats, pytest.mark.clickhouse, pytest.mark.timeout(300)]


def simulate(platform: Any, seconds: int = 5) -> int:
    """Exports some seconds of a region's traffic as IPFIX to the platform's agent; gives the number of flows."""
    target = platform.endpoints["agent.ipfix"]
    options = ["--target", target, "--rate", "2000", "--flat", "--duration", str(seconds), "--speed", "x4"]
    command = [sys.executable, "-m", "sixfold.local", "simulate", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    sent = re.search(r"(\d+) flow\b", done.stderr)
    assert sent, done.stderr
    return int(sent[1])


def stored(platform: Any) -> int:
    return int(platform.sql("SELECT count() FROM flows")[0][0])


def open_api(platform: Any, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    key = (platform.home / "secrets" / "openapi.key").read_text().strip()
    names = {
        "authorization": f"Bearer {key}",
        **{name.replace("_", "-"): one for name, one in headers.items()},
    }
    address = urlsplit(platform.endpoints["openapi"])
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
    data = None
    if body is not None:
        data, names["content-type"] = json.dumps(body), "application/json"
    connection.request("GET" if body is None else "POST", path, data, names)
    answer = connection.getresponse()
    result = answer.status, json.loads(answer.read())
    connection.close()
    return result


def test_every_endpoint_answers_as_it_is_written(platform) -> None:
    endpoints = platform.endpoints
    for centre in CENTRES:
        with grpc.insecure_channel(endpoints[f"grpc.{centre}"]) as channel:
            grpc.channel_ready_future(channel).result(timeout=10)
    for name in ("console", "openapi"):
        with urllib.request.urlopen(endpoints[name], timeout=10) as answer:
            assert answer.status == 200
    with urllib.request.urlopen(f"{endpoints['clickhouse_http']}/?query=SELECT%201", timeout=10) as answer:
        assert answer.read().strip() == b"1"
    nats = urlsplit(endpoints["nats"])
    with socket.create_connection((nats.hostname, nats.port), timeout=10) as connection:
        assert connection.recv(5) == b"INFO "
    assert endpoints["database"] == "sixfold"
    for name in ("agent.ipfix", "agent.netflow", "agent.sflow"):
        host, _, port = endpoints[name].partition(":")
        assert host == "127.0.0.1"
        assert port.isdigit()
    assert endpoints["dhcpv6"].rpartition(":")[0] in ("[::1]", "127.0.0.1")
    assert endpoints["pids"].keys() >= {"supervisor", "nats", "centres", "agent"}


def test_simulated_flows_become_queryable(platform, eventually) -> None:
    before = stored(platform)
    sent = simulate(platform)
    assert sent > 1000
    eventually(lambda: stored(platform) - before == sent, within=30, what=f"{sent} more flows")


def test_a_second_up_on_the_same_home_is_refused(platform) -> None:
    second = subprocess.run(platform.command, capture_output=True, text=True, timeout=30)
    assert second.returncode == 1
    assert f"pid {platform.process.pid}" in second.stderr
    assert "sixfold status" in second.stderr
    assert "Traceback" not in second.stderr
    assert (platform.home / "endpoints.json").exists(), "the first is not disturbed"


def test_a_second_up_on_the_same_ports_is_refused(platform, tmp_path: Path) -> None:
    command = [*platform.command]
    command[command.index("--home") + 1] = str(tmp_path)
    second = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert second.returncode == 1
    assert str(platform.port_base) in second.stderr
    assert "--port-base" in second.stderr
    assert not (tmp_path / "endpoints.json").exists()


@pytest.mark.parametrize("name", ["centres", "agent", "nats"])
def test_a_killed_child_comes_back(platform, eventually, name: str) -> None:
    before = stored(platform)
    old = platform.kill(name)
    assert platform.pids()[name] != old
    assert "signal SIGKILL" in platform.terminal()
    eventually(
        lambda: platform.ready("centres") and platform.ready("agent"), within=60, what="all ready again"
    )
    sent = simulate(platform, 1)
    eventually(lambda: stored(platform) == before + sent, within=60, what=f"{sent} more flows")


def test_status_and_sql_for_people_and_programs(platform) -> None:
    answer = platform.run("status", "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    found = json.loads(answer.stdout)
    assert {one["name"] for one in found["processes"]} >= {"supervisor", "nats", "centres", "agent"}
    assert all(one["ready"] for one in found["processes"])
    assert {stream["name"] for stream in found["streams"]} >= {"FLOWS", "COMMANDS", "LEDGER_ADDRESS"}
    assert found["losses"].keys() == {
        *("kernel_drops", "sequence_gaps", "sets_without_template", "unknown_sampling")
    }
    assert "centres" in platform.run("status").stdout
    wrong = platform.run("sql", "SELECT nonsense FROM flows")
    assert wrong.returncode == 1
    assert "nonsense" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    refused = platform.run("sql", "DROP TABLE flows")
    assert refused.returncode == 1
    assert "flow" in platform.run("sql", "SHOW TABLES").stdout


def test_settings_show_their_origin(platform) -> None:
    for service in (*CENTRES, "console", "incubator", "agent"):
        answer = platform.run("config", service)
        assert answer.returncode == 0, answer.stderr
        assert "default" in answer.stdout


@pytest.mark.parametrize("path", ["/", "/security", "/alerts", "/addresses", "/terminals", "/traffic"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_console_has_no_silent_centre(platform, path: str, language: str) -> None:
    request = urllib.request.Request(
        platform.endpoints["console"] + path, headers={"Accept-Language": language}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        text = answer.read().decode()
    assert f'<html lang="{language}">' in text
    assert 'class="trouble"' not in text


def test_the_open_api_asks_the_real_centres(platform) -> None:
    status, health = open_api(platform, "/v1/health")
    assert (status, health["status"]) == (200, "UP"), health
    for path in ("/v1/ipv6-share?hours=2", "/v1/gateways", "/v1/incidents", "/v1/alerts"):
        status, body = open_api(platform, path)
        assert status == 200, body
        assert isinstance(body["items"], list)
    with grpc.insecure_channel(platform.endpoints["grpc.address"]) as channel:
        pool = address_pb2.CreatePoolRequest(
            pool_id="partners", prefix="2001:db8:100::/40", longest_length=64
        )
        AddressServiceStub(channel).CreatePool(pool, timeout=10)
    wish = {"pool": "partners", "length": 56}
    first = open_api(platform, "/v1/prefix-delegations", wish, idempotency_key="test-wish-1")
    again = open_api(platform, "/v1/prefix-delegations", wish, idempotency_key="test-wish-1")
    assert (first[0], again[0]) == (201, 200)
    assert first[1]["prefix"] == again[1]["prefix"]
    missing = open_api(
        platform, "/v1/prefix-delegations", {"pool": "none", "length": 56}, idempotency_key="test-wish-2"
    )
    assert (missing[0], missing[1]["code"]) == (404, "NOT_FOUND")


def test_dead_letters_of_an_unknown_consumer(platform) -> None:
    answer = platform.run("redrive", "nobody")
    assert answer.returncode == 1
    assert "There are:" in answer.stderr


def test_it_stops_cleanly_and_goes_on_from_the_same_state(own_platform, alive, eventually) -> None:
    own_platform.start()
    sent = simulate(own_platform)
    eventually(lambda: stored(own_platform) == sent, within=30, what=f"{sent} flows")
    with grpc.insecure_channel(own_platform.endpoints["grpc.address"]) as channel:
        stub = AddressServiceStub(channel)
        stub.CreatePool(address_pb2.CreatePoolRequest(pool_id="p", prefix="2001:db8::/32"), timeout=10)
        wish = address_pb2.DelegatePrefixRequest(pool_id="p", length=56, idempotency_key="k-1", holder="h")
        delegated = stub.DelegatePrefix(wish, timeout=10).delegation
    secrets = {path.name: path.read_bytes() for path in (own_platform.home / "secrets").iterdir()}
    pids = own_platform.pids()
    assert own_platform.stop(signal.SIGINT) == 0
    assert not any(alive(pid) for pid in pids.values())
    assert not (own_platform.home / "endpoints.json").exists()
    terminal = own_platform.terminal()
    stops = re.findall(r"(Gateway-agent|The six centres|NATS).*: stopping", terminal)
    assert stops == ["Gateway-agent", "The six centres", "NATS"]
    assert "was killed" not in terminal

    own_platform.start()
    assert stored(own_platform) == sent
    assert {path.name: path.read_bytes() for path in (own_platform.home / "secrets").iterdir()} == secrets
    with grpc.insecure_channel(own_platform.endpoints["grpc.address"]) as channel:
        again = AddressServiceStub(channel).DelegatePrefix(wish, timeout=10)
    assert again.repeated_call
    assert again.delegation.prefix == delegated.prefix
    assert own_platform.stop(signal.SIGTERM) == 0


def test_children_go_with_a_killed_supervisor(own_platform, alive, eventually) -> None:
    own_platform.start()
    pids = own_platform.pids()
    own_platform.process.kill()
    own_platform.process.wait()
    eventually(lambda: not any(alive(pid) for pid in pids.values()), within=10, what="no orphans")
    own_platform.start()
    assert own_platform.stop() == 0
