"""AaaService: proto to domain and back."""

# ruff: noqa: N802 - the methods have the names of the contract

from typing import Any, Final

from sixfold.api.identity.v1 import aaa_pb2 as pb
from sixfold.api.identity.v1 import aaa_pb2_grpc
from sixfold.chassis.rpc import InvalidArgument, NotFound
from sixfold.identity.aaa.disconnecting import Disconnector
from sixfold.identity.aaa.servers import AccessServers
from sixfold.identity.domain.accounting import held
from sixfold.identity.domain.decisions import subscriber_of, terminal_of
from sixfold.identity.domain.registry import Registry
from sixfold.identity.domain.sessions import Session
from sixfold.identity.domain.values import RefusedError
from sixfold.identity.ports import RegistryLedger
from sixfold.identity.servicer import refusal, timestamp

PAGE: Final = 100
LONGEST_PAGE: Final = 1_000


class AaaServicer(aaa_pb2_grpc.AaaServiceServicer):
    def __init__(self, ledger: RegistryLedger, servers: AccessServers, disconnector: Disconnector) -> None:
        self._ledger = ledger
        self._servers = servers
        self._disconnector = disconnector

    async def ListSessions(self, request: pb.ListSessionsRequest, context: Any) -> pb.ListSessionsResponse:
        registry = self._ledger.state
        try:
            found = self._chosen(registry, request)
        except RefusedError as error:
            raise refusal(error) from error
        size = min(request.page_size or PAGE, LONGEST_PAGE)
        after = [one for one in sorted(found, key=lambda one: one.key) if one.key > request.page_token]
        page = after[:size]
        return pb.ListSessionsResponse(
            sessions=[_message(registry, one) for one in page],
            next_page_token=page[-1].key if len(after) > size else "",
        )

    def _chosen(self, registry: Registry, request: pb.ListSessionsRequest) -> list[Session]:
        if sum(map(bool, (request.terminal, request.subscriber, request.access_server))) != 1:
            detail = "name one of terminal, subscriber and access_server"
            raise InvalidArgument("terminal", detail, "SELECTION_MALFORMED")
        if request.terminal:
            return registry.sessions.of(terminal_of(registry, request.terminal).terminal)
        if request.subscriber:
            subscriber = subscriber_of(registry, request.subscriber).subscriber
            terminals = registry.terminals_of.get(subscriber, [])
            return [one for terminal in terminals for one in registry.sessions.of(terminal)]
        server = self._servers.of(request.access_server)
        if server is None:
            detail = f"no access server {request.access_server[:64]!r} is configured"
            raise NotFound(detail, reason="ACCESS_SERVER_UNKNOWN")
        return [one for nas in _names(registry, request.access_server) for one in registry.sessions.at(nas)]

    async def DisconnectSession(
        self, request: pb.DisconnectSessionRequest, context: Any
    ) -> pb.DisconnectSessionResponse:
        try:
            await self._disconnector.disconnect(request.key)
        except RefusedError as error:
            raise refusal(error) from error
        return pb.DisconnectSessionResponse()

    async def ListAccessServers(
        self, request: pb.ListAccessServersRequest, context: Any
    ) -> pb.ListAccessServersResponse:
        registry = self._ledger.state
        return pb.ListAccessServersResponse(
            access_servers=[
                pb.AccessServer(
                    name=one.name,
                    prefix=str(one.network),
                    gateway=one.gateway,
                    sessions=sum(len(registry.sessions.of_nas[nas]) for nas in _names(registry, one.name)),
                )
                for one in self._servers.all.values()
            ]
        )


def _names(registry: Registry, name: str) -> list[str]:
    """Of access servers with sessions: this one, and those behind it."""
    return [nas for nas in registry.sessions.of_nas if nas == name or nas.startswith(f"{name}/")]


def _message(registry: Registry, session: Session) -> pb.Session:
    return pb.Session(
        key=session.key,
        access_server=session.nas,
        session_id=session.session_id,
        terminal=session.terminal,
        gateway=session.gateway,
        since=timestamp(session.since),
        prefixes=[str(binding.prefix) for binding in held(registry, session)],
    )
