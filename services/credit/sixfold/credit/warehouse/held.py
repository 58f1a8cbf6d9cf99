"""Bindings of a few questions, put together here: planning that takes the engine longer than all of the rest."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

import pyarrow as pa

from sixfold.credit.warehouse.trace import MAX_EVENTS_EACH, Array

SCHEMA: Final = pa.schema(
    [
        ("question", pa.uint32()),
        ("source", pa.string()),
        ("number", pa.uint64()),
        ("length", pa.uint8()),
        ("port_first", pa.uint16()),
        ("port_last", pa.uint16()),
        ("holder", pa.string()),
        ("gateway", pa.string()),
        ("since", pa.int64()),
        ("until", pa.int64()),
    ]
)
_PLACE: Final = ("source", "length", "port_first", "port_last")

Row = dict[str, Any]


def put_together(rows: pa.Table, asked: Array) -> pa.Table:
    """The same answer as `trace.bindings` gives, out of the rows of `trace.bindings_of_few`.

    rows: one for the beginning of a binding and one for its end. asked: `trace.places` of the questions.
    """
    stored: defaultdict[tuple[bytes, int], list[Row]] = defaultdict(list)
    # The row of the youngest event of a binding names its holder.
    for row in sorted(rows.to_pylist(), key=lambda row: row["ledger_sequence"]):
        stored[row["network"], row["length"]].append(row)
    kept: dict[int, list[Row]] = defaultdict(list)
    for place in asked:
        around = stored[bytes(place["network"]), int(place["length"])]
        kept[int(place["n"])] += _held(around, int(place["port"]), int(place["start"]), int(place["finish"]))
    listed = [{**one, "question": n} for n, found in kept.items() for one in found[:MAX_EVENTS_EACH]]
    return pa.Table.from_pylist(listed, schema=SCHEMA)


def _held(around: list[Row], port: int, start: int, finish: int) -> Iterator[Row]:
    bindings: defaultdict[tuple[Any, ...], Row] = defaultdict(dict)
    for row in around:
        if row["begun"] <= finish and (not port or row["port_first"] <= port <= row["port_last"]):
            one = bindings[(*(row[name] for name in _PLACE), row["number"])]
            since, until = one.get("since", row["begun"]), one.get("until", 0)
            one.update(row, since=min(since, row["begun"]), until=max(until, row["ended"]))
    for _, found in groupby(sorted(bindings.items(), key=_place_of), _place_of):
        one_after_another = sorted((one for _, one in found), key=lambda one: (one["since"], one["number"]))
        # Where no end was told, the next binding of the place is one.
        following = [one["since"] for one in one_after_another[1:]] + [0]
        for one, after in zip(one_after_another, following, strict=True):
            until = one["until"] or after
            if not until or until > start:
                yield {**one, "until": until}


def _place_of(item: tuple[tuple[Any, ...], Row]) -> tuple[Any, ...]:
    return item[0][:-1]
