"""From datagrams to answers: what needs no event is answered at once, the rest after its append."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address
from typing import Any, Final, NamedTuple, Protocol

from sixfold.address.dhcpv6.config import Dhcpv6Settings, LinkSettings
from sixfold.address.dhcpv6.links import Links, place_of
from sixfold.address.dhcpv6.replies import Replies
from sixfold.address.domain.centre import Centre, CentreEvent
from sixfold.address.domain.dhcpv6 import codes
from sixfold.address.domain.dhcpv6.advertising import advertise
from sixfold.address.domain.dhcpv6.clients import Client, client_of
from sixfold.address.domain.dhcpv6.deciding import Answer, Ask, What, decide
from sixfold.address.domain.dhcpv6.offers import Offers
from sixfold.address.domain.dhcpv6.parsing import MalformedError, Message, Packet, parse
from sixfold.address.domain.dhcpv6.replying import (
    NO_ADDRESS_BINDING,
    NO_ADDRESSES,
    NOT_ON_LINK,
    SUCCESS,
    USE_MULTICAST,
    association_option,
    revoked_option,
    told_prefixes,
    wanted_length,
)
from sixfold.address.domain.dhcpv6.softwire import CODES, Softwires
from sixfold.address.domain.dhcpv6.writing import (
    dns_servers,
    domain_list,
    option,
    refused_addresses,
    relayed,
    reply,
)
from sixfold.address.ports import Clock
from sixfold.address.translation_handlers import CentreLedger
from sixfold.chassis.ledger import LedgerError

log = logging.getLogger(__name__)

_BY_KIND: Final[dict[int, What]] = {
    codes.SOLICIT: "assign",
    codes.REQUEST: "assign",
    codes.RENEW: "extend",
    codes.REBIND: "extend",
    codes.RELEASE: "release",
}
_TO_US: Final = frozenset((codes.REQUEST, codes.RENEW, codes.RELEASE, codes.DECLINE))
"""Kinds that name the server that they are for; the others name none (section 16)."""
_FEW: Final = 4


class Door(Protocol):
    """Where a datagram came in; answers go out there. `interface` is empty where it does not matter."""

    interface: str
    is_multicast: bool

    def send(self, data: bytes, address: Any) -> None: ...


class Meter(Protocol):
    def count(self, what: str, word: str, number: int = 1) -> None: ...

    def flush(self) -> None: ...


class Arrival(NamedTuple):
    """A datagram; `address` as the socket tells it."""

    data: bytes
    address: Any
    door: Door


class Question(NamedTuple):
    """A message that wants prefixes, and what it comes to."""

    arrival: Arrival
    packet: Packet
    link: LinkSettings
    client: Client
    asks: list[Ask]
    mark: bytes

    @property
    def message(self) -> Message:
        return self.packet.message


class Front:
    def __init__(self, settings: Dhcpv6Settings, *, ledger: CentreLedger, meter: Meter, clock: Clock) -> None:
        self._settings = settings
        self._ledger = ledger
        self._meter = meter
        self._clock = clock
        self._links = Links(settings.links)
        self._offers = Offers(settings.offers)
        self._replies = Replies(settings.replies)
        self._softwires = Softwires()
        self._key = self._duid = self._server = b""
        self._queue: deque[Question] = deque()
        self._under_way: dict[bytes, bytes] = {}
        """Which message of a client waits for its append, by the client's DUID."""
        self._wake = asyncio.Event()
        self._together = 0
        self._stateless: dict[tuple[int, ...], bytes] = {}
        self._dns = dns_servers([address.packed for address in settings.dns_servers])
        self._domains = domain_list(settings.domains)
        self._preference = (
            option(codes.PREFERENCE, bytes((settings.preference,))) if settings.preference else b""
        )
        self._immediate: dict[int, Callable[[Arrival, Packet, LinkSettings], None]] = {
            codes.CONFIRM: self._confirm,
            codes.DECLINE: self._decline,
            codes.INFORMATION_REQUEST: self._inform,
        }

    def open(self, *, key: bytes, duid: bytes) -> None:
        """Before the first datagram: the key that DUIDs are hashed with, and the server's own DUID."""
        self._key, self._duid = key, duid
        self._server = option(codes.SERVER_ID, duid)

    # -- datagrams ----------------------------------------------------------------------------------------------

    def receive(self, arrivals: Sequence[Arrival]) -> None:
        """All that came together. Whatever is in them, the next ones are read."""
        solicits: list[Question] = []
        now = self._clock()
        for arrival in arrivals:
            try:
                self._receive(arrival, solicits, now)
            except MalformedError as error:
                self._meter.count("dropped", error.cause)
            except Exception:
                self._meter.count("dropped", "failed")
                log.exception("a DHCPv6 message was not understood")
        if solicits:
            try:
                self._advertise(solicits, now)
            except Exception:
                self._meter.count("dropped", "failed", len(solicits))
                log.exception("%d solicits were not answered", len(solicits))
        self._meter.flush()

    def _receive(self, arrival: Arrival, solicits: list[Question], now: int) -> None:
        packet = parse(arrival.data)
        message = packet.message
        kind = message.kind
        self._meter.count("received", codes.KINDS[kind])
        cause = self._why_not(message)
        if cause:
            self._meter.count("dropped", cause)
            return
        if not packet.hops and not arrival.door.is_multicast and not self._settings.unicast:
            self._refuse_unicast(arrival, packet)
            return
        link = self._links.of(place_of(packet.hops, arrival.door.interface))
        if link is None:
            self._meter.count("dropped", "no-link")
        elif kind in self._immediate:
            self._immediate[kind](arrival, packet, link)
        elif kind == codes.SOLICIT and not (message.rapid and self._settings.rapid_commit):
            solicits.append(self._question(arrival, packet, link, b"", now))
        else:
            self._enqueue(arrival, packet, link, now)

    def _why_not(self, message: Message) -> str:
        """Section 16: messages that are passed over."""
        if not message.client and message.kind != codes.INFORMATION_REQUEST:
            return "no-client-id"
        if message.kind in _TO_US:
            if not message.server:
                return "no-server-id"
            return "" if message.server == self._duid else "other-server"
        if message.kind == codes.INFORMATION_REQUEST:
            if message.prefixes or message.addresses:
                return "unexpected-association"
            return "other-server" if message.server not in (b"", self._duid) else ""
        return "unexpected-server-id" if message.server else ""

    def _refuse_unicast(self, arrival: Arrival, packet: Packet) -> None:
        """No client was told that it may (section 18.4)."""
        if packet.message.kind in _TO_US:
            self._send(arrival, packet, codes.REPLY, (USE_MULTICAST,))
        else:
            self._meter.count("dropped", "unicast")

    def _question(
        self, arrival: Arrival, packet: Packet, link: LinkSettings, mark: bytes, now: int
    ) -> Question:
        message = packet.message
        client = client_of(self._key, message.client)
        holder = link.holder or client.holder
        what = _BY_KIND[message.kind]
        shortest, longest = link.shortest_length or link.length, link.longest_length or link.length
        asks: list[Ask] = []
        for association in message.prefixes:
            length = wanted_length(association, link.length, shortest, longest)
            key = client.key(link.pool_id, association.iaid)
            offered = self._offers.of(key, length, now) if what == "assign" else None
            asks.append(
                Ask(
                    what, link.pool_id, length, link.lease_seconds, key, holder, association.prefixes, offered
                )
            )
        return Question(arrival, packet, link, client, asks, mark)

    def _enqueue(self, arrival: Arrival, packet: Packet, link: LinkSettings, now: int) -> None:
        message = packet.message
        mark = bytes((message.kind,)) + message.transaction + message.client
        before = self._under_way.get(message.client)
        if before is not None:
            self._meter.count("dropped", "repeated" if before == mark else "busy")
            return
        told = self._replies.of(mark, now)
        if told is not None:
            self._meter.count("sent", "repeated")
            self._send_message(arrival, packet, told)
            return
        if len(self._queue) >= self._settings.waiting:
            self._meter.count("dropped", "too-many-waiting")
            return
        self._queue.append(self._question(arrival, packet, link, mark, now))
        self._under_way[message.client] = mark
        self._wake.set()

    # -- answers without an event -------------------------------------------------------------------------------

    def _advertise(self, solicits: Sequence[Question], now: int) -> None:
        centre = self._ledger.state
        asks = [ask for question in solicits for ask in question.asks]
        answers = iter(advertise(centre.book, self._offers, asks, now))
        for question in solicits:
            mine = [next(answers) for _ in question.asks]
            parts = self._prefix_parts(question, mine, now)
            parts.append(self._preference)
            self._send(question.arrival, question.packet, codes.ADVERTISE, parts)

    def _confirm(self, arrival: Arrival, packet: Packet, link: LinkSettings) -> None:
        """Addresses are of the link, or they are not; without any there is nothing to say (section 18.3.3)."""
        addresses = [
            IPv6Address(one) for association in packet.message.addresses for one in association.addresses
        ]
        if not addresses or not link.link_addresses:
            self._meter.count("dropped", "nothing-to-confirm")
            return
        here = all(any(address in network for network in link.link_addresses) for address in addresses)
        self._send(arrival, packet, codes.REPLY, (SUCCESS if here else NOT_ON_LINK,))

    def _decline(self, arrival: Arrival, packet: Packet, link: LinkSettings) -> None:
        """Of addresses alone, and we gave none (section 18.3.8)."""
        refused = [refused_addresses(one, NO_ADDRESS_BINDING) for one in packet.message.addresses]
        self._send(arrival, packet, codes.REPLY, (SUCCESS, *refused))

    def _inform(self, arrival: Arrival, packet: Packet, link: LinkSettings) -> None:
        self._send(arrival, packet, codes.REPLY, (self._stateless_options(packet.message.wanted),))

    # -- answers after an append --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                if self._together >= _FEW and len(self._queue) < self._settings.together:
                    await asyncio.sleep(self._settings.gather_seconds)
                self._together = min(len(self._queue), self._settings.together)
                await self._answer([self._queue.popleft() for _ in range(self._together)])

    async def _answer(self, questions: Sequence[Question]) -> None:
        now = self._clock()
        asks = [ask for question in questions for ask in question.asks]

        def decided(centre: Centre) -> tuple[Sequence[CentreEvent], list[Answer]]:
            return decide(centre.book, asks, now)

        try:
            answers = iter(await self._ledger.transact(decided))
            for question in questions:
                self._tell(question, [next(answers) for _ in question.asks], now)
        except LedgerError as error:
            # Clients ask again; nothing was promised.
            self._meter.count("dropped", "ledger-away", len(questions))
            log.warning("%d DHCPv6 messages have no answer: %s", len(questions), error)
        except Exception:
            self._meter.count("dropped", "failed", len(questions))
            log.exception("%d DHCPv6 messages were not answered", len(questions))
        finally:
            for question in questions:
                self._under_way.pop(question.message.client, None)
            self._meter.flush()

    def _tell(self, question: Question, answers: list[Answer], now: int) -> None:
        kind = question.message.kind
        for ask, answer in zip(question.asks, answers, strict=True):
            self._meter.count("prefixes", answer.outcome)
            if answer.outcome == "delegated":
                self._offers.settle(ask.key)
        if kind == codes.RELEASE:
            unknown = [
                association_option(association, answer, now)
                for association, answer in zip(question.message.prefixes, answers, strict=True)
                if answer.delegation is None
            ]
            parts = [SUCCESS, *unknown, *self._address_parts(question.message, NO_ADDRESS_BINDING)]
        elif kind == codes.REBIND and all(answer.reason == "NO_BINDING" for answer in answers):
            revoked = self._revoked(question.message)
            if not revoked:
                self._meter.count("dropped", "no-binding")
                return
            parts = revoked
        else:
            parts = self._prefix_parts(question, answers, now)
            if kind == codes.SOLICIT:
                parts.append(option(codes.RAPID_COMMIT, b""))
        message = reply(codes.REPLY, question.message, self._server, parts)
        self._replies.keep(question.mark, message, now)
        self._meter.count("sent", "reply")
        self._send_message(question.arrival, question.packet, message)

    def _revoked(self, message: Message) -> list[bytes]:
        """Of a REBIND without a binding: prefixes of our own pools end; of others only their server may speak."""
        book = self._ledger.state.book
        shown = [
            network for association in message.prefixes for network, _ in association.prefixes if network
        ]
        if not shown or any(book.root_at(network) is None for network in shown):
            return []
        return [revoked_option(association) for association in message.prefixes]

    # -- what an answer is made of ------------------------------------------------------------------------------

    def _prefix_parts(self, question: Question, answers: list[Answer], now: int) -> list[bytes]:
        message = question.message
        parts = [
            association_option(association, answer, now)
            for association, answer in zip(message.prefixes, answers, strict=True)
        ]
        parts += self._address_parts(message, NO_ADDRESSES)
        parts.append(self._stateless_options(message.wanted))
        if not CODES.isdisjoint(message.wanted):
            rules = self._ledger.state.translations
            for prefix in told_prefixes(answers):
                parts.append(self._softwires.of(rules, prefix, message.wanted, now))
        return parts

    def _address_parts(self, message: Message, said: bytes) -> list[bytes]:
        return [refused_addresses(association, said) for association in message.addresses]

    def _stateless_options(self, wanted: tuple[int, ...]) -> bytes:
        made = self._stateless.get(wanted)
        if made is None:
            made = b""
            if self._settings.dns_servers and codes.DNS_SERVERS in wanted:
                made += self._dns
            if self._settings.domains and codes.DOMAIN_LIST in wanted:
                made += self._domains
            if len(self._stateless) < 1_000:
                self._stateless[wanted] = made
        return made

    def _send(self, arrival: Arrival, packet: Packet, kind: int, parts: Sequence[bytes]) -> None:
        message = reply(kind, packet.message, self._server, parts)
        self._meter.count("sent", "advertise" if kind == codes.ADVERTISE else "reply")
        self._send_message(arrival, packet, message)

    def _send_message(self, arrival: Arrival, packet: Packet, message: bytes) -> None:
        address = arrival.address
        hops = packet.hops
        port = codes.SERVER_PORT if hops else codes.CLIENT_PORT
        if address[1] != port and not (
            self._settings.answer_source_port or (hops and hops[0].port is not None)
        ):
            address = (address[0], port, *address[2:])
        arrival.door.send(relayed(message, hops) if hops else message, address)
