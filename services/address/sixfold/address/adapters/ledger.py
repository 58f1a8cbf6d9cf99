"""How the book travels and rests: its events' codec and its snapshots."""

from sixfold.address.adapters.snapshots import FrozenBook, dump_book, freeze, load_book
from sixfold.address.domain import events
from sixfold.address.domain.book import Book
from sixfold.api.address.v1 import events_pb2 as pb
from sixfold.chassis.codec import ProtobufCodec

CENTRE = "address"


def codec() -> ProtobufCodec:
    return ProtobufCodec({event: getattr(pb, event.__name__) for event in events.EVENTS})


class BookSnapshots:
    """The book as columns; see `snapshots`."""

    version = "book-2"

    def freeze(self, state: Book) -> FrozenBook:
        return freeze(state)

    def dump(self, state: FrozenBook) -> bytes:
        return dump_book(state)

    def load(self, data: bytes) -> Book:
        return load_book(data)
