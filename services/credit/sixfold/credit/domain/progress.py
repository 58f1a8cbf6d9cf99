"""What a loader has done and what it is about to do: written down before every insert."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sixfold.credit.domain.watermark import Done


@dataclass(frozen=True, slots=True)
class Intent:
    """A block that is being inserted: its token and the stream sequences of its batches, in their order."""

    token: str
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BatchId:
    """What a batch is counted by."""

    gateway: str
    epoch: str
    sequence: int
    floor: int


@dataclass(frozen=True, slots=True)
class Progress:
    done: Done = field(default_factory=Done)
    intent: Intent | None = None
    blocks: int = 0

    def intending(self, name: str, sequences: Sequence[int]) -> "Progress":
        """About to insert these; the token names the loader and the block."""
        blocks = self.blocks + 1
        return Progress(self.done, Intent(f"{name}:{blocks}:{sequences[0]}", tuple(sequences)), blocks)

    def completed(self, batches: Sequence[BatchId]) -> "Progress":
        """The intended block is stored."""
        done = self.done
        for batch in batches:
            done = done.with_done(batch.gateway, batch.epoch, batch.sequence, batch.floor)
        return replace(self, done=done, intent=None)

    def abandoned(self) -> "Progress":
        """The intended block cannot be stored as it is."""
        return replace(self, intent=None)

    def dump(self) -> bytes:
        intent = [self.intent.token, list(self.intent.sequences)] if self.intent else None
        return json.dumps({"done": self.done.to_json(), "intent": intent, "blocks": self.blocks}).encode()

    @classmethod
    def load(cls, data: bytes) -> "Progress":
        body = json.loads(data)
        intent = Intent(body["intent"][0], tuple(body["intent"][1])) if body["intent"] else None
        return cls(Done.from_json(body["done"]), intent, body["blocks"])
