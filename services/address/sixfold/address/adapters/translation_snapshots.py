"""Translation rules as bytes: the clock in 8 bytes, then every rule as its event, with its length before it."""

import struct
from dataclasses import dataclass

from sixfold.address.domain.translation.book import TranslationBook, evolve_translation
from sixfold.address.domain.translation.events import TranslationRulePut
from sixfold.api.address.v1 import translation_events_pb2 as pb
from sixfold.chassis.codec import from_message, to_message


@dataclass(frozen=True, slots=True)
class FrozenRules:
    """Each with the end that it has by now."""

    clock: int
    puts: tuple[TranslationRulePut, ...]


def freeze_rules(book: TranslationBook) -> FrozenRules:
    return FrozenRules(book.clock, tuple(rule.put for rule in book.rules.values()))


def dump_rules(rules: FrozenRules) -> bytes:
    parts = [struct.pack("!q", rules.clock)]
    for put in rules.puts:
        data = to_message(put, pb.TranslationRulePut).SerializeToString(deterministic=True)
        parts += (struct.pack("!I", len(data)), data)
    return b"".join(parts)


def load_rules(data: bytes) -> TranslationBook:
    """Raises ValueError or struct.error for what `dump_rules` did not write."""
    book = TranslationBook()
    (clock,) = struct.unpack_from("!q", data)
    at = 8
    while at < len(data):
        (size,) = struct.unpack_from("!I", data, at)
        message = pb.TranslationRulePut.FromString(data[at + 4 : at + 4 + size])
        evolve_translation(book, from_message(message, TranslationRulePut))
        at += 4 + size
    book.clock = max(book.clock, clock)
    return book
