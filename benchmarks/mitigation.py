"""From the first bad flow at the agent to the rule in the gateway's kernel, and how much of it each step takes.

Everything is real and on one machine, in a network namespace of its own: NetFlow v5 over UDP, the gateway-agent, NATS,
the credit centre with the embedded engine, which is asked for the blast radius, the security centre with its settings
as they come (but that nobody is asked), nftables. One attack after the other on another victim, each at a random
moment, over a background of other traffic; an attack sends its flows again every 50 ms until its rule is there. Needs
root.
"""

import asyncio
import contextlib
import os
import random
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

GATEWAY: Final = "gw-1"
NETFLOW, HEALTH, NATS = 2055, 9273, 4222
BACKGROUND: Final = 2_000
"""Flows per second."""
RECORD: Final = struct.Struct("!4xHHIIIIHHxBBBHHBBxx")
"""After the two addresses."""
INSIDE: Final = "SIXFOLD_BENCH_NAMESPACE"


def main(*, quick: bool = False) -> None:
    from benchmarks.report import report

    missing = [one for one in ("nft", "ip", "unshare") if shutil.which(one) is None]
    if os.geteuid() != 0 or missing:
        print(f"mitigation: needs root{' and ' + ', '.join(missing) if missing else ''}; not measured")
        return
    number = 8 if quick else 40
    command = [sys.executable, "-m", "benchmarks.mitigation", str(number)]
    with tempfile.NamedTemporaryFile(mode="r") as answer:
        subprocess.run(
            ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command],
            env={**os.environ, INSIDE: answer.name},
            check=True,
        )
        times = [tuple(map(float, line.split())) for line in answer.read().splitlines()]
    rows = [
        {"from the first bad flow to": what, "attacks": len(times), **_quantiles([one[at] for one in times])}
        for at, what in enumerate(("the incident", "the decision", "the rule in the kernel"))
    ]
    report("mitigation", "time to the rule", rows, ["incident p99 under 2 s, rule p99 under 3 s"])


def _quantiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        f"p{part} s": ordered[min(int(len(ordered) * part / 100), len(ordered) - 1)] for part in (50, 90, 99)
    } | {"max s": ordered[-1]}


@dataclass
class Exporter:
    """NetFlow v5 to the agent."""

    way: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sequence: int = 0
    born: float = field(default_factory=time.time)

    def send(self, flows: list[tuple[str, str, int, int]]) -> None:
        """(source, destination, packets, bytes) of 30 flows at most, each of the last 50 ms."""
        now = time.time()
        up = int((now - self.born + 10) * 1000)
        head = struct.pack(
            "!HHIIIIBBH", 5, len(flows), up, int(now), int(now % 1 * 1e9), self.sequence & 0xFFFFFFFF, 0, 0, 0
        )
        body = b"".join(
            socket.inet_aton(source) + socket.inet_aton(destination)
            + RECORD.pack(1, 2, packets, octets, up - 50, up, 5353, 9_999, 0, 17, 0, 0, 0, 0, 0)
            for source, destination, packets, octets in flows
        )  # fmt: skip
        self.sequence += len(flows)
        self.way.sendto(head + body, ("127.0.0.1", NETFLOW))


@dataclass
class Kernel:
    """Hears of new sets as nft tells them."""

    process: asyncio.subprocess.Process
    seen: dict[str, float] = field(default_factory=dict[str, float])
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            for word in line.decode(errors="replace").replace(",", " ").split():
                if word.startswith("203.0.113."):
                    self.seen.setdefault(word.partition("/")[0], time.perf_counter())
                    self.heard.set()


@contextlib.asynccontextmanager
async def platform(folder: Path) -> AsyncIterator[Any]:
    """NATS, the security centre in this process, and the agent."""
    import nkeys
    from nats.js.api import StreamConfig
    from pydantic import SecretStr

    from sixfold.chassis.messaging import Messaging, NatsSettings
    from sixfold.chassis.telemetry import TelemetrySettings, setup
    from sixfold.credit import service as credit
    from sixfold.credit.config import CreditSettings, LoaderSettings, WarehouseSettings
    from sixfold.local import nats_server
    from sixfold.security import service as security
    from sixfold.security.config import AutomaticOptions, MitigationOptions, SecuritySettings

    seed = nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
    (folder / "policy.nk").write_bytes(bytes(seed))
    public = bytes(nkeys.from_seed(bytearray(seed)).public_key).decode()
    async with contextlib.AsyncExitStack() as stack:

        async def start(*command: str) -> None:
            log = stack.enter_context((folder / "log").open("ab"))
            process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)

            async def stop() -> None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

            stack.push_async_callback(stop)

        await start(
            str(nats_server.binary()), "-js", "-sd", str(folder / "nats"), "-p", str(NATS), "-a", "127.0.0.1"
        )
        await _port(NATS)
        messaging = Messaging(NatsSettings(servers=(f"nats://127.0.0.1:{NATS}",), name="bench"))
        await messaging.start()
        stack.push_async_callback(messaging.stop)
        for name in ("COMMANDS:command", "RECEIPTS:receipt", "REPORTS:report"):
            stream, _, subject = name.partition(":")
            await messaging.ensure_stream(StreamConfig(name=stream, subjects=[f"{subject}.>"]))
        telemetry = setup(TelemetrySettings(), service="bench")
        warehouse = credit.build(
            CreditSettings(
                warehouse=WarehouseSettings(dsn=SecretStr(f"chdb://{folder / 'warehouse'}")),
                loader=LoaderSettings(stream_bytes=1 << 30),
            ),
            credit.Dependencies(messaging, telemetry),
        )
        await warehouse.start()
        stack.push_async_callback(warehouse.stop)
        options = {
            "gateway": GATEWAY,
            "state_dir": str(folder / "agent"),
            "nats.servers": f'["nats://127.0.0.1:{NATS}"]',
            "listeners.netflow": str(NETFLOW),
            "listeners.ipfix": "false",
            "listeners.sflow": "false",
            "health.port": str(HEALTH),
            "policies.enabled": "true",
            "policies.issuers": f'["{public}"]',
        }
        settings = [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
        await start(sys.executable, "-m", "sixfold.agent", "run", *settings)
        chosen = SecuritySettings(  # pyright: ignore[reportCallIssue]
            mitigation=MitigationOptions(  # pyright: ignore[reportCallIssue]
                signing_seed_file=folder / "policy.nk",
                credit=warehouse.rpc.address,
                automatic=AutomaticOptions(  # pyright: ignore[reportCallIssue]
                    enabled=True, confidence=0.01, severity="low", seconds=60, most_active=500
                ),
            )
        )
        service = security.build(chosen, security.Dependencies(messaging, telemetry))
        await service.start()
        stack.push_async_callback(service.stop)
        await _port(HEALTH)
        yield service


async def _port(number: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", number)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


async def measure(attacks: int) -> list[tuple[float, ...]]:
    """Seconds from the first bad flow to incident, decision, rule; for each attack."""
    from sixfold.security.domain.events import IncidentOpened
    from sixfold.security.domain.mitigation.events import MitigationApproved

    chance = random.Random(7)
    times: list[tuple[float, ...]] = []
    with tempfile.TemporaryDirectory() as name:
        async with platform(Path(name)) as service:
            incidents: dict[str, float] = {}
            decisions: dict[str, float] = {}

            def follow(event: Any, _sequence: int, _replayed: bool) -> None:
                if isinstance(event, IncidentOpened):
                    incidents.setdefault(event.victim.partition("/")[0], time.perf_counter())
                elif isinstance(event, MitigationApproved):
                    made = service.mitigation.desk.get(event.mitigation_id)
                    victim = made.policy.match.destinations[0].partition("/")[0]
                    decisions.setdefault(victim, time.perf_counter())

            service.mitigation.ledger.follow(follow)
            process = await asyncio.create_subprocess_exec("nft", "monitor", stdout=subprocess.PIPE)
            kernel = Kernel(process)
            listening = asyncio.create_task(kernel.listen())
            exporter = Exporter()
            background = asyncio.create_task(_background(exporter, chance))
            await asyncio.sleep(5)
            for number in range(1, attacks + 1):
                await asyncio.sleep(chance.random())
                victim = f"203.0.113.{number}"
                begun = await _attack(exporter, kernel, victim)
                ends = (incidents[victim], decisions[victim], kernel.seen[victim])
                times.append(tuple(end - begun for end in ends))
            for task in (background, listening):
                task.cancel()
            process.kill()
            await process.wait()
    return times


async def _background(exporter: Exporter, chance: random.Random) -> None:
    while True:
        flows = [
            (
                f"198.51.{chance.randrange(100)}.{chance.randrange(250)}",
                f"192.0.2.{chance.randrange(250)}",
                10,
                9_000,
            )
            for _ in range(25)
        ]
        exporter.send(flows)
        await asyncio.sleep(25 / BACKGROUND)


async def _attack(exporter: Exporter, kernel: Kernel, victim: str) -> float:
    """When its first flow was sent."""
    flows = [(f"198.18.0.{n % 3 + 1}", victim, 12_000, 15_000_000) for n in range(30)]
    begun = time.perf_counter()
    while victim not in kernel.seen:
        exporter.send(flows)
        kernel.heard.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(kernel.heard.wait(), 0.05)
        if time.perf_counter() - begun > 60:
            raise RuntimeError(f"{victim}: no rule within a minute")
    return begun


if __name__ == "__main__":
    found = asyncio.run(measure(int(sys.argv[1])))
    Path(os.environ[INSIDE]).write_text("".join(f"{' '.join(map(str, one))}\n" for one in found))
