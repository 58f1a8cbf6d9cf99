"""EST (RFC 7030), CRL and OCSP over HTTP. TLS is the business of what stands in front."""

import datetime as dt
from base64 import b64decode, encodebytes
from collections.abc import Awaitable, Callable
from email.utils import format_datetime
from typing import Final
from urllib.parse import unquote

from cryptography.hazmat.primitives.serialization import Encoding
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sixfold.chassis.ledger import LedgerError
from sixfold.identity.credentials.authority import certificates_only
from sixfold.identity.credentials.desk import CredentialDesk, Proof
from sixfold.identity.credentials.limits import Limit
from sixfold.identity.credentials.web import basic, body_of, host_of, refused
from sixfold.identity.domain.values import RefusedError
from sixfold.identity.ports import Meter

REQUEST_TYPE: Final = "application/pkcs10"
OCSP_TYPE: Final = "application/ocsp-request"
Endpoint = Callable[[Request], Awaitable[Response]]


class EstDoor:
    """`forwarded`: header in which the TLS terminator hands on the client's certificate, URL-encoded PEM; or empty."""

    def __init__(self, desk: CredentialDesk, meter: Meter, *, per_host: Limit, forwarded: str) -> None:
        self._desk = desk
        self._meter = meter
        self._per_host = per_host
        self._forwarded = forwarded

    def routes(self) -> list[Route]:
        est = "/.well-known/est"
        return [
            Route(f"{est}/cacerts", self.authorities),
            Route(f"{est}/simpleenroll", self._answering("est-enrol", self.enrol), methods=["POST"]),
            Route(
                f"{est}/simplereenroll", self._answering("est-reenrol", self.enrol_again), methods=["POST"]
            ),
            Route("/ca/crl", self.revocation_list),
            Route("/ca/root.pem", self.root),
            Route("/ca/intermediate.pem", self.intermediate),
            Route("/ca/intermediate.der", self.intermediate_der),
            Route("/ocsp", self._answering("ocsp", self.status), methods=["POST"]),
            Route("/ocsp/{request:path}", self._answering("ocsp", self.status_by_path), methods=["GET"]),
        ]

    def _answering(self, wish: str, endpoint: Endpoint) -> Endpoint:
        async def answer(request: Request) -> Response:
            try:
                self._per_host.require(host_of(request))
                return await endpoint(request)
            except RefusedError as refusal:
                if refusal.kind == "forbidden" or refusal.reason in _UNCOUNTED:
                    self._meter.answered(wish, refusal.reason, 1)
                    self._per_host.take(host_of(request))
                return refused(refusal)
            except LedgerError as error:
                self._meter.answered(wish, "unavailable", 1)
                return Response(f"the ledger takes nothing now: {error}\n", 503, {"retry-after": "5"})

        return answer

    async def authorities(self, _: Request) -> Response:
        return _pkcs7(self._desk.authority.chain(), "application/pkcs7-mime")

    async def enrol(self, request: Request) -> Response:
        return await self._enrolled(request, await self._proven(request), "est-enrol")

    async def enrol_again(self, request: Request) -> Response:
        """By the certificate that is to be renewed, or by the CPE secret; a one-time token is for the first time."""
        pem = request.headers.get(self._forwarded, "") if self._forwarded else ""
        if pem:
            proof = self._desk.prove_by_certificate(unquote(pem).encode())
        else:
            proof = await self._proven(request)
            if proof.token_hash is not None:
                raise RefusedError("forbidden", "TOKEN_NOT_FOR_RENEWAL", "renew by certificate or secret")
        return await self._enrolled(request, proof, "est-reenrol")

    async def _proven(self, request: Request) -> Proof:
        named = basic(request)
        if named is None:
            raise RefusedError(
                "forbidden", "AUTHORIZATION_MISSING", "HTTP Basic: pseudonym and secret or token"
            )
        return await self._desk.prove(*named)

    async def _enrolled(self, request: Request, proof: Proof, wish: str) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != REQUEST_TYPE:
            raise RefusedError("invalid", "CONTENT_TYPE_WRONG", f"{REQUEST_TYPE} is taken", "content-type")
        certificate = await self._desk.enrol(await body_of(request), proof, wish=wish)
        return _pkcs7(certificates_only(certificate), "application/pkcs7-mime; smime-type=certs-only")

    async def revocation_list(self, _: Request) -> Response:
        data, until = self._desk.revocation_list()
        expires = format_datetime(dt.datetime.fromtimestamp(until / 1000, dt.UTC), usegmt=True)
        headers = {"expires": expires, "cache-control": "public, max-age=60"}
        return Response(data, media_type="application/pkix-crl", headers=headers)

    async def root(self, _: Request) -> Response:
        return _pem(self._desk.authority.root.public_bytes(Encoding.PEM))

    async def intermediate(self, _: Request) -> Response:
        return _pem(self._desk.authority.certificate.public_bytes(Encoding.PEM))

    async def intermediate_der(self, _: Request) -> Response:
        data = self._desk.authority.certificate.public_bytes(Encoding.DER)
        return Response(data, media_type="application/pkix-cert")

    async def status(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != OCSP_TYPE:
            raise RefusedError("invalid", "CONTENT_TYPE_WRONG", f"{OCSP_TYPE} is taken", "content-type")
        return _ocsp(self._desk.status(await body_of(request)))

    async def status_by_path(self, request: Request) -> Response:
        # Clients differ in whether they escape; base64's own slashes make more parts of the path.
        text = unquote(request.path_params["request"])
        try:
            der = b64decode(text + "=" * (-len(text) % 4), validate=True)
        except ValueError:
            der = b""
        return _ocsp(self._desk.status(der))


_UNCOUNTED: Final = ("CONTENT_TYPE_WRONG", "BODY_TOO_LARGE", "TOO_MANY_ATTEMPTS")
"""Refused before the desk, which counts its own."""


def _pkcs7(der: bytes, kind: str) -> Response:
    return Response(encodebytes(der), media_type=kind, headers={"content-transfer-encoding": "base64"})


def _pem(data: bytes) -> Response:
    return Response(data, media_type="application/x-pem-file")


def _ocsp(data: bytes) -> Response:
    return Response(data, media_type="application/ocsp-response")
