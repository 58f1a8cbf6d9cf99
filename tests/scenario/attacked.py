"""A victim behind a gateway, and the world in front of it: an attacker, and a client whose connection must live.

    world 198.51.100.66 (attacker), 198.51.100.10 (client) --- x0 | gateway | v0 --- 203.0.113.7 victim

softflowd on the gateway's outer interface tells the flows to the agent there. NATS and the centres run where the test
does; the agent reaches NATS through a relay that can be cut.
"""

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .namespaces import Namespace, Network, Relay

GATEWAY = "gw-1"
ATTACKER, CLIENT, VICTIM = "198.51.100.66", "198.51.100.10", "203.0.113.7"
FLOOD_PORT, ECHO_PORT = 9_999, 8_080
_HEALTH, _IPFIX = 9273, 4739
TABLE = "inet sixfold_policy"


@dataclass
class Attacked:
    folder: Path
    world: Namespace
    gateway: Namespace
    victim: Namespace
    nats_port: int
    settings: Mapping[str, str]
    agent: "subprocess.Popen[bytes] | None" = None
    flood: "subprocess.Popen[bytes] | None" = None
    bus: Relay | None = None
    health: Relay | None = None
    port: int = 0
    client: socket.socket | None = None
    _echo: list[socket.socket] = field(default_factory=list)

    def connect_bus(self) -> None:
        """The agent's way to NATS, on the same port again after it was cut."""
        self.bus = Relay(self.gateway, self.nats_port, None, self.port)
        self.port = self.bus.port

    def cut_bus(self) -> None:
        assert self.bus is not None
        self.bus.close()

    def start_agent(self) -> None:
        options = {
            "gateway": GATEWAY,
            "state_dir": str(self.folder / "state"),
            "nats.servers": json.dumps([f"nats://127.0.0.1:{self.port}"]),
            "listeners.ipfix": str(_IPFIX),
            "listeners.netflow": "false",
            "listeners.sflow": "false",
            "health.port": str(_HEALTH),
            "heartbeat_seconds": "0.5",
            "policies.enabled": "true",
            "policies.report_seconds": "0.3",
            "policies.protect": '["192.0.2.0/24"]',
            **self.settings,
        }
        command = [sys.executable, "-m", "sixfold.agent", "run"]
        command += [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
        self.agent = self.gateway.popen(command, self.folder / "agent.log")
        if self.health is None:
            self.health = Relay(None, _HEALTH, self.gateway)

    def lives(self) -> bool:
        assert self.health is not None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health.port}/livez", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def kill_agent(self) -> None:
        assert self.agent is not None
        self.agent.kill()
        self.agent.wait()

    def agent_log(self) -> str:
        return (self.folder / "agent.log").read_text(errors="replace")[-6_000:]

    def start_metering(self) -> None:
        self.gateway.popen(
            ["softflowd", "-d", "-i", "x0", "-n", f"127.0.0.1:{_IPFIX}", "-v", "10", "-T", "full",
             "-t", "maxlife=1", "-t", "udp=1", "-t", "expint=1",
             "-p", str(self.folder / "softflowd.pid"), "-c", str(self.folder / "softflowd.ctl")],
            self.folder / "softflowd.log",
        )  # fmt: skip

    def start_flood(self, packets: int = 170_000) -> None:
        """1,000 packets of 600 bytes a second, so many in all."""
        self.flood = self.world.popen(
            ["hping3", "--udp", "-q", "-a", ATTACKER, "-p", str(FLOOD_PORT), "-k", "-s", "5353", "-d", "600",
             "-i", "u1000", "-c", str(packets), VICTIM],
            self.folder / "hping3.log",
        )  # fmt: skip

    def flood_packets(self) -> int:
        """Those that have come to the victim, by its own count."""
        listed = json.loads(self.victim.run("nft", "-j", "list", "counter", "inet", "victim", "flood"))
        return next(one["counter"]["packets"] for one in listed["nftables"] if "counter" in one)

    def stopped(self, *, seconds: float = 0.5) -> bool:
        """Whether none come while the flood goes on."""
        assert self.flood is not None
        assert self.flood.poll() is None, "the flood has ended"
        before = self.flood_packets()
        time.sleep(seconds)
        return self.flood_packets() == before

    def ruleset(self) -> str:
        return self.gateway.run("nft", "list", "table", *TABLE.split(), check=False)

    def open_connection(self) -> None:
        def serve() -> socket.socket:
            return socket.create_server((VICTIM, ECHO_PORT))

        listening = self.victim.inside(serve)
        self._echo.append(listening)
        threading.Thread(target=self._answer, args=(listening,), daemon=True).start()

        def connect() -> socket.socket:
            return socket.create_connection((VICTIM, ECHO_PORT), timeout=10, source_address=(CLIENT, 0))

        self.client = self.world.inside(connect)

    def _answer(self, listening: socket.socket) -> None:
        try:
            one, _ = listening.accept()
            self._echo.append(one)
            while data := one.recv(1_024):
                one.sendall(data)
        except OSError:
            return

    def speaks(self, word: bytes) -> bool:
        """Whether the client's one connection still carries a word there and back."""
        assert self.client is not None
        self.client.settimeout(10)
        self.client.sendall(word)
        heard = b""
        while len(heard) < len(word):
            heard += self.client.recv(1_024)
        return heard == word

    def end(self) -> None:
        for one in (self.bus, self.health):
            if one is not None:
                one.close()
        for one in (*self._echo, *([self.client] if self.client else [])):
            one.close()


def build(network: Network, folder: Path, nats_port: int, settings: Mapping[str, str]) -> Attacked:
    """Hosts, links and the victim's counter; neither agent nor metering nor flood runs yet."""
    world, gateway, victim = (network.namespace(name) for name in ("world", "gw", "victim"))
    network.link(gateway, "x0", world, "eth0")
    network.link(gateway, "v0", victim, "eth0")
    gateway.address("x0", "198.51.100.1/24")
    gateway.address("v0", "203.0.113.1/24")
    world.address("eth0", f"{ATTACKER}/24", f"{CLIENT}/24")
    victim.address("eth0", f"{VICTIM}/24")
    world.ip("route add default via 198.51.100.1")
    victim.ip("route add default via 203.0.113.1")
    gateway.write("net.ipv4.ip_forward", "1")
    for host in (gateway, victim):
        # Replies to a flood would be another.
        host.write("net.ipv4.icmp_ratelimit", "100000")
    victim.run("nft", "add table inet victim")
    victim.run("nft", "add counter inet victim flood")
    victim.run("nft", "add chain inet victim i { type filter hook input priority 0; }")
    victim.run("nft", f'add rule inet victim i udp dport {FLOOD_PORT} counter name "flood" drop')
    return Attacked(folder, world, gateway, victim, nats_port, settings)
