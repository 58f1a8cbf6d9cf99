"""Tokens put together."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.routing import Route

from sixfold.api.identity.v1.token_pb2_grpc import add_TokenServiceServicer_to_server
from sixfold.chassis.ledger import Ledger, LedgerError
from sixfold.chassis.lifecycle import Background, Component
from sixfold.identity.config import CredentialSettings, OAuthSettings
from sixfold.identity.credentials.desk import CredentialDesk
from sixfold.identity.credentials.limits import Limit
from sixfold.identity.domain.registry import Registry
from sixfold.identity.handlers import utc_milliseconds
from sixfold.identity.oauth.assertions import Assertions
from sixfold.identity.oauth.desk import TokenDesk
from sixfold.identity.oauth.door import OAuthDoor
from sixfold.identity.oauth.keys import TokenKeys
from sixfold.identity.oauth.page import VerificationPage
from sixfold.identity.oauth.servicer import TokenServicer
from sixfold.identity.oauth.tokens import Lifetimes, TokenMaker
from sixfold.identity.ports import Clock, Meter

log = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 60.0
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class TokenRoom:
    """before: what starts before the servers; after: once the ledger is read; routes: over HTTP."""

    before: Sequence[Component]
    after: Sequence[Component]
    services: Sequence[tuple[Callable[[Any, Any], None], Any]]
    routes: Sequence[Route]
    desk: TokenDesk


def build_tokens(
    settings: OAuthSettings,
    credentials: CredentialSettings,
    ledger: Ledger[Registry],
    desk: CredentialDesk,
    meter: Meter,
    clock: Clock = utc_milliseconds,
) -> TokenRoom:
    """Inert until its components are started."""
    keys = TokenKeys(credentials.key_file)
    issuer = (settings.issuer or credentials.url).rstrip("/")
    lifetimes = Lifetimes(
        settings.access_seconds, round(settings.refresh_days * 86_400), settings.device_seconds
    )
    maker = TokenMaker(keys, issuer, settings.audience, lifetimes)
    tokens = TokenDesk(ledger, desk, maker, clock, poll_seconds=settings.poll_seconds)
    per_host = Limit(burst=credentials.host_attempts, seconds=1.0, clock=clock)
    codes = settings.device_codes_per_host
    codes_per_host = Limit(burst=codes, seconds=settings.device_seconds / codes, clock=clock)
    door = OAuthDoor(tokens, Assertions(issuer, clock), meter, per_host, codes_per_host)
    rotation = _Rotation(tokens, round(settings.rotation_days * _DAY_MS))
    return TokenRoom(
        before=(keys,),
        after=(Background("oauth-rotation", rotation.run),),
        services=((add_TokenServiceServicer_to_server, TokenServicer(tokens)),),
        routes=[*door.routes(), *VerificationPage(tokens, meter, per_host).routes()],
        desk=tokens,
    )


class _Rotation:
    """Sees to it that a key signs, and none for longer than it should."""

    def __init__(self, desk: TokenDesk, lasts_ms: int) -> None:
        self._desk = desk
        self._lasts_ms = lasts_ms

    async def run(self) -> None:
        while True:
            key = self._desk.oauth.signing_key
            if key is None or key.made + self._lasts_ms <= self._desk.now():
                try:
                    log.info("another key signs the tokens: %s", await self._desk.rotate())
                except LedgerError as error:
                    log.warning("no new signing key yet: %s", error)
                    await asyncio.sleep(1)
                    continue
            await asyncio.sleep(_LOOK_SECONDS)
