"""Disconnection of sessions at their access server (RFC 5176): asked for, or because a terminal may no longer be on."""

import asyncio
import time
from collections import deque
from typing import Any, Final

from pyrad import packet as radius
from pyrad.dictionary import Dictionary

from sixfold.identity.aaa.metering import AaaMeter
from sixfold.identity.aaa.servers import AccessServer, AccessServers
from sixfold.identity.domain.events import Event, LifecycleChanged
from sixfold.identity.domain.registry import Registry
from sixfold.identity.domain.sessions import Session
from sixfold.identity.domain.values import RefusedError
from sixfold.identity.ports import RegistryLedger

TRIES: Final = 3
TRY_SECONDS: Final = 1.4
WAITING: Final = 100_000
AT_ONCE: Final = 32


class Disconnector:
    def __init__(
        self, ledger: RegistryLedger, servers: AccessServers, known: Dictionary, meter: AaaMeter
    ) -> None:
        self._ledger = ledger
        self._servers = servers
        self._known = known
        self._meter = meter
        self._due: deque[str] = deque(maxlen=WAITING)
        self._wake = asyncio.Event()

    @property
    def registry(self) -> Registry:
        return self._ledger.state

    async def disconnect(self, key: str) -> None:
        """Done when the access server has said so; its accounting tells the end. Raises RefusedError."""
        session = self.registry.sessions.live.get(key)
        if session is None:
            raise RefusedError("unknown", "SESSION_UNKNOWN", f"no session {key[:64]!r} is live", "key")
        server = self._servers.of(session.nas)
        if server is None:
            detail = f"{session.nas} is no access server any more"
            raise RefusedError("precondition", "ACCESS_SERVER_UNKNOWN", detail, "key")
        try:
            answer = await self._ask(session, server)
        except TimeoutError:
            self._meter.disconnected("unanswered")
            detail = f"{server.name} did not answer at {server.host} port {server.disconnect_port}"
            raise RefusedError("precondition", "DISCONNECT_UNANSWERED", detail, "key") from None
        if answer.code != radius.DisconnectACK:
            self._meter.disconnected("refused")
            cause = (answer.get("Error-Cause") or [0])[0]
            detail = f"{server.name} refused, Error-Cause {cause}"
            raise RefusedError("precondition", "DISCONNECT_REFUSED", detail, "key")
        self._meter.disconnected("done")

    async def _ask(self, session: Session, server: AccessServer) -> Any:
        request = radius.CoAPacket(
            code=radius.DisconnectRequest, secret=server.secret, dict=self._known, message_authenticator=True
        )
        request.AddAttribute("User-Name", session.terminal)
        request.AddAttribute("Acct-Session-Id", session.session_id)
        if server.is_proxy:
            request.AddAttribute("NAS-Identifier", session.nas.partition("/")[2])
        request.AddAttribute("Event-Timestamp", int(time.time()))
        data = request.RequestPacket()
        loop = asyncio.get_running_loop()
        replies: asyncio.Queue[bytes] = asyncio.Queue(16)
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Replies(replies), remote_addr=(server.host, server.disconnect_port)
        )
        try:
            for _ in range(TRIES):
                transport.sendto(data)
                try:
                    async with asyncio.timeout(TRY_SECONDS):
                        while True:
                            reply = self._verified(request, await replies.get())
                            if reply is not None:
                                return reply
                except TimeoutError:
                    continue
            raise TimeoutError
        finally:
            transport.close()

    def _verified(self, request: Any, data: bytes) -> Any:
        try:
            reply = request.CreateReply(packet=data)
            return reply if request.VerifyReply(reply, data) else None
        except Exception:
            # pyrad raises more than PacketError over what is no packet
            return None

    # --- of itself

    def evolved(self, event: Event, *, replayed: bool) -> None:
        """A terminal or subscriber that is no longer active loses its sessions."""
        if replayed or not isinstance(event, LifecycleChanged) or event.state == "active":
            return
        registry = self.registry
        for terminal in registry.terminals_of.get(event.pseudonym, (event.pseudonym,)):
            self._due.extend(session.key for session in registry.sessions.of(terminal))
        self._wake.set()

    async def run(self) -> None:
        """Disconnects what is due, until it is cancelled; what an access server does not do is counted."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                some = [self._due.popleft() for _ in range(min(AT_ONCE, len(self._due)))]
                await asyncio.gather(*(self.disconnect(key) for key in some), return_exceptions=True)


class _Replies(asyncio.DatagramProtocol):
    def __init__(self, replies: asyncio.Queue[bytes]) -> None:
        self._replies = replies

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self._replies.full():
            self._replies.put_nowait(data)
