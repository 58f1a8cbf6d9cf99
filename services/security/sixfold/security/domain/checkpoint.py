"""The window as bytes, so that a restart goes on with it.

A checkpoint holds the heaviest hosts of every slot and which batches they come from, taken at one moment: a batch in
it that
is delivered again is counted once. What was counted after the last checkpoint before a kill is missing from the
window (never
from the incidents): at most the checkpoint's interval.
"""

import io
import json
from dataclasses import asdict
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sixfold.security.domain.batches import TakenBatches
from sixfold.security.domain.table import SCHEMA, heaviest
from sixfold.security.domain.window import View, Window

VERSION: Final = 1


class CheckpointUnusableError(ValueError):
    """Of another version or shape of window, or damaged: start with an empty window."""


def dump(window: Window, taken: TakenBatches, hosts_per_slot: int) -> bytes:
    """The `hosts_per_slot` heaviest of every slot; what is left out is added to the slot's error."""
    frames: list[pl.DataFrame] = []
    slots: list[tuple[str, int, list[float], int]] = []
    for view, slot, volumes, error in window.slots():
        frame, dropped = heaviest(volumes, hosts_per_slot)
        slots.append((view.value, slot, (error + dropped).tolist(), len(frame)))
        frames.append(frame)
    head = {
        "version": VERSION,
        "settings": asdict(window.settings),
        "head": window.head,
        "slots": slots,
        "taken": taken.dump(),
    }
    text = json.dumps(head).encode()
    sink = io.BytesIO()
    pl.concat([pl.DataFrame(schema=SCHEMA), *frames]).write_ipc(sink, compression="lz4")
    return len(text).to_bytes(4, "big") + text + sink.getvalue()


def restore(data: bytes, window: Window, taken: TakenBatches) -> None:
    """Make `window` and `taken` what they were. Raises CheckpointUnusableError and leaves them as they are."""
    size = int.from_bytes(data[:4], "big")
    try:
        head = json.loads(data[4 : 4 + size])
        if head["version"] != VERSION or head["settings"] != asdict(window.settings):
            raise CheckpointUnusableError("the checkpoint is of another version or shape of window")
        frame = pl.read_ipc(io.BytesIO(data[4 + size :]))
        tables: list[tuple[View, int, pl.DataFrame, npt.NDArray[np.float64]]] = []
        at = 0
        for view, slot, error, rows in head["slots"]:
            tables.append((View(view), int(slot), frame.slice(at, rows), np.array(error, dtype=np.float64)))
            at += rows
    except (ValueError, KeyError, TypeError, pl.exceptions.PolarsError, OSError) as error:
        if isinstance(error, CheckpointUnusableError):
            raise
        raise CheckpointUnusableError(f"the checkpoint is damaged: {error}") from error
    window.restore(head["head"], tables)
    taken.restore(head["taken"])
