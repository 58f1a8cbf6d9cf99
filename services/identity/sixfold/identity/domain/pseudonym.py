"""Pseudonyms: keyed hashes, so that without the key nobody goes from a reference to a pseudonym, and with it
nobody back.

128 bits of HMAC-SHA-256 (RFC 2104, truncated), as 26 letters and digits after a letter for the kind.
"""

import base64
import hmac
from typing import Final

KEY_BYTES: Final = 32
_BYTES: Final = 16


def _text(letter: str, digest: bytes) -> str:
    return f"{letter}-{base64.b32encode(digest[:_BYTES]).decode().rstrip('=').lower()}"


def _keyed(key: bytes, *parts: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a pseudonym key has {KEY_BYTES} bytes, not {len(key)}")
    message = b"".join(len(part).to_bytes(4) + part for part in parts)
    return hmac.digest(key, message, "sha256")


def subscriber_pseudonym(key: bytes, person_reference: str) -> str:
    return _text("s", _keyed(key, b"subscriber", person_reference.encode()))


def terminal_pseudonym(key: bytes, subscriber: str, hardware_reference: str) -> str:
    """Another for every subscriber: a device that changes hands cannot be followed."""
    return _text("t", _keyed(key, b"terminal", subscriber.encode(), hardware_reference.encode()))


def drawn_terminal_pseudonym(lot: bytes) -> str:
    """For a terminal without a hardware reference, from 16 random bytes of the caller."""
    if len(lot) != _BYTES:
        raise ValueError(f"a lot has {_BYTES} bytes, not {len(lot)}")
    return _text("t", lot)
