"""Secret keys out of files, in hexadecimal."""

from pathlib import Path
from typing import Final

KEY_BYTES: Final = 32


class KeyFileError(ValueError):
    """The key cannot be used; says which file and why, never what is in it."""


def key_from(path: Path, setting: str) -> bytes:
    """The 32 bytes that the setting's file holds. Raises KeyFileError."""
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        detail = f"{setting} {path} cannot be read: {error.strerror}; make one with `openssl rand -hex 32`"
        raise KeyFileError(detail) from error
    except ValueError:
        raise KeyFileError(f"{setting} {path} holds no hexadecimal") from None
    if len(key) != KEY_BYTES:
        raise KeyFileError(f"{setting} {path} holds {len(key)} bytes, not {KEY_BYTES}")
    return key
