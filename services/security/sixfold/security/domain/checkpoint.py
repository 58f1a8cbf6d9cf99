"""The window as bytes, so that a restart goes on with it.

A checkpoint holds the heaviest hosts of every slot and which batches they come from, taken at one moment: a batch in
it that
is delivered again is counted once. What was counted after the last checkpoint before a kill is missing from the
window (never
from the incidents): at most the checkpoint's interval.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sixfold.security.domain.batches import TakenBatches
from sixfold.security.domain.table import SCHEMA, heaviest
from sixfold.security.domain.window import View, Window

VERSION: Final = 2
MAX_BESIDE: Final = 1 << 28
Arrays = Mapping[str, npt.NDArray[Any]]
_DAMAGE: Final = (
    *(ValueError, KeyError, TypeError, EOFError, OSError),
    *(pl.exceptions.PolarsError, zlib.error, zipfile.BadZipFile),
)


class CheckpointUnusableError(ValueError):
    """Of another version or shape of window, or damaged: start with an empty window."""


def dump(window: Window, taken: TakenBatches, hosts_per_slot: int, beside: Arrays | None = None) -> bytes:
    """The `hosts_per_slot` heaviest of every slot; what is left out is added to the slot's error.

    `beside` are arrays that are kept whole with it: the state of the detectors.
    """
    frames: list[pl.DataFrame] = []
    slots: list[tuple[str, int, list[float], int]] = []
    for view, slot, volumes, error in window.slots():
        frame, dropped = heaviest(volumes, hosts_per_slot)
        slots.append((view.value, slot, (error + dropped).tolist(), len(frame)))
        frames.append(frame)
    tables, arrays = io.BytesIO(), io.BytesIO()
    pl.concat([pl.DataFrame(schema=SCHEMA), *frames]).write_ipc(tables, compression="lz4")
    np.savez(arrays, allow_pickle=False, **dict(beside or {}))
    packed = zlib.compress(arrays.getvalue(), 1)
    head = {
        "version": VERSION,
        "tables": len(tables.getvalue()),
        "settings": asdict(window.settings),
        "head": window.head,
        "slots": slots,
        "taken": taken.dump(),
    }
    text = json.dumps(head).encode()
    return len(text).to_bytes(4, "big") + text + tables.getvalue() + packed


def restore(data: bytes, window: Window, taken: TakenBatches) -> Arrays:
    """Make `window` and `taken` what they were; gives what was kept beside.

    Raises CheckpointUnusableError and leaves them as they are.
    """
    size = int.from_bytes(data[:4], "big")
    try:
        head = json.loads(data[4 : 4 + size])
        if head["version"] != VERSION or head["settings"] != asdict(window.settings):
            raise CheckpointUnusableError("the checkpoint is of another version or shape of window")
        arrays_at = 4 + size + int(head["tables"])
        frame = pl.read_ipc(io.BytesIO(data[4 + size : arrays_at]))
        plain = zlib.decompressobj().decompress(data[arrays_at:], MAX_BESIDE)
        with np.load(io.BytesIO(plain), allow_pickle=False) as loaded:
            beside = {name: loaded[name] for name in loaded.files}
        tables: list[tuple[View, int, pl.DataFrame, npt.NDArray[np.float64]]] = []
        at = 0
        for view, slot, error, rows in head["slots"]:
            tables.append((View(view), int(slot), frame.slice(at, rows), np.array(error, dtype=np.float64)))
            at += rows
    except _DAMAGE as error:
        if isinstance(error, CheckpointUnusableError):
            raise
        raise CheckpointUnusableError(f"the checkpoint is damaged: {error}") from error
    window.restore(head["head"], tables)
    taken.restore(head["taken"])
    return beside
