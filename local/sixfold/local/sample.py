"""The sample region: what the centres hold of the region that the simulator makes traffic of.

Its numbers follow `sixfold.agent.simulate.region`: 2001:db8:GGss:sssL gives each home a /60 below the /40 of its
gateway. Everything is asked for with keys, so asking again at the next start changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import grpc

from sixfold.api.address.v1 import address_pb2
from sixfold.api.address.v1.address_pb2_grpc import AddressServiceStub
from sixfold.api.convergence.v1 import convergence_pb2, events_pb2
from sixfold.api.convergence.v1.convergence_pb2_grpc import ConvergenceServiceStub
from sixfold.api.identity.v1 import identity_pb2
from sixfold.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from sixfold.local.settings_files import DHCPV6_POOL

GATEWAYS: Final = 3
HOMES: Final = 60
"""Homes at each gateway that are enrolled; the simulator has more subscribers than are known here."""
_TIMEOUT: Final = 20.0
_CLASSES: Final = (
    identity_pb2.TERMINAL_CLASS_HOME_GATEWAY,
    identity_pb2.TERMINAL_CLASS_LTE,
    identity_pb2.TERMINAL_CLASS_PERSON,
    identity_pb2.TERMINAL_CLASS_IOT,
)
_SERVICES: Final = (
    (
        "region television",
        events_pb2.NETWORK_BROADCAST,
        "iptv",
        ("ff3e:20:2001:db8::/64", "2001:db8:ff1f::/48"),
    ),
    ("region things", events_pb2.NETWORK_TELECOM, "iot", ("2001:db8:ff1e::/48",)),
)


def home_prefix(gateway: int, home: int) -> str:
    """The /60 of one home, as the simulator numbers it."""
    network = gateway << 24 | home << 4
    return f"2001:db8:{network >> 16:x}:{network & 0xFFFF:x}::/60"


def _pools() -> Iterator[address_pb2.CreatePoolRequest]:
    yield address_pb2.CreatePoolRequest(pool_id="region", prefix="2001:db8::/32", purpose="sample region")
    for gateway in range(GATEWAYS):
        yield address_pb2.CreatePoolRequest(
            pool_id=f"homes-{gateway}",
            parent_id="region",
            prefix=f"2001:db8:{gateway << 8:x}::/40",
            purpose=f"homes at gateway {gateway}",
            longest_length=60,
        )
    yield address_pb2.CreatePoolRequest(
        pool_id="partners",
        parent_id="region",
        prefix="2001:db8:e000::/40",
        purpose="open API",
        longest_length=64,
    )
    yield address_pb2.CreatePoolRequest(
        pool_id=DHCPV6_POOL,
        parent_id="region",
        prefix="2001:db8:d000::/40",
        purpose="edges that ask by DHCPv6",
        shortest_length=48,
        longest_length=64,
        lease_seconds=7_200,
        quarantine_seconds=600,
    )


def _addresses(stub: AddressServiceStub, holders: Sequence[str]) -> None:
    for pool in _pools():
        try:
            stub.CreatePool(pool, timeout=_TIMEOUT)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.ALREADY_EXISTS:  # pyright: ignore[reportAttributeAccessIssue]
                raise
    wishes = [
        address_pb2.DelegatePrefixRequest(
            pool_id=f"homes-{number // HOMES}",
            length=60,
            holder=holder,
            idempotency_key=f"sample-home-{number}",
        )
        for number, holder in enumerate(holders)
    ]
    stub.BatchDelegatePrefixes(address_pb2.BatchDelegatePrefixesRequest(requests=wishes), timeout=_TIMEOUT)


def _identities(stub: IdentityServiceStub, gateway: str) -> list[str]:
    """Enrol one subscriber and one terminal per home, bind each to its /60; the subscribers' pseudonyms."""
    numbers = range(GATEWAYS * HOMES)
    people = [
        identity_pb2.EnrolSubscriberRequest(
            person_reference=f"sample subscriber {number}", kind=identity_pb2.SUBSCRIBER_KIND_PERSON
        )
        for number in numbers
    ]
    answer = stub.BatchEnrolSubscribers(
        identity_pb2.BatchEnrolSubscribersRequest(requests=people), timeout=_TIMEOUT
    )
    subscribers = [one.enrolled.subscriber.subscriber for one in answer.results]
    things = [
        identity_pb2.EnrolTerminalRequest(
            subscriber=subscriber,
            terminal_class=_CLASSES[number % len(_CLASSES)],
            hardware_reference=f"sample terminal {number}",
        )
        for number, subscriber in enumerate(subscribers)
    ]
    terminals = stub.BatchEnrolTerminals(
        identity_pb2.BatchEnrolTerminalsRequest(requests=things), timeout=_TIMEOUT
    )
    bindings = [
        identity_pb2.BindAddressRequest(
            terminal=one.enrolled.terminal.terminal,
            prefix=home_prefix(number // HOMES, number % HOMES),
            gateway=gateway,
            idempotency_key=f"sample-binding-{number}",
        )
        for number, one in enumerate(terminals.results)
    ]
    stub.BatchBindAddresses(identity_pb2.BatchBindAddressesRequest(requests=bindings), timeout=_TIMEOUT)
    return subscribers


def _services(stub: ConvergenceServiceStub) -> None:
    for name, network, service_class, prefixes in _SERVICES:
        stub.RegisterService(
            convergence_pb2.RegisterServiceRequest(
                name=name,
                network=network,
                service_class=service_class,
                prefixes=prefixes,
                provider="sample",
                idempotency_key=f"sample-{service_class}",
            ),
            timeout=_TIMEOUT,
        )


def enrol_region(endpoints: Mapping[str, Any]) -> None:
    """Tell the centres of the sample region; grpc.RpcError where one refuses."""
    with (
        grpc.insecure_channel(endpoints["grpc.identity"]) as identity,
        grpc.insecure_channel(endpoints["grpc.address"]) as address,
        grpc.insecure_channel(endpoints["grpc.convergence"]) as convergence,
    ):
        subscribers = _identities(IdentityServiceStub(identity), endpoints["gateway"])
        _addresses(AddressServiceStub(address), subscribers)
        _services(ConvergenceServiceStub(convergence))
