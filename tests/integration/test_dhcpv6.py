"""DHCPv6 at the address centre, over UDP, on the real NATS: what a REPLY says is in the ledger, whatever is killed."""

import asyncio
import importlib.util
import ipaddress
import json
import signal
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from sixfold.address.config import AddressSettings
from sixfold.address.service import Dependencies, build
from sixfold.api.address.v1 import address_pb2 as pb
from sixfold.api.address.v1.address_pb2_grpc import AddressServiceStub
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.rpc import connect
from sixfold.chassis.testing import eventually, free_port


def client_of_the_unit_tests():
    file = Path(__file__).resolve().parents[2] / "services" / "address" / "tests" / "dhcpv6_client.py"
    spec = importlib.util.spec_from_file_location("dhcpv6_client", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


client = client_of_the_unit_tests()
pytestmark = pytest.mark.nats
HOST = "127.0.0.1"
"""Bytes are the same over IPv4; the scenario speaks IPv6."""
HOME = pb.CreatePoolRequest(
    pool_id="home", prefix="2001:db8::/40", longest_length=64, lease_seconds=4000, quarantine_seconds=600
)
LINK = {"name": "all", "pool_id": "home", "shortest_length": 48, "longest_length": 64}


@pytest.fixture
def front(tmp_path):
    """Settings of the front for a lab."""
    key = tmp_path / "holder.key"
    key.write_text("5" * 64)
    return {
        "enabled": True, "host": HOST, "port": 0, "answer_source_port": True, "unicast": True,
        "holder_key_file": str(key), "links": [LINK],
    }  # fmt: skip


@asynccontextmanager
async def centre(url, telemetry, front):
    """A stub of the centre, and the port of its front."""
    messaging = Messaging(NatsSettings(servers=(url,), name="address"))
    await messaging.start()
    service = build(AddressSettings(dhcpv6=front), Dependencies(messaging, telemetry))
    await service.start()
    try:
        async with connect(service.rpc.address) as channel:
            yield AddressServiceStub(channel), service.dhcpv6.port
    finally:
        await service.stop()
        await messaging.stop()


class Line:
    """One client's socket. A message is sent again until it is answered, as RFC 8415 says, only faster."""

    def __init__(self, port):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((HOST, 0))
        self._port = port

    async def ask(self, message, *, tries=100, wait=0.6):
        loop = asyncio.get_running_loop()
        for _ in range(tries):
            await loop.sock_sendto(self._socket, message, (HOST, self._port))
            try:
                async with asyncio.timeout(wait):
                    while True:
                        data = await loop.sock_recv(self._socket, 4096)
                        if data[1:4] == message[1:4] or message[0] == client.RELAY_FORWARD:
                            return data
            except TimeoutError:
                continue
        raise AssertionError("no answer")

    async def lease(self, edge, *hint):
        offer = client.read(await self.ask(edge.solicit(*hint)))
        return client.read(await self.ask(edge.request(offer)))

    def close(self):
        self._socket.close()


@asynccontextmanager
async def line(port):
    made = Line(port)
    try:
        yield made
    finally:
        made.close()


async def listed(stub):
    found, token = [], ""
    while True:
        page = await stub.ListDelegations(
            pb.ListDelegationsRequest(pool_id="home", page_size=500, page_token=token)
        )
        found += page.delegations
        token = page.next_page_token
        if not token:
            return found


async def test_a_prefix_is_delegated_renewed_released_and_kept_through_a_restart(nats_url, telemetry, front):
    edge = client.Edge()
    async with centre(nats_url, telemetry, front) as (stub, port), line(port) as one:
        await stub.CreatePool(HOME)
        held = await one.lease(edge, "::/60")
        (delegation,) = await listed(stub)
        assert delegation.prefix == held.prefix == "2001:db8::/60"
        assert delegation.holder.startswith("d-")
        assert edge.duid.hex() not in str(delegation)
        relayed = client.through_relay(client.Edge(2).solicit(), "2001:db8:ff::1", interface_id=b"eth0/1")
        *_, interface_id, inner = client.from_relay(await one.ask(relayed))
        assert interface_id == b"eth0/1"
        assert client.read(inner).prefix != held.prefix
        assert len(await listed(stub)) == 1, "an advertisement is no delegation"
    async with centre(nats_url, telemetry, front) as (stub, port), line(port) as one:
        renewed = client.read(await one.ask(edge.renew(held)))
        assert (renewed.prefix, renewed.server) == (held.prefix, held.server)
        assert (await one.lease(edge)).prefix == held.prefix
        gone = client.read(await one.ask(edge.release(held)))
        assert gone.status == 0
        use = (await stub.GetPool(pb.GetPoolRequest(pool_id="home"))).utilisation
        assert (use.delegations, use.quarantined) == (0, 1)
        assert (await one.lease(edge)).prefix == held.prefix
        use = (await stub.GetPool(pb.GetPoolRequest(pool_id="home"))).utilisation
        assert (use.delegations, use.quarantined) == (1, 0)


async def test_who_asks_by_grpc_and_who_asks_by_dhcpv6_never_get_the_same(nats_url, telemetry, front):
    async with centre(nats_url, telemetry, front) as (stub, port):
        await stub.CreatePool(HOME)

        async def by_grpc(number):
            wish = pb.DelegatePrefixRequest(
                pool_id="home", length=56, idempotency_key=f"k{number}", holder="s-1"
            )
            return (await stub.DelegatePrefix(wish)).delegation.prefix

        async def by_dhcpv6(number):
            async with line(port) as one:
                return (await one.lease(client.Edge(number))).prefix

        prefixes = await asyncio.gather(
            *(call(number) for number in range(100) for call in (by_grpc, by_dhcpv6))
        )
        assert len(set(prefixes)) == 200
        assert set(prefixes) == {one.prefix for one in await listed(stub)}


async def test_what_is_malformed_is_counted_and_answers_go_on(nats_url, telemetry, front):
    async with centre(nats_url, telemetry, front) as (stub, port), line(port) as one:
        await stub.CreatePool(HOME)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
            for data in (b"", b"\1", b"\xff" * 900, bytes(5000), client.through_relay(b"\1")):
                noise.sendto(data, (HOST, port))
        assert (await one.lease(client.Edge())).prefix == "2001:db8::/56"

    def counted():
        return {
            sample.labels["cause"]: sample.value
            for family in telemetry.registry.collect()
            for sample in family.samples
            if sample.name == "dhcpv6_dropped_total"
        }

    assert counted() == {"truncated": 3, "unexpected-kind": 1, "too-large": 1}


class Process:
    """The centre as its own process, as a pod runs it."""

    def __init__(self, url, folder, front):
        self.rpc, self.port = free_port(), free_port()
        self._log = folder / "address.log"
        self._settings = [
            f"rpc.port={self.rpc}", f'nats.servers=["{url}"]', "health.port=0", "dhcpv6.enabled=true",
            f"dhcpv6.host={HOST}", f"dhcpv6.port={self.port}", "dhcpv6.answer_source_port=true",
            "dhcpv6.unicast=true", f"dhcpv6.holder_key_file={front['holder_key_file']}",
            f"dhcpv6.links={json.dumps([LINK])}",
        ]  # fmt: skip
        self._process = None

    def start(self):
        flags = [part for setting in self._settings for part in ("--set", setting)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([sys.executable, "-m", "sixfold.address", *flags], stderr=log)

    def kill(self):
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()


async def test_every_reply_stands_through_a_kill(nats_url, tmp_path, front):
    process = Process(nats_url, tmp_path, front)
    process.start()
    replies = {}
    try:
        async with connect(f"{HOST}:{process.rpc}") as channel:
            stub = AddressServiceStub(channel)
            await stub.CreatePool(HOME, wait_for_ready=True, timeout=60)

            async def edge(number):
                async with line(process.port) as one:
                    for turn in range(6):
                        name = number * 100 + turn
                        replies[name] = (await one.lease(client.Edge(name))).prefix

            clients = [asyncio.create_task(edge(number)) for number in range(64)]
            await eventually(lambda: len(replies) > 150, timeout=60)
            process.kill()
            process.start()
            await asyncio.gather(*clients)
            again = {}
            async with line(process.port) as one:
                for name in list(replies)[:20]:
                    again[name] = (await one.lease(client.Edge(name))).prefix
            kept = {one.prefix for one in await listed(stub)}
    finally:
        process.kill()
    assert len(set(replies.values())) == len(replies) == 384
    assert set(replies.values()) <= kept
    assert again == {name: replies[name] for name in again}
    networks = sorted(ipaddress.ip_network(prefix) for prefix in kept)
    assert all(one.broadcast_address < two.network_address for one, two in pairwise(networks))
