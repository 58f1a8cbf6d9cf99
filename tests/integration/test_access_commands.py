"""A terminal gets onto the access network and agrees to a device, on the running platform, by its commands alone."""

import json
import re
import urllib.error
import urllib.request
from urllib.parse import urlencode

import pytest
from pyrad import packet as radius
from pyrad.client import Client

from .access_server import KNOWN

pytestmark = [pytest.mark.nats, pytest.mark.clickhouse]


def post(url, **form):
    """(status, text)"""
    try:
        with urllib.request.urlopen(url, urlencode(form).encode(), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def ran(platform):
    def run(*arguments, code=0):
        answer = platform.run(*arguments)
        assert answer.returncode == code, answer.stderr
        return (answer.stderr if code else answer.stdout).strip()

    return run


@pytest.fixture
def terminal(ran, request):
    """(pseudonym, secret)"""
    name = ran("credential", "enrol", f"customer {request.node.name}", f"SN-{request.node.name}")
    return name, ran("credential", "secret", name)


def test_a_terminal_s_life_by_its_commands(platform, ran):
    firm = ran("register", "subscriber", "Firm 12", "--kind", "organisation")
    meter = ran("register", "terminal", firm, "--class", "iot", "--hardware", "SN-meter")
    bound = ran(
        "register", "bind", meter, "198.51.100.9", "--gateway", "gw-1", "--key", "k", "--ports", "1024-2047"
    )
    assert f"{meter} 198.51.100.9/32 ports 1024-2047 gw-1" in bound
    shown = ran("register", "show", meter).splitlines()
    assert shown[0].startswith(f"{meter} active iot of {firm}")
    assert shown[1] == bound
    assert ran("register", "suspend", firm) == f"{firm} is suspended"
    assert "suspended iot" in ran("register", "show", meter)
    assert "TERMINAL_NOT_ACTIVE" in ran("credential", "secret", meter, code=1)
    ran("register", "resume", firm)
    assert ran("register", "retire", meter, "--yes") == f"{meter} is retired; bindings that ended: 1"
    assert "organisation terminals 1" in ran("register", "show", firm)
    assert "ALREADY_RETIRED" in ran("register", "resume", meter, code=1)


def test_radius_by_its_commands(platform, ran, terminal, tmp_path):
    name, secret = terminal
    shared = (platform.home / "secrets" / "radius.secret").read_bytes().strip()
    ports = {
        door: int(platform.endpoints[f"radius.{door}"].rpartition(":")[2])
        for door in ("authentication", "accounting")
    }
    client = Client("127.0.0.1", ports["authentication"], ports["accounting"], secret=shared, dict=KNOWN)
    client.timeout, client.retries = 10, 3
    asked = client.CreateAuthPacket(code=radius.AccessRequest, User_Name=name)
    asked["User-Password"] = asked.PwCrypt(secret)
    asked.add_message_authenticator()
    assert client.SendPacket(asked).code == radius.AccessAccept
    told = {"Acct_Session_Id": "c1", "NAS_Identifier": "bng-1", "Framed_IP_Address": "198.51.100.77"}
    started = client.CreateAcctPacket(User_Name=name, Acct_Status_Type=1, **told)
    assert client.SendPacket(started).code == radius.AccountingResponse

    (line,) = ran("aaa", "sessions", "--terminal", name).splitlines()
    _, server, whose, _, address = line.split()
    assert (server, whose, address) == ("local/bng-1", name, "198.51.100.77/32")
    assert re.search(r"^local from 127\.0\.0\.1/32 gateway gw-1 sessions [1-9]", ran("aaa", "servers"))
    assert "SELECTION_MALFORMED" in ran("aaa", "sessions", code=1)
    assert "SESSION_UNKNOWN" in ran("aaa", "disconnect", "f" * 32, code=1)
    stopped = client.CreateAcctPacket(User_Name=name, Acct_Status_Type=2, **told)
    client.SendPacket(stopped)
    assert ran("aaa", "sessions", "--terminal", name) == "no session is live"

    folder = tmp_path / "front"
    assert "made" in ran("aaa", "freeradius", str(folder), "--client", "wifi-1=192.0.2.7")
    assert "kept" in ran("aaa", "freeradius", str(folder), "--client", "wifi-1=192.0.2.7")
    assert (folder / "wifi-1.secret").read_text().strip() in (folder / "clients.conf").read_text()
    assert "cannot stand" in ran("aaa", "freeradius", str(folder), "--client", "wi fi=192.0.2.7", code=1)


def test_tokens_by_their_commands(platform, ran, terminal, tmp_path):
    name, secret = terminal
    identity, openapi = platform.endpoints["identity"], platform.endpoints["openapi"]
    flags = ("--scope", "traffic:read", "--grant", "client-credentials")
    made = dict(line.split() for line in ran("token", "register", "Dashboard", *flags).splitlines())
    status, text = post(f"{identity}/oauth/token", grant_type="client_credentials", **made)
    assert status == 200
    bearer = {"Authorization": f"Bearer {json.loads(text)['access_token']}"}
    with urllib.request.urlopen(
        urllib.request.Request(f"{openapi}/v1/gateways", headers=bearer), timeout=30
    ) as answer:
        assert answer.status == 200
    ran("token", "secret", made["client_id"])
    assert post(f"{identity}/oauth/token", grant_type="client_credentials", **made)[0] == 401
    assert "is disabled" in ran("token", "disable", made["client_id"])
    assert f"{made['client_id']} secret disabled client-credentials" in ran("token", "clients")

    flags = ("--scope", "openid", "--grant", "device-code", "--public")
    (line,) = ran("token", "register", "Smart home", *flags).splitlines()
    client = line.split()[1]
    code = json.loads(post(f"{identity}/oauth/device_authorization", client_id=client)[1])
    form = {"user_code": code["user_code"], "terminal": name, "secret": secret, "decision": "agree"}
    assert post(code["verification_uri"], **form)[0] == 200
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    status, text = post(
        f"{identity}/oauth/token", grant_type=grant, client_id=client, device_code=code["device_code"]
    )
    assert status == 200
    assert f"{client} {name}" in ran("token", "grants", "--terminal", name)
    assert ran("token", "end", name) == "ended: 1"
    assert ran("token", "grants", "--client", client) == "nothing is granted"
    first = json.loads(ran("token", "keys"))["keys"][0]["kid"]
    assert ran("token", "rotate") == f"signs now: {json.loads(ran('token', 'keys'))['keys'][0]['kid']}"
    assert json.loads(ran("token", "keys"))["keys"][1]["kid"] == first
    assert "GRANT_UNKNOWN" in ran("token", "register", "x", *flags, "--grant", "client-credentials", code=1)
    assert "cannot be read" in ran(
        "token", "register", "x", *flags, "--key-set", str(tmp_path / "no"), code=1
    )
