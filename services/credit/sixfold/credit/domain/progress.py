"""What a loader has done and what it is about to do: written down before every insert."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from sixfold.credit.domain.watermark import BatchId, Done


@dataclass(frozen=True, slots=True)
class Intent:
    """A block that is being inserted: its token and the stream sequences of its batches, in their order."""

    token: str
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    done: Done = field(default_factory=Done)
    intent: Intent | None = None
    blocks: int = 0

    def intending(self, name: str, sequences: Sequence[int], nonce: str) -> "Progress":
        """About to insert these; the token names the loader and the block.

        `nonce` tells this block from one that an earlier life of the bus numbered the same: the warehouse may remember.
        """
        blocks = self.blocks + 1
        token = f"{name}:{blocks}:{sequences[0]}:{nonce}"
        return Progress(self.done, Intent(token, tuple(sequences)), blocks)

    def completed(self, batches: Iterable[BatchId]) -> "Progress":
        """The intended block is stored."""
        return replace(self, done=self.done.with_done(batches), intent=None)

    def abandoned(self) -> "Progress":
        """The intended block cannot be stored as it is."""
        return replace(self, intent=None)

    def owing(self, batch: BatchId) -> "Progress":
        """The batch is a dead letter."""
        return replace(self, done=self.done.with_owed(batch))

    def settled(self, upto: int) -> "Progress":
        """The stream is acknowledged up to `upto`."""
        return replace(self, done=self.done.settled(upto))

    def dump(self) -> bytes:
        intent = [self.intent.token, list(self.intent.sequences)] if self.intent else None
        return json.dumps({"done": self.done.to_json(), "intent": intent, "blocks": self.blocks}).encode()

    @classmethod
    def load(cls, data: bytes) -> "Progress":
        body = json.loads(data)
        intent = Intent(body["intent"][0], tuple(body["intent"][1])) if body["intent"] else None
        return cls(Done.from_json(body["done"]), intent, body["blocks"])

    @classmethod
    def read(cls, data: bytes | None) -> "Progress":
        """None: of a loader that has done nothing yet."""
        return cls() if data is None else cls.load(data)


@dataclass(frozen=True, slots=True)
class LedgerProgress:
    """How far a ledger's events are stored. Its sequences never come twice, so one number tells what is done.

    `stream` tells this ledger from an earlier one of the same name; `intent` is (token, last sequence) of the block
    that is being inserted: the events after `done` up to it.
    """

    stream: str = ""
    done: int = 0
    intent: tuple[str, int] | None = None

    def dump(self) -> bytes:
        return json.dumps({"stream": self.stream, "done": self.done, "intent": self.intent}).encode()

    @classmethod
    def read(cls, data: bytes | None) -> "LedgerProgress":
        if data is None:
            return cls()
        body = json.loads(data)
        intent = body["intent"]
        return cls(body["stream"], body["done"], (intent[0], intent[1]) if intent else None)
