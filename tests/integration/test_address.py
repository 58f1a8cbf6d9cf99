"""The address centre on the real NATS: delegation exactly once, under concurrency and through a kill -9."""

import asyncio
import ipaddress
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from itertools import pairwise

import grpc
import pytest

from sixfold.address.config import AddressSettings
from sixfold.address.service import Dependencies, build
from sixfold.api.address.v1 import address_pb2 as pb
from sixfold.api.address.v1 import events_pb2
from sixfold.api.address.v1.address_pb2_grpc import AddressServiceStub
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.rpc import ClientSettings, connect, reason_of
from sixfold.chassis.testing import eventually, free_port

pytestmark = pytest.mark.nats
HOME = pb.CreatePoolRequest(pool_id="home", prefix="2001:db8::/40", purpose="households", longest_length=64)


@asynccontextmanager
async def centre(url, telemetry, **settings):
    messaging = Messaging(NatsSettings(servers=(url,), name="address"))
    await messaging.start()
    service = build(AddressSettings(**settings), Dependencies(messaging, telemetry))
    await service.start()
    try:
        async with connect(service.rpc.address) as channel:
            yield AddressServiceStub(channel)
    finally:
        await service.stop()
        await messaging.stop()


def wish(key, length=56, pool="home", holder="s-1", lease=0):
    return pb.DelegatePrefixRequest(
        pool_id=pool, length=length, idempotency_key=key, holder=holder, lease_seconds=lease
    )


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code().name, reason_of(caught.value)


async def every_delegation(stub, **wanted):
    found, token = [], ""
    while True:
        page = await stub.ListDelegations(
            pb.ListDelegationsRequest(page_size=500, page_token=token, **wanted)
        )
        found += page.delegations
        token = page.next_page_token
        if not token:
            return found


def require_no_overlap(prefixes):
    networks = sorted(ipaddress.ip_network(prefix) for prefix in prefixes)
    for before, after in pairwise(networks):
        assert before.broadcast_address < after.network_address


async def test_a_prefix_is_asked_for_by_length_and_kept(nats_url, telemetry):
    async with centre(nats_url, telemetry) as stub:
        await stub.CreatePool(HOME)
        answer = await stub.DelegatePrefix(wish("a", lease=3600))
        assert answer.delegation.prefix == "2001:db8::/56"
        assert answer.delegation.HasField("expires")
        again = await stub.DelegatePrefix(wish("a", lease=3600))
        assert again.repeated_call
        assert again.delegation == answer.delegation
        lookup = await stub.LookupAddress(pb.LookupAddressRequest(address="2001:db8:0:12::1"))
        assert lookup.delegation.delegation_id == answer.delegation.delegation_id
        use = (await stub.GetPool(pb.GetPoolRequest(pool_id="home"))).utilisation
        assert use.delegations == 1
        assert use.delegated_share == pytest.approx(1 / 65_536)
        assert 0 < use.hd_ratio < 1
    async with centre(nats_url, telemetry) as stub:
        assert (await stub.DelegatePrefix(wish("a", lease=3600))).delegation == answer.delegation
        assert (await stub.DelegatePrefix(wish("b"))).delegation.prefix == "2001:db8:0:100::/56"


async def test_bad_wishes_get_their_reason(nats_url, telemetry):
    async with centre(nats_url, telemetry) as stub:
        await stub.CreatePool(HOME)
        await stub.CreatePool(HOME)
        small = pb.CreatePoolRequest(pool_id="small", prefix="192.0.2.0/31")
        await stub.CreatePool(small)
        first = (await stub.DelegatePrefix(wish("a"))).delegation
        for n in range(2):
            await stub.DelegatePrefix(wish(f"small-{n}", 32, "small"))

        def pool(**fields):
            return stub.CreatePool(pb.CreatePoolRequest(**({"pool_id": "x"} | fields)))

        assert await refused(pool(prefix="2001:db8::/129")) == ("INVALID_ARGUMENT", "PREFIX_MALFORMED")
        assert await refused(pool(prefix="2001:db8:1::/48")) == ("ALREADY_EXISTS", "POOL_OVERLAPS")
        assert await refused(pool(prefix="2001:db8::/32")) == ("ALREADY_EXISTS", "POOL_OVERLAPS")
        assert await refused(pool(pool_id="home", prefix="2001:db9::/48")) == (
            "ALREADY_EXISTS",
            "POOL_EXISTS",
        )
        assert await refused(pool(parent_id="none", length=48)) == ("NOT_FOUND", "PARENT_UNKNOWN")
        delegate = stub.DelegatePrefix
        assert await refused(delegate(wish("x", 39))) == ("INVALID_ARGUMENT", "LENGTH_OUT_OF_RANGE")
        assert await refused(delegate(wish("x", 65))) == ("INVALID_ARGUMENT", "LENGTH_OUT_OF_RANGE")
        assert await refused(delegate(wish("x", 4_000_000_000))) == (
            "INVALID_ARGUMENT",
            "LENGTH_OUT_OF_RANGE",
        )
        assert await refused(delegate(wish("x", pool="none"))) == ("NOT_FOUND", "POOL_UNKNOWN")
        assert await refused(delegate(wish("", 56))) == ("INVALID_ARGUMENT", "KEY_MALFORMED")
        assert await refused(delegate(wish("a", 60))) == ("ALREADY_EXISTS", "KEY_REUSED")
        assert await refused(delegate(wish("x", 32, "small"))) == ("RESOURCE_EXHAUSTED", "POOL_EXHAUSTED")
        number = first.delegation_id

        def release(version=0):
            return stub.ReleaseDelegation(
                pb.ReleaseDelegationRequest(delegation_id=number, expected_version=version)
            )

        renewed = await stub.RenewLease(
            pb.RenewLeaseRequest(delegation_id=number, lease_seconds=60, expected_version=1)
        )
        assert renewed.delegation.version == 2
        assert await refused(release(1)) == ("FAILED_PRECONDITION", "VERSION_STALE")
        await release(2)
        assert await refused(release()) == ("NOT_FOUND", "DELEGATION_UNKNOWN")
        lookup = stub.LookupAddress
        assert await refused(lookup(pb.LookupAddressRequest(address="x"))) == (
            "INVALID_ARGUMENT",
            "ADDRESS_MALFORMED",
        )
        assert await refused(lookup(pb.LookupAddressRequest(address="::1"))) == (
            "NOT_FOUND",
            "ADDRESS_UNMANAGED",
        )


async def test_a_batch_is_one_append_and_its_events_are_on_the_bus(nats_url, messaging, telemetry):
    async with centre(nats_url, telemetry) as stub:
        await stub.CreatePool(HOME)
        wishes = [wish(f"k{n}") for n in range(1_000)] + [wish("bad", 99)]
        answer = await stub.BatchDelegatePrefixes(pb.BatchDelegatePrefixesRequest(requests=wishes))
        require_no_overlap(result.delegated.delegation.prefix for result in answer.results[:-1])
        assert answer.results[-1].refused.reason == "LENGTH_OUT_OF_RANGE"
        stored = await messaging.js.get_last_msg("LEDGER_ADDRESS", "event.address.prefixes-delegated.v1")
        assert stored.headers["ce-type"] == "prefixes-delegated"
        event = events_pb2.PrefixesDelegated.FromString(stored.data)
        assert (event.first_id, event.length, len(event.networks)) == (1, 56, 16_000)
        assert list(event.holders) == ["s-1"] * 1_000
        assert await stub.ListPools(pb.ListPoolsRequest())
        assert len(await every_delegation(stub, holder="s-1")) == 1_000


async def test_a_bulk_in_columns_is_answered_place_by_place(nats_url, telemetry):
    def bulk(keys, **fields):
        return pb.BulkDelegatePrefixesRequest(
            **({"pool_id": "tiny", "length": 64, "idempotency_keys": keys, "holders": ["s-1"]} | fields)
        )

    async with centre(nats_url, telemetry) as stub:
        await stub.CreatePool(pb.CreatePoolRequest(pool_id="tiny", prefix="2001:db8::/61"))
        first = await stub.BulkDelegatePrefixes(bulk(["a", "b"]))
        again = await stub.BulkDelegatePrefixes(bulk(["b", "c", "", "c", *(f"k{n}" for n in range(7))]))
        assert list(again.delegation_ids) == [2, 3, 0, 3, 4, 5, 6, 7, 8, 0, 0]
        assert again.networks[:16] == first.networks[16:]
        assert list(again.repeated_calls) == [0, 3]
        assert {one.reason: list(one.places) for one in again.refused} == {
            "KEY_MALFORMED": [2],
            "POOL_EXHAUSTED": [9, 10],
        }
        call = stub.BulkDelegatePrefixes
        assert await refused(call(bulk(["x"], holders=["a", "b"]))) == (
            "INVALID_ARGUMENT",
            "HOLDERS_AND_KEYS_DIFFER",
        )
        assert await refused(call(bulk(["x"] * 50_001))) == ("INVALID_ARGUMENT", "BATCH_TOO_LARGE")
        assert (await call(bulk(["x"], length=129))).refused[0].reason == "LENGTH_OUT_OF_RANGE"


async def test_room_reservations_renumbering_and_pools_live_through_a_restart(nats_url, telemetry):
    async with centre(nats_url, telemetry) as stub:
        await stub.CreatePool(
            pb.CreatePoolRequest(pool_id="home", prefix="2001:db8::/40", longest_length=64, room_length=48)
        )
        kept = pb.WithholdSpaceRequest(
            pool_id="home", prefix="2001:db8:80::/56", holder="s-9", reason="contract"
        )
        one = (await stub.DelegatePrefix(wish("a"))).delegation
        assert (await stub.DelegatePrefix(wish("b"))).delegation.prefix == "2001:db8:1::/56"
        await stub.WithholdSpace(kept)
        assert (await stub.DelegatePrefix(wish("c", holder="s-9"))).delegation.prefix == "2001:db8:80::/56"
        grown = await stub.GrowDelegation(
            pb.GrowDelegationRequest(delegation_id=one.delegation_id, length=48, expected_version=1)
        )
        assert grown.delegation.prefix == "2001:db8::/48"
        moved = await stub.RenumberDelegation(
            pb.RenumberDelegationRequest(
                delegation_id=2, idempotency_key="b2", overlap_seconds=3600, expected_version=1
            )
        )
        assert moved.old.HasField("expires")
        assert moved.new.prefix not in {"2001:db8:1::/56", "2001:db8:80::/56"}
        renew = stub.RenewLease(pb.RenewLeaseRequest(delegation_id=2))
        assert await refused(renew) == ("FAILED_PRECONDITION", "DELEGATION_RENUMBERED")
        halves = await stub.SplitPool(pb.SplitPoolRequest(pool_id="home", other_pool_id="upper"))
        assert [halves.lower.prefix, halves.upper.prefix] == ["2001:db8::/41", "2001:db8:80::/41"]
        before = await every_delegation(stub)
    async with centre(nats_url, telemetry) as stub:
        assert await every_delegation(stub) == before
        spaces = (await stub.ListWithheldSpace(pb.ListWithheldSpaceRequest(pool_id="upper"))).spaces
        assert [(space.prefix, space.holder, space.delegation_id) for space in spaces] == [
            ("2001:db8:80::/56", "s-9", 3)
        ]
        opened = pb.OpenSpaceRequest(pool_id="upper", prefix="2001:db8:80::/56")
        assert await refused(stub.OpenSpace(opened)) == ("FAILED_PRECONDITION", "SPACE_IN_USE")
        merged = await stub.MergePools(pb.MergePoolsRequest(pool_id="home", other_pool_id="upper"))
        assert merged.pool.prefix == "2001:db8::/40"
        read = await stub.GetDelegation(pb.GetDelegationRequest(delegation_id=2))
        assert (read.successor_id, read.can_grow_to) == (moved.new.delegation_id, 48)
        assert await refused(
            stub.MergePools(pb.MergePoolsRequest(pool_id="home", other_pool_id="upper"))
        ) == (
            "NOT_FOUND",
            "POOL_UNKNOWN",
        )


async def test_a_storm_of_leases_lets_others_through(nats_url, telemetry):
    async with centre(nats_url, telemetry, ends_at_once=500) as stub:
        await stub.CreatePool(HOME)
        keys = [f"k{n}" for n in range(20_000)]
        await stub.BulkDelegatePrefixes(
            pb.BulkDelegatePrefixesRequest(
                pool_id="home", length=64, idempotency_keys=keys, holders=["s-1"], lease_seconds=1
            )
        )
        answered = 0

        async def over():
            nonlocal answered
            await stub.DelegatePrefix(wish(f"n{answered}", 64, holder="s-2"))
            answered += 1
            use = (await stub.GetPool(pb.GetPoolRequest(pool_id="home"))).utilisation
            return use.delegations == answered and use.quarantined == 0

        assert await eventually(over, timeout=30)
        assert {one.holder for one in await every_delegation(stub)} == {"s-2"}


async def test_leases_end_rest_and_are_given_again(nats_url, telemetry):
    async with centre(nats_url, telemetry) as stub:
        await stub.CreatePool(
            pb.CreatePoolRequest(
                pool_id="tiny", prefix="2001:db8::/63", longest_length=64, quarantine_seconds=1
            )
        )
        for n in range(2):
            await stub.DelegatePrefix(wish(f"k{n}", 64, "tiny", lease=1))
        assert await refused(stub.DelegatePrefix(wish("next", 64, "tiny"))) == (
            "RESOURCE_EXHAUSTED",
            "POOL_EXHAUSTED",
        )

        async def given():
            try:
                return (await stub.DelegatePrefix(wish("next", 64, "tiny"))).delegation.prefix
            except grpc.aio.AioRpcError as error:
                if reason_of(error) != "POOL_EXHAUSTED":
                    raise
                return None

        assert await eventually(given) == "2001:db8::/64"


async def test_a_snapshot_shortens_the_start_and_changes_nothing(nats_url, messaging, telemetry):
    async with centre(nats_url, telemetry, snapshot_every=100) as stub:
        await stub.CreatePool(HOME)
        for n in range(150):
            await stub.DelegatePrefix(wish(f"k{n}"))

        async def written():
            try:
                store = await messaging.js.object_store("SNAPSHOTS")
                return (await store.get("address")).data
            except Exception:
                return None

        assert b"book-3" in (await eventually(written))[:64]
        before = await every_delegation(stub, pool_id="home")
    async with centre(nats_url, telemetry, snapshot_every=100) as stub:
        assert await every_delegation(stub, pool_id="home") == before
        assert (await stub.DelegatePrefix(wish("k7"))).delegation == before[7]


class Process:
    """The centre as its own process, as a pod runs it."""

    def __init__(self, url, folder):
        self.url, self.folder, self.port = url, folder, free_port()
        self.process = None

    def start(self):
        arguments = [f"rpc.port={self.port}", f'nats.servers=["{self.url}"]', "snapshot_every=500"]
        flags = [part for argument in arguments for part in ("--set", argument)]
        with (self.folder / "address.log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "sixfold.address", *flags], stderr=log)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def process(nats_url, tmp_path):
    made = Process(nats_url, tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


CLIENTS, WISHES = 64, 12
TRY_AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)


@pytest.mark.timeout(180)
async def test_64_clients_and_a_kill_in_the_middle_lose_nothing_and_share_nothing(process):
    """Every wish is tried with one key until it is answered; the process dies by kill -9 three times meanwhile."""
    answered: dict[str, str] = {}
    target = f"127.0.0.1:{process.port}"
    settings = ClientSettings(default_deadline=5)

    async def asked(stub, request):
        while True:
            try:
                return await stub.DelegatePrefix(request)
            except grpc.aio.AioRpcError as error:
                if error.code() not in TRY_AGAIN:
                    raise
                await asyncio.sleep(0.05)

    async def client(number):
        async with connect(target, settings) as channel:
            stub = AddressServiceStub(channel)
            for turn in range(WISHES):
                key, length = f"c{number}-{turn}", (56, 60, 64)[(number + turn) % 3]
                answer = await asked(stub, wish(key, length, holder=f"s-{number}"))
                answered[key] = answer.delegation.prefix

    async def deaths():
        for share in (0.2, 0.5, 0.8):
            await eventually(lambda share=share: len(answered) >= share * CLIENTS * WISHES, timeout=60)
            process.kill()
            process.start()

    process.start()
    async with connect(target, settings) as channel:
        stub = AddressServiceStub(channel)
        await stub.CreatePool(HOME, wait_for_ready=True, timeout=30)
        await asyncio.gather(deaths(), *(client(number) for number in range(CLIENTS)))
        assert len(answered) == CLIENTS * WISHES
        require_no_overlap(answered.values())
        process.kill()
        process.start()
        again = AddressServiceStub(channel)
        for key in ("c0-0", "c17-3", f"c{CLIENTS - 1}-{WISHES - 1}"):
            number, turn = (int(part) for part in key[1:].split("-"))
            answer = await asked(again, wish(key, (56, 60, 64)[(number + turn) % 3], holder=f"s-{number}"))
            assert answer.repeated_call
            assert answer.delegation.prefix == answered[key]
        kept = await every_delegation(again, pool_id="home")
        assert sorted(delegation.prefix for delegation in kept) == sorted(answered.values())


@pytest.mark.timeout(120)
async def test_a_bus_that_dies_by_kill_loses_nothing_and_gives_nothing_twice(nats_server, telemetry):
    server = nats_server()
    answered: dict[str, str] = {}

    async def client(stub, number):
        for turn in range(25):
            key = f"c{number}-{turn}"
            while key not in answered:
                try:
                    answer = await stub.DelegatePrefix(wish(key, 60), timeout=60)
                except grpc.aio.AioRpcError as error:
                    if error.code() not in TRY_AGAIN:
                        raise
                    await asyncio.sleep(0.05)
                else:
                    answered[key] = answer.delegation.prefix

    async def deaths():
        for share in (50, 120):
            await eventually(lambda share=share: len(answered) >= share, timeout=60)
            server.kill()
            server.start()

    async with centre(server.url, telemetry) as stub:
        await stub.CreatePool(HOME)
        await asyncio.gather(deaths(), *(client(stub, number) for number in range(8)))
        require_no_overlap(answered.values())
        kept = await every_delegation(stub, pool_id="home")
        assert sorted(delegation.prefix for delegation in kept) == sorted(answered.values())


@pytest.mark.timeout(120)
async def test_two_active_centres_cannot_both_win(nats_url, telemetry):
    """Not how it is run; but where it happens the ledger's fence holds: one append wins, the other decides again."""
    prefixes: list[str] = []

    async def client(stub, name):
        for turn in range(5):
            answer = None
            while answer is None:
                try:
                    answer = await stub.DelegatePrefix(wish(f"{name}-{turn}", 60), timeout=60)
                except grpc.aio.AioRpcError as error:
                    if error.code() not in TRY_AGAIN:
                        raise
                    await asyncio.sleep(0.02)
            prefixes.append(answer.delegation.prefix)

    async with centre(nats_url, telemetry) as one:
        await one.CreatePool(HOME)
        async with centre(nats_url, telemetry) as other:
            await asyncio.gather(
                *(client(stub, f"{name}{n}") for n in range(3) for name, stub in (("a", one), ("b", other)))
            )
    assert len(prefixes) == 30
    require_no_overlap(prefixes)
