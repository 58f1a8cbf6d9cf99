"""Bodies and answers as clients compress them: HTTP content encodings, and ClickHouse's own frames (`compress=1`).

A frame: CityHash128 of the rest, method (0x82 LZ4, 0x90 ZSTD, 0x02 none), size with this head, plain size, data.
"""

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

import lz4.block
import lz4.frame
from backports import zstd
from clickhouse_cityhash.cityhash import CityHash128

from sixfold.local.clickhouse.errors import QueryError, refused

PIECE: Final = 1 << 20
_HEAD: Final = struct.Struct("<QQBII")
_LZ4: Final = 0x82
_LARGEST: Final = 64 << 20


class Encoder(Protocol):
    """Streams an answer; `encoding` is the value of Content-Encoding, or "" for ClickHouse's frames and none."""

    encoding: str

    def encode(self, data: bytes) -> bytes: ...

    def end(self) -> bytes: ...


class _Plain:
    encoding = ""

    def encode(self, data: bytes) -> bytes:
        return data

    def end(self) -> bytes:
        return b""


class _Frames(_Plain):
    def encode(self, data: bytes) -> bytes:
        return b"".join(frame(data[at : at + PIECE]) for at in range(0, len(data), PIECE))


class _Lz4:
    encoding = "lz4"

    def __init__(self) -> None:
        self._compressor = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def encode(self, data: bytes) -> bytes:
        begin = b"" if self._begun else self._compressor.begin()
        self._begun = True
        return begin + self._compressor.compress(data)

    def end(self) -> bytes:
        return (b"" if self._begun else self._compressor.begin()) + self._compressor.flush()


class _Stream:
    def __init__(self, encoding: str, compressor: Any) -> None:
        self.encoding = encoding
        self._compressor = compressor

    def encode(self, data: bytes) -> bytes:
        return self._compressor.compress(data)

    def end(self) -> bytes:
        return self._compressor.flush()


_ENCODERS: Final[Mapping[str, Callable[[], Encoder]]] = {
    "lz4": _Lz4,
    "zstd": lambda: _Stream("zstd", zstd.ZstdCompressor(level=1)),
    "gzip": lambda: _Stream("gzip", zlib.compressobj(1, wbits=31)),
    "deflate": lambda: _Stream("deflate", zlib.compressobj(1)),
}


def encoder(parameters: Mapping[str, str], accept: str) -> Encoder:
    """What the request asks for: frames with compress=1, else the cheapest accepted encoding if it is enabled."""
    if parameters.get("compress") == "1":
        return _Frames()
    if parameters.get("enable_http_compression") == "1":
        accepted = {one.partition(";")[0].strip().lower() for one in accept.split(",")}
        for name, make in _ENCODERS.items():
            if name in accepted:
                return make()
    return _Plain()


def frame(data: bytes) -> bytes:
    packed = lz4.block.compress(data, store_size=False)
    rest = struct.pack("<BII", _LZ4, len(packed) + 9, len(data)) + packed
    return _checksum(rest) + rest


def _checksum(rest: bytes) -> bytes:
    number = CityHash128(rest)
    return struct.pack("<QQ", number >> 64, number & (1 << 64) - 1)


class _Zlib:
    """zlib's decompressor with the interface of the others."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=47)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


_DECODERS: Final[Mapping[str, Callable[[], Any]]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": zstd.ZstdDecompressor,
    "gzip": _Zlib,
    "deflate": _Zlib,
}


def decoded(pieces: Iterable[bytes], encoding: str, *, frames: bool, most: int) -> Iterator[bytes]:
    """The plain body in pieces of bounded size. Raises QueryError past `most` plain bytes and for what is damaged."""
    plain = _opened(pieces, encoding.strip().lower())
    size = 0
    for piece in _unframed(plain) if frames else plain:
        size += len(piece)
        if size > most:
            raise refused(307, "TOO_MANY_BYTES", f"The body is larger than {most} bytes when decompressed")
        yield piece


def _opened(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    if encoding in ("", "identity"):
        yield from pieces
        return
    make = _DECODERS.get(encoding)
    if make is None:
        known = ", ".join(_DECODERS)
        raise refused(89, "UNKNOWN_COMPRESSION_METHOD", f"Unknown content encoding {encoding!r}: use {known}")
    one = make()
    begun = False
    try:
        for piece in pieces:
            while piece or not one.needs_input:
                plain = one.decompress(piece, PIECE)
                piece, begun = b"", True
                if one.eof:
                    # Clients compress each block alone: frame follows frame.
                    piece = bytes(one.unused_data or b"")
                    one, begun = make(), False
                if plain:
                    yield plain
                elif not piece:
                    break
    except (RuntimeError, zlib.error, zstd.ZstdError, EOFError) as error:
        if isinstance(error, QueryError):
            raise
        raise _damaged(f"The body is no {encoding}: {error}") from error
    if begun:
        raise _damaged(f"The body ends inside of its {encoding}")


def _damaged(text: str) -> QueryError:
    return refused(271, "CANNOT_DECOMPRESS", text)


def _unframed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= _HEAD.size:
            first, second, method, size, plain_size = _HEAD.unpack_from(held)
            if size < 9 or size > _LARGEST or plain_size > _LARGEST:
                raise _damaged(f"A frame of {size} bytes for {plain_size} is out of bounds")
            if len(held) < 16 + size:
                break
            rest = bytes(held[16 : 16 + size])
            if CityHash128(rest) != first << 64 | second:
                raise refused(40, "CHECKSUM_DOESNT_MATCH", "Checksum doesn't match: corrupted data")
            del held[: 16 + size]
            yield _unpacked(method, rest[9:], plain_size)
    if held:
        raise _damaged("The body ends inside of a frame")


def _unpacked(method: int, packed: bytes, plain_size: int) -> bytes:
    try:
        match method:
            case 0x82:
                return bytes(lz4.block.decompress(packed, uncompressed_size=plain_size))
            case 0x90:
                return zstd.ZstdDecompressor().decompress(packed, plain_size)
            case 0x02:
                return packed
            case _:
                raise _damaged(f"Compression method 0x{method:02x} is not known")
    except (lz4.block.LZ4BlockError, zstd.ZstdError) as error:
        raise _damaged(f"A frame cannot be decompressed: {error}") from error
