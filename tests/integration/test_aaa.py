"""RADIUS at the identity centre: over UDP, on the real NATS, by radclient where it is; refusals by cause."""

import asyncio
import json
import shutil
from contextlib import asynccontextmanager

import grpc
import pytest
from prometheus_client import generate_latest
from pyrad import packet as radius

from sixfold.api.identity.v1 import aaa_pb2 as pb
from sixfold.api.identity.v1 import credential_pb2, identity_pb2
from sixfold.api.identity.v1.aaa_pb2_grpc import AaaServiceStub
from sixfold.chassis.rpc import reason_of
from sixfold.chassis.testing import assert_eventually

from .access_server import KNOWN, Nas
from .credential_centre import centre

pytestmark = pytest.mark.nats
SECRET = "a shared secret of a test"
CPE_SECRET = "correct horse battery"


@asynccontextmanager
async def access_network(url, telemetry, folder, secret=SECRET, *, is_proxy=False):
    loop = asyncio.get_running_loop()
    _, nas = await loop.create_datagram_endpoint(lambda: Nas(SECRET), local_addr=("127.0.0.1", 0))
    (folder / "bng.secret").write_text(secret)
    aaa = {
        "authentication_port": 0,
        "accounting_port": 0,
        "access_servers": [
            {
                "name": "bng-1",
                "prefix": "127.0.0.1/32",
                "secret_file": folder / "bng.secret",
                "gateway": "gw-1",
                "disconnect_port": nas.port,
                "is_proxy": is_proxy,
            }
        ],
    }
    try:
        async with centre(url, telemetry, folder, aaa=aaa) as at:
            at.nas, at.aaa = nas, AaaServiceStub(at.channel)
            yield at
    finally:
        nas.transport.close()


def access(terminal, secret=CPE_SECRET, *, signed=True):
    made = radius.AuthPacket(secret=SECRET.encode(), dict=KNOWN, message_authenticator=signed)
    made.AddAttribute("User-Name", terminal)
    made["User-Password"] = made.PwCrypt(secret)
    return made


def accounting(status, terminal, session="a", **attributes):
    made = radius.AcctPacket(secret=SECRET.encode(), dict=KNOWN)
    values = {"User-Name": terminal, "Acct-Session-Id": session, "Acct-Status-Type": status, **attributes}
    for name, value in values.items():
        made.AddAttribute(name.replace("_", "-"), value)
    return made


def counted(telemetry, metric, label):
    found = {}
    for line in generate_latest(telemetry.registry).decode().splitlines():
        if line.startswith(metric + "{"):
            word = line.partition(f'{label}="')[2].partition('"')[0]
            found[word] = found.get(word, 0) + round(float(line.rpartition(" ")[2]))
    return found


async def with_secret(at, hardware="hg-1"):
    subscriber, terminal = await at.terminal(hardware)
    await at.credentials.SetCpeSecret(
        credential_pb2.SetCpeSecretRequest(terminal=terminal, secret=CPE_SECRET)
    )
    return subscriber, terminal


async def test_a_terminal_is_admitted_bound_seen_and_disconnected(nats_url, telemetry, tmp_path):
    async with access_network(nats_url, telemetry, tmp_path) as at:
        subscriber, terminal = await with_secret(at)
        bound = identity_pb2.BindAddressRequest(
            terminal=terminal, prefix="2001:db8:1::/56", gateway="gw-1", idempotency_key="for good"
        )
        await at.identity.BindAddress(bound)
        ports = at.service.aaa.authentication.port, at.service.aaa.accounting.port
        answer = await at.nas.ask(access(terminal), ports[0])
        assert answer.code == radius.AccessAccept
        assert answer["Delegated-IPv6-Prefix"] == ["2001:db8:1::/56"]
        wrong = await at.nas.ask(access(terminal, "wrong horse battery"), ports[0])
        assert (wrong.code, wrong["Reply-Message"]) == (radius.AccessReject, ["rejected"])

        told = {"Framed_IP_Address": "192.0.2.9", "Delegated_IPv6_Prefix": "2001:db8:7::/56"}
        start = accounting(1, terminal, **told)
        await at.nas.ask(start, ports[1])
        found = await at.identity.LookupTerminal(identity_pb2.LookupTerminalRequest(address="192.0.2.9"))
        assert found.terminal.terminal == terminal
        (session,) = (await at.aaa.ListSessions(pb.ListSessionsRequest(subscriber=subscriber))).sessions
        assert (session.access_server, session.session_id) == ("bng-1", "a")
        assert sorted(session.prefixes) == ["192.0.2.9/32", "2001:db8:7::/56"]
        (server,) = (await at.aaa.ListAccessServers(pb.ListAccessServersRequest())).access_servers
        assert (server.name, server.sessions) == ("bng-1", 1)

        await at.aaa.DisconnectSession(pb.DisconnectSessionRequest(key=session.key))
        assert await at.nas.asked.get() == "a"
        await at.nas.ask(accounting(2, terminal, Acct_Terminate_Cause=6), ports[1])
        assert not (await at.aaa.ListSessions(pb.ListSessionsRequest(terminal=terminal))).sessions
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await at.identity.LookupTerminal(identity_pb2.LookupTerminalRequest(address="192.0.2.9"))
        assert reason_of(caught.value) == "ADDRESS_UNBOUND"
        # what was recorded once is answered again, and begins nothing
        await at.nas.ask(accounting(1, terminal, **told), ports[1])
        assert counted(telemetry, "aaa_requests_total", "outcome")["replayed"] == 1
        assert not (await at.aaa.ListSessions(pb.ListSessionsRequest(terminal=terminal))).sessions


async def test_sessions_survive_a_restart_and_a_suspended_terminal_loses_its_own(
    nats_url, telemetry, tmp_path
):
    async with access_network(nats_url, telemetry, tmp_path) as at:
        _, terminal = await with_secret(at)
        await at.nas.ask(
            accounting(1, terminal, Framed_IP_Address="192.0.2.9"), at.service.aaa.accounting.port
        )
    async with access_network(nats_url, telemetry, tmp_path) as at:
        (session,) = (await at.aaa.ListSessions(pb.ListSessionsRequest(terminal=terminal))).sessions
        assert session.prefixes == ["192.0.2.9/32"]
        await at.identity.Suspend(identity_pb2.SuspendRequest(pseudonym=terminal, reason="unpaid"))
        async with asyncio.timeout(30):
            assert await at.nas.asked.get() == "a"
        refused = await at.nas.ask(access(terminal), at.service.aaa.authentication.port)
        assert refused.code == radius.AccessReject
        at.nas.obeys = False
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await at.aaa.DisconnectSession(pb.DisconnectSessionRequest(key=session.key))
        assert reason_of(caught.value) == "DISCONNECT_REFUSED"
        restarted = radius.AcctPacket(secret=SECRET.encode(), dict=KNOWN)
        restarted.AddAttribute("Acct-Status-Type", 7)
        await at.nas.ask(restarted, at.service.aaa.accounting.port)
        assert not (await at.aaa.ListSessions(pb.ListSessionsRequest(terminal=terminal))).sessions


async def test_forged_repeated_and_foreign_requests_are_counted_and_change_nothing(
    nats_url, telemetry, tmp_path
):
    async with access_network(nats_url, telemetry, tmp_path) as at:
        _, terminal = await with_secret(at)
        ports = at.service.aaa.authentication.port, at.service.aaa.accounting.port
        forged = accounting(1, terminal, Framed_IP_Address="192.0.2.9")
        forged.secret = b"not the shared secret"
        send = at.nas.transport.sendto
        for data, port in (
            (forged.RequestPacket(), ports[1]),
            (access(terminal, signed=False).RequestPacket(), ports[0]),
            (b"nothing", ports[0]),
            (access(terminal).RequestPacket()[:-3], ports[0]),
            (accounting(1, "t-nobody").RequestPacket(), ports[1]),
            (accounting(9, terminal).RequestPacket(), ports[1]),
        ):
            send(data, ("127.0.0.1", port))
        expected = {
            "authenticator-wrong": 1,
            "message-authenticator-missing": 1,
            "malformed": 2,
            "terminal-unknown": 1,
            "status-unknown": 1,
        }
        await assert_eventually(lambda: counted(telemetry, "aaa_dropped_total", "cause") == expected, 60)
        assert at.nas.replies.empty()
        assert not (await at.aaa.ListSessions(pb.ListSessionsRequest(terminal=terminal))).sessions
        # the same datagram again is the same answer again, and decided once
        data = access(terminal).RequestPacket()
        assert await at.nas.ask(data, ports[0]) == await at.nas.ask(data, ports[0])
        outcomes = counted(telemetry, "aaa_requests_total", "outcome")
        assert (outcomes["accepted"], outcomes["repeated"]) == (1, 1)
        chap = radius.AuthPacket(secret=SECRET.encode(), dict=KNOWN, message_authenticator=True)
        chap.AddAttribute("User-Name", terminal)
        chap["CHAP-Password"] = bytes(17)
        answer = await at.nas.ask(chap, ports[0])
        assert answer["Reply-Message"] == ["chap-is-not-possible"]


async def test_many_at_once_are_recorded_together(nats_url, telemetry, tmp_path):
    async with access_network(nats_url, telemetry, tmp_path) as at:
        _, terminal = await with_secret(at)
        port = at.service.aaa.accounting.port
        # in rounds that the socket of the test has room for
        for first in range(0, 300, 100):
            for number in range(first, first + 100):
                address = f"192.0.{number // 250}.{number % 250}"
                made = accounting(1, terminal, f"s{number}", Framed_IP_Address=address)
                at.nas.transport.sendto(made.RequestPacket(), ("127.0.0.1", port))
            await assert_eventually(lambda most=first + 100: at.nas.replies.qsize() == most, 60)
        page = await at.aaa.ListSessions(pb.ListSessionsRequest(access_server="bng-1", page_size=200))
        rest = await at.aaa.ListSessions(
            pb.ListSessionsRequest(access_server="bng-1", page_size=200, page_token=page.next_page_token)
        )
        assert (len(page.sessions), len(rest.sessions), rest.next_page_token) == (200, 100, "")


async def test_access_servers_behind_a_proxy_are_told_apart(nats_url, telemetry, tmp_path):
    async with access_network(nats_url, telemetry, tmp_path, is_proxy=True) as at:
        _, terminal = await with_secret(at)
        port = at.service.aaa.accounting.port
        for number in (1, 2):
            told = {"Framed_IP_Address": f"192.0.2.{number}", "NAS_Identifier": f"wifi-{number}"}
            await at.nas.ask(accounting(1, terminal, "same", **told), port)
        sessions = (await at.aaa.ListSessions(pb.ListSessionsRequest(access_server="bng-1"))).sessions
        assert sorted(one.access_server for one in sessions) == ["bng-1/wifi-1", "bng-1/wifi-2"]
        restarted = radius.AcctPacket(secret=SECRET.encode(), dict=KNOWN)
        restarted.AddAttribute("Acct-Status-Type", 7)
        restarted.AddAttribute("NAS-Identifier", "wifi-1")
        await at.nas.ask(restarted, port)
        (left,) = (await at.aaa.ListSessions(pb.ListSessionsRequest(access_server="bng-1/wifi-2"))).sessions
        assert left.prefixes == ["192.0.2.2/32"]
        (server,) = (await at.aaa.ListAccessServers(pb.ListAccessServersRequest())).access_servers
        assert server.sessions == 1
        await at.aaa.DisconnectSession(pb.DisconnectSessionRequest(key=left.key))
        assert await at.nas.asked.get() == "same"
        at.nas.transport.sendto(accounting(1, terminal, "c").RequestPacket(), ("127.0.0.1", port))
        await assert_eventually(
            lambda: counted(telemetry, "aaa_dropped_total", "cause").get("attribute-missing") == 1, 60
        )


async def test_the_http_door_admits_by_the_ledger_as_it_is(nats_url, telemetry, tmp_path):
    from sixfold.identity.aaa.freeradius import PATH, door_password

    async with access_network(nats_url, telemetry, tmp_path) as at:
        _, terminal = await at.terminal()
        serial = await at.certificate(terminal)

        async def ask(name="bng-1", secret=SECRET, **told):
            told = {
                "User-Name": terminal,
                "TLS-Client-Cert-Common-Name": terminal,
                "TLS-Client-Cert-Serial": serial,
                **told,
            }
            body = json.dumps({key: {"type": "string", "value": [value]} for key, value in told.items()})
            user = f"{name}:{door_password(secret.encode())}"
            return await at.curl(PATH, "-u", user, "--data", body)

        status, body = await ask()
        assert (status, json.loads(body)["reply:User-Name"]["value"]) == (200, [terminal])
        for told, reason in (
            ({"name": "bng-2"}, "ACCESS_SERVER_UNKNOWN"),
            ({"secret": "another shared secret"}, "ACCESS_SERVER_UNPROVEN"),
            ({"User-Name": "t-other"}, "NAME_MISMATCH"),
            ({"TLS-Client-Cert-Serial": "01"}, "CERTIFICATE_UNKNOWN"),
        ):
            status, body = await ask(**told)
            assert (status, json.loads(body)["reason"]) == (401, reason)
        status, body = await at.curl(
            PATH, "-u", f"bng-1:{door_password(SECRET.encode())}", "--data", "no json"
        )
        assert (status, json.loads(body)["reason"]) == (400, "BODY_MALFORMED")
        await at.identity.Suspend(identity_pb2.SuspendRequest(pseudonym=terminal, reason="unpaid"))
        status, _ = await ask()
        assert status in (401, 409)
        await at.identity.Resume(identity_pb2.ResumeRequest(pseudonym=terminal))
        await at.credentials.RevokeCertificate(credential_pb2.RevokeCertificateRequest(serial=serial))
        status, body = await ask()
        assert (status, json.loads(body)["reason"]) == (401, "CERTIFICATE_REVOKED")


@pytest.mark.skipif(shutil.which("radclient") is None, reason="needs radclient (apt: freeradius-utils)")
async def test_radclient_is_answered(nats_url, telemetry, tmp_path):
    async with access_network(nats_url, telemetry, tmp_path) as at:
        _, terminal = await with_secret(at)
        (tmp_path / "access.txt").write_text(
            f'User-Name = "{terminal}"\nUser-Password = "{CPE_SECRET}"\nMessage-Authenticator = 0x00\n'
        )
        (tmp_path / "start.txt").write_text(
            f'User-Name = "{terminal}"\nAcct-Session-Id = "r1"\nAcct-Status-Type = Start\n'
            "Framed-IPv6-Prefix = 2001:db8:5:1::/64\n"
        )
        (tmp_path / "secret.txt").write_text(SECRET)
        aaa = at.service.aaa
        for file, port, kind, expected in (
            ("access.txt", aaa.authentication.port, "auth", "Received Access-Accept"),
            ("start.txt", aaa.accounting.port, "acct", "Received Accounting-Response"),
        ):
            said = await at.run("radclient", "-x", "-S", "secret.txt", "-f", file, f"127.0.0.1:{port}", kind)
            assert expected in said
        (session,) = (await at.aaa.ListSessions(pb.ListSessionsRequest(terminal=terminal))).sessions
        assert session.prefixes == ["2001:db8:5:1::/64"]


def test_a_short_secret_is_refused_with_a_remedy(tmp_path):
    from sixfold.identity.aaa.servers import AccessServerError, AccessServers
    from sixfold.identity.config import AccessServerSettings

    (tmp_path / "s").write_text("short")
    one = AccessServerSettings(name="bng", prefix="192.0.2.0/24", secret_file=tmp_path / "s")
    with pytest.raises(AccessServerError, match="openssl rand"):
        asyncio.run(AccessServers([one]).start())
