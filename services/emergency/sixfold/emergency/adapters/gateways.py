"""Which gateways there are: those of the settings and those whose heartbeat was heard."""

import logging
from collections.abc import Callable, Mapping, Sequence

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.errors import APIError

from sixfold.api.subjects import HEARTBEAT_STREAM, gateway_token
from sixfold.chassis.messaging import Messaging

log = logging.getLogger(__name__)


class HeardGateways:
    """ports.Gateways; a component. The subject alone names the gateway: the server lets an agent publish only
    its own."""

    name = "gateways"

    def __init__(
        self,
        messaging: Messaging,
        *,
        areas: Mapping[str, Sequence[str]],
        most: int,
        heard: Callable[[], None],
        refused: Callable[[str], None],
    ) -> None:
        """`heard` is called for each new gateway, `refused` with the cause for one that is not taken in."""
        self._messaging = messaging
        self._areas: dict[str, Sequence[str]] = dict(areas)
        self._most = most
        self._heard = heard
        self._refused = refused
        self._subscription: Subscription | None = None

    def areas(self) -> Mapping[str, Sequence[str]]:
        return self._areas

    async def start(self) -> None:
        self._subscription = await self._messaging.nc.subscribe(
            "heartbeat.*", cb=self._on_heartbeat, pending_msgs_limit=65_536
        )
        try:
            # Those that beat before this centre started: the last heartbeat of each is kept.
            info = await self._messaging.js.stream_info(HEARTBEAT_STREAM, subjects_filter="heartbeat.>")
        except (nats.errors.Error, APIError) as error:
            log.info("no kept heartbeats (%s): gateways are known from their next one", error)
            return
        for subject in info.state.subjects or {}:
            self._take(subject)

    async def stop(self) -> None:
        if self._subscription is not None:
            try:
                await self._subscription.unsubscribe()
            except nats.errors.Error as error:
                log.debug("heartbeats: %s", error)

    async def _on_heartbeat(self, message: Msg) -> None:
        self._take(message.subject)

    def _take(self, subject: str) -> None:
        gateway = subject.partition(".")[2]
        if gateway in self._areas:
            return
        try:
            gateway_token(gateway)
        except ValueError:
            self._refused("malformed")
            return
        if len(self._areas) >= self._most:
            self._refused("too-many")
            return
        self._areas[gateway] = ()
        self._heard()
