"""RADIUS over TLS (RFC 6614): radsecproxy beside the access server and beside the centre; a stranger's certificate gets
nothing through."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sixfold.api.identity.v1 import aaa_pb2 as pb
from sixfold.api.identity.v1 import credential_pb2
from sixfold.api.identity.v1.aaa_pb2_grpc import AaaServiceStub
from sixfold.chassis.testing import assert_eventually, free_ports
from tests.integration.credential_centre import centre, run

pytestmark = [pytest.mark.scenario, pytest.mark.nats]
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
NAS_SECRET, CENTRE_SECRET = "between-bng-and-its-proxy", "between-proxy-and-centre"
TLS = """\
tls default {{
    CACertificateFile {folder}/{authority}.pem
    CertificateFile {folder}/{name}.pem
    CertificateKeyFile {folder}/{name}.key
}}
LogLevel 2
LogDestination file://{folder}/{name}.log
"""
EDGE = (
    TLS
    + """\
listenUDP 127.0.0.1:{edge}
client bng-1 {{
    host 127.0.0.1
    type udp
    secret {nas_secret}
}}
server centre {{
    host 127.0.0.1
    port {secured}
    type tls
    secret radsec
    certificateNameCheck off
}}
realm * {{
    server centre
    accountingServer centre
}}
"""
)
INNER = (
    TLS
    + """\
listenTLS 127.0.0.1:{secured}
client edge {{
    host 127.0.0.1
    type tls
    secret radsec
    certificateNameCheck off
}}
server authentication {{
    host 127.0.0.1
    port {authentication}
    type udp
    secret {centre_secret}
}}
server accounting {{
    host 127.0.0.1
    port {accounting}
    type udp
    secret {centre_secret}
}}
realm * {{
    server authentication
    accountingServer accounting
}}
"""
)


@pytest.fixture
def radsecproxy() -> str:
    for name, package in (("radsecproxy", "radsecproxy"), ("radclient", "freeradius-utils")):
        if shutil.which(name, path=PATH) is None:
            pytest.skip(f"not installed: {name} (apt install {package})")
    found = shutil.which("radsecproxy", path=PATH)
    assert found is not None
    return found


def certificates(folder: Path) -> None:
    """Two authorities; `inner` and `edge` of the first, `stranger` of the second."""
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    for authority, names in (("ca", ("inner", "edge")), ("other", ("stranger",))):
        subject = ("-subj", f"/CN={authority}")
        run(
            *(
                "openssl",
                "req",
                "-x509",
                *curve,
                *subject,
                "-keyout",
                f"{authority}.key",
                "-out",
                f"{authority}.pem",
            ),
            folder=folder,
        )
        for name in names:
            run(
                *(
                    "openssl",
                    "req",
                    *curve[:-2],
                    "-subj",
                    f"/CN={name}",
                    "-keyout",
                    f"{name}.key",
                    "-out",
                    "one.csr",
                ),
                folder=folder,
            )
            run(
                *(
                    "openssl",
                    "x509",
                    "-req",
                    "-in",
                    "one.csr",
                    "-CA",
                    f"{authority}.pem",
                    "-CAkey",
                    f"{authority}.key",
                ),
                *("-CAcreateserial", "-days", "2", "-out", f"{name}.pem"),
                folder=folder,
            )


@asynccontextmanager
async def running(program: str, file: Path, port: int, kind: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        program, "-f", "-c", file, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await assert_eventually(lambda: process.returncode is not None or _listens(port, kind), 60)
        assert process.returncode is None
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _listens(port: int, kind: str) -> bool:
    table = Path(f"/proc/net/{kind}").read_text()
    return any(line.split()[1].endswith(f":{port:04X}") for line in table.splitlines()[1:])


async def test_radius_over_tls_reaches_the_centre_and_a_stranger_does_not(
    nats_url: str, telemetry: Any, tmp_path: Path, radsecproxy: str
) -> None:
    authentication, accounting, edge, secured, lost = free_ports(5)
    (tmp_path / "proxy.secret").write_text(CENTRE_SECRET)
    server = {
        "name": "radsec",
        "prefix": "127.0.0.1/32",
        "secret_file": tmp_path / "proxy.secret",
        "is_proxy": True,
    }
    aaa = {"authentication_port": authentication, "accounting_port": accounting, "access_servers": [server]}
    await asyncio.to_thread(certificates, tmp_path)
    values: dict[str, Any] = {
        "folder": tmp_path, "authority": "ca", "secured": secured, "nas_secret": NAS_SECRET,
        "centre_secret": CENTRE_SECRET, "authentication": authentication, "accounting": accounting,
    }  # fmt: skip
    (tmp_path / "inner.conf").write_text(INNER.format(name="inner", **values))
    (tmp_path / "edge.conf").write_text(EDGE.format(name="edge", edge=edge, **values))
    stranger = {**values, "authority": "ca"}
    (tmp_path / "stranger.conf").write_text(EDGE.format(name="stranger", edge=lost, **stranger))
    async with AsyncExitStack() as stack:
        at = await stack.enter_async_context(centre(nats_url, telemetry, tmp_path, aaa=aaa))
        await stack.enter_async_context(running(radsecproxy, tmp_path / "inner.conf", secured, "tcp"))
        await stack.enter_async_context(running(radsecproxy, tmp_path / "edge.conf", edge, "udp"))
        await stack.enter_async_context(running(radsecproxy, tmp_path / "stranger.conf", lost, "udp"))
        _, terminal = await at.terminal()
        drawn = await at.credentials.SetCpeSecret(credential_pb2.SetCpeSecretRequest(terminal=terminal))

        async def ask(port: int, kind: str, *told: str, tries: int = 10) -> str:
            (tmp_path / "told.txt").write_text("\n".join([f'User-Name = "{terminal}"', *told, ""]))
            command = ("radclient", "-x", "-r", tries, "-t", "1", "-f", "told.txt", f"127.0.0.1:{port}", kind)
            return await at.run(*command, NAS_SECRET, ok=None)

        proof = (f'User-Password = "{drawn.drawn_secret}"', "Message-Authenticator = 0x00")
        assert "Received Access-Accept" in await ask(edge, "auth", *proof)
        told = ('Acct-Session-Id = "r1"', 'NAS-Identifier = "bng-1"', "Acct-Status-Type = Start")
        said = await ask(edge, "acct", *told, "Framed-IPv6-Prefix = 2001:db8:5:1::/64")
        assert "Received Accounting-Response" in said
        listed = await AaaServiceStub(at.channel).ListSessions(pb.ListSessionsRequest(terminal=terminal))
        (session,) = listed.sessions
        assert (session.access_server, list(session.prefixes)) == ("radsec/bng-1", ["2001:db8:5:1::/64"])
        assert "Received" not in await ask(lost, "auth", *proof, tries=2)
