"""Clients that others wrote ask the address centre for prefixes: dhclient, dhcpcd, and perfdhcp through a relay."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sixfold.api.address.v1 import address_pb2 as pb
from sixfold.api.address.v1.address_pb2_grpc import AddressServiceStub
from sixfold.chassis.rpc import connect
from sixfold.chassis.testing import assert_eventually

from .namespaces import Namespace, Relay, network

pytestmark = [pytest.mark.scenario, pytest.mark.nats]
SERVER = "2001:db8:ff::1"
HOME, BRIEF = "2001:db8:100::/40", "2001:db8:200::/40"
RPC = 50_051
LINKS = [
    {"name": "relayed", "pool_id": "home", "link_addresses": ["2001:db8:ff::2/128"]},
    {"name": "brief", "pool_id": "brief", "interfaces": ["brief"]},
    {"name": "home", "pool_id": "home", "interfaces": ["home"], "shortest_length": 48, "longest_length": 60},
]
SCRIPT = '#!/bin/sh\n(echo "== $reason"; env) >> "{log}"\n'


PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def require_namespaces() -> None:
    """Skips the test, and says what is missing."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    if shutil.which("ip", path=PATH) is None:
        pytest.skip("not installed: ip (apt install iproute2)")
    done = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no network namespaces here: {done.stderr.decode().strip()}")


def program(name: str, package: str) -> str:
    """Its path; skips the test where there is none."""
    found = shutil.which(name, path=PATH)
    if found is None:
        pytest.skip(f"not installed: {name} (apt install {package})")
    return found


@dataclass
class Access:
    """The centre in one namespace, its clients in another; two links between them, `home` and `brief`."""

    server: Namespace
    clients: Namespace
    folder: Path
    settings: dict[str, str]
    stub: AddressServiceStub = field(init=False)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        flags = [part for name, value in self.settings.items() for part in ("--set", f"{name}={value}")]
        command = [sys.executable, "-m", "sixfold.address", *flags]
        self.process = self.server.popen(command, self.folder / "address.log")

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)  # `ip netns exec` has become the program itself
        self.process.wait(20)

    async def answers(self) -> None:
        """Until the front listens."""

        async def listens() -> bool:
            return ":0223 " in self.server.run("cat", "/proc/net/udp6")

        await assert_eventually(listens, timeout=60)

    async def held(self, pool: str) -> list[str]:
        page = await self.stub.ListDelegations(
            pb.ListDelegationsRequest(pool_id=pool, page_size=500), wait_for_ready=True, timeout=30
        )
        return [one.prefix for one in page.delegations if one.state == pb.DELEGATION_STATE_ACTIVE]

    async def resting(self, pool: str) -> int:
        found = await self.stub.GetPool(pb.GetPoolRequest(pool_id=pool), wait_for_ready=True, timeout=30)
        return found.utilisation.quarantined


@pytest.fixture
def links(tmp_path: Path, nats_url: str) -> Iterator[Access]:
    require_namespaces()
    with network() as made:
        server, clients = made.namespace("centre"), made.namespace("clients")
        for name in ("home", "brief"):
            made.link(server, name, clients, name)
            for one in (server, clients):
                one.ip(f"link set {name} up")
        server.address("home", f"{SERVER}/64")
        clients.address("home", "2001:db8:ff::2/64")
        bus = Relay(server, int(nats_url.rsplit(":", 1)[1]), None)
        (tmp_path / "holder.key").write_text("5" * 64)
        settings = {
            "rpc.port": str(RPC),
            "health.port": "0",
            "nats.servers": f'["nats://127.0.0.1:{bus.port}"]',
            "dhcpv6.enabled": "true",
            "dhcpv6.host": SERVER,
            "dhcpv6.interfaces": '["home", "brief"]',
            "dhcpv6.holder_key_file": str(tmp_path / "holder.key"),
            "dhcpv6.dns_servers": '["2001:db8::53"]',
            "dhcpv6.links": json.dumps(LINKS),
        }
        access = Access(server, clients, tmp_path, settings)
        try:
            yield access
        finally:
            bus.close()


@pytest.fixture
async def access(links: Access) -> AsyncIterator[Access]:
    links.start()
    relay = Relay(None, RPC, links.server)
    try:
        async with connect(f"127.0.0.1:{relay.port}") as channel:
            links.stub = AddressServiceStub(channel)
            for name, prefix, lease in (("home", HOME, 4000), ("brief", BRIEF, 5)):
                pool = pb.CreatePoolRequest(
                    pool_id=name,
                    prefix=prefix,
                    longest_length=64,
                    lease_seconds=lease,
                    quarantine_seconds=600,
                )
                await links.stub.CreatePool(pool, wait_for_ready=True, timeout=60)
            await links.answers()
            yield links
    finally:
        relay.close()


class Heard:
    """What a client has told its script: pairs of a reason and its variables, in order."""

    def __init__(self, folder: Path, name: str) -> None:
        self._log = folder / f"{name}.heard"
        self._log.touch()
        self.script = folder / f"{name}.script"
        self.script.write_text(SCRIPT.format(log=self._log))
        self.script.chmod(0o755)

    def all(self) -> list[tuple[str, dict[str, str]]]:
        found: list[tuple[str, dict[str, str]]] = []
        for part in self._log.read_text().split("== ")[1:]:
            reason, *lines = part.splitlines()
            found.append((reason, dict(line.split("=", 1) for line in lines if "=" in line)))
        return found

    async def next(self, after: int, variable: str, *reasons: str) -> str:
        """The variable's value at the first such reason after `after` others."""

        def found() -> list[str]:
            return [
                values[variable]
                for reason, values in self.all()[after:]
                if reason in reasons and variable in values
            ]

        await assert_eventually(lambda: bool(found()), timeout=60)
        return found()[0]


@contextlib.contextmanager
def ended(process: "subprocess.Popen[bytes]") -> "Iterator[subprocess.Popen[bytes]]":
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


async def test_dhclient_keeps_its_prefix_through_a_kill_and_gives_it_back(access: Access) -> None:
    dhclient = program("dhclient", "isc-dhcp-client")
    heard = Heard(access.folder, "dhclient")
    files = [
        "-lf",
        str(access.folder / "leases"),
        "-pf",
        str(access.folder / "pid"),
        "-sf",
        str(heard.script),
    ]
    command = [dhclient, "-6", "-P", "-d", "-cf", "/dev/null", *files]
    (access.folder / "leases").touch()
    log = access.folder / "dhclient.log"
    with ended(access.clients.popen([*command, "home"], log)):
        prefix = await heard.next(0, "new_ip6_prefix", "BOUND6")
        assert await access.held("home") == [prefix]
    access.kill()
    access.start()
    await access.answers()
    assert await access.held("home") == [prefix]
    before = len(heard.all())
    with ended(access.clients.popen([*command, "home"], log)):
        # A client that has been away asks whoever is there for what it held.
        assert await heard.next(before, "new_ip6_prefix", "REBIND6", "BOUND6") == prefix
    assert await access.held("home") == [prefix]
    await asyncio.to_thread(access.clients.run, *command, "-r", "home")
    await assert_eventually(lambda: nothing_held(access, "home"), timeout=60)
    assert await access.resting("home") == 1


async def nothing_held(access: Access, pool: str) -> bool:
    return not await access.held(pool)


async def test_dhcpcd_renews_and_what_nobody_renews_ends(access: Access) -> None:
    dhcpcd = program("dhcpcd", "dhcpcd-base")
    heard = Heard(access.folder, "dhcpcd")
    configuration = access.folder / "dhcpcd.conf"
    configuration.write_text("ipv6only\nnoipv6rs\nduid\nnohook resolv.conf\ninterface brief\nia_pd 1\n")
    # Its files belong to this run alone: `ip netns exec` has given it mounts of its own.
    own = "for one in /var/lib/dhcpcd /run/dhcpcd; do mkdir -p $one; mount -t tmpfs none $one; done; "
    run = f"{dhcpcd} -6 -B -d -f {configuration} -c {heard.script} brief"
    log = access.folder / "dhcpcd.log"
    with ended(access.clients.popen(["sh", "-c", f"{own} exec {run}"], log)) as process:
        prefix = await heard.next(0, "new_dhcp6_ia_pd1_prefix1", "BOUND6")
        length = await heard.next(0, "new_dhcp6_ia_pd1_prefix1_length", "BOUND6")
        assert await access.held("brief") == [f"{prefix}/{length}"]
        assert await heard.next(0, "new_dhcp6_ia_pd1_prefix1", "RENEW6") == prefix
        assert await access.held("brief") == [f"{prefix}/{length}"]
        process.kill()
    await assert_eventually(lambda: nothing_held(access, "brief"), timeout=60)
    assert await access.resting("brief") == 1


async def test_perfdhcp_through_a_relay(access: Access) -> None:
    perfdhcp = program("perfdhcp", "kea-admin")
    command = [
        perfdhcp,
        "-6",
        "-A",
        "1",
        "-l",
        "home",
        "-e",
        "prefix-only",
        "-r",
        "200",
        "-R",
        "60",
        "-n",
        "200",
    ]
    done = await asyncio.to_thread(
        access.clients.run, *command, "-W", "1000000", SERVER, check=False, timeout=60
    )
    _, _, replies = done.partition("REQUEST-REPLY")
    received = re.search(r"received packets: (\d+)", replies)
    assert received is not None, done
    assert int(received[1]) > 100, done
    assert 0 < len(set(await access.held("home"))) <= 60
