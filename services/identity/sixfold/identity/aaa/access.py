"""Access-Requests answered: terminals prove themselves with the secret of a CPE."""

from typing import Any, Final

from pyrad import packet as radius
from pyrad.dictionary import Dictionary

from sixfold.identity.aaa.packets import PacketRefusedError, one, read_access, text
from sixfold.identity.aaa.servers import AccessServer
from sixfold.identity.credentials.desk import CredentialDesk
from sixfold.identity.credentials.limits import TooManyError
from sixfold.identity.domain.accounting import KEYS
from sixfold.identity.domain.values import Binding

_IPV4: Final = 96
_LAN: Final = 64


class AccessDoor:
    def __init__(
        self, desk: CredentialDesk, known: Dictionary, *, session_seconds: int, interim_seconds: int
    ) -> None:
        self._desk = desk
        self._known = known
        self._session_seconds = session_seconds
        self._interim_seconds = interim_seconds

    async def answer(self, data: bytes, server: AccessServer) -> tuple[bytes, str]:
        """A reply and the outcome that it is counted under. Raises PacketRefusedError: no answer."""
        request = read_access(data, server.secret, self._known)
        if request.code == radius.StatusServer:
            return request.CreateReply().ReplyPacket(), "alive"
        outcome, terminal = await self._decide(request)
        reply = request.CreateReply()
        if outcome == "accepted":
            self._grant(reply, terminal)
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

    def _grant(self, reply: Any, terminal: str) -> None:
        """What the terminal holds for good goes with it; what sessions have brought does not."""
        if self._session_seconds:
            reply.AddAttribute("Session-Timeout", self._session_seconds)
        reply.AddAttribute("Acct-Interim-Interval", self._interim_seconds)
        registry = self._desk.registry
        for number in sorted(registry.bindings_of.get(terminal, ())):
            binding = registry.bindings[number]
            name = _attribute(binding)
            if name and not binding.key.startswith(KEYS):
                value = str(binding.prefix)
                reply.AddAttribute(name, value.removesuffix("/32") if name == "Framed-IP-Address" else value)


def _attribute(binding: Binding) -> str:
    length = binding.prefix.length
    if binding.prefix.network >> 32 == 0xFFFF and length >= _IPV4:
        return "Framed-IP-Address" if length == 128 and not binding.is_shared else ""
    return "Framed-IPv6-Prefix" if length == _LAN else "Delegated-IPv6-Prefix" if length < _LAN else ""
