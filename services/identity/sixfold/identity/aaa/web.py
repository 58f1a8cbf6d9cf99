"""Whether the holder of a certificate is admitted: asked over HTTP by the FreeRADIUS in front, once EAP-TLS has proven
the certificate. The answer is what rlm_rest makes reply attributes of."""

import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sixfold.identity.aaa.freeradius import PATH, door_password
from sixfold.identity.aaa.grants import Grants
from sixfold.identity.aaa.metering import AaaMeter
from sixfold.identity.aaa.servers import AccessServers
from sixfold.identity.credentials.web import basic, body_of, host_of, refused
from sixfold.identity.domain.credential_decisions import active_terminal
from sixfold.identity.domain.values import RefusedError
from sixfold.identity.ports import Clock, RegistryLedger

_DOOR: Final = "certificate"


class CertificateDoor:
    def __init__(
        self, ledger: RegistryLedger, servers: AccessServers, grants: Grants, meter: AaaMeter, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._servers = servers
        self._grants = grants
        self._meter = meter
        self._clock = clock

    def routes(self) -> list[Route]:
        return [Route(PATH, self.answer, methods=["POST"])]

    async def answer(self, request: Request) -> Response:
        try:
            self._require_server(request)
            terminal = self._admitted(_attributes(await body_of(request)))
        except RefusedError as refusal:
            self._meter.answered(_DOOR, refusal.reason.lower().replace("_", "-"))
            return refused(refusal)
        self._meter.answered(_DOOR, "accepted")
        told: dict[str, Any] = {"reply:User-Name": {"op": ":=", "value": [terminal]}}
        for name, value in self._grants.of(self._ledger.state, terminal):
            told.setdefault(f"reply:{name}", {"op": "+=", "value": []})["value"].append(str(value))
        return JSONResponse(told)

    def _require_server(self, request: Request) -> None:
        """An access server, from where it belongs, with what only it and we can make of its secret."""
        name, password = basic(request) or ("", "")
        server = self._servers.at(host_of(request))
        if server is None or server.name != name:
            raise RefusedError(
                "forbidden", "ACCESS_SERVER_UNKNOWN", "no access server of that name asks from there"
            )
        if not hmac.compare_digest(password.encode(), door_password(server.secret).encode()):
            raise RefusedError("forbidden", "ACCESS_SERVER_UNPROVEN", "wrong password of the access server")

    def _admitted(self, told: Mapping[str, Any]) -> str:
        """By the ledger as it is now, whatever a CRL or an OCSP answer said a moment ago. Raises RefusedError."""
        terminal, serial = _first(told, "TLS-Client-Cert-Common-Name"), _first(told, "TLS-Client-Cert-Serial")
        if not terminal or not serial:
            raise RefusedError("invalid", "CERTIFICATE_MISSING", "TLS-Client-Cert-Common-Name and -Serial")
        if _first(told, "User-Name") != terminal:
            raise RefusedError("forbidden", "NAME_MISMATCH", "the name given is not the certificate's")
        credentials = self._ledger.state.credentials
        serial = serial.lower().zfill(32)
        certificate = credentials.certificates.get(serial)
        if certificate is None or certificate.terminal != terminal:
            raise RefusedError(
                "forbidden", "CERTIFICATE_UNKNOWN", "this terminal was never given it, or it is over"
            )
        if serial in credentials.revoked:
            reason = credentials.revoked[serial].reason
            raise RefusedError("forbidden", "CERTIFICATE_REVOKED", f"revoked: {reason}")
        if certificate.not_after <= self._clock():
            raise RefusedError("forbidden", "CERTIFICATE_EXPIRED", "it has expired")
        active_terminal(self._ledger.state, terminal)
        return terminal


def _attributes(body: bytes) -> Mapping[str, Any]:
    """As rlm_rest writes them: `{"User-Name": {"type": "string", "value": ["…"]}, …}`."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise RefusedError("invalid", "BODY_MALFORMED", "a JSON object of attributes")
    return told  # pyright: ignore[reportUnknownVariableType] - of JSON


def _first(told: Mapping[str, Any], name: str) -> str:
    """The only value; empty where there is none, or more."""
    attribute = told.get(name)
    values: Any = attribute.get("value") if isinstance(attribute, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return str(values[0]) if isinstance(values, list) and len(values) == 1 else ""  # pyright: ignore[reportUnknownArgumentType]
