"""Output formats whose pieces can be sent as the engine makes them, and what must be cut off to join them.

The engine writes every block of a streamed answer as a document of its own.
"""

import struct
from collections.abc import Callable
from typing import Final

CONTENT_TYPES: Final = {
    "json": "application/json; charset=UTF-8",
    "jsoncompact": "application/json; charset=UTF-8",
    "jsonstrings": "application/json; charset=UTF-8",
    "jsoncolumns": "application/json; charset=UTF-8",
    "jsoneachrow": "application/x-ndjson; charset=UTF-8",
    "jsoncompacteachrow": "application/x-ndjson; charset=UTF-8",
    "csv": "text/csv; charset=UTF-8; header=absent",
    "csvwithnames": "text/csv; charset=UTF-8; header=present",
    "csvwithnamesandtypes": "text/csv; charset=UTF-8; header=present",
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "tabseparatedwithnames": "text/tab-separated-values; charset=UTF-8",
    "tabseparatedwithnamesandtypes": "text/tab-separated-values; charset=UTF-8",
    "xml": "application/xml; charset=UTF-8",
    "markdown": "text/markdown; charset=UTF-8",
    "parquet": "application/vnd.apache.parquet",
    "arrowstream": "application/vnd.apache.arrow.stream",
    "arrow": "application/vnd.apache.arrow.file",
}
_END_OF_ARROW: Final = b"\xff\xff\xff\xff\0\0\0\0"


def long_name(name: str) -> str:
    """TSV and TabSeparated are one; case says nothing."""
    lower = name.lower()
    return "tabseparated" + lower[3:] if lower.startswith("tsv") else lower


def content_type(name: str) -> str:
    kind = CONTENT_TYPES.get(long_name(name))
    if kind is None:
        kind = "text/plain; charset=UTF-8" if "pretty" in name.lower() else "application/octet-stream"
    return kind


def _nothing(_: bytes) -> int:
    return 0


def _lines(number: int) -> Callable[[bytes], int]:
    def size(piece: bytes) -> int:
        place = 0
        for _ in range(number):
            place = piece.index(b"\n", place) + 1
        return place

    return size


def _quoted_lines(number: int) -> Callable[[bytes], int]:
    """Lines of CSV: a name may hold the end of a line between quotes."""

    def size(piece: bytes) -> int:
        place = 0
        for _ in range(number):
            inside = False
            while True:
                end = piece.index(b"\n", place)
                inside ^= piece.count(b'"', place, end) % 2 == 1
                place = end + 1
                if not inside:
                    break
        return place

    return size


def _strings(rounds: int) -> Callable[[bytes], int]:
    """RowBinaryWithNames(AndTypes): a number of columns, then that many strings once or twice."""

    def size(piece: bytes) -> int:
        columns, place = _varint(piece, 0)
        for _ in range(columns * rounds):
            length, place = _varint(piece, place)
            place += length
        return place

    return size


def _varint(piece: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = piece[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


def _arrow_schema(piece: bytes) -> int:
    """The first message of an Arrow stream has no body."""
    return 8 + struct.unpack_from("<i", piece, 4)[0]


_HEADS: Final[dict[str, Callable[[bytes], int]]] = {
    **dict.fromkeys(
        (
            *(
                "native",
                "tabseparated",
                "tabseparatedraw",
                "csv",
                "rowbinary",
                "jsoneachrow",
                "jsonlines",
                "ndjson",
            ),
            *(
                "jsonstringseachrow",
                "jsoncompacteachrow",
                "jsoncompactstringseachrow",
                "tskv",
                "lineasstring",
            ),
        ),
        _nothing,
    ),
    "tabseparatedwithnames": _lines(1),
    "tabseparatedwithnamesandtypes": _lines(2),
    "tabseparatedrawwithnames": _lines(1),
    "jsoncompacteachrowwithnames": _lines(1),
    "jsoncompacteachrowwithnamesandtypes": _lines(2),
    "csvwithnames": _quoted_lines(1),
    "csvwithnamesandtypes": _quoted_lines(2),
    "rowbinarywithnames": _strings(1),
    "rowbinarywithnamesandtypes": _strings(2),
    "arrowstream": _arrow_schema,
}


def joinable(name: str) -> bool:
    return long_name(name) in _HEADS


class Joiner:
    """Makes one document of the pieces of a streamed answer."""

    def __init__(self, name: str) -> None:
        self._head = _HEADS[long_name(name)]
        self._arrow = long_name(name) == "arrowstream"
        self._first = True

    def join(self, piece: bytes) -> bytes:
        if self._arrow:
            piece = piece.removesuffix(_END_OF_ARROW)
        if self._first:
            self._first = False
            return piece
        return piece[self._head(piece) :]

    def end(self) -> bytes:
        return _END_OF_ARROW if self._arrow else b""


def native_head(columns: list[tuple[str, str]]) -> bytes:
    """A block of format Native with these columns (name, type) and no rows."""
    parts = [_as_varint(len(columns)), b"\0"]
    for pair in columns:
        for text in pair:
            encoded = text.encode()
            parts += [_as_varint(len(encoded)), encoded]
    return b"".join(parts)


def _as_varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
