"""How the centre's state travels and rests: its events' codec, its snapshots, and the ledger as one of its parts."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sixfold.address.adapters.gateway_snapshots import dump_gateways, freeze_gateways, load_gateways
from sixfold.address.adapters.snapshots import FrozenBook, dump_book, freeze, load_book
from sixfold.address.adapters.translation_snapshots import FrozenRules, dump_rules, freeze_rules, load_rules
from sixfold.address.domain import events
from sixfold.address.domain.book import Book
from sixfold.address.domain.centre import Centre
from sixfold.address.domain.gateway_register import GATEWAY_EVENTS, GatewayRecord
from sixfold.address.domain.translation.events import TRANSLATION_EVENTS
from sixfold.api.address.v1 import events_pb2, gateway_events_pb2, translation_events_pb2
from sixfold.chassis.codec import ProtobufCodec
from sixfold.chassis.ledger import Ledger

CENTRE = "address"
Part = TypeVar("Part")
Result = TypeVar("Result")


def codec() -> ProtobufCodec:
    return ProtobufCodec(
        {event: getattr(events_pb2, event.__name__) for event in events.EVENTS}
        | {event: getattr(translation_events_pb2, event.__name__) for event in TRANSLATION_EVENTS}
        | {event: getattr(gateway_events_pb2, event.__name__) for event in GATEWAY_EVENTS}
    )


class BookSnapshots:
    """The book as columns; see `snapshots`."""

    version = "book-3"

    def freeze(self, state: Book) -> FrozenBook:
        return freeze(state)

    def dump(self, state: FrozenBook) -> bytes:
        return dump_book(state)

    def load(self, data: bytes) -> Book:
        return load_book(data)


class CentreSnapshots:
    """The rules and the gateways, each with its length in 8 bytes before it, then the book."""

    version = f"centre-2/{BookSnapshots.version}"

    def freeze(self, state: Centre) -> tuple[FrozenBook, FrozenRules, tuple[GatewayRecord, ...]]:
        return freeze(state.book), freeze_rules(state.translations), freeze_gateways(state.gateways)

    def dump(self, state: tuple[FrozenBook, FrozenRules, tuple[GatewayRecord, ...]]) -> bytes:
        book, rules, gateways = state
        parts: list[bytes] = []
        for part in (dump_rules(rules), dump_gateways(gateways)):
            parts += (len(part).to_bytes(8, "big"), part)
        return b"".join((*parts, dump_book(book)))

    def load(self, data: bytes) -> Centre:
        parts: list[bytes] = []
        at = 0
        for _ in range(2):
            size = int.from_bytes(data[at : at + 8], "big")
            parts.append(data[at + 8 : at + 8 + size])
            at += 8 + size
        return Centre(load_book(data[at:]), load_rules(parts[0]), load_gateways(parts[1]))


class LedgerPart(Generic[Part]):
    """The ledger as it is to those who know one part of the centre only."""

    def __init__(self, ledger: Ledger[Centre], part: Callable[[Centre], Part]) -> None:
        self._ledger = ledger
        self._part = part

    @property
    def state(self) -> Part:
        return self._part(self._ledger.state)

    async def transact(
        self, decide: Callable[[Part], tuple[Sequence[object], Result]], *, key: str | None = None
    ) -> Result:
        return await self._ledger.transact(lambda centre: decide(self._part(centre)), key=key)
