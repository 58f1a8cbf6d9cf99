"""Certificates of terminals: enrolled by curl, verified by openssl, revoked by CRL and OCSP; refusals by cause."""

import hashlib
import json
from base64 import b64encode
from urllib.parse import quote

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from sixfold.api.identity.v1 import credential_pb2 as pb
from sixfold.api.identity.v1 import identity_pb2
from sixfold.chassis.rpc import reason_of

from .credential_centre import EST, centre, enrol, keep, request_file

pytestmark = pytest.mark.nats
SECRET = "correct horse battery"


def reason(body):
    return json.loads(body)["reason"]


async def with_secret(at, hardware="hg-1"):
    subscriber, terminal = await at.terminal(hardware)
    await at.credentials.SetCpeSecret(pb.SetCpeSecretRequest(terminal=terminal, secret=SECRET))
    return subscriber, terminal


async def certificates(at, terminal):
    return (await at.credentials.ListCertificates(pb.ListCertificatesRequest(terminal=terminal))).certificates


async def verified(at, name, *, ok=True):
    """openssl's verdict on chain and CRL."""
    (at.folder / "crl.der").write_bytes(b"")
    await at.run("curl", "-sSf", "-o", "crl.der", f"{at.url}/ca/crl")
    await at.run(
        "openssl",
        "crl",
        "-inform",
        "DER",
        "-in",
        "crl.der",
        "-out",
        "crl.pem",
        "-CAfile",
        "ca-intermediate.pem",
    )
    check = ("openssl", "verify", "-purpose", "sslclient", "-crl_check", "-CAfile", "ca-root.pem")
    return await at.run(
        *check, "-untrusted", "ca-intermediate.pem", "-CRLfile", "crl.pem", f"{name}.pem", ok=ok
    )


async def asked(at, name, *more):
    """openssl's reading of the OCSP answer."""
    ask = (
        "openssl",
        "ocsp",
        "-issuer",
        "ca-intermediate.pem",
        "-cert",
        f"{name}.pem",
        "-url",
        f"{at.url}/ocsp",
    )
    return await at.run(*ask, "-CAfile", "ca-root.pem", "-verify_other", "ca-intermediate.pem", *more)


async def test_enrolled_verified_renewed_revoked(nats_url, telemetry, tmp_path):
    async with centre(nats_url, telemetry, tmp_path, forwarded_certificate_header="x-client-cert") as at:
        _, terminal = await at.terminal()
        made = await at.credentials.IssueEnrolmentToken(pb.IssueEnrolmentTokenRequest(terminal=terminal))
        status, body = await at.curl(f"{EST}/cacerts")
        keep(tmp_path, "chain", body)
        assert (tmp_path / "chain.pem").read_text().count("BEGIN CERTIFICATE") == 2

        request_file(tmp_path, "one", f"/CN={terminal}")
        status, body = await enrol(at, "one", terminal, made.token)
        assert status == 200, body
        keep(tmp_path, "one", body)
        await verified(at, "one")
        said = await asked(at, "one")  # with a nonce, by POST
        assert "Response verify OK" in said
        assert "one.pem: good" in said
        subject = await at.run(
            "openssl", "x509", "-in", "one.pem", "-noout", "-subject", "-nameopt", "RFC2253"
        )
        assert subject.strip() == f"subject=CN={terminal}"

        # A token pays once, also after a restart.
        request_file(tmp_path, "two")
        status, body = await enrol(at, "two", terminal, made.token)
        assert (status, reason(body)) == (401, "TOKEN_WRONG")

        pem = quote((tmp_path / "one.pem").read_text())
        status, body = await at.curl(
            f"{EST}/simplereenroll",
            *("-H", f"x-client-cert: {pem}", "-H", "content-type: application/pkcs10"),
            *("--data-binary", "@two.b64"),
        )
        assert status == 200, body
        keep(tmp_path, "two", body)
        await verified(at, "two")

        first, second = await certificates(at, terminal)
        assert first.status == second.status == pb.CERTIFICATE_STATUS_VALID
        revoke = pb.RevokeCertificateRequest(serial=first.serial, reason="keyCompromise")
        answer = await at.credentials.RevokeCertificate(revoke)
        assert answer.certificate.status == pb.CERTIFICATE_STATUS_REVOKED
        with pytest.raises(grpc.aio.AioRpcError) as again:
            await at.credentials.RevokeCertificate(revoke)
        assert reason_of(again.value) == "ALREADY_REVOKED"
        assert "certificate revoked" in await verified(at, "one", ok=False)
        await verified(at, "two")
        assert "Reason: keyCompromise" in await asked(at, "one", "-no_nonce")

        # A compromised key comes back under no new certificate, and its old one renews nothing.
        await at.credentials.SetCpeSecret(pb.SetCpeSecretRequest(terminal=terminal, secret=SECRET))
        status, body = await enrol(at, "one", terminal, SECRET)
        assert (status, reason(body)) == (409, "KEY_COMPROMISED")
        status, body = await at.curl(f"{EST}/simplereenroll", "-X", "POST", "-H", f"x-client-cert: {pem}")
        assert (status, reason(body)) == (401, "CERTIFICATE_REVOKED")
        assert at.counted("est-enrol") == {"done": 1, "TOKEN_WRONG": 1, "KEY_COMPROMISED": 1}
        assert at.counted("est-reenrol") == {"done": 1, "CERTIFICATE_REVOKED": 1}


async def test_certificates_follow_their_terminal_and_outlive_a_restart(nats_url, telemetry, tmp_path):
    async with centre(nats_url, telemetry, tmp_path) as at:
        subscriber, terminal = await with_secret(at)
        request_file(tmp_path, "one", key=("ed25519",))
        status, body = await enrol(at, "one", terminal, SECRET)
        assert status == 200, body
        keep(tmp_path, "one", body)
        await verified(at, "one")
        await at.identity.Suspend(identity_pb2.SuspendRequest(pseudonym=subscriber, reason="unpaid"))
        assert "certificateHold" in await asked(at, "one")
        assert [one.status for one in await certificates(at, terminal)] == [pb.CERTIFICATE_STATUS_ON_HOLD]
        status, body = await enrol(at, "one", terminal, SECRET)
        assert (status, reason(body)) == (401, "SECRET_WRONG")
        await at.identity.Resume(identity_pb2.ResumeRequest(pseudonym=subscriber, reason="paid"))
        assert "one.pem: good" in await asked(at, "one")
        number = x509.load_der_x509_crl((tmp_path / "crl.der").read_bytes())
        await at.identity.Retire(identity_pb2.RetireRequest(pseudonym=terminal, reason="returned"))
    async with centre(nats_url, telemetry, tmp_path, port=int(at.url.rpartition(":")[2])) as at:
        assert "certificate revoked" in await verified(at, "one", ok=False)
        assert "cessationOfOperation" in await asked(at, "one")
        newer = x509.load_der_x509_crl((tmp_path / "crl.der").read_bytes())
        numbers = [
            one.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number for one in (number, newer)
        ]
        assert numbers[0] < numbers[1]
        assert newer.next_update_utc is not None
        assert newer.next_update_utc > newer.last_update_utc


@pytest.mark.parametrize(
    ("key", "subject", "digest", "why"),
    [
        (("rsa", "-pkeyopt", "rsa_keygen_bits:1024"), "/", "sha256", "KEY_WEAK"),
        (("ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"), "/", "sha256", "KEY_WEAK"),
        (("ed448",), "/", "sha256", "KEY_UNSUPPORTED"),
        (("rsa", "-pkeyopt", "rsa_keygen_bits:2048"), "/", "sha1", "SIGNATURE_WEAK"),
        (("ed25519",), "/CN=t-somebody-else", "sha256", "SUBJECT_MISMATCH"),
        (("ed25519",), "/C=CN/O=Zhuque/CN=Li Wei", "sha256", "SUBJECT_NOT_PSEUDONYM"),
    ],
)
async def test_requests_against_the_policy(nats_url, telemetry, tmp_path, key, subject, digest, why):
    async with centre(nats_url, telemetry, tmp_path) as at:
        _, terminal = await with_secret(at)
        request_file(tmp_path, "bad", subject, key, digest)
        status, body = await enrol(at, "bad", terminal, SECRET)
        assert (status, reason(body)) == (400, why)
        assert at.counted("est-enrol") == {why: 1}
        assert not await certificates(at, terminal)


async def test_what_is_no_request_and_who_may_not_ask(nats_url, telemetry, tmp_path):
    async with centre(nats_url, telemetry, tmp_path, wrong_attempts=2, wrong_seconds=3_600) as at:
        _, terminal = await with_secret(at)
        _, other = await with_secret(at, "hg-2")
        request_file(tmp_path, "good")
        forged = bytearray((tmp_path / "good.csr").read_bytes())
        forged[-3] ^= 1
        (tmp_path / "forged.b64").write_bytes(b64encode(forged))
        (tmp_path / "torn.b64").write_bytes(b64encode(forged[:90]))
        (tmp_path / "text.b64").write_bytes(b"\xff not base64")
        (tmp_path / "huge.b64").write_bytes(b"A" * 20_000)
        refusals = {}
        for name in ("forged", "torn", "text", "huge"):
            status, body = await enrol(at, name, terminal, SECRET)
            refusals[name] = (status, reason(body))
        assert refusals == {
            "forged": (400, "CSR_FORGED"),
            "torn": (400, "CSR_MALFORMED"),
            "text": (400, "CSR_MALFORMED"),
            "huge": (413, "BODY_TOO_LARGE"),
        }
        status, body = await at.curl(f"{EST}/simpleenroll", "-u", f"{terminal}:{SECRET}", "-d", "x=1")
        assert (status, reason(body)) == (400, "CONTENT_TYPE_WRONG")
        status, body = await at.curl(f"{EST}/simpleenroll", "-X", "POST")
        assert (status, reason(body)) == (401, "AUTHORIZATION_MISSING")
        assert (await enrol(at, "good", terminal, SECRET))[0] == 200
        status, body = await enrol(at, "good", other, SECRET)
        assert (status, reason(body)) == (409, "KEY_REUSED")
        # Wrong secrets: two, then none is looked at; another terminal goes on.
        answers = [await enrol(at, "good", terminal, "wrong horse battery") for _ in range(3)]
        assert [(status, reason(body)) for status, body in answers] == [
            (401, "SECRET_WRONG"),
            (401, "SECRET_WRONG"),
            (429, "TOO_MANY_ATTEMPTS"),
        ]
        request_file(tmp_path, "another")
        assert (await enrol(at, "another", other, SECRET))[0] == 200
        assert (await enrol(at, "another", "t-nobody", SECRET))[0] == 401
        assert at.counted("est-enrol") == {
            "done": 2,
            "CSR_FORGED": 1,
            "CSR_MALFORMED": 2,
            "BODY_TOO_LARGE": 1,
            "CONTENT_TYPE_WRONG": 1,
            "AUTHORIZATION_MISSING": 1,
            "KEY_REUSED": 1,
            "SECRET_WRONG": 3,
            "TOO_MANY_ATTEMPTS": 1,
        }


async def test_an_expired_certificate_renews_nothing(nats_url, telemetry, tmp_path):
    async with centre(nats_url, telemetry, tmp_path, forwarded_certificate_header="x-client-cert") as at:
        _, terminal = await with_secret(at)
        request_file(tmp_path, "one")
        desk = at.service.credentials.desk
        real = desk._clock
        desk._clock = lambda: real() - 100 * 86_400_000  # enrolled a hundred days ago, for ninety
        status, body = await enrol(at, "one", terminal, SECRET)
        desk._clock = real
        assert status == 200
        keep(tmp_path, "one", body)
        assert "certificate has expired" in await verified(at, "one", ok=False)
        headers = ("-H", f"x-client-cert: {quote((tmp_path / 'one.pem').read_text())}")
        status, body = await at.curl(f"{EST}/simplereenroll", "-X", "POST", *headers)
        assert (status, reason(body)) == (401, "CERTIFICATE_EXPIRED")
        foreign = quote((tmp_path / "ca-root.pem").read_text())
        status, body = await at.curl(f"{EST}/simplereenroll", "-X", "POST", "-H", f"x-client-cert: {foreign}")
        assert (status, reason(body)) == (401, "CERTIFICATE_FOREIGN")
        assert at.counted("est-reenrol") == {"CERTIFICATE_EXPIRED": 1, "CERTIFICATE_FOREIGN": 1}


async def test_ocsp_by_path_and_about_strangers(nats_url, telemetry, tmp_path):
    async with centre(nats_url, telemetry, tmp_path) as at:
        issuer = x509.load_pem_x509_certificate((tmp_path / "ca-intermediate.pem").read_bytes())
        root = x509.load_pem_x509_certificate((tmp_path / "ca-root.pem").read_bytes())

        async def ask(der):
            text = quote(b64encode(der).decode(), safe="")
            await at.run("curl", "-sS", "-o", "answer.der", f"{at.url}/ocsp/{text}")
            return ocsp.load_der_ocsp_response((tmp_path / "answer.der").read_bytes())

        def about(certificate, of):
            builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, of, SHA1())
            return builder.build().public_bytes(Encoding.DER)

        key = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        name = hashlib.sha1(issuer.subject.public_bytes(), usedforsecurity=False).digest()
        strange = ocsp.OCSPRequestBuilder().add_certificate_by_hash(name, key, 4711, SHA1())
        never_issued = await ask(strange.build().public_bytes(Encoding.DER))
        assert never_issued.certificate_status == ocsp.OCSPCertStatus.UNKNOWN
        elsewhere = await ask(about(issuer, root))
        assert elsewhere.response_status == ocsp.OCSPResponseStatus.UNAUTHORIZED
        noise = await ask(b"noise")
        assert noise.response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST
        assert at.counted("ocsp") == {"unknown": 1, "other-issuer": 1, "malformed": 1}


async def test_secrets_are_set_verified_and_nowhere_in_the_clear(nats_url, telemetry, tmp_path, messaging):
    async with centre(nats_url, telemetry, tmp_path) as at:
        subscriber, terminal = await at.terminal()
        drawn = (await at.credentials.SetCpeSecret(pb.SetCpeSecretRequest(terminal=terminal))).drawn_secret

        async def good(secret, of=terminal):
            request = pb.VerifyCpeSecretRequest(terminal=of, secret=secret)
            return (await at.credentials.VerifyCpeSecret(request)).verified

        assert [
            await good(drawn),
            await good(drawn),
            await good("not this one"),
            await good(drawn, "t-x"),
        ] == [
            True,
            True,
            False,
            False,
        ]
        for weak in ("short", "aaaaaaaaaaaaaaaa", "x" * 200, "et_looks-like-a-token"):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await at.credentials.SetCpeSecret(pb.SetCpeSecretRequest(terminal=terminal, secret=weak))
            assert reason_of(refused.value) == "SECRET_TOO_WEAK"
        await at.credentials.SetCpeSecret(pb.SetCpeSecretRequest(terminal=terminal, secret=SECRET))
        assert [await good(drawn), await good(SECRET)] == [False, True]
        info = await messaging.js.stream_info("LEDGER_IDENTITY")
        for sequence in range(1, info.state.last_seq + 1):
            data = (await messaging.js.get_msg("LEDGER_IDENTITY", sequence)).data or b""
            assert drawn.encode() not in data
            assert SECRET.encode() not in data
        await at.identity.Retire(identity_pb2.RetireRequest(pseudonym=subscriber, reason="left"))
        assert not await good(SECRET)
        assert at.counted("verify-secret") == {"done": 3, "SECRET_WRONG": 4}
