"""Rows of another authority's binding log, judged on whole columns: what can be true is kept, the rest counted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.identity.domain.events import BindingsLogged

Array = npt.NDArray[Any]
MAX_ROWS: Final = 100_000
AHEAD: Final = 60_000
"""Milliseconds that a source's clock may be before ours."""
KINDS: Final[Mapping[str, str]] = {
    "holder": "<u4",
    "network": "V16",
    "length": "u1",
    "port_first": "<u2",
    "port_last": "<u2",
    "number": "<u8",
    "since": "<i8",
    "until": "<i8",
    "gateway": "<u2",
}


class ColumnsMalformedError(ValueError):
    """Columns that are no columns of one length, or point outside of their dictionaries."""


@dataclass(frozen=True, slots=True)
class LogColumns:
    """One array a column, all of one length; networks as 16 opaque bytes, times in UTC milliseconds."""

    holder: Array
    network: Array
    length: Array
    port_first: Array
    port_last: Array
    number: Array
    since: Array
    until: Array
    gateway: Array

    def __len__(self) -> int:
        return len(self.holder)

    def taken(self, rows: Array) -> "LogColumns":
        return LogColumns(*(getattr(self, field.name)[rows] for field in fields(self)))


def read_columns(columns: Mapping[str, bytes]) -> LogColumns:
    """Raises ColumnsMalformedError."""
    arrays: dict[str, Array] = {}
    for name, kind in KINDS.items():
        data, width = columns[name], np.dtype(kind).itemsize
        if len(data) % width:
            raise ColumnsMalformedError(f"{name}: {len(data)} bytes are no rows of {width}")
        arrays[name] = np.frombuffer(data, kind)
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise ColumnsMalformedError(f"columns of unequal length: {lengths}")
    return LogColumns(**arrays)


def _host_bits(columns: LogColumns) -> Array:
    """Whether a network has bits set behind its length."""
    halves = np.frombuffer(columns.network.tobytes(), ">u8").reshape(-1, 2).astype(np.uint64)
    length = columns.length.astype(np.int64)

    def behind(half: Array, kept: Array) -> Array:
        kept = np.clip(kept, 0, 64)
        mask = np.where(
            kept == 64, 0, np.uint64(0xFFFF_FFFF_FFFF_FFFF) >> np.minimum(kept, 63).astype(np.uint64)
        )
        return (half & mask.astype(np.uint64)) != 0

    return behind(halves[:, 0], length) | behind(halves[:, 1], length - 64)


def judge(
    columns: LogColumns, holders: Sequence[str], gateways: int, known: Callable[[str], bool], now: int
) -> tuple[LogColumns, dict[str, int]]:
    """The rows that can be true, and how many others by cause. Raises ColumnsMalformedError."""
    if len(columns) and (int(columns.holder.max()) >= len(holders) or int(columns.gateway.max()) >= gateways):
        raise ColumnsMalformedError("a row names a holder or gateway that is not in the list")
    registered = np.fromiter((known(name) for name in holders), np.bool_, len(holders))
    single = columns.length == 128
    whole = (columns.port_first == 0) & (columns.port_last == 65_535)
    ended = columns.until != 0
    causes: dict[str, Array] = {
        "holder-unknown": ~registered[columns.holder] if len(holders) else np.ones(len(columns), np.bool_),
        "network-malformed": (columns.length > 128) | _host_bits(columns),
        "ports-malformed": (columns.port_first > columns.port_last)
        | (~whole & (~single | (columns.port_first == 0))),
        "times-malformed": (columns.since <= 0) | (ended & (columns.until < columns.since)),
        "in-the-future": (columns.since > now + AHEAD) | (columns.until > now + AHEAD),
    }
    good = np.ones(len(columns), np.bool_)
    refused: dict[str, int] = {}
    for cause, wrong in causes.items():
        fresh = int((wrong & good).sum())
        if fresh:
            refused[cause] = fresh
        good &= ~wrong
    return (columns if good.all() else columns.taken(good)), refused


def logged(
    source: str, columns: LogColumns, holders: Sequence[str], gateways: Sequence[str], now: int
) -> BindingsLogged:
    return BindingsLogged(
        source,
        tuple(holders),
        tuple(gateways),
        len(columns),
        now,
        **{field.name: getattr(columns, field.name).tobytes() for field in fields(columns)},
    )
