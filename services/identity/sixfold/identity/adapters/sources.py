"""Valid sources to gateways: links from the address centre, numbers in a bucket, commands signed, receipts read."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import grpc
import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import APIError, BucketNotFoundError, KeyNotFoundError
from nats.js.kv import KeyValue

from sixfold.api.address.v1 import gateways_pb2 as pb
from sixfold.api.address.v1.gateways_pb2_grpc import GatewayServiceStub
from sixfold.api.agent.v1 import agent_pb2 as agent
from sixfold.api.subjects import event_subject
from sixfold.chassis.commands import CommandSender, SigningError, new_command, read_receipt
from sixfold.chassis.messaging import Inbound, Messaging, MessagingError
from sixfold.chassis.rpc import ClientSettings, connect
from sixfold.chassis.telemetry import Telemetry
from sixfold.identity.domain.prefix import parse_prefix
from sixfold.identity.domain.sources import Links, Step
from sixfold.identity.sources_ports import LinksUnavailableError, Numbered, SendError

KIND: Final = "sources"
BUCKET: Final = "IDENTITY_SOURCES"
PAGE: Final = 1_000
_CHANGES: Final = ("gateway-put", "gateway-removed")
_TROUBLE: Final = (nats.errors.Error, APIError, TimeoutError)


def links_of(profile: pb.GatewayProfile) -> Links | None:
    """None where the gateway does not look at sources."""
    own = profile.own
    if own.source_validation.action == agent.SourceValidation.ACTION_UNSPECIFIED:
        return None
    by_prefix = {parse_prefix(text): link.interface for link in profile.links for text in link.prefixes}
    only = own.access_interfaces[0] if len(own.access_interfaces) == 1 else ""
    return Links(by_prefix, only)


class AddressLinks:
    """sources_ports.GatewayLinks; a component. `changed` is called when a profile has changed."""

    name = "gateway-links"

    def __init__(
        self, messaging: Messaging, target: str, settings: ClientSettings, changed: Callable[[], None]
    ) -> None:
        self._messaging = messaging
        self._target = target
        self._settings = settings
        self._changed = changed
        self._channel: grpc.aio.Channel | None = None
        self._subscriptions: list[Subscription] = []

    async def start(self) -> None:
        self._channel = connect(self._target, self._settings)
        for event in _CHANGES:
            subject = event_subject("address", event)
            self._subscriptions.append(await self._messaging.nc.subscribe(subject, cb=self._tell))

    async def stop(self) -> None:
        for one in self._subscriptions:
            with suppress(nats.errors.Error):
                await one.unsubscribe()
        if self._channel is not None:
            await self._channel.close()

    async def _tell(self, _: Msg) -> None:
        self._changed()

    async def read(self) -> Mapping[str, Links]:
        assert self._channel is not None, "the links are not started"
        stub: Any = GatewayServiceStub(self._channel)
        found: dict[str, Links] = {}
        token = ""
        while True:
            try:
                page = await stub.ListGateways(pb.ListGatewaysRequest(page_size=PAGE, page_token=token))
            except grpc.aio.AioRpcError as error:
                raise LinksUnavailableError(
                    f"the address centre does not tell its gateways: {error.details()}"
                ) from error
            for one in page.gateways:
                links = links_of(one.profile)
                if links is not None:
                    found[one.profile.gateway] = links
            token = page.next_page_token
            if not token:
                return found


class SignedSources:
    """sources_ports.SourceCommands over JetStream."""

    def __init__(self, sender: CommandSender, *, lifetime: timedelta) -> None:
        self._sender = sender
        self._lifetime = lifetime

    async def send(self, gateway: str, step: Step) -> None:
        command_id = f"{KIND}:{gateway}:{step.generation}:{secrets.token_hex(4)}"
        command = new_command(command_id, gateway, now=datetime.now(UTC), lifetime=self._lifetime)
        told = command.set_valid_sources
        told.generation, told.base_generation = step.generation, step.base
        for field, sources in ((told.sources, step.sources), (told.removed, step.removed)):
            field.extend(agent.ValidSource(prefix=str(prefix), interface=name) for prefix, name in sources)
        try:
            await self._sender.send(KIND, command)
        except (MessagingError, SigningError) as error:
            raise SendError(str(error)) from error


class BucketNumbers:
    """sources_ports.SourceNumbers in a bucket of the bus, a value a gateway."""

    def __init__(self, messaging: Messaging) -> None:
        self._messaging = messaging
        self._bucket: KeyValue | None = None

    async def read(self, gateway: str) -> Numbered:
        try:
            entry = await (await self._open()).get(gateway)
        except KeyNotFoundError:
            return Numbered()
        except _TROUBLE as error:
            raise SendError(f"numbers of sources: {error or type(error).__name__}") from error
        return Numbered(**json.loads(entry.value)) if entry.value else Numbered()

    async def write(self, gateway: str, numbered: Numbered) -> None:
        try:
            await (await self._open()).put(gateway, json.dumps(asdict(numbered)).encode())
        except _TROUBLE as error:
            raise SendError(f"numbers of sources: {error or type(error).__name__}") from error

    async def _open(self) -> KeyValue:
        if self._bucket is None:
            try:
                self._bucket = await self._messaging.js.key_value(BUCKET)
            except BucketNotFoundError:
                self._bucket = await self._messaging.js.create_key_value(
                    KeyValueConfig(
                        bucket=BUCKET,
                        description="the newest generation of valid sources that each gateway was told",
                        storage=StorageType.FILE,
                        replicas=self._messaging.settings.replicas,
                    )
                )
        return self._bucket


class SourceReceipts:
    """The handler of the consumer on RECEIPTS: those of valid sources."""

    def __init__(self, answered: Callable[[agent.Receipt], None]) -> None:
        self._answered = answered

    async def handle(self, messages: Sequence[Inbound]) -> None:
        for message in messages:
            receipt = read_receipt(message)
            if receipt.command_id.startswith(f"{KIND}:"):
                self._answered(receipt)


class TelemetrySourceMeter:
    """sources_ports.SourceMeter over OpenTelemetry."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._commanded = telemetry.counter(
            "identity_source_commands_total", "to gateways, by kind (whole, difference) and outcome"
        )
        self._answered = telemetry.counter(
            "identity_source_receipts_total", "applied, refused, failed, expired, duplicate"
        )
        self._sources = telemetry.gauge("identity_valid_sources", "prefixes that are genuine, by gateway")
        self._left = telemetry.gauge(
            "identity_sources_left_out", "prefixes by gateway and cause: no link holds them, or too many"
        )

    def commanded(self, kind: str, outcome: str) -> None:
        self._commanded.add(1, {"kind": kind, "outcome": outcome})

    def answered(self, outcome: str) -> None:
        self._answered.add(1, {"outcome": outcome})

    def counted(self, gateway: str, sources: int, unlinked: int, over: int) -> None:
        self._sources.set(sources, {"gateway": gateway})
        self._left.set(unlinked, {"gateway": gateway, "cause": "no-link"})
        self._left.set(over, {"gateway": gateway, "cause": "too-many"})
