"""The trace desk's questions of the warehouse, many at once: vetted SQL around columns of numbers, nothing else.

The questions stand in the statement as one block of hexadecimal RowBinary, so that ten thousand cost one parse of one
literal, and no text of a caller ever comes near the SQL.
"""

from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
DAY: Final = 86_400_000
SKEW: Final = 3_600_000
"""Milliseconds by which an exporter's clock may differ from its agent's."""
MAX_QUESTIONS: Final = 10_000
MAX_EVENTS: Final = 5_000_000
MAX_EVENTS_EACH: Final = 10_000
FEW: Final = 4
"""Questions whose bindings are put together here."""
MAX_ROWS_OF_FEW: Final = 20_000
"""Rows that are put together here; where there are more, the engine does it."""
SETTINGS: Final = {"max_query_size": 16 << 20}
"""Ten thousand questions over every length of prefix in use."""

_QUESTION = np.dtype(
    [("n", "<u4"), ("address", "V16"), ("port", "<u2"), ("start", "<i8"), ("finish", "<i8")], align=False
)
_PLACE = np.dtype(
    [
        ("n", "<u4"),
        ("network", "V16"),
        ("length", "u1"),
        ("port", "<u2"),
        ("start", "<i8"),
        ("finish", "<i8"),
    ],
    align=False,
)


class ColumnsMalformedError(ValueError):
    """Columns of unequal length, or too many."""


@dataclass(frozen=True, slots=True)
class Questions:
    """address (n, 16) uint8, port (n,) uint16, start and end (n,) int64 milliseconds, both included."""

    address: Array
    port: Array
    start: Array
    end: Array

    def __len__(self) -> int:
        return len(self.port)


def read_questions(address: bytes, port: bytes, start: bytes, end: bytes) -> Questions:
    """Raises ColumnsMalformedError."""
    rows = len(address) // 16
    if (len(address), len(port), len(start), len(end)) != (16 * rows, 2 * rows, 8 * rows, 8 * rows):
        raise ColumnsMalformedError("the columns are not of one length")
    if not 0 < rows <= MAX_QUESTIONS:
        raise ColumnsMalformedError(f"{rows} questions, 1 to {MAX_QUESTIONS} are allowed")
    times = [np.frombuffer(column, "<i8") for column in (start, end)]
    if (times[0] > times[1]).any() or (times[0] < 0).any() or (times[1] > 1 << 42).any():
        raise ColumnsMalformedError("a start after its end, or a time out of bounds")
    return Questions(
        np.frombuffer(address, np.uint8).reshape(-1, 16), np.frombuffer(port, "<u2"), times[0], times[1]
    )


def _literal(rows: Array) -> str:
    return f"unhex('{rows.tobytes().hex()}')"


# ruff: noqa: S608 - put together from constants, hexadecimal and integers alone
_EVENT: Final = (
    "toUnixTimestamp64Milli(s.time) AS time, s.event AS event, s.protocol AS protocol, "
    "s.src_address AS src_address, s.src_port AS src_port, s.dst_address AS dst_address, "
    "s.dst_port AS dst_port, s.post_nat_dst_address AS post_nat_dst_address, "
    "s.post_nat_dst_port AS post_nat_dst_port, s.port_block_start AS port_block_start, "
    "s.port_block_end AS port_block_end, s.gateway AS gateway"
)


def _during(first: int, last: int) -> str:
    # Literals, because every function costs the engine as much to plan as all of this to read.
    return (
        f"s.time_received >= {_moment(first - SKEW)} AND s.time_received <= {_moment(last + SKEW)} "
        f"AND s.time >= {_moment(first)} AND s.time <= {_moment(last)}"
    )


def nat_events(questions: Questions, database: str) -> str:
    """NAT events of the addresses with the port itself or, where a block of ports is told, around it."""
    rows = np.zeros(len(questions), _QUESTION)
    rows["n"] = np.arange(len(questions))
    rows["address"] = np.ascontiguousarray(questions.address).view("V16").ravel()
    rows["port"], rows["start"], rows["finish"] = questions.port, questions.start, questions.end
    asked = (
        "format(RowBinary, 'n UInt32, address IPv6, port UInt16, start Int64, finish Int64', "
        f"{_literal(rows)})"
    )
    within = (
        f"{_during(int(questions.start.min()), int(questions.end.max()))} "
        "AND toUnixTimestamp64Milli(s.time) BETWEEN q.start AND q.finish"
    )
    source = f"`{database}`.nat_sessions AS s"
    return f"""
        WITH q AS (SELECT * FROM {asked})
        SELECT q.n AS question, {_EVENT} FROM {source}
        INNER JOIN q ON s.post_nat_src_address = q.address AND s.post_nat_src_port = q.port
        WHERE (s.post_nat_src_address, s.post_nat_src_port) IN (SELECT address, port FROM q) AND {within}
        LIMIT {MAX_EVENTS_EACH} BY question LIMIT {MAX_EVENTS}
        UNION ALL
        SELECT q.n AS question, {_EVENT} FROM {source}
        INNER JOIN q ON s.post_nat_src_address = q.address
        WHERE s.post_nat_src_address IN (SELECT address FROM q) AND s.post_nat_src_port = 0 AND {within}
          AND q.port BETWEEN s.port_block_start AND s.port_block_end
        LIMIT {MAX_EVENTS_EACH} BY question LIMIT {MAX_EVENTS}
    """


def nat_events_of_one(questions: Questions, database: str) -> str:
    """Of the only question: a range of the primary key, and nothing else that the engine has to plan."""
    port = int(questions.port[0])
    return f"""
        SELECT toUInt32(0) AS question, {_EVENT} FROM `{database}`.nat_sessions AS s
        WHERE s.post_nat_src_address = {_address(questions.address[0])} AND s.post_nat_src_port IN ({port}, 0)
          AND (s.post_nat_src_port != 0 OR {port} BETWEEN s.port_block_start AND s.port_block_end)
          AND {_during(int(questions.start[0]), int(questions.end[0]))}
        LIMIT {MAX_EVENTS_EACH}
    """


def _address(packed: Array) -> str:
    return f"'{IPv6Address(packed.tobytes())}'"


def _moment(milliseconds: int) -> str:
    return f"'{max(milliseconds, 0) // 1000}.{max(milliseconds, 0) % 1000:03}'"


def places(questions: Questions, lengths: Array) -> Array:
    """Each question once for every length in use, its address cut to that length."""
    parts: list[Array] = []
    for length in lengths:
        rows = np.zeros(len(questions), _PLACE)
        mask = (((1 << 128) - 1) ^ ((1 << (128 - int(length))) - 1)).to_bytes(16)
        cut = questions.address & np.frombuffer(mask, np.uint8)
        rows["n"] = np.arange(len(questions))
        rows["network"] = np.ascontiguousarray(cut).view("V16").ravel()
        rows["length"] = length
        rows["port"], rows["start"], rows["finish"] = questions.port, questions.start, questions.end
        parts.append(rows)
    return np.concatenate(parts) if parts else np.zeros(0, _PLACE)


def binding_lengths(database: str) -> str:
    return f"SELECT DISTINCT length FROM `{database}`.binding_lengths"


def bindings(asked: Array, database: str) -> str:
    """Bindings over the `places` that lasted in their intervals, each once, with its end."""
    return f"""
        {_asked(asked)}
        SELECT question, source, number, length, port_first, port_last, holder, gateway, since, until FROM
        (
            SELECT *, if(ended > 0, ended, leadInFrame(since, 1, 0) OVER (
                PARTITION BY question, source, length, port_first, port_last ORDER BY since, number
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) AS until
            FROM
            (
                SELECT q.n AS question, b.source AS source, b.number AS number,
                       b.length AS length, b.port_first AS port_first, b.port_last AS port_last,
                       argMax(b.holder, b.ledger_sequence) AS holder, any(toString(b.gateway)) AS gateway,
                       min(toUnixTimestamp64Milli(b.since)) AS since, max(toUnixTimestamp64Milli(b.until)) AS ended,
                       any(q.start) AS start
                FROM `{database}`.bindings AS b
                INNER JOIN q ON b.network = q.network AND b.length = q.length
                WHERE (b.network, b.length) IN (SELECT network, length FROM q)
                  AND b.since <= {_moment(int(asked["finish"].max()))}
                  AND toUnixTimestamp64Milli(b.since) <= q.finish
                  AND (q.port = 0 OR q.port BETWEEN b.port_first AND b.port_last)
                GROUP BY question, source, number, length, port_first, port_last
            )
        )
        WHERE until = 0 OR until > start
        LIMIT {MAX_EVENTS_EACH} BY question
    """


def _asked(asked: Array) -> str:
    structure = "n UInt32, network IPv6, length UInt8, port UInt16, start Int64, finish Int64"
    return f"WITH q AS (SELECT * FROM format(RowBinary, '{structure}', {_literal(asked)}))"


def bindings_of_few(asked: Array, database: str) -> str:
    """Rows over the places of a few questions as they are stored, for `held.put_together`."""
    networks = ", ".join(f"({_address(one['network'])}, {int(one['length'])})" for one in asked)
    return f"""
        SELECT network, length, port_first, port_last, source, number, holder, ledger_sequence, gateway,
               toUnixTimestamp64Milli(since) AS begun, toUnixTimestamp64Milli(until) AS ended
        FROM `{database}`.bindings AS b
        WHERE (b.network, b.length) IN ({networks}) AND b.since <= {_moment(int(asked["finish"].max()))}
        LIMIT {MAX_ROWS_OF_FEW}
    """
