"""TokenService: proto to domain and back."""

# ruff: noqa: N802 - the methods have the names of the contract

import json
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from sixfold.api.identity.v1 import token_pb2 as pb
from sixfold.api.identity.v1 import token_pb2_grpc
from sixfold.chassis.rpc import InvalidArgument
from sixfold.identity.credentials.servicer import credential_refusal
from sixfold.identity.domain.decisions import terminal_of
from sixfold.identity.domain.oauth import CLIENT_CREDENTIALS, DEVICE_CODE, Client, Grant
from sixfold.identity.domain.oauth_decisions import client_of, is_good
from sixfold.identity.domain.values import RefusedError
from sixfold.identity.oauth.desk import TokenDesk
from sixfold.identity.oauth.keys import key_set
from sixfold.identity.servicer import timestamp

Result = TypeVar("Result")
PAGE: Final = 100
LARGEST_PAGE: Final = 1_000
_GRANT_TYPES: Final = {
    pb.GRANT_TYPE_CLIENT_CREDENTIALS: CLIENT_CREDENTIALS,
    pb.GRANT_TYPE_DEVICE_CODE: DEVICE_CODE,
}
_NUMBERS: Final = {word: number for number, word in _GRANT_TYPES.items()}


class TokenServicer(token_pb2_grpc.TokenServiceServicer):
    def __init__(self, desk: TokenDesk) -> None:
        self._desk = desk

    async def RegisterClient(
        self, request: pb.RegisterClientRequest, context: Any
    ) -> pb.RegisterClientResponse:
        client, secret = await _answered(
            self._desk.register(
                request.name,
                request.scopes,
                [_GRANT_TYPES.get(one, "unspecified") for one in request.grant_types],
                request.key_set,
                is_public=request.is_public,
            )
        )
        return pb.RegisterClientResponse(client=_client(client), client_secret=secret)

    async def ListClients(self, request: pb.ListClientsRequest, context: Any) -> pb.ListClientsResponse:
        return pb.ListClientsResponse(clients=[_client(one) for one in self._desk.oauth.clients.values()])

    async def ChangeClientSecret(
        self, request: pb.ChangeClientSecretRequest, context: Any
    ) -> pb.ChangeClientSecretResponse:
        secret = await _answered(self._desk.change_secret(request.client_id))
        return pb.ChangeClientSecretResponse(client_secret=secret)

    async def DisableClient(self, request: pb.DisableClientRequest, context: Any) -> pb.DisableClientResponse:
        return pb.DisableClientResponse(
            client=_client(await _answered(self._desk.disable(request.client_id)))
        )

    async def RotateSigningKey(
        self, request: pb.RotateSigningKeyRequest, context: Any
    ) -> pb.RotateSigningKeyResponse:
        key_id = await _answered(self._desk.rotate(withdraw_others=request.withdraw_others))
        return pb.RotateSigningKeyResponse(key_id=key_id)

    async def GetKeySet(self, request: pb.GetKeySetRequest, context: Any) -> pb.GetKeySetResponse:
        published = self._desk.oauth.published(self._desk.now())
        return pb.GetKeySetResponse(issuer=self._desk.maker.issuer, key_set=json.dumps(key_set(published)))

    async def CheckAccessToken(
        self, request: pb.CheckAccessTokenRequest, context: Any
    ) -> pb.CheckAccessTokenResponse:
        desk, now = self._desk, self._desk.now()
        good = is_good(desk.registry, request.client_id, request.token_id, request.grant_id, now)
        signs = not request.key_id or request.key_id in {one.key_id for one in desk.oauth.published(now)}
        return pb.CheckAccessTokenResponse(is_good=signs and bool(good))

    async def ListGrants(self, request: pb.ListGrantsRequest, context: Any) -> pb.ListGrantsResponse:
        try:
            found = sorted(self._selected(request), key=lambda one: one.grant_id)
        except RefusedError as error:
            raise credential_refusal(error) from error
        size = min(request.page_size or PAGE, LARGEST_PAGE)
        page = [one for one in found if one.grant_id > request.page_token][: size + 1]
        following = page[size - 1].grant_id if len(page) > size else ""
        return pb.ListGrantsResponse(grants=[_grant(one) for one in page[:size]], next_page_token=following)

    def _selected(self, request: pb.ListGrantsRequest) -> list[Grant]:
        oauth = self._desk.oauth
        if bool(request.terminal) == bool(request.client_id):
            raise InvalidArgument(
                "terminal", "name one of terminal and client_id", reason="SELECTION_MALFORMED"
            )
        now = self._desk.now()
        if request.terminal:
            terminal_of(self._desk.registry, request.terminal)
            found = oauth.of(request.terminal)
        else:
            client_of(self._desk.registry, request.client_id)
            found = [one for one in oauth.grants.values() if one.client_id == request.client_id]
        return [one for one in found if one.expires > now]

    async def EndGrants(self, request: pb.EndGrantsRequest, context: Any) -> pb.EndGrantsResponse:
        return pb.EndGrantsResponse(ended=await _answered(self._desk.end_all(request.terminal)))


async def _answered(asked: Awaitable[Result]) -> Result:
    try:
        return await asked
    except RefusedError as error:
        raise credential_refusal(error) from error


def _client(client: Client) -> pb.Client:
    return pb.Client(
        client_id=client.client_id,
        name=client.name,
        scopes=client.scopes,
        grant_types=[_NUMBERS[one] for one in client.grant_types],
        has_keys=bool(client.key_set),
        is_public=client.is_public,
        is_disabled=client.is_disabled,
        registered=timestamp(client.registered),
    )


def _grant(grant: Grant) -> pb.Grant:
    return pb.Grant(
        grant_id=grant.grant_id,
        client_id=grant.client_id,
        terminal=grant.terminal,
        scopes=grant.scopes,
        since=timestamp(grant.since),
        expires=timestamp(grant.expires),
    )
