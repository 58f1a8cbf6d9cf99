"""Admission to the access network by RADIUS: a terminal proves itself, then its session's start is told and bound.

The identity centre runs as its own process on a real NATS (file store); every Accounting-Response follows the
ledger's acknowledgement of the binding. FreeRADIUS gets the same packets from the same radclient in the same run: it
has its users' passwords in memory, and appends accounting to a file that it never syncs. radclient sends so many at a
time, waits for all the answers, and sends the next: it is the slower half of each measurement, for both.
"""

import asyncio
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import freeradius
from benchmarks.process import cpu_seconds, running
from benchmarks.report import report
from sixfold.api.identity.v1 import credential_pb2
from sixfold.api.identity.v1 import identity_pb2 as pb
from sixfold.api.identity.v1.credential_pb2_grpc import CredentialServiceStub
from sixfold.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from sixfold.chassis.rpc import connect
from sixfold.chassis.testing import NatsServer, free_ports
from sixfold.identity.credentials.ceremony import make_authorities
from sixfold.local.toml import dump

SECRET: Final = "a-shared-secret-of-a-benchmark"
PARALLEL: Final = 200
BATCH: Final = 1000


@dataclass(frozen=True, slots=True)
class Ports:
    rpc: int
    http: int
    authentication: int
    accounting: int


def _configuration(folder: Path, url: str, ports: Ports) -> Path:
    """Of the process; its keys are made."""
    for name in ("pseudonym", "vault", "credential"):
        (folder / f"{name}.key").write_text(bytes(range(32)).hex())
    (folder / "nas.secret").write_text(SECRET)
    make_authorities(folder)
    server = {"name": "bng-1", "prefix": "127.0.0.1/32", "secret_file": folder / "nas.secret"}
    settings = {
        "nats": {"servers": [url]},
        "rpc": {"port": ports.rpc},
        "health": {"port": 0},
        "pseudonym_key_file": folder / "pseudonym.key",
        "vault_key_file": folder / "vault.key",
        "nat_sessions": False,
        "credentials": {
            "ca": {
                "root_file": folder / "ca-root.pem",
                "certificate_file": folder / "ca-intermediate.pem",
                "key_file": folder / "ca-intermediate.key",
            },
            "key_file": folder / "credential.key",
            "url": f"http://127.0.0.1:{ports.http}",
            "http": {"port": ports.http},
        },
        "aaa": {
            "authentication_port": ports.authentication,
            "accounting_port": ports.accounting,
            "access_servers": [server],
        },
    }
    (folder / "identity.toml").write_text(dump(settings))
    return folder / "identity.toml"


async def _enrol(rpc: int, number: int) -> dict[str, str]:
    """Terminals with drawn secrets, by pseudonym."""
    users: dict[str, str] = {}
    async with connect(f"127.0.0.1:{rpc}") as channel:
        identity, credentials = IdentityServiceStub(channel), CredentialServiceStub(channel)
        person = pb.EnrolSubscriberRequest(person_reference="customer 1", kind=pb.SUBSCRIBER_KIND_PERSON)
        answer = await identity.EnrolSubscriber(person, wait_for_ready=True, timeout=60)
        subscriber = answer.subscriber.subscriber

        async def secret(terminal: str) -> None:
            drawn = await credentials.SetCpeSecret(credential_pb2.SetCpeSecretRequest(terminal=terminal))
            users[terminal] = drawn.drawn_secret

        for first in range(0, number, BATCH):
            wishes = [
                pb.EnrolTerminalRequest(
                    subscriber=subscriber,
                    terminal_class=pb.TERMINAL_CLASS_HOME_GATEWAY,
                    hardware_reference=f"hg-{name}",
                )
                for name in range(first, min(first + BATCH, number))
            ]
            request = pb.BatchEnrolTerminalsRequest(requests=wishes)
            enrolled = await identity.BatchEnrolTerminals(request, timeout=60)
            terminals = [one.enrolled.terminal.terminal for one in enrolled.results]
            for start in range(0, len(terminals), PARALLEL):
                await asyncio.gather(*map(secret, terminals[start : start + PARALLEL]))
    return users


def _packets(folder: Path, users: Mapping[str, str]) -> tuple[Path, Path]:
    access, accounting = folder / "access.txt", folder / "accounting.txt"
    proof = 'User-Name = "{0}"\nUser-Password = "{1}"\nMessage-Authenticator = 0x00\n'
    start = (
        'User-Name = "{0}"\nAcct-Session-Id = "s{1}"\nNAS-Identifier = "bng-1"\nAcct-Status-Type = Start\n'
        "Framed-IPv6-Prefix = 2001:db8:{1:x}:1::/64\n"
    )
    access.write_text("\n".join(proof.format(*user) for user in users.items()))
    accounting.write_text("\n".join(start.format(name, number) for number, name in enumerate(users)))
    return access, accounting


def _ask(file: Path, port: int, kind: str, pid: int) -> dict[str, Any]:
    """All packets of the file once; what is not answered in 10 s is lost."""
    command = ["radclient", "-s", "-q", "-r", "1", "-t", "10", "-p", str(PARALLEL), "-f", str(file)]
    before, began = cpu_seconds(pid), time.perf_counter()
    run = subprocess.run(
        [*command, f"127.0.0.1:{port}", kind, SECRET],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    seconds = time.perf_counter() - began
    found = {word: int(number) for word, number in re.findall(r"(\w+)\s+: (\d+)", run.stdout)}
    if not found.get("Accepted") or found.get("Rejected"):
        raise SystemExit(f"radclient: {run.stdout or run.stderr}")
    good = found["Accepted"]
    return {
        "seconds": seconds,
        "a second": round(good / seconds),
        "CPU us each": round((cpu_seconds(pid) - before) / good * 1e6),
        "lost": found["Lost"],
    }


def _rows(who: str, files: tuple[Path, Path], ports: tuple[int, int], pid: int) -> list[dict[str, Any]]:
    proven = _ask(files[0], ports[0], "auth", pid)
    started = _ask(files[1], ports[1], "acct", pid)
    both = {
        "a second": round(1 / (1 / proven["a second"] + 1 / started["a second"])),
        "CPU us each": proven["CPU us each"] + started["CPU us each"],
        "lost": proven["lost"] + started["lost"],
    }
    named = (
        (f"{who}: authentication", proven),
        (f"{who}: accounting start", started),
        (f"{who}: admission", both),
    )
    return [{"what": what, **{key: row[key] for key in both}} for what, row in named]


def main(*, quick: bool = False) -> None:
    why = freeradius.why_not()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="sixfold-bench-") as name:
        folder = Path(name)
        (folder / "nats").mkdir()
        server = NatsServer(folder / "nats")
        server.start()
        try:
            rows = _measured(folder, server.url, 4_000 if quick else 20_000) if not why else [{"what": why}]
        finally:
            server.stop()
    report(
        "admission",
        "Admission by RADIUS",
        rows,
        ["2,000 a second, with a durable binding; beside FreeRADIUS"],
    )


def _measured(folder: Path, url: str, number: int) -> list[dict[str, Any]]:
    rpc, http = free_ports(2)
    ports = Ports(rpc, http, *freeradius.free_udp_ports(2))
    command = [sys.executable, "-m", "sixfold.identity", "--config", str(_configuration(folder, url, ports))]
    with running(command, folder / "identity.log") as process:
        users = asyncio.run(_enrol(ports.rpc, number))
        files = _packets(folder, users)
        who = "identity centre (binding acknowledged by the ledger)"
        rows = _rows(who, files, (ports.authentication, ports.accounting), process.pid)
    own = (ports.authentication, ports.accounting)
    with freeradius.served(folder / "freeradius", users, SECRET, *own) as pid:
        return rows + _rows("FreeRADIUS 3.2 (detail file, no fsync)", files, own, pid)
