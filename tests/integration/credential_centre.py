"""The identity centre with its CA and HTTP door on the real NATS; the programs that a terminal would use."""

import asyncio
import subprocess
from base64 import b64decode, b64encode
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import generate_latest

from sixfold.api.identity.v1 import credential_pb2
from sixfold.api.identity.v1 import identity_pb2 as pb
from sixfold.api.identity.v1.credential_pb2_grpc import CredentialServiceStub
from sixfold.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.rpc import connect
from sixfold.chassis.testing import free_port
from sixfold.identity.config import IdentitySettings
from sixfold.identity.credentials.ceremony import make_authorities
from sixfold.identity.service import Dependencies, build

EST = "/.well-known/est"


@dataclass
class Centre:
    channel: Any
    url: str
    folder: Path
    telemetry: Any
    service: Any

    @property
    def identity(self):
        return IdentityServiceStub(self.channel)

    @property
    def credentials(self):
        return CredentialServiceStub(self.channel)

    async def terminal(self, hardware="hg-1", person="customer 1"):
        """A subscriber and a terminal: both pseudonyms."""
        subscriber = await self.identity.EnrolSubscriber(
            pb.EnrolSubscriberRequest(person_reference=person, kind=pb.SUBSCRIBER_KIND_PERSON)
        )
        request = pb.EnrolTerminalRequest(
            subscriber=subscriber.subscriber.subscriber,
            terminal_class=pb.TERMINAL_CLASS_HOME_GATEWAY,
            hardware_reference=hardware,
        )
        answer = await self.identity.EnrolTerminal(request)
        return answer.terminal.subscriber, answer.terminal.terminal

    async def certificate(self, terminal, name="one"):
        """Enrolled by EST under a new secret: NAME.key, NAME.pem (with its issuers); its serial."""
        drawn = await self.credentials.SetCpeSecret(credential_pb2.SetCpeSecretRequest(terminal=terminal))
        await asyncio.to_thread(request_file, self.folder, name)
        status, body = await enrol(self, name, terminal, drawn.drawn_secret)
        assert status == 200, body
        await asyncio.to_thread(keep, self.folder, name, body)
        listed = credential_pb2.ListCertificatesRequest(terminal=terminal)
        return (await self.credentials.ListCertificates(listed)).certificates[-1].serial

    async def run(self, *command, ok=True):
        """One program's output, text and errors together; `ok=None` takes any end."""
        return await asyncio.to_thread(run, *command, ok=ok, folder=self.folder)

    async def curl(self, path, *arguments):
        """(status, body) of one request."""
        out = await self.run("curl", "-sS", "-w", "\n%{http_code}", *arguments, self.url + path)
        body, _, status = out.rpartition("\n")
        return int(status), body

    def counted(self, wish):
        """Outcomes of one wish, as /metrics says."""
        found = {}
        for line in generate_latest(self.telemetry.registry).decode().splitlines():
            if line.startswith("identity_wishes_total{") and f'wish="{wish}"' in line:
                outcome = line.partition('outcome="')[2].partition('"')[0]
                found[outcome] = found.get(outcome, 0) + round(float(line.rpartition(" ")[2]))
        return found


def run(*command, ok=True, folder=None):
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, timeout=30, check=False
    )
    text = (done.stdout + done.stderr).decode(errors="replace")
    assert ok is None or (done.returncode == 0) is ok, text
    return text


def request_file(
    folder, name, subject="/", key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), digest="sha256"
):
    """A key and a request by openssl; its DER in base64, as EST sends it."""
    run("openssl", "genpkey", "-algorithm", *key, "-out", f"{name}.key", folder=folder)
    make = (
        "openssl",
        "req",
        "-new",
        "-key",
        f"{name}.key",
        "-subj",
        subject,
        f"-{digest}",
        "-outform",
        "DER",
    )
    run(*make, "-out", f"{name}.csr", folder=folder)
    (folder / f"{name}.b64").write_bytes(b64encode((folder / f"{name}.csr").read_bytes()))


async def enrol(at, name, terminal, secret, path="simpleenroll", *more):
    return await at.curl(
        f"{EST}/{path}",
        *("-u", f"{terminal}:{secret}", "-H", "content-type: application/pkcs10"),
        *("--data-binary", f"@{name}.b64", *more),
    )


def keep(folder, name, body):
    (folder / f"{name}.p7").write_bytes(b64decode(body))
    run(
        "openssl",
        "pkcs7",
        "-inform",
        "DER",
        "-in",
        f"{name}.p7",
        "-print_certs",
        "-out",
        f"{name}.pem",
        folder=folder,
    )


def make_keys(folder):
    for name in ("pseudonym", "vault", "credential"):
        (folder / f"{name}.key").write_text(bytes(range(32)).hex())
    make_authorities(folder)


@asynccontextmanager
async def centre(url, telemetry, folder, *, port=0, aaa=None, oauth=None, **credentials):
    """Keys come from `folder`; the HTTP door keeps `port`, so that it can start again under the same address."""
    if not (folder / "ca-root.pem").exists():
        make_keys(folder)
    port = port or free_port()
    messaging = Messaging(NatsSettings(servers=(url,), name="identity"))
    await messaging.start()
    settings = {
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
            "http": {"port": port},
            "url": f"http://127.0.0.1:{port}",
            **credentials,
        },
    }
    service = build(IdentitySettings(**settings, aaa=aaa, oauth=oauth), Dependencies(messaging, telemetry))
    try:
        await service.start()
        async with connect(service.rpc.address) as channel:
            yield Centre(channel, f"http://127.0.0.1:{port}", folder, telemetry, service)
    finally:
        await service.stop()
        await messaging.stop()
