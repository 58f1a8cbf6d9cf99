"""How the centre's state travels and rests: its events' codec, its snapshots, and the ledger as one of its parts."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sixfold.address.adapters.snapshots import FrozenBook, dump_book, freeze, load_book
from sixfold.address.adapters.translation_snapshots import FrozenRules, dump_rules, freeze_rules, load_rules
from sixfold.address.domain import events
from sixfold.address.domain.book import Book
from sixfold.address.domain.centre import Centre
from sixfold.address.domain.translation.events import TRANSLATION_EVENTS
from sixfold.api.address.v1 import events_pb2, translation_events_pb2
from sixfold.chassis.codec import ProtobufCodec
from sixfold.chassis.ledger import Ledger

CENTRE = "address"
Part = TypeVar("Part")
Result = TypeVar("Result")


def codec() -> ProtobufCodec:
    return ProtobufCodec(
        {event: getattr(events_pb2, event.__name__) for event in events.EVENTS}
        | {event: getattr(translation_events_pb2, event.__name__) for event in TRANSLATION_EVENTS}
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
    """The length of the rules in 8 bytes, the rules, the book."""

    version = f"centre-1/{BookSnapshots.version}"

    def freeze(self, state: Centre) -> tuple[FrozenBook, FrozenRules]:
        return freeze(state.book), freeze_rules(state.translations)

    def dump(self, state: tuple[FrozenBook, FrozenRules]) -> bytes:
        book, rules = state
        head = dump_rules(rules)
        return b"".join((len(head).to_bytes(8, "big"), head, dump_book(book)))

    def load(self, data: bytes) -> Centre:
        size = int.from_bytes(data[:8], "big")
        return Centre(load_book(data[8 + size :]), load_rules(data[8 : 8 + size]))


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
