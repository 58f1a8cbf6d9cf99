"""Tokens over HTTP, on the real NATS: for clients, for terminals whose subscribers agree; refusals by their names."""

import asyncio
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import grpc
import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, OKPKey, RSAKey

from sixfold.api.identity.v1 import credential_pb2, identity_pb2
from sixfold.api.identity.v1 import token_pb2 as pb
from sixfold.api.identity.v1.token_pb2_grpc import TokenServiceStub
from sixfold.api.subjects import CENTRES
from sixfold.chassis.rpc import reason_of
from sixfold.chassis.testing import assert_eventually, free_ports
from sixfold.identity.oauth.assertions import KIND
from sixfold.incubator.config import IncubatorSettings
from sixfold.incubator.service import Dependencies, build

from .credential_centre import centre

pytestmark = pytest.mark.nats
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
BOTH = (pb.GRANT_TYPE_CLIENT_CREDENTIALS, pb.GRANT_TYPE_DEVICE_CODE)
CPE_SECRET = "correct horse battery"


class Partner:
    """A client, and what it does."""

    def __init__(self, at, client_id, secret=""):
        self.at, self.client_id, self.secret = at, client_id, secret

    async def post(self, path, *, basic=True, **fields):
        """(status, answer)"""
        proof = ("-u", f"{self.client_id}:{self.secret}") if basic and self.secret else ()
        if not proof and "client_assertion" not in fields:
            fields.setdefault("client_id", self.client_id)
        status, body = await self.at.curl(path, *proof, "--data", urlencode(fields))
        return status, json.loads(body) if body.strip() else {}

    async def token(self, grant_type="client_credentials", **fields):
        return await self.post("/oauth/token", grant_type=grant_type, **fields)

    async def introspect(self, token):
        return (await self.post("/oauth/introspect", token=token))[1]


@asynccontextmanager
async def tokens(url, telemetry, folder, **settings):
    oauth = {"poll_seconds": 1, **settings}
    async with centre(url, telemetry, folder, oauth=oauth, host_attempts=1000) as at:
        at.tokens = TokenServiceStub(at.channel)
        await assert_eventually(lambda: at.service.tokens.desk.oauth.signing_key is not None, 60)
        yield at


async def partner(at, *scopes, grant_types=BOTH, **more):
    request = pb.RegisterClientRequest(name="Smart home", scopes=scopes, grant_types=grant_types, **more)
    made = await at.tokens.RegisterClient(request)
    return Partner(at, made.client.client_id, made.client_secret)


async def with_secret(at, hardware="hg-1"):
    _, terminal = await at.terminal(hardware)
    secret = credential_pb2.SetCpeSecretRequest(terminal=terminal, secret=CPE_SECRET)
    await at.credentials.SetCpeSecret(secret)
    return terminal


async def agree(at, code, terminal, secret=CPE_SECRET, decision="agree"):
    form = {"user_code": code["user_code"], "terminal": terminal, "secret": secret, "decision": decision}
    return await at.curl("/oauth/device", "--data", urlencode(form))


async def polled(at, client, code):
    """As a device does: again while nobody has agreed or it asks too soon."""
    while True:
        status, answer = await client.token(DEVICE, device_code=code["device_code"])
        if answer.get("error") not in ("slow_down", "authorization_pending"):
            return status, answer
        # The desk's own measure of patience, without waiting for it.
        at.service.tokens.desk._polled.clear()


def part(token, number):
    text = token.split(".")[number]
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims(token):
    return json.loads(part(token, 1))


async def test_a_client_has_a_token_that_others_can_verify(nats_url, telemetry, tmp_path):
    async with tokens(nats_url, telemetry, tmp_path) as at:
        client = await partner(at, "traffic:read", "alerts:read")
        status, answer = await client.token(scope="traffic:read")
        assert status == 200
        assert (answer["token_type"], answer["expires_in"], answer["scope"]) == (
            "Bearer",
            600,
            "traffic:read",
        )
        token = answer["access_token"]
        # by the published key alone, with no library of tokens
        _, body = await at.curl("/.well-known/openid-configuration")
        (key,) = json.loads((await at.curl(json.loads(body)["jwks_uri"].removeprefix(at.url)))[1])["keys"]
        assert json.loads(part(token, 0)) == {"alg": "Ed25519", "kid": key["kid"], "typ": "at+jwt"}
        public = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(key["x"] + "="))
        public.verify(part(token, 2), token.rpartition(".")[0].encode())
        told = claims(token)
        assert (told["iss"], told["aud"], told["sub"]) == (at.url, "sixfold-openapi", client.client_id)
        assert (await client.introspect(token))["active"]
        stranger = await partner(at, "traffic:read")
        assert await stranger.introspect(token) == {"active": False}
        resource = await partner(at, "introspect")
        assert (await resource.introspect(token))["client_id"] == client.client_id
        assert (await client.post("/oauth/revoke", token=token))[0] == 200
        assert await client.introspect(token) == {"active": False}


async def test_refusals_have_the_names_of_the_rfcs(nats_url, telemetry, tmp_path):
    async with tokens(nats_url, telemetry, tmp_path) as at:
        client = await partner(at, "traffic:read", grant_types=[pb.GRANT_TYPE_CLIENT_CREDENTIALS])
        good = client.secret
        cases = (
            ({"scope": "addresses:write"}, 400, "invalid_scope"),
            ({"grant_type": "password"}, 400, "unsupported_grant_type"),
            ({"grant_type": ""}, 400, "invalid_request"),
            ({"grant_type": DEVICE, "device_code": "x"}, 400, "unauthorized_client"),
            ({"grant_type": "refresh_token"}, 400, "invalid_request"),
            ({"grant_type": "refresh_token", "refresh_token": "a.1.b"}, 400, "invalid_grant"),
            ({"client_secret": good}, 400, "invalid_request"),
        )
        for fields, status, error in cases:
            found = await client.token(**fields)
            assert (found[0], found[1]["error"]) == (status, error), fields
        client.secret = "wrong"
        status, answer = await client.token()
        assert (status, answer["error"]) == (401, "invalid_client")
        nobody = Partner(at, "c-nobody", "x")
        assert (await nobody.token())[1]["error"] == "invalid_client"
        client.secret = good
        status, _ = await at.curl("/oauth/token", "-H", "content-type: application/json", "--data", "{}")
        assert status == 400
        twice = "grant_type=client_credentials&grant_type=client_credentials"
        assert "twice" in (await at.curl("/oauth/token", "--data", twice))[1]
        assert (await at.curl("/oauth/token", "--data", "a=" + "x" * 20_000))[0] == 400
        await at.tokens.DisableClient(pb.DisableClientRequest(client_id=client.client_id))
        assert (await client.token())[1]["error"] == "invalid_client"
        counted = at.counted("oauth-token")
        assert counted["invalid_client"] == 3
        assert counted["invalid_scope"] == 1
        for request, reason in (
            (pb.RegisterClientRequest(name="x\ny", grant_types=BOTH), "NAME_MALFORMED"),
            (pb.RegisterClientRequest(name="x", grant_types=BOTH, scopes=["a b"]), "SCOPE_MALFORMED"),
            (pb.RegisterClientRequest(name="x"), "GRANT_UNKNOWN"),
            (pb.RegisterClientRequest(name="x", grant_types=BOTH, is_public=True), "GRANT_UNKNOWN"),
            (pb.RegisterClientRequest(name="x", grant_types=BOTH, key_set="{}"), "KEY_SET_MALFORMED"),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await at.tokens.RegisterClient(request)
            assert reason_of(caught.value) == reason


async def test_a_subscriber_agrees_and_the_device_goes_on(nats_url, telemetry, tmp_path):
    async with tokens(nats_url, telemetry, tmp_path) as at:
        terminal = await with_secret(at)
        device = await partner(
            at, "openid", "offline_access", grant_types=[pb.GRANT_TYPE_DEVICE_CODE], is_public=True
        )
        _, code = await device.post("/oauth/device_authorization", scope="openid offline_access")
        assert (await device.token(DEVICE, device_code=code["device_code"]))[1][
            "error"
        ] == "authorization_pending"
        assert (await device.token(DEVICE, device_code=code["device_code"]))[1]["error"] == "slow_down"
        status, page = await at.curl(
            code["verification_uri_complete"].removeprefix(at.url), "-H", "accept-language: zh-CN"
        )
        assert status == 200
        assert "Smart home" in page
        assert "请求的权限" in page
        assert (await agree(at, code, terminal, "wrong horse"))[0] == 403
        status, page = await agree(at, code, terminal)
        assert (status, "Agreed" in page) == (200, True)
        assert (await agree(at, code, terminal))[0] == 404, "a decision is made once"
        status, answer = await polled(at, device, code)
        assert status == 200
        subject = claims(answer["id_token"])["sub"]
        assert claims(answer["id_token"])["aud"] == device.client_id
        assert terminal not in json.dumps([claims(answer["id_token"]), claims(answer["access_token"])])
        bearer = f"authorization: Bearer {answer['access_token']}"
        assert json.loads((await at.curl("/oauth/userinfo", "-H", bearer))[1]) == {"sub": subject}
        # the code is worth nothing any more
        assert (await device.token(DEVICE, device_code=code["device_code"]))[1]["error"] == "invalid_grant"
        # another client knows the same terminal by another name
        other = await partner(at, "openid", grant_types=[pb.GRANT_TYPE_DEVICE_CODE])
        _, second = await other.post("/oauth/device_authorization")
        await agree(at, second, terminal)
        _, theirs = await polled(at, other, second)
        assert claims(theirs["id_token"])["sub"] != subject
        assert "refresh_token" not in theirs
        # denied
        _, third = await other.post("/oauth/device_authorization")
        assert "Denied" in (await agree(at, third, terminal, decision="deny"))[1]
        assert (await polled(at, other, third))[1]["error"] == "access_denied"
        # a suspended terminal has granted nothing for now
        await at.identity.Suspend(identity_pb2.SuspendRequest(pseudonym=terminal, reason="unpaid"))
        assert (await at.curl("/oauth/userinfo", "-H", bearer))[0] == 401
        refused = await device.token("refresh_token", refresh_token=answer["refresh_token"])
        assert refused[1]["error"] == "invalid_grant"
        await at.identity.Resume(identity_pb2.ResumeRequest(pseudonym=terminal))
        assert (await at.curl("/oauth/userinfo", "-H", bearer))[0] == 200
        listed = await at.tokens.ListGrants(pb.ListGrantsRequest(terminal=terminal))
        assert {one.client_id for one in listed.grants} == {device.client_id, other.client_id}
        assert (await at.tokens.EndGrants(pb.EndGrantsRequest(terminal=terminal))).ended == 2
        assert (await at.curl("/oauth/userinfo", "-H", bearer))[0] == 401


async def test_refresh_tokens_change_and_a_used_one_ends_all(nats_url, telemetry, tmp_path):
    async with tokens(nats_url, telemetry, tmp_path) as at:
        terminal = await with_secret(at)
        client = await partner(at, "offline_access")
        _, code = await client.post("/oauth/device_authorization")
        await agree(at, code, terminal)
        _, first = await polled(at, client, code)
        _, waiting = await client.post("/oauth/device_authorization")
        keys = (await at.tokens.GetKeySet(pb.GetKeySetRequest())).key_set
    # what was granted, who waits, and the keys are there after a restart
    async with tokens(nats_url, telemetry, tmp_path, issuer=at.url) as at:
        client.at = at
        assert (await at.tokens.GetKeySet(pb.GetKeySetRequest())).key_set == keys
        assert (await client.introspect(first["access_token"]))["active"]
        assert (await agree(at, waiting, terminal))[0] == 200
        assert (await polled(at, client, waiting))[0] == 200
        _, second = await client.token("refresh_token", refresh_token=first["refresh_token"])
        # the answer was lost: the same again
        _, again = await client.token("refresh_token", refresh_token=first["refresh_token"])
        assert again["refresh_token"] == second["refresh_token"] != first["refresh_token"]
        _, third = await client.token("refresh_token", refresh_token=second["refresh_token"])
        assert (await client.introspect(third["access_token"]))["active"]
        status, answer = await client.token("refresh_token", refresh_token=first["refresh_token"])
        assert (status, answer["error"]) == (400, "invalid_grant")
        # whoever has the newest one has nothing either
        assert (await client.token("refresh_token", refresh_token=third["refresh_token"]))[0] == 400
        assert await client.introspect(third["access_token"]) == {"active": False}


async def test_a_device_code_that_nobody_agreed_to_expires(nats_url, telemetry, tmp_path):
    async with tokens(nats_url, telemetry, tmp_path) as at:
        terminal = await with_secret(at)
        client = await partner(at, "openid")
        _, code = await client.post("/oauth/device_authorization")
        desk = at.service.tokens.desk
        desk._clock = lambda: time.time_ns() // 1_000_000 + 601_000
        assert (await client.token(DEVICE, device_code=code["device_code"]))[1]["error"] == "expired_token"
        assert (await agree(at, code, terminal))[0] == 404


async def test_keys_rotate_and_withdrawn_ones_verify_nothing(nats_url, telemetry, tmp_path):
    async with tokens(nats_url, telemetry, tmp_path) as at:
        client = await partner(at, "traffic:read")
        old = (await client.token())[1]["access_token"]
        await at.tokens.RotateSigningKey(pb.RotateSigningKeyRequest())
        new = (await client.token())[1]["access_token"]
        assert json.loads(part(old, 0))["kid"] != json.loads(part(new, 0))["kid"]
        assert (await client.introspect(old))["active"]
        answer = await at.tokens.GetKeySet(pb.GetKeySetRequest())
        assert len(json.loads(answer.key_set)["keys"]) == 2
        await at.tokens.RotateSigningKey(pb.RotateSigningKeyRequest(withdraw_others=True))
        assert await client.introspect(new) == {"active": False}
        newest = (await client.token())[1]["access_token"]
        # forged in the ways that are tried
        published = json.loads((await at.tokens.GetKeySet(pb.GetKeySetRequest())).key_set)["keys"]
        told = claims(newest)
        header = {"kid": published[0]["kid"], "typ": "at+jwt"}
        shared = OctKey.import_key(published[0]["x"])
        unsigned = urlsafe_b64encode(json.dumps({**header, "alg": "none"}).encode()).rstrip(b"=").decode()
        strange = OKPKey.generate_key("Ed25519")
        for forged in (
            jwt.encode({**header, "alg": "HS256"}, told, shared, algorithms=["HS256"]),
            f"{unsigned}.{newest.split('.')[1]}.",
            jwt.encode({**header, "alg": "Ed25519"}, told, strange, algorithms=["Ed25519"]),
            newest[:-6] + "AAAAAA",
        ):
            assert await client.introspect(forged) == {"active": False}
        assert (await client.introspect(newest))["active"]


async def test_a_client_with_keys_proves_itself_once_by_each_assertion(nats_url, telemetry, tmp_path):
    async with tokens(nats_url, telemetry, tmp_path) as at:
        key = OKPKey.generate_key("Ed25519", auto_kid=True)
        public = json.dumps(KeySet([key]).as_dict(private=False))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await partner(at, key_set=json.dumps(KeySet([key]).as_dict(private=True)))
        assert reason_of(caught.value) == "KEY_SET_MALFORMED"
        client = await partner(at, "traffic:read", key_set=public)
        assert client.secret == ""

        def assertion(number, signer=key, algorithm="Ed25519", **more):
            now = int(time.time())
            told = {
                "iss": client.client_id,
                "sub": client.client_id,
                "aud": at.url,
                "iat": now,
                "exp": now + 60,
                "jti": number,
                **more,
            }
            return jwt.encode({"alg": algorithm, "kid": key.kid}, told, signer, algorithms=[algorithm])

        async def ask(made):
            return await client.token(client_assertion=made, client_assertion_type=KIND)

        first = assertion("1")
        assert (await ask(first))[0] == 200
        for made in (
            first,
            assertion("2", aud="https://elsewhere.example"),
            assertion("3", exp=int(time.time()) - 1),
            assertion("4", exp=int(time.time()) + 86_400),
            assertion("5", iss="c-other"),
            assertion("6", iat=int(time.time()) - 400),
            assertion("7", OKPKey.generate_key("Ed25519")),
            assertion("8", OctKey.import_key(public), "HS256"),
            "no.assertion",
        ):
            status, answer = await ask(made)
            assert (status, answer["error"]) == (401, "invalid_client")
        assert (await ask(assertion("9")))[0] == 200


async def test_another_secret_ends_the_one_before(nats_url, telemetry, tmp_path):
    async with tokens(nats_url, telemetry, tmp_path) as at:
        client = await partner(at, "traffic:read")
        changed = await at.tokens.ChangeClientSecret(pb.ChangeClientSecretRequest(client_id=client.client_id))
        assert (await client.token())[1]["error"] == "invalid_client"
        client.secret = changed.client_secret
        assert (await client.token())[0] == 200


async def test_one_host_cannot_hold_all_device_codes_of_a_public_client(nats_url, telemetry, tmp_path):
    async with tokens(nats_url, telemetry, tmp_path, device_codes_per_host=2) as at:
        device = await partner(at, "openid", grant_types=[pb.GRANT_TYPE_DEVICE_CODE], is_public=True)
        answers = [await device.post("/oauth/device_authorization") for _ in range(3)]
        assert [status for status, _ in answers] == [200, 200, 429]
        assert answers[2][1]["error"] == "slow_down"
        # a client that proves itself is not held to it: it asks for many devices from one host
        proven = await partner(at, "openid")
        assert (await proven.post("/oauth/device_authorization"))[0] == 200


async def test_a_client_of_another_make_has_tokens(nats_url, telemetry, tmp_path, monkeypatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # no TLS stands before the centre of a test
    async with tokens(nats_url, telemetry, tmp_path) as at:
        metadata = json.loads((await at.curl("/.well-known/oauth-authorization-server"))[1])
        endpoint = metadata["token_endpoint"]
        terminal = await with_secret(at)
        client = await partner(at, "traffic:read", "offline_access")
        with OAuth2Session(client.client_id, client.secret, scope="traffic:read") as session:
            own = await asyncio.to_thread(session.fetch_token, endpoint, grant_type="client_credentials")
            told = {"token": own["access_token"]}
            asked = await asyncio.to_thread(
                session.introspect_token, metadata["introspection_endpoint"], **told
            )
            assert asked.json()["client_id"] == client.client_id
            await asyncio.to_thread(session.revoke_token, metadata["revocation_endpoint"], **told)
            assert await client.introspect(own["access_token"]) == {"active": False}
            _, code = await client.post("/oauth/device_authorization")
            await agree(at, code, terminal)
            granted = await asyncio.to_thread(
                session.fetch_token, endpoint, grant_type=DEVICE, device_code=code["device_code"]
            )
            fresh = await asyncio.to_thread(session.refresh_token, endpoint)
            assert fresh["refresh_token"] != granted["refresh_token"]
        for key, algorithm in (
            (RSAKey.generate_key(2048), None),
            (OKPKey.generate_key("Ed25519"), "Ed25519"),
        ):
            public = json.dumps(KeySet([key]).as_dict(private=False))
            client = await partner(at, "traffic:read", key_set=public)
            proof = PrivateKeyJWT(endpoint, alg=algorithm)
            with OAuth2Session(client.client_id, key, token_endpoint_auth_method=proof) as session:
                own = await asyncio.to_thread(session.fetch_token, endpoint, grant_type="client_credentials")
            assert claims(own["access_token"])["sub"] == client.client_id


async def test_the_open_api_takes_them(nats_url, telemetry, tmp_path):
    (port,) = free_ports(1)
    async with tokens(nats_url, telemetry, tmp_path) as at:
        away = dict.fromkeys(CENTRES, "127.0.0.1:9")
        settings = IncubatorSettings(
            http={"port": port},
            centres={**away, "identity": at.service.rpc.address},
            tokens={"recheck_seconds": 0},
            call_timeout=2.0,
        )
        web = build(settings, Dependencies(telemetry))
        await web.start()
        try:
            client = await partner(at, "alerts:read", "traffic:read", "no-scope-of-the-open-api")
            token = (await client.token(scope="alerts:read"))[1]["access_token"]

            async def call(path, bearer):
                url = f"http://127.0.0.1:{port}{path}"
                out = await at.run(
                    "curl", "-sS", "-w", "\n%{http_code}", "-H", f"authorization: Bearer {bearer}", url
                )
                body, _, status = out.rpartition("\n")
                return int(status), json.loads(body)

            # good: what it lets through to is the emergency centre, which is away here
            assert (await call("/v1/alerts", token))[0] == 503
            status, answer = await call("/v1/gateways", token)
            assert (status, "traffic:read" in answer["message"]) == (403, True)
            status, answer = await call("/v1/alerts", token[:-8] + "AAAAAAAA")
            assert status == 401
            assert "signature" in answer["message"]
            terminal = await with_secret(at)
            device = await partner(at, "alerts:read", "openid")
            _, code = await device.post("/oauth/device_authorization")
            await agree(at, code, terminal)
            _, answer = await polled(at, device, code)
            assert (await call("/v1/alerts", answer["access_token"]))[0] == 503
            assert (await call("/v1/alerts", answer["id_token"]))[0] == 401, "an ID token is no access token"
            # dead at once: the terminal's while it is suspended, a revoked one, a disabled client's
            theirs = answer["access_token"]
            await at.identity.Suspend(identity_pb2.SuspendRequest(pseudonym=terminal, reason="unpaid"))
            status, answer = await call("/v1/alerts", theirs)
            assert (status, "revoked" in answer["message"]) == (401, True)
            assert (await call("/v1/alerts", token))[0] == 503
            await at.identity.Resume(identity_pb2.ResumeRequest(pseudonym=terminal))
            assert (await call("/v1/alerts", theirs))[0] == 503
            await client.post("/oauth/revoke", token=token)
            assert (await call("/v1/alerts", token))[0] == 401
            another = (await client.token(scope="alerts:read"))[1]["access_token"]
            assert (await call("/v1/alerts", another))[0] == 503
            await at.tokens.DisableClient(pb.DisableClientRequest(client_id=client.client_id))
            assert (await call("/v1/alerts", another))[0] == 401
            # the keys are remembered for minutes; that one was withdrawn is known at once
            assert (await call("/v1/alerts", theirs))[0] == 503
            await at.tokens.RotateSigningKey(pb.RotateSigningKeyRequest(withdraw_others=True))
            assert (await call("/v1/alerts", theirs))[0] == 401
        finally:
            await web.stop()
