"""Keys of 32 bytes from files, and the pseudonyms made with one."""

import secrets
from pathlib import Path

from sixfold.identity.domain import pseudonym


class KeyFileError(ValueError):
    """The key cannot be used; says which file and why, never what is in it."""


def load_key(name: str, path: Path) -> bytes:
    """Raises KeyFileError."""
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise KeyFileError(
            f"{name} {path} cannot be read: {error.strerror}; make one with `openssl rand -hex 32`"
        ) from error
    except ValueError:
        raise KeyFileError(f"{name} {path} holds no hexadecimal") from None
    if len(key) != pseudonym.KEY_BYTES:
        raise KeyFileError(f"{name} {path} holds {len(key)} bytes, not {pseudonym.KEY_BYTES}")
    return key


class KeyedPseudonyms:
    """ports.Pseudonyms; a component that reads its key when it starts."""

    name = "pseudonyms"

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file
        self._key = b""

    async def start(self) -> None:
        self._key = load_key("pseudonym_key_file", self._key_file)

    async def stop(self) -> None:
        self._key = b""

    def subscriber(self, person_reference: str) -> str:
        return pseudonym.subscriber_pseudonym(self._key, person_reference)

    def terminal(self, subscriber: str, hardware_reference: str) -> str:
        if not hardware_reference:
            return pseudonym.drawn_terminal_pseudonym(secrets.token_bytes(16))
        return pseudonym.terminal_pseudonym(self._key, subscriber, hardware_reference)
