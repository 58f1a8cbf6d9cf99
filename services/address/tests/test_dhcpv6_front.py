"""What the front answers, without a bus or sockets."""

import asyncio
import ipaddress
from collections import Counter
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.address.dhcpv6.config import Dhcpv6Settings, LinkSettings
from sixfold.address.dhcpv6.front import Arrival, Front
from sixfold.address.domain import decisions, pools
from sixfold.address.domain.centre import Centre, evolve_centre
from sixfold.address.domain.dhcpv6.clients import client_of
from sixfold.address.domain.prefix import parse_prefix
from sixfold.address.domain.translation.decisions import RuleWish, put_rule
from sixfold.address.domain.translation.events import MapSpec
from sixfold.address.domain.values import PoolWish, RenumberWish
from sixfold.api.addressing.map_rule import Mode
from sixfold.chassis.ledger import LedgerUnavailableError

from . import dhcpv6_client as client

KEY = b"k" * 32
DUID = b"\0\4" + b"u" * 16
CLIENT = ("fe80::1", 546, 0, 3)
RELAY = ("2001:db8:ff::1", 547, 0, 0)
HOME = PoolWish("home", "", "2001:db8::/40", 0, "", 48, 64, 4000, 60, "dense")
LINK = LinkSettings(name="home", pool_id="home", length=56, shortest_length=52, longest_length=60)


class LedgerInMemory:
    """Decides as the ledger does, one after the other; `away` it refuses, `held` it waits."""

    def __init__(self):
        self.state = Centre()
        self.appends = 0
        self.events = []
        self.away = False
        self.free = asyncio.Event()
        self.free.set()

    async def transact(self, decide, *, key=None):
        await self.free.wait()
        if self.away:
            raise LedgerUnavailableError("away")
        return self.now(decide)

    def now(self, decide):
        events, result = decide(self.state)
        self.appends += bool(events)
        for event in events:
            evolve_centre(self.state, event)
        self.events += events
        return result


class Meter:
    def __init__(self):
        self.counts = Counter()

    def count(self, what, word, number=1):
        self.counts[what, word] += number

    def flush(self):
        pass


class Wire:
    """The door, and what came out of it."""

    def __init__(self, interface="eth1", is_multicast=True):
        self.interface, self.is_multicast = interface, is_multicast
        self.sent = []

    def send(self, data, address):
        self.sent.append((data, address))


class Bench:
    def __init__(self, *wishes, **more):
        self.ledger, self.meter, self.wire = LedgerInMemory(), Meter(), Wire()
        self.time = 1_700_000_000_000
        for wish in wishes or (HOME,):
            self.ledger.now(lambda centre, wish=wish: (pools.create_pool(centre.book, wish, self.time), None))
        chosen = Dhcpv6Settings(**({"links": (LINK,), "gather_seconds": 0} | more))
        self.front = Front(chosen, ledger=self.ledger, meter=self.meter, clock=lambda: self.time)
        self.front.open(key=KEY, duid=DUID)
        self.ledger.appends = 0

    @property
    def dropped(self):
        return {word: number for (what, word), number in self.meter.counts.items() if what == "dropped"}

    async def ask_all(self, *messages, source=CLIENT, wire=None):
        """What came out, in order, as (data, address)."""
        wire = wire or self.wire
        wire.sent.clear()
        self.front.receive([Arrival(message, source, wire) for message in messages])
        await self.settled()
        return list(wire.sent)

    async def settled(self):
        for _ in range(20):
            await asyncio.sleep(0)

    async def ask(self, message, **more):
        """The one answer; None where there is none."""
        sent = await self.ask_all(message, **more)
        assert len(sent) <= 1
        return client.read(sent[0][0]) if sent else None

    async def lease(self, edge, *hint):
        return await self.ask(edge.request(await self.ask(edge.solicit(*hint))))


@asynccontextmanager
async def bench(*wishes, **more):
    made = Bench(*wishes, **more)
    running = asyncio.create_task(made.front.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_four_messages_give_a_prefix_and_only_the_third_writes():
    async with bench() as b:
        edge = client.Edge()
        offered = await b.ask(edge.solicit())
        assert (offered.kind, offered.transaction) == (client.ADVERTISE, edge.transaction)
        assert offered.options[client.PREFERENCE] == [b"\xff"]
        assert offered.options[client.CLIENT_ID] == [edge.duid]
        assert offered.server == DUID
        assert b.ledger.appends == 0
        given_ = await b.ask(edge.request(offered))
        assert given_.kind == client.REPLY
        assert given_.prefixes == {1: [("2001:db8::/56", 3000, 4000)]} == offered.prefixes
        assert given_.times == {1: (1500, 2400)}
        assert b.ledger.appends == 1
        (event,) = b.ledger.events[1:]
        assert event.holders == (client_of(KEY, edge.duid).holder,)
        assert edge.duid.hex() not in repr(event)


async def test_every_client_is_offered_its_own_and_gets_what_it_was_offered():
    async with bench() as b:
        edges = [client.Edge(number) for number in range(40)]
        offers = [client.read(data) for data, _ in await b.ask_all(*(edge.solicit() for edge in edges))]
        assert len({offer.prefix for offer in offers}) == 40
        pairs = list(zip(edges, offers, strict=True))[::-1]
        replies = [client.read(data) for data, _ in await b.ask_all(*(e.request(o) for e, o in pairs))]
        assert [reply.prefix for reply in replies] == [offer.prefix for _, offer in pairs]
        assert b.ledger.appends == 1, "one append for all"


async def test_the_same_client_gets_the_same_prefix_and_the_same_answer():
    async with bench() as b:
        edge = client.Edge()
        offer = await b.ask(edge.solicit())
        request = edge.request(offer)
        first = await b.ask_all(request)
        later = request.replace(client.option(8, bytes(2)), client.option(8, b"\0\x64"))
        assert later != request, "the elapsed time is another"
        assert await b.ask_all(later) == first
        assert b.ledger.appends == 1
        again = await b.lease(edge)
        assert again.prefix == offer.prefix
        assert b.ledger.appends == 1
        other = await b.ask(edge.message(client.REQUEST, client.association(iaid=2), server=DUID))
        assert other.prefixes[2][0][0] != offer.prefix


async def test_a_retransmission_while_the_ledger_is_busy_is_answered_once():
    async with bench() as b:
        edge = client.Edge()
        request = edge.request(await b.ask(edge.solicit()))
        b.ledger.free.clear()
        assert await b.ask_all(request, request) == []
        assert await b.ask_all(edge.solicit(), edge.rebind()) != []
        b.wire.sent.clear()
        b.ledger.free.set()
        await b.settled()
        assert len(b.wire.sent) == 1
        assert b.dropped == {"repeated": 1, "busy": 1}


@pytest.mark.parametrize(
    ("hint", "length"), [("::/60", 60), ("::/48", 52), ("::/64", 60), ("::/56", 56), ("2001:db8:40::/57", 57)]
)
async def test_the_hint_at_a_length_is_honoured_within_the_links_bounds(hint, length):
    async with bench() as b:
        assert (await b.lease(client.Edge(), hint)).prefix.endswith(f"/{length}")


async def test_rapid_commit_needs_two_messages_where_it_is_allowed():
    rapid = client.option(client.RAPID)
    async with bench() as b:
        edge = client.Edge()
        reply = await b.ask(edge.message(client.SOLICIT, client.association(), rapid))
        assert reply.kind == client.REPLY
        assert client.RAPID in reply.options
        assert reply.prefix == "2001:db8::/56"
        assert b.ledger.appends == 1
    async with bench(rapid_commit=False) as b:
        reply = await b.ask(client.Edge().message(client.SOLICIT, client.association(), rapid))
        assert reply.kind == client.ADVERTISE
        assert b.ledger.appends == 0


async def test_renew_and_rebind_extend_and_what_is_fresh_is_not_written_again():
    async with bench() as b:
        edge = client.Edge()
        held = await b.lease(edge)
        b.time += 100_000
        assert (await b.ask(edge.renew(held))).prefixes[1][0][2] == 3900
        assert b.ledger.appends == 1
        b.time += 1_900_000
        assert (await b.ask(edge.renew(held))).prefixes == {1: [(held.prefix, 3000, 4000)]}
        b.time += 2_500_000
        assert (await b.ask(edge.rebind(held.prefix))).prefixes == {1: [(held.prefix, 3000, 4000)]}
        assert b.ledger.appends == 3
        b.time += 4_000_000
        ended = decisions.tick(b.ledger.state.book, b.time)
        b.ledger.now(lambda centre: (ended, None))
        lost = await b.ask(edge.renew(held))
        assert (lost.prefixes, lost.statuses) == ({1: []}, {1: client.NO_BINDING})


async def test_a_renew_without_a_binding_and_a_rebind_of_ours_end_what_is_shown():
    async with bench() as b:
        edge, other = client.Edge(1), client.Edge(2)
        held = await b.lease(edge)
        stolen = await b.ask(other.message(client.RENEW, client.association(held.prefix), server=DUID))
        assert stolen.statuses == {1: client.NO_BINDING}
        rebound = await b.ask(other.rebind(held.prefix))
        assert rebound.prefixes == {1: [(held.prefix, 0, 0)]}
        assert await b.ask(other.rebind("2001:dead::/56")) is None
        assert await b.ask(other.rebind()) is None
        both = edge.message(client.RENEW, client.association(held.prefix, "2001:db8:ff::/56"), server=DUID)
        assert (await b.ask(both)).prefixes[1][1] == ("2001:db8:ff::/56", 0, 0)


async def test_a_release_ends_it_and_the_holder_has_it_back_while_it_rests():
    async with bench() as b:
        edge = client.Edge()
        held = await b.lease(edge)
        gone = await b.ask(edge.release(held))
        assert (gone.status, gone.statuses) == (0, {})
        book = b.ledger.state.book
        assert book.delegation_at(parse_prefix(held.prefix).network).resting_until
        assert (await b.ask(edge.release(held))).statuses == {1: client.NO_BINDING}
        assert (await b.lease(client.Edge(2))).prefix != held.prefix
        assert (await b.lease(edge)).prefix == held.prefix
        page = book.pages["home"]
        assert (page.resting, page.resting_addresses, page.held) == (0, 0, 2)
        assert b.meter.counts["prefixes", "revived"] == 1


async def test_a_full_pool_says_so_and_offers_nothing():
    small = PoolWish("home", "", "2001:db8::/54", 0, "", 56, 56, 4000, 60, "dense")
    async with bench(small) as b:
        for number in range(4):
            await b.lease(client.Edge(number))
        edge = client.Edge(9)
        offered = await b.ask(edge.solicit())
        assert (offered.prefixes, offered.statuses) == ({1: []}, {1: client.NO_PREFIX})
        asked = await b.ask(edge.message(client.REQUEST, client.association("2001:db8::/56"), server=DUID))
        assert asked.statuses == {1: client.NO_PREFIX}
        assert b.meter.counts["prefixes", "POOL_EXHAUSTED"] == 1
        assert (await b.lease(client.Edge(2))).prefix


async def test_where_all_is_offered_who_asks_first_gets_it():
    small = PoolWish("home", "", "2001:db8::/55", 0, "", 56, 56, 4000, 60, "dense")
    async with bench(small) as b:
        edges = [client.Edge(number) for number in range(3)]
        offers = [await b.ask(edge.solicit()) for edge in edges]
        replies = [
            await b.ask(edge.request(offer)) for edge, offer in list(zip(edges, offers, strict=True))[::-1]
        ]
        assert [reply.statuses[1] for reply in replies] == [0, 0, client.NO_PREFIX]
        assert replies[0].prefix != replies[1].prefix


async def test_a_renumbering_is_told_with_both_prefixes():
    async with bench() as b:
        edge = client.Edge()
        held = await b.lease(edge)
        wish = RenumberWish(1, "operator", 1000)
        b.ledger.now(lambda centre: decisions.renumber(centre.book, wish, 0, b.time))
        b.time += 300_000
        (new, preferred, _), old = (await b.ask(edge.renew(held))).prefixes[1]
        assert new != held.prefix
        assert preferred == 3000
        assert old == (held.prefix, 0, 700)
        renewed = await b.ask(edge.message(client.RENEW, client.association(new), server=DUID))
        assert renewed.prefixes[1][0][0] == new


async def test_addresses_are_refused_each_by_itself():
    async with bench() as b:
        edge = client.Edge()
        offered = await b.ask(edge.message(client.SOLICIT, client.association(), client.addresses(iaid=4)))
        (body,) = offered.options[client.IA_NA]
        assert (body[:4], client.status_of(body[12:])) == (b"\0\0\0\4", client.NO_ADDRESSES)
        assert offered.prefix
        declined = await b.ask(edge.message(client.DECLINE, client.addresses("2001:db8::1"), server=DUID))
        (body,) = declined.options[client.IA_NA]
        assert client.status_of(body[12:]) == client.NO_BINDING


async def test_confirm_is_of_addresses_alone():
    link = LINK.model_copy(update={"link_addresses": (ipaddress.IPv6Network("2001:db8:ff::/64"),)})
    async with bench(links=(link,)) as b:
        edge = client.Edge()

        async def confirm(*parts):
            message = edge.message(client.CONFIRM, *parts)
            sent = await b.ask_all(client.through_relay(message, "2001:db8:ff::1"), source=RELAY)
            return client.read(client.from_relay(sent[0][0])[4]).status if sent else None

        assert await confirm(client.addresses("2001:db8:ff::7")) == 0
        assert await confirm(client.addresses("2001:db8:1::7")) == client.NOT_ON_LINK
        assert await confirm(client.association("2001:db8::/56")) is None
        assert b.dropped == {"nothing-to-confirm": 1}


async def test_information_is_given_without_a_client_id():
    servers, domains = (ipaddress.IPv6Address("2001:db8::53"),), ("example.net",)
    async with bench(dns_servers=servers, domains=domains) as b:
        edge = client.Edge()
        told = await b.ask(edge.message(client.INFORMATION, identified=False))
        assert told.options[client.DNS] == [servers[0].packed]
        assert told.options[client.DOMAINS] == [b"\7example\3net\0"]
        assert client.DNS not in (await b.ask(edge.solicit(wanted=(24,)))).options
        assert await b.ask(edge.message(client.INFORMATION, client.association())) is None


async def test_relays_and_links_say_which_pool():
    city = PoolWish("city", "", "2001:db9::/40", 0, "", 48, 64, 4000, 60, "dense")
    links = (
        LinkSettings(name="line", pool_id="city", interface_ids=("eth0/7",), holder="t-known"),
        LinkSettings(name="lines", pool_id="city", interface_ids=("eth0/*", "00ff*")),
        LinkSettings(
            name="relay", pool_id="home", link_addresses=(ipaddress.IPv6Network("2001:db8:ff::/64"),)
        ),
        LinkSettings(name="direct", pool_id="city", interfaces=("eth1",)),
    )
    async with bench(HOME, city, links=links) as b:

        async def pool(number, *hops):
            message = client.Edge(number).message(
                client.SOLICIT, client.association(), client.option(client.RAPID)
            )
            for link, interface_id in hops:
                message = client.through_relay(message, link, interface_id=interface_id)
            sent = await b.ask_all(message, source=RELAY)
            if not sent:
                return None
            data, address = sent[0]
            assert address == (RELAY[0], 547, 0, 0)
            for _, interface_id in reversed(hops):
                *_, told, data = client.from_relay(data)
                assert told == interface_id
            return client.read(data).prefix.split(":")[1]

        assert await pool(1, ("2001:db8:ff::1", None)) == "db8"
        assert await pool(2, ("2001:db8:ff::1", b"eth0/3"), ("2001:db8:aa::1", None)) == "db9"
        assert await pool(3, ("::", b"\0\xff\1")) == "db9"
        assert await pool(4, ("2001:db8:ff::1", b"x"), ("::", b"eth0/9")) == "db8"
        assert await pool(5, ("::", None), ("2001:db8:ff::2", None)) == "db8"
        assert await pool(6, ("2001:db8:1::1", None)) is None
        assert b.dropped == {"no-link": 1}
        assert (await b.lease(client.Edge(7))).prefix.startswith("2001:db9")
        assert await pool(8, ("::", b"eth0/7")) == "db9"
        assert b.ledger.events[-1].holders == ("t-known",)


async def test_ports_of_answers():
    async with bench() as b:
        ((_, address),) = await b.ask_all(client.Edge().solicit(), source=("fe80::1", 9999, 0, 3))
        assert address == CLIENT
        relayed = client.through_relay(client.Edge().solicit(), "2001:db8:ff::1")
        ((_, address),) = await b.ask_all(relayed, source=("2001:db8::9", 9999, 0, 0))
        assert address == ("2001:db8::9", 547, 0, 0)
        relayed = client.through_relay(client.Edge().solicit(), "2001:db8:ff::1", port=0)
        ((_, address),) = await b.ask_all(relayed, source=("2001:db8::9", 9999, 0, 0))
        assert address == ("2001:db8::9", 9999, 0, 0)


async def test_unicast_is_refused_unless_it_is_a_lab():
    async with bench() as b:
        edge = client.Edge()
        held = await b.lease(edge)
        unicast = Wire("", is_multicast=False)
        assert (await b.ask(edge.renew(held), wire=unicast)).status == client.USE_MULTICAST
        assert await b.ask(edge.solicit(), wire=unicast) is None
        assert b.dropped == {"unicast": 1}
    async with bench(unicast=True) as b:
        assert (await b.ask(edge.solicit(), wire=unicast)).prefix


async def test_what_is_for_nobody_or_another_server_is_passed_over():
    async with bench() as b:
        edge = client.Edge()
        for message in (
            edge.solicit(identified=False),
            edge.solicit(server=DUID),
            edge.message(client.REQUEST, client.association()),
            edge.message(client.REQUEST, client.association(), server=b"\0\4other"),
            b"\1",
        ):
            assert await b.ask(message) is None
        assert b.dropped == {
            "no-client-id": 1,
            "unexpected-server-id": 1,
            "no-server-id": 1,
            "other-server": 1,
            "truncated": 1,
        }


async def test_without_the_ledger_there_is_no_answer_and_it_goes_on_afterwards():
    async with bench() as b:
        edge = client.Edge()
        offer = await b.ask(edge.solicit())
        request = edge.request(offer)
        b.ledger.away = True
        assert await b.ask(request) is None
        b.ledger.away = False
        assert (await b.ask(request)).prefix == offer.prefix
        assert b.dropped == {"ledger-away": 1}


async def test_the_queue_is_bounded():
    async with bench(waiting=3) as b:
        requests = [
            client.Edge(number).message(client.REQUEST, client.association(), server=DUID)
            for number in range(5)
        ]
        b.ledger.free.clear()
        assert await b.ask_all(*requests) == []
        assert b.dropped == {"too-many-waiting": 2}
        b.ledger.free.set()
        await b.settled()
        assert len(b.wire.sent) == 3


async def test_an_edge_is_told_the_rule_of_its_prefix():
    async with bench() as b:
        wanted = (94, 95)
        spec = MapSpec(Mode.ENCAPSULATION, "2001:db8::/40", "192.0.2.0/24", 16, border="2001:db8:ffff::1")
        wish = RuleWish("map", "gw-1", spec)
        b.ledger.now(lambda centre: put_rule(centre.translations, wish, b.time))
        edge = client.Edge()
        told = await b.ask(edge.solicit(wanted=wanted))
        (container,) = told.options[94]
        inner = dict(client.options(container))
        assert inner[90] == ipaddress.IPv6Address("2001:db8:ffff::1").packed
        assert inner[89][:3] == bytes([0, 16, 24])
        assert 94 not in (await b.ask(edge.solicit())).options
        assert 94 not in (await b.ask(edge.solicit("::/60", wanted=wanted))).options


MESSAGES = st.sampled_from(
    [
        client.Edge(1).solicit(),
        client.Edge(1).solicit("2001:db8::/56"),
        client.Edge(2).message(client.SOLICIT, client.association(), client.option(client.RAPID)),
        client.Edge(1).message(client.REQUEST, client.association(), server=DUID),
        client.Edge(1).message(client.RELEASE, client.association("2001:db8::/56"), server=DUID),
        client.Edge(2).rebind("2001:db8::/56", "2001:db8:0:100::/56"),
        client.through_relay(client.Edge(3).solicit(), "2001:db8:ff::1", interface_id=b"x"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(MESSAGES, st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), max_size=3)),
        max_size=8,
    )
)
def test_damaged_messages_never_break_the_front(script):
    async def run():
        async with bench() as b:
            for message, damage in script:
                broken = bytearray(message)
                for place, value in damage:
                    broken[place % len(broken)] = value
                for data, _ in await b.ask_all(bytes(broken)):
                    if data[0] != client.RELAY_REPLY:
                        client.read(data)
            assert "failed" not in b.dropped
            received = sum(n for (what, _), n in b.meter.counts.items() if what == "received")
            assert received <= len(script)
            held = [one.prefix for one in b.ledger.state.book.listed("", "", 0)]
            assert all(not one.overlaps(other) for n, one in enumerate(held) for other in held[:n])

    asyncio.run(run())
