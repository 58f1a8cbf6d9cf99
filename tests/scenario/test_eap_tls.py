"""EAP-TLS through the FreeRADIUS in front, by wpa_supplicant's eapol_test: who holds a good certificate gets on; who is
suspended, revoked or expired, or uses another's name, does not. Accounting and disconnection go through it as well."""

import asyncio
import datetime as dt
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sixfold.api.identity.v1 import aaa_pb2 as pb
from sixfold.api.identity.v1 import credential_pb2, identity_pb2
from sixfold.api.identity.v1.aaa_pb2_grpc import AaaServiceStub
from sixfold.chassis.testing import assert_eventually, free_ports
from sixfold.identity.aaa.freeradius import Client, Front
from sixfold.identity.aaa.front import write_front
from sixfold.identity.credentials.ceremony import make_authorities
from tests.integration.access_server import Nas
from tests.integration.credential_centre import Centre, centre

pytestmark = [pytest.mark.scenario, pytest.mark.nats]
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
FRONT_SECRET, NAS_SECRET = "between-front-and-centre", "between-wifi-and-front"
MODULE = Path("/usr/lib/freeradius/rlm_rest.so")
ACCEPTED, REFUSED = "\nSUCCESS\n", "\nFAILURE\n"
SUPPLICANT = """\
network={{
    key_mgmt=WPA-EAP
    eap=TLS
    identity="{terminal}"
    ca_cert="{folder}/front/server.pem"
    client_cert="{folder}/{certificate}.pem"
    private_key="{folder}/{certificate}.key"
}}
"""


@pytest.fixture
def freeradius() -> str:
    for name, package in (("eapol_test", "eapoltest"), ("radclient", "freeradius-utils")):
        if shutil.which(name, path=PATH) is None:
            pytest.skip(f"not installed: {name} (apt install {package})")
    found = shutil.which("freeradius", path=PATH)
    if found is None or not MODULE.exists():
        pytest.skip("not installed: FreeRADIUS with rlm_rest (apt install freeradius freeradius-rest)")
    return found


@dataclass
class Wifi:
    """The centre, a front, and behind it an access server that admits by EAP-TLS."""

    at: Centre
    aaa: Any
    folder: Path
    authentication: int
    accounting: int
    nas: Nas

    async def eap(self, terminal: str, certificate: str = "one") -> str:
        """What eapol_test says: a supplicant that trusts the front's certificate alone."""
        text = SUPPLICANT.format(terminal=terminal, folder=self.folder, certificate=certificate)
        (self.folder / "eap.conf").write_text(text)
        return await self.at.run(
            *("eapol_test", "-c", "eap.conf", "-a", "127.0.0.1", "-p", self.authentication),
            *("-s", NAS_SECRET, "-t", "20"),
            ok=None,
        )

    async def account(self, status: str, terminal: str, session: str, *more: str) -> str:
        told = [f'User-Name = "{terminal}"', f'Acct-Session-Id = "{session}"', f"Acct-Status-Type = {status}"]
        (self.folder / "told.txt").write_text("\n".join([*told, *more, ""]))
        return await self.at.run(
            *("radclient", "-x", "-f", "told.txt", f"127.0.0.1:{self.accounting}", "acct", NAS_SECRET)
        )

    async def sessions(self, terminal: str) -> list[Any]:
        return list((await self.aaa.ListSessions(pb.ListSessionsRequest(terminal=terminal))).sessions)


@asynccontextmanager
async def wifi(
    url: str, telemetry: Any, folder: Path, program: str, **credentials: Any
) -> AsyncIterator[Wifi]:
    authentication, accounting, own, front_accounting, disconnect, http = free_ports(6)
    transport, nas = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Nas(NAS_SECRET), local_addr=("127.0.0.1", 0)
    )
    (folder / "front.secret").write_text(FRONT_SECRET)
    server = {
        "name": "front",
        "prefix": "127.0.0.1/32",
        "secret_file": folder / "front.secret",
        "gateway": "gw-1",
        "is_proxy": True,
        "disconnect_port": disconnect,
    }
    aaa = {"authentication_port": authentication, "accounting_port": accounting, "access_servers": [server]}
    async with centre(url, telemetry, folder, port=http, aaa=aaa, **credentials) as at:
        front = Front(
            folder=folder / "front",
            name="front",
            secret=FRONT_SECRET,
            source="127.0.0.1",
            centre="127.0.0.1",
            authentication_port=authentication,
            accounting_port=accounting,
            url=at.url,
            clients=[Client("wifi-1", "127.0.0.1/32", NAS_SECRET, nas.port)],
            listen="127.0.0.1",
            own_authentication_port=own,
            own_accounting_port=front_accounting,
            disconnect_port=disconnect,
        )
        assert write_front(front, [folder / "ca-root.pem", folder / "ca-intermediate.pem"])
        process = await asyncio.create_subprocess_exec(
            *(program, "-X", "-d", folder / "front"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = asyncio.create_task(_said(process, folder / "front.log"))
        try:
            await assert_eventually(lambda: said.done() or "Ready to process requests" in _text(folder), 60)
            assert not said.done(), _text(folder)[-3000:]
            yield Wifi(at, AaaServiceStub(at.channel), folder, own, front_accounting, nas)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
            await said
            transport.close()


async def _said(process: asyncio.subprocess.Process, log: Path) -> None:
    assert process.stdout is not None
    with log.open("wb", buffering=0) as file:
        while data := await process.stdout.read(65_536):
            file.write(data)


def _text(folder: Path) -> str:
    log = folder / "front.log"
    return log.read_text(errors="replace") if log.exists() else ""


def expired(folder: Path, terminal: str) -> None:
    """`old.pem` and `old.key`: of the right authority, for the right terminal, over since yesterday."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.load_pem_x509_certificate((folder / "ca-intermediate.pem").read_bytes())
    signer = load_pem_private_key((folder / "ca-intermediate.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, terminal)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=9))
        .not_valid_after(now - dt.timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(signer, SHA256())
    )
    (folder / "old.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "old.key").write_bytes(private)


async def test_certificates_admit_and_stop_admitting(nats_url, telemetry, tmp_path, freeradius):
    async with wifi(nats_url, telemetry, tmp_path, freeradius) as net:
        _, terminal = await net.at.terminal()
        _, other = await net.at.terminal("hg-2", "customer 2")
        serial = await net.at.certificate(terminal)
        bound = identity_pb2.BindAddressRequest(
            terminal=terminal, prefix="2001:db8:1::/56", gateway="gw-1", idempotency_key="for good"
        )
        await net.at.identity.BindAddress(bound)

        said = await net.eap(terminal)
        assert said.endswith(ACCEPTED), said[-2000:]
        assert "MPPE keys OK: 1  mismatch: 0" in said
        assert f"   Attribute 1 (User-Name) length={len(terminal) + 2}" in said
        assert "   Attribute 123 (" in said  # Delegated-IPv6-Prefix
        # with another's name, or a certificate that is over, or of an authority that is not ours
        for name, certificate in ((other, "one"), (terminal, "old"), (terminal, "foreign")):
            if certificate == "old":
                expired(tmp_path, terminal)
            elif certificate == "foreign":
                strange = tmp_path / "strange"
                strange.mkdir()
                make_authorities(strange)
                for part in ("pem", "key"):
                    (strange / f"ca-intermediate.{part}").rename(tmp_path / f"foreign.{part}")
            assert (await net.eap(name, certificate)).endswith(REFUSED), certificate

        await net.at.identity.Suspend(identity_pb2.SuspendRequest(pseudonym=terminal, reason="unpaid"))
        assert (await net.eap(terminal)).endswith(REFUSED)
        await net.at.identity.Resume(identity_pb2.ResumeRequest(pseudonym=terminal))
        assert (await net.eap(terminal)).endswith(ACCEPTED)
        await net.at.credentials.RevokeCertificate(credential_pb2.RevokeCertificateRequest(serial=serial))
        assert (await net.eap(terminal)).endswith(REFUSED)


async def test_secrets_accounting_and_disconnection_go_through_the_front(
    nats_url, telemetry, tmp_path, freeradius
):
    async with wifi(nats_url, telemetry, tmp_path, freeradius) as net:
        _, terminal = await net.at.terminal()
        drawn = await net.at.credentials.SetCpeSecret(credential_pb2.SetCpeSecretRequest(terminal=terminal))
        for secret, answer in ((drawn.drawn_secret, "Access-Accept"), ("wrong horse", "Access-Reject")):
            told = f'User-Name = "{terminal}"\nUser-Password = "{secret}"\nMessage-Authenticator = 0x00\n'
            (tmp_path / "told.txt").write_text(told)
            said = await net.at.run(
                *("radclient", "-x", "-f", "told.txt", f"127.0.0.1:{net.authentication}", "auth", NAS_SECRET),
                ok=None,
            )
            assert f"Received {answer}" in said, said

        assert "Accounting-Response" in await net.account(
            "Start", terminal, "w1", "Framed-IPv6-Prefix = 2001:db8:5:1::/64"
        )
        (session,) = await net.sessions(terminal)
        assert (session.access_server, list(session.prefixes)) == ("front/wifi-1", ["2001:db8:5:1::/64"])
        # what the access server calls itself does not count: the front knows it by its address
        await net.account("Start", terminal, "w2", 'NAS-Identifier = "another"')
        assert {one.access_server for one in await net.sessions(terminal)} == {"front/wifi-1"}

        await net.aaa.DisconnectSession(pb.DisconnectSessionRequest(key=session.key))
        async with asyncio.timeout(30):
            assert await net.nas.asked.get() == "w1"
        await net.account("Stop", terminal, "w1")
        await net.account("Stop", terminal, "w2")
        assert not await net.sessions(terminal)
