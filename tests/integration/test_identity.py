"""The identity centre on the real NATS: enrolment, bindings, the sealed vault, live NAT sessions."""

import ipaddress
from contextlib import asynccontextmanager

import grpc
import nacl.secret
import numpy as np
import pytest
from nats.js.api import StreamConfig
from prometheus_client import generate_latest

from sixfold.api.flow.codec import encode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import ADDRESS, NAT_SESSION
from sixfold.api.identity.v1 import identity_pb2 as pb
from sixfold.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from sixfold.api.subjects import DEAD_LETTER_STREAM, NAT_STREAM, nat_subject
from sixfold.chassis.lifecycle import LifecycleError
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.rpc import connect, reason_of
from sixfold.chassis.testing import eventually
from sixfold.identity.config import IdentitySettings
from sixfold.identity.service import Dependencies, build

pytestmark = pytest.mark.nats
PERSON = "customer Zhuque, Li Wei"
VAULT_KEY = bytes(range(32, 64))


@pytest.fixture
def keys(tmp_path):
    files = {"pseudonym_key_file": tmp_path / "pseudonym.key", "vault_key_file": tmp_path / "vault.key"}
    files["pseudonym_key_file"].write_text(bytes(range(32)).hex())
    files["vault_key_file"].write_text(VAULT_KEY.hex() + "\n")
    return files


@asynccontextmanager
async def centre(url, telemetry, keys, **settings):
    messaging = Messaging(NatsSettings(servers=(url,), name="identity"))
    await messaging.start()
    service = build(IdentitySettings(**keys, **settings), Dependencies(messaging, telemetry))
    try:
        await service.start()
        async with connect(service.rpc.address) as channel:
            yield IdentityServiceStub(channel)
    finally:
        await service.stop()
        await messaging.stop()


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code().name, reason_of(caught.value)


async def enrolled(stub, hardware="356938035643809", person=PERSON):
    subscriber = (
        await stub.EnrolSubscriber(
            pb.EnrolSubscriberRequest(person_reference=person, kind=pb.SUBSCRIBER_KIND_PERSON)
        )
    ).subscriber.subscriber
    answer = await stub.EnrolTerminal(
        pb.EnrolTerminalRequest(
            subscriber=subscriber, terminal_class=pb.TERMINAL_CLASS_LTE, hardware_reference=hardware
        )
    )
    return subscriber, answer.terminal.terminal


def bind(stub, terminal, prefix, key, ports=(0, 0)):
    return stub.BindAddress(
        pb.BindAddressRequest(
            terminal=terminal,
            prefix=prefix,
            port_first=ports[0],
            port_last=ports[1],
            gateway="gw-1",
            idempotency_key=key,
        )
    )


def lookup(stub, address, port=0):
    return stub.LookupTerminal(pb.LookupTerminalRequest(address=address, port=port))


async def test_a_terminal_is_registered_bound_and_found_also_after_a_restart(nats_url, telemetry, keys):
    async with centre(nats_url, telemetry, keys, nat_sessions=False) as stub:
        subscriber, terminal = await enrolled(stub)
        assert await enrolled(stub) == (subscriber, terminal)
        await bind(stub, terminal, "2001:db8:1::/56", "a")
        await bind(stub, terminal, "192.0.2.1", "b", (1024, 2047))
        assert (await lookup(stub, "2001:db8:1::9")).terminal.terminal == terminal
    async with centre(nats_url, telemetry, keys, nat_sessions=False) as stub:
        assert (await lookup(stub, "192.0.2.1", 1500)).binding.prefix == "192.0.2.1/32"
        assert await refused(lookup(stub, "192.0.2.1")) == ("INVALID_ARGUMENT", "PORT_REQUIRED")
        assert await refused(lookup(stub, "192.0.2.1", 9)) == ("NOT_FOUND", "ADDRESS_UNBOUND")
        listed = await stub.ListBindings(pb.ListBindingsRequest(terminal=terminal))
        assert [binding.prefix for binding in listed.bindings] == ["2001:db8:1::/56", "192.0.2.1/32"]
        number = listed.bindings[0].binding_id
        await stub.ReleaseBinding(pb.ReleaseBindingRequest(binding_id=number))
        again = stub.ReleaseBinding(pb.ReleaseBindingRequest(binding_id=number))
        assert await refused(again) == ("FAILED_PRECONDITION", "BINDING_ENDED")
        retired = await stub.Retire(pb.RetireRequest(pseudonym=subscriber, reason="moved away"))
        assert retired.released_bindings == 1
        assert await refused(lookup(stub, "192.0.2.1", 1500)) == ("NOT_FOUND", "ADDRESS_UNBOUND")
        got = await stub.GetTerminal(pb.GetTerminalRequest(terminal=terminal))
        assert got.terminal.state == pb.LIFECYCLE_STATE_RETIRED
        resume = stub.Resume(pb.ResumeRequest(pseudonym=subscriber))
        assert await refused(resume) == ("FAILED_PRECONDITION", "ALREADY_RETIRED")


async def test_nothing_in_the_ledger_leads_to_a_person_and_the_vault_is_sealed(
    nats_url, messaging, telemetry, keys
):
    async with centre(nats_url, telemetry, keys, nat_sessions=False) as stub:
        subscriber, _ = await enrolled(stub)
    info = await messaging.js.stream_info("LEDGER_IDENTITY")
    assert info.state.messages == 2
    for number in (1, 2):
        stored = await messaging.js.get_msg("LEDGER_IDENTITY", number)
        everything = stored.data + repr(stored.headers).encode()
        assert not any(word in everything for word in (b"Zhuque", b"Li Wei", b"356938035643809"))
    bucket = await messaging.js.key_value("IDENTITY_VAULT")
    sealed = (await bucket.get(subscriber)).value
    assert b"Zhuque" not in sealed
    wrapped = (await messaging.js.get_msg("IDENTITY_VAULT_KEYS", 1)).data
    told, _, key = nacl.secret.SecretBox(VAULT_KEY).decrypt(wrapped).partition(b"\0")
    assert told.decode() == subscriber
    assert nacl.secret.SecretBox(key).decrypt(sealed).decode() == f"{subscriber}\0{PERSON}"


async def test_batches_are_answered_one_by_one(nats_url, telemetry, keys):
    async with centre(nats_url, telemetry, keys, nat_sessions=False) as stub:
        people = [pb.EnrolSubscriberRequest(person_reference=name) for name in ("a", "", "b", "a", "x" * 257)]
        answer = await stub.BatchEnrolSubscribers(pb.BatchEnrolSubscribersRequest(requests=people))
        outcomes = [r.refused.reason or r.enrolled.repeated_call for r in answer.results]
        assert outcomes == [False, "REFERENCE_MALFORMED", False, True, "REFERENCE_MALFORMED"]
        owner = answer.results[0].enrolled.subscriber.subscriber
        devices = [
            pb.EnrolTerminalRequest(subscriber=name, terminal_class=pb.TERMINAL_CLASS_IOT)
            for name in (owner, "s-none", owner)
        ]
        answer = await stub.BatchEnrolTerminals(pb.BatchEnrolTerminalsRequest(requests=devices))
        assert [r.refused.reason for r in answer.results] == ["", "SUBSCRIBER_UNKNOWN", ""]
        first, second = (answer.results[at].enrolled.terminal.terminal for at in (0, 2))
        assert first != second
        wishes = [
            pb.BindAddressRequest(terminal=name, prefix="192.0.2.5", gateway="gw-1", idempotency_key=name)
            for name in (first, second)
        ]
        answer = await stub.BatchBindAddresses(pb.BatchBindAddressesRequest(requests=wishes))
        assert [r.refused.reason for r in answer.results] == ["", "ADDRESS_TAKEN"]
        nameless = stub.EnrolTerminal(pb.EnrolTerminalRequest(subscriber=owner))
        assert await refused(nameless) == ("INVALID_ARGUMENT", "CLASS_UNKNOWN")


def columns(addresses):
    rows = len(addresses)
    made = {}
    for column in NAT_SESSION.columns:
        if column.required:
            shape = (rows, 16) if column.kind == ADDRESS else (rows,)
            made[column.name] = np.zeros(shape, dtype=column.dtype)
    for row, address in enumerate(addresses):
        made["src_address"][row] = list(ipaddress.ip_address(address).packed)
    return made


async def test_live_nat_sessions_are_held_against_the_bindings(nats_url, messaging, telemetry, keys):
    await messaging.ensure_stream(StreamConfig(name=NAT_STREAM, subjects=["nat.>"]))
    sequence = 0

    async def send(addresses):
        nonlocal sequence
        sequence += 1
        headers = BatchHeaders(
            NAT_SESSION.version, "gw-1", "*", "e", sequence, sequence, len(addresses), 0, 0
        ).to_nats()
        await messaging.publish(nat_subject("gw-1"), encode(NAT_SESSION, columns(addresses)), headers=headers)

    def counted(outcome):
        lines = generate_latest(telemetry.registry).decode().splitlines()
        mine = [line for line in lines if line.startswith("identity_nat_sessions_total{")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in mine if f'outcome="{outcome}"' in line)

    async with centre(nats_url, telemetry, keys, index_seconds=0.01) as stub:
        _, terminal = await enrolled(stub)
        await bind(stub, terminal, "2001:db8:1::/56", "a")
        await send(["2001:db8:1::1", "2001:db8:1:ff::1", "2001:db8:2::1"])
        await eventually(lambda: (counted("bound"), counted("unbound")) == (2, 1))
        await messaging.publish(
            nat_subject("gw-1"), b"no batch", headers={"Sixfold-Schema": "nat-session/1.0"}
        )

        async def buried():
            try:
                dead = await messaging.js.get_last_msg(DEAD_LETTER_STREAM, "dead.identity-sessions")
            except Exception:
                return None
            return dead.headers["Sixfold-Cause"]

        assert await eventually(buried) == "batch-malformed"
        await send(["2001:db8:1::1"])
        await eventually(lambda: counted("bound") == 3)


async def test_a_key_that_is_none_stops_the_start_and_is_not_shown(nats_url, telemetry, keys):
    keys["vault_key_file"].write_text("secret but no key")
    with pytest.raises(LifecycleError, match=r"vault_key_file .* holds no hexadecimal") as caught:
        async with centre(nats_url, telemetry, keys):
            pass
    assert "secret but" not in str(caught.value)


async def test_it_is_ready_without_a_nat_stream(nats_url, messaging, telemetry, keys):
    service = build(IdentitySettings(**keys), Dependencies(messaging, telemetry))
    await service.start()
    try:
        await eventually(lambda: service.ready)
    finally:
        await service.stop()
