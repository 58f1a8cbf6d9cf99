"""Plain lists and CSV: a prefix or address on every line, read in parts without a Python object for each of them.

    198.51.100.0/24
    203.0.113.7 ; a comment, as many lists have them
    2001:db8::/32,80,2027-01-01T00:00:00Z      prefix, confidence in percent, expiry

CSV with a head names its columns in the settings.
"""

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import polars as pl

from sixfold.security.domain.intel.entries import Entries, FeedRefusedError, Reading
from sixfold.security.domain.intel.prefixes import FOREVER

PART: Final = 4 << 20
"""Bytes that are read at once."""
LONGEST_LINE: Final = 4_096
_FOUR: Final = r"^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:/(\d{1,2}))?$"
_AMBIGUOUS: Final = r"(^|\.)0\d"
_FIRST_WORD: Final = r"^([^\s,;#]+)"
_REST: Final = r"^[^\s,;#]+\s*[,;]\s*(\d{1,3})\s*(?:[,;]\s*([0-9TZ:+. -]+))?$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where in a line things stand. Without `prefix` a line is a plain list's; else CSV whose head has these names."""

    prefix: str = ""
    confidence: str = ""
    expires: str = ""
    delimiter: str = ","


def read(chunks: Iterable[bytes], layout: Layout, reading: Reading, expires: int = FOREVER) -> None:
    """Add what `chunks` of a text hold. `expires` for entries without their own. Raises FeedRefusedError."""
    columns: list[str] | None = None
    for number, text in enumerate(_parts(chunks)):
        lines = text.split("\n")
        if layout.prefix and columns is None:
            columns = [
                one.strip().strip('"') for one in lines.pop(0).lstrip("\ufeff").split(layout.delimiter)
            ]
            if layout.prefix not in columns:
                raise FeedRefusedError(
                    "no-column", f"no column {layout.prefix!r} in {', '.join(columns)[:200]}"
                )
        if number == 0 and lines and lines[0].lstrip().lower().startswith(("<!doctype", "<html", "{")):
            raise FeedRefusedError("no-list", f"it begins with {lines[0].strip()[:40]!r}")
        frame = _cells(lines, layout, columns)
        _add(frame, reading, expires)


def _parts(chunks: Iterable[bytes]) -> Iterator[str]:
    """Whole lines, about PART bytes at once."""
    rest = bytearray()
    for chunk in chunks:
        rest += chunk
        if len(rest) >= PART:
            end = rest.rfind(b"\n") + 1
            if end == 0 and len(rest) > PART + LONGEST_LINE:
                raise FeedRefusedError("no-list", "it has no lines")
            yield rest[:end].decode("ascii", "replace")
            del rest[:end]
    if rest:
        yield rest.decode("ascii", "replace")


def _cells(lines: list[str], layout: Layout, columns: list[str] | None) -> pl.DataFrame:
    """Columns `prefix`, `confidence`, `expires` as text, comments and empty lines left out."""
    line = pl.DataFrame({"line": lines}).with_columns(pl.col("line").str.strip_chars())
    line = line.filter((pl.col("line") != "") & ~pl.col("line").str.contains(r"^(#|;|//)"))
    if columns is None:
        rest = pl.col("line").str.extract_groups(_REST)
        return line.select(
            prefix=pl.col("line").str.extract(_FIRST_WORD),
            confidence=rest.struct.field("1"),
            expires=rest.struct.field("2"),
        )
    split = line.select(cells=pl.col("line").str.split(layout.delimiter))

    def cell(name: str) -> pl.Expr:
        if not name or name not in columns:
            return pl.lit(None, pl.String)
        return pl.col("cells").list.get(columns.index(name), null_on_oob=True).str.strip_chars(' "')

    return split.select(
        prefix=cell(layout.prefix), confidence=cell(layout.confidence), expires=cell(layout.expires)
    )


def _add(frame: pl.DataFrame, reading: Reading, expires: int) -> None:
    frame = frame.with_columns(
        confidence=pl.col("confidence").cast(pl.Float64, strict=False).fill_null(reading.default_confidence),
        expires=_moments(frame["expires"], expires),
    )
    four = frame.filter(~pl.col("prefix").str.contains(":", literal=True).fill_null(False))
    parts = four.select(
        pl.col("prefix").str.extract_groups(_FOUR).alias("at"),
        pl.col("prefix").str.contains(_AMBIGUOUS).alias("ambiguous"),
        pl.col("confidence", "expires"),
    ).unnest("at")
    octets = [pl.col(str(place)).cast(pl.UInt32, strict=False) for place in range(1, 5)]
    parts = parts.select(
        *(octet.alias(f"o{place}") for place, octet in enumerate(octets)),
        pl.col("5").cast(pl.UInt8, strict=False).fill_null(32).alias("length"),
        pl.col("ambiguous"), pl.col("confidence"), pl.col("expires"),
    )  # fmt: skip
    good = parts.filter(
        pl.all_horizontal(*(pl.col(f"o{place}") <= 255 for place in range(4)), pl.col("length") <= 32)
        & ~pl.col("ambiguous")
    )
    reading.refuse("malformed", len(parts) - len(good))
    if len(good):
        value = np.zeros(len(good), np.uint64)
        for place in range(4):
            value |= good[f"o{place}"].to_numpy().astype(np.uint64) << np.uint64(24 - 8 * place)
        reading.add(
            Entries(
                np.zeros(len(good), np.uint64),
                value | np.uint64(0xFFFF << 32),
                good["length"].to_numpy() + np.uint8(96),
                _percent(good["confidence"]),
                good["expires"].to_numpy().astype(np.uint32),
            )
        )
    if len(four) < len(frame):
        _add_six(frame.filter(pl.col("prefix").str.contains(":", literal=True).fill_null(False)), reading)


def _add_six(frame: pl.DataFrame, reading: Reading) -> None:
    raw, lengths = bytearray(), bytearray()
    rows: list[int] = []
    for row, text in enumerate(frame["prefix"].to_list()):
        address, slash, length = text.partition("/")
        bits = int(length) if length.isascii() and length.isdigit() and len(length) <= 3 else 129
        try:
            packed = socket.inet_pton(socket.AF_INET6, address)
        except (OSError, ValueError):
            continue
        bits = bits if slash else 128
        if bits <= 128:
            raw += packed
            lengths.append(bits)
            rows.append(row)
    reading.refuse("malformed", len(frame) - len(rows))
    if rows:
        words = np.frombuffer(bytes(raw), ">u8").reshape(-1, 2).astype(np.uint64)
        chosen = frame[rows]
        reading.add(
            Entries(
                words[:, 0].copy(),
                words[:, 1].copy(),
                np.frombuffer(bytes(lengths), np.uint8),
                _percent(chosen["confidence"]),
                chosen["expires"].to_numpy().astype(np.uint32),
            )
        )


def _percent(values: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.clip(np.nan_to_num(values.to_numpy()), 0, 255).astype(np.uint8)


def _moments(texts: pl.Series, otherwise: int) -> pl.Series:
    """RFC 3339 as seconds since 1970; what is none is as if it were absent."""
    if texts.null_count() == len(texts):
        return pl.Series("expires", np.full(len(texts), otherwise, np.int64))
    known = {text: _seconds(text, otherwise) for text in texts.unique().to_list() if text is not None}
    return pl.Series("expires", [known.get(text, otherwise) for text in texts.to_list()], pl.Int64)


def _seconds(text: str, otherwise: int) -> int:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return otherwise
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(min(max(moment.timestamp(), 1), FOREVER))
