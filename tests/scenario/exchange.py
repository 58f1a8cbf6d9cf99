"""The exchange in namespaces: two IPv6-only terminals, a gateway, an IPv4-only and an IPv6-only server.

    terminal A 2001:db8:a:1::10 --- a0 |         | w0 198.51.100.1 --- 198.51.100.10 IPv4-only web server,
    terminal B 2001:db8:b:1::10 --- b0 | gateway |                     198.51.100.53 its name server
                                       |         | s0 2001:db8:5::1 --- 2001:db8:5::80 IPv6-only web server

Both subscribers share 203.0.113.1; the IPv6-only server is 203.0.113.5 port 80 for the IPv4 side. The agent runs on
the gateway, and reaches NATS, which listens where the test runs, through a relay.
"""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from prometheus_client.parser import text_string_to_metric_families

from sixfold.api.agent.v1 import agent_pb2 as pb

from .namespaces import Namespace, Network, Relay

GATEWAY = "gw-1"
A, B = "2001:db8:a:1::10", "2001:db8:b:1::10"
SUBSCRIBER_A, SUBSCRIBER_B = "2001:db8:a::/56", "2001:db8:b::/56"
NAT64 = "2001:db8:64::/96"
PUBLIC = "203.0.113.1"
PORTS_A, PORTS_B = (1024, 9215), (9216, 17407)
PUBLIC_SERVER = "203.0.113.5"
SERVER4, NAME_SERVER, SERVER6 = "198.51.100.10", "198.51.100.53", "2001:db8:5::80"
RESOLVER = "2001:db8:53::53"
NAME = "old.example"
_HERE = Path(__file__).parent
_HEALTH, _IPFIX = 9273, 4739


def configuration(**changes: Any) -> pb.GatewayConfiguration:
    """What the address centre would send, with top-level fields (as in JSON) changed."""
    document: dict[str, Any] = {
        "accessInterfaces": ["a0", "b0"],
        "ipv4Interfaces": ["w0"],
        "managementPrefixes": ["10.255.0.0/24"],
        "nat64": {"prefix": NAT64, "ipv4Pool": ["203.0.113.0/28"]},
        "portSets": [
            {
                "slot": slot,
                "subscriberPrefix": prefix,
                "publicAddress": PUBLIC,
                "ranges": [{"first": ports[0], "last": ports[1]}],
            }
            for slot, prefix, ports in ((1, SUBSCRIBER_A, PORTS_A), (2, SUBSCRIBER_B, PORTS_B))
        ],
        "staticMappings": [
            {"slot": 3, "publicAddress": PUBLIC_SERVER, "protocol": 6, "publicPort": 80, "serverAddress": SERVER6,
             "serverPort": 8080},
        ],
        "dns64": {"listen": [RESOLVER], "forwarders": [NAME_SERVER]},
        "flowExport": {"host": "127.0.0.1", "port": _IPFIX},
        "sourceValidation": {"action": "ACTION_DROP"},
    }  # fmt: skip
    return json_format.ParseDict(document | changes, pb.GatewayConfiguration())


def valid_sources() -> list[pb.ValidSource]:
    """What the identity centre would send: who is bound to what, and reached over which interface."""
    return [
        pb.ValidSource(prefix=SUBSCRIBER_A, interface="a0"),
        pb.ValidSource(prefix=SUBSCRIBER_B, interface="b0"),
    ]


@dataclass(frozen=True)
class Request:
    """One line of a web server's log."""

    address: str
    port: int
    path: str
    time: float


class WebServer:
    def __init__(self, host: Namespace, address: str, port: int, folder: Path) -> None:
        self._log = folder / f"{host.name}.requests"
        self._host, self._address, self._port = host, address, port
        host.popen(
            [sys.executable, str(_HERE / "web_server.py"), address, str(port), str(self._log)],
            folder / "web.log",
        )

    def wait(self) -> None:
        """Until it answers on its own host."""

        def connect() -> bool:
            family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
            with socket.socket(family, socket.SOCK_STREAM) as one:
                return one.connect_ex((self._address, self._port)) == 0

        deadline = time.monotonic() + 10
        while not self._host.inside(connect):
            assert time.monotonic() < deadline, "the web server does not begin"
            time.sleep(0.05)

    def requests(self) -> list[Request]:
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [Request(**json.loads(line)) for line in lines]


@dataclass
class Exchange:
    folder: Path
    a: Namespace
    b: Namespace
    gateway: Namespace
    ipv4: Namespace
    ipv6: Namespace
    web4: WebServer
    web6: WebServer
    agent: "subprocess.Popen[bytes] | None" = None
    relays: list[Relay] = field(default_factory=list)
    health: int = 0

    def start_agent(self, nats_port: int, settings: Mapping[str, str]) -> None:
        """The agent on the gateway, with NATS at this port of the test's own loopback. Waits until it is ready."""
        bus = Relay(self.gateway, nats_port, None)
        health = Relay(None, _HEALTH, self.gateway)
        self.relays += [bus, health]
        self.health = health.port
        options = {
            "gateway": GATEWAY,
            "state_dir": str(self.state),
            "nats.servers": json.dumps([f"nats://127.0.0.1:{bus.port}"]),
            "listeners.ipfix": str(_IPFIX),
            "listeners.netflow": "false",
            "listeners.sflow": "false",
            "health.port": str(_HEALTH),
            "heartbeat_seconds": "0.5",
            "translation.enabled": "true",
            "translation.report_seconds": "0.2",
            "translation.check_seconds": "0.5",
            **settings,
        }
        command = [sys.executable, "-m", "sixfold.agent", "run"]
        command += [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
        self.agent = self.gateway.popen(command, self.folder / "agent.log")
        deadline = time.monotonic() + 20
        while not self._answers("/readyz"):
            assert self.agent.poll() is None, self.agent_log()
            assert time.monotonic() < deadline, self.agent_log()
            time.sleep(0.05)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def stop_agent(self) -> None:
        """SIGTERM. What it started on the gateway runs on."""
        assert self.agent is not None
        self.agent.terminate()
        self.agent.wait(30)

    def signal_agent(self, number: signal.Signals) -> None:
        assert self.agent is not None
        self.agent.send_signal(number)

    def kill_agent(self) -> None:
        assert self.agent is not None
        self.agent.kill()
        self.agent.wait()

    def agent_log(self) -> str:
        return (self.folder / "agent.log").read_text(errors="replace")[-6000:]

    def _answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health}{path}", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def counters(self) -> dict[str, int]:
        """Every counter of the agent that is not zero, summed over its labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.health}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        found: dict[str, int] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name.startswith("agent_") and sample.value and not sample.name.endswith("_created"):
                    name = sample.name.removeprefix("agent_").removesuffix("_total")
                    found[name] = found.get(name, 0) + int(sample.value)
        return found

    def fetch(self, host: Namespace, url: str) -> str:
        """The page as a program on that host gets it; raises AssertionError where it does not."""
        code = f"import urllib.request; print(urllib.request.urlopen({url!r}, timeout=5).read().decode(), end='')"
        return host.run(sys.executable, "-c", code)

    def end(self) -> None:
        for relay in self.relays:
            relay.close()


def build(network: Network, folder: Path) -> Exchange:
    """All hosts and links; the gateway is not configured yet."""
    a, b, gateway, ipv4, ipv6 = (network.namespace(name) for name in ("a", "b", "gw", "v4", "v6"))
    links: Sequence[tuple[str, Namespace]] = (("a0", a), ("b0", b), ("w0", ipv4), ("s0", ipv6))
    for interface, host in links:
        network.link(gateway, interface, host, "eth0")
    ipv4.write("net.ipv6.conf.all.disable_ipv6", "1")
    gateway.address("a0", "2001:db8:a:1::1/64")
    gateway.address("b0", "2001:db8:b:1::1/64")
    gateway.address("w0", "198.51.100.1/24")
    gateway.address("s0", "2001:db8:5::1/64")
    gateway.address("lo", f"{RESOLVER}/128")
    a.address("eth0", f"{A}/64")
    b.address("eth0", f"{B}/64")
    ipv4.address("eth0", f"{SERVER4}/24", f"{NAME_SERVER}/24")
    ipv6.address("eth0", f"{SERVER6}/64")
    for host, via in ((a, "2001:db8:a:1::1"), (b, "2001:db8:b:1::1"), (ipv6, "2001:db8:5::1")):
        host.ip(f"route add ::/0 via {via}")
        host.resolver(RESOLVER)
    ipv4.ip("route add default via 198.51.100.1")
    web4 = WebServer(ipv4, SERVER4, 80, folder)
    web6 = WebServer(ipv6, SERVER6, 8080, folder)
    _name_server(ipv4, folder)
    for server in (web4, web6):
        server.wait()
    return Exchange(folder, a, b, gateway, ipv4, ipv6, web4, web6)


def _name_server(host: Namespace, folder: Path) -> None:
    """It has an A record for the old server, and has never heard of IPv6."""
    config = folder / "name-server.conf"
    config.write_text(
        f"""server:
  interface: {NAME_SERVER}
  access-control: 0.0.0.0/0 allow
  do-ip6: no
  do-daemonize: no
  use-syslog: no
  chroot: ""
  username: ""
  pidfile: "{folder / "name-server.pid"}"
  local-zone: "{NAME}." static
  local-data: "{NAME}. 300 IN A {SERVER4}"
remote-control:
  control-enable: no
"""
    )
    host.popen(["unbound", "-d", "-c", str(config)], folder / "name-server.log")
