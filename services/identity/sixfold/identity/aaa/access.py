"""Access-Requests answered: terminals prove themselves with the secret of a CPE."""

from typing import Any

from pyrad import packet as radius
from pyrad.dictionary import Dictionary

from sixfold.identity.aaa.grants import Grants
from sixfold.identity.aaa.packets import PacketRefusedError, one, read_access, text
from sixfold.identity.aaa.servers import AccessServer
from sixfold.identity.credentials.desk import CredentialDesk
from sixfold.identity.credentials.limits import TooManyError


class AccessDoor:
    def __init__(self, desk: CredentialDesk, known: Dictionary, grants: Grants) -> None:
        self._desk = desk
        self._known = known
        self._grants = grants

    async def answer(self, data: bytes, server: AccessServer) -> tuple[bytes, str]:
        """A reply and the outcome that it is counted under. Raises PacketRefusedError: no answer."""
        request = read_access(data, server.secret, self._known)
        if request.code == radius.StatusServer:
            return request.CreateReply().ReplyPacket(), "alive"
        outcome, terminal = await self._decide(request)
        reply = request.CreateReply()
        if outcome == "accepted":
            for name, value in self._grants.of(self._desk.registry, terminal):
                reply.AddAttribute(name, value)
        else:
            reply.code = radius.AccessReject
            reply.AddAttribute("Reply-Message", outcome)
        return reply.ReplyPacket(), outcome

    async def _decide(self, request: Any) -> tuple[str, str]:
        terminal, hidden = text(request, "User-Name"), one(request, "User-Password")
        if request.get("EAP-Message"):
            # EAP ends at the server in front, which has TLS (docs/operators/aaa.md).
            return "eap-is-not-spoken-here", ""
        if request.get("CHAP-Password"):
            # CHAP needs the secret itself (RFC 2865, 5.3), and only its hash is kept.
            return "chap-is-not-possible", ""
        if not terminal or not isinstance(hidden, bytes) or not 16 <= len(hidden) <= 128:
            return "credentials-missing", ""
        try:
            secret = request.PwDecrypt(hidden)
        except radius.PacketError as error:
            raise PacketRefusedError("attribute-malformed", str(error)) from error
        try:
            good = await self._desk.verify_secret(terminal, secret)
        except TooManyError:
            return "too-many-attempts", ""
        return ("accepted", terminal) if good else ("rejected", "")
