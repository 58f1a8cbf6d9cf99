"""Valid sources on the real NATS: from bindings to gateways, whole and as differences, over restarts and refusals."""

from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import nkeys
import pytest
from google.protobuf import json_format

from sixfold.address.config import AddressSettings, GatewaySettings
from sixfold.address.service import Dependencies as AddressDependencies
from sixfold.address.service import build as build_address
from sixfold.api.address.v1 import gateways_pb2
from sixfold.api.address.v1.gateways_pb2_grpc import GatewayServiceStub
from sixfold.api.identity.v1 import identity_pb2 as pb
from sixfold.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from sixfold.chassis.commands import load_signer
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.rpc import connect
from sixfold.chassis.testing import assert_eventually
from sixfold.identity.config import IdentitySettings, SourceSettings
from sixfold.identity.service import Dependencies, build

from .gateway_in_words import SpokenGateway, make_command_streams

pytestmark = pytest.mark.nats
LONG = 60.0
PROFILE = {
    "gateway": "gw-1",
    "own": {"accessInterfaces": ["a0", "b0"], "sourceValidation": {"action": "ACTION_DROP"}},
    "links": [
        {"interface": "a0", "prefixes": ["2001:db8:a::/48"]},
        {"interface": "b0", "prefixes": ["2001:db8:b::/48"]},
    ],
}


class Keys:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, first in (("configuration", 0), ("sources", 1)):
            seed = nkeys.encode_seed(bytes(range(first, first + 32)), nkeys.PREFIX_BYTE_USER)
            (folder / f"{name}.nk").write_bytes(seed)
        for name in ("pseudonym", "vault"):
            (folder / f"{name}.key").write_text(bytes(range(32)).hex())

    @property
    def issuer(self) -> str:
        return load_signer(self.folder / "sources.nk").issuer


@asynccontextmanager
async def connected(url, name):
    messaging = Messaging(NatsSettings(servers=(url,), name=name))
    await messaging.start()
    try:
        yield messaging
    finally:
        await messaging.stop()


@asynccontextmanager
async def started(service):
    await service.start()
    try:
        async with connect(service.rpc.address) as channel:
            yield channel
    finally:
        await service.stop()


def address_centre(messaging, telemetry, keys):
    settings = AddressSettings(gateways=GatewaySettings(signing_seed_file=keys.folder / "configuration.nk"))
    return build_address(settings, AddressDependencies(messaging, telemetry))


def identity_centre(messaging, telemetry, keys, address):
    settings = IdentitySettings(
        pseudonym_key_file=keys.folder / "pseudonym.key",
        vault_key_file=keys.folder / "vault.key",
        nat_sessions=False,
        sources=SourceSettings(
            signing_seed_file=keys.folder / "sources.nk", address=address, linger_seconds=0.05
        ),
    )
    return build(settings, Dependencies(messaging, telemetry))


async def terminal(stub):
    person = pb.EnrolSubscriberRequest(person_reference="someone", kind=pb.SUBSCRIBER_KIND_PERSON)
    subscriber = (await stub.EnrolSubscriber(person)).subscriber.subscriber
    request = pb.EnrolTerminalRequest(subscriber=subscriber, terminal_class=pb.TERMINAL_CLASS_HOME_GATEWAY)
    return (await stub.EnrolTerminal(request)).terminal.terminal


async def bind(stub, terminal, prefix, gateway="gw-1"):
    request = pb.BindAddressRequest(
        terminal=terminal, prefix=prefix, gateway=gateway, idempotency_key=f"{gateway}-{prefix}"
    )
    return (await stub.BindAddress(request)).binding.binding_id


async def valid(gateway, wanted):
    async def told():
        await gateway.beat()
        return gateway.valid == wanted

    await assert_eventually(told, timeout=LONG)


async def test_bindings_become_valid_sources_of_their_gateway(nats_url, telemetry, tmp_path):
    keys = Keys(tmp_path)
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(connected(nats_url, "address"))
        await make_command_streams(bus)
        address = address_centre(bus, telemetry, keys)
        gateways = GatewayServiceStub(await stack.enter_async_context(started(address)))
        profile = json_format.ParseDict(PROFILE, gateways_pb2.GatewayProfile())
        gateway = SpokenGateway(bus, "gw-1", keys.issuer, load_signer(tmp_path / "configuration.nk").issuer)
        await gateway.listen()
        async with connected(nats_url, "identity") as own:
            service = identity_centre(own, telemetry, keys, address.rpc.address)
            async with started(service) as channel:
                stub = IdentityServiceStub(channel)
                holder = await terminal(stub)
                await bind(stub, holder, "2001:db8:a::/56")
                await gateways.PutGateway(gateways_pb2.PutGatewayRequest(profile=profile))
                first = {("2001:db8:a::/56", "a0")}
                await valid(gateway, first)
                second = await bind(stub, holder, "2001:db8:b:1::/64")
                await bind(stub, holder, "2001:db8:c::/64")  # no link leads there
                await bind(stub, holder, "2001:db8:a:f00::/64", gateway="gw-2")
                both = first | {("2001:db8:b:1::/64", "b0")}
                await valid(gateway, both)
                newest = gateway.commands[-1].set_valid_sources
                assert (newest.base_generation, len(newest.sources)) == (newest.generation - 1, 1)
                await stub.ReleaseBinding(pb.ReleaseBindingRequest(binding_id=second))
                await valid(gateway, first)
                assert len(gateway.commands[-1].set_valid_sources.removed) == 1
                # Started anew without its memory: told all of it.
                gateway.sources, gateway.started, gateway.valid = 0, datetime.now(UTC), set()
                await valid(gateway, first)
                assert gateway.commands[-1].set_valid_sources.base_generation == 0
                # A link moves to another interface.
                del profile.links[1]
                profile.links[0].interface = "b0"
                await gateways.PutGateway(gateways_pb2.PutGatewayRequest(profile=profile))
                await valid(gateway, {("2001:db8:a::/56", "b0")})
                told, generation = len(gateway.commands), gateway.sources
        async with connected(nats_url, "identity") as own:
            service = identity_centre(own, telemetry, keys, address.rpc.address)
            async with started(service) as channel:
                # A new run knows by its digest what the gateway has, and goes on from there.
                stub = IdentityServiceStub(channel)
                holder = await terminal(stub)
                for _ in range(3):
                    await gateway.beat()
                await bind(stub, holder, "2001:db8:a:a00::/56")
                await valid(gateway, {("2001:db8:a::/56", "b0"), ("2001:db8:a:a00::/56", "b0")})
                sent = [
                    one.set_valid_sources
                    for one in gateway.commands[told:]
                    if one.HasField("set_valid_sources")
                ]
                assert [one.generation for one in sent] == list(
                    range(generation + 1, generation + 1 + len(sent))
                )
