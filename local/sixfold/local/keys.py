"""Keys of the local platform: made once, kept in HOME/secrets with mode 0600, never printed."""

import os
import secrets
from pathlib import Path

import nkeys

from sixfold.local.errors import LocalError
from sixfold.local.home import Home, write_atomically


def seed_file(home: Home, name: str) -> Path:
    return home.secrets / f"{name}.nk"


def ensure_seed(home: Home, name: str) -> str:
    """The public NKey of `name`; its seed is made at the first call."""
    path = seed_file(home, name)
    if not path.exists():
        seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
        write_atomically(path, seed.decode())
    return public_key(path)


def public_key(path: Path) -> str:
    try:
        return nkeys.from_seed(bytearray(path.read_bytes().strip())).public_key.decode()  # pyright: ignore[reportAttributeAccessIssue] - nkeys says otherwise, gives bytes
    except (OSError, nkeys.NkeysError) as error:
        raise LocalError(
            f"The key in {path} cannot be read ({error!r}). Restore it from a backup, or remove the file: "
            "the next `sixfold up` makes a new one (every process then has to be restarted)."
        ) from error


def drawn_token(prefix: str) -> str:
    """A random secret `<prefix>_<43 characters>`."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def ensure_token(home: Home, name: str, prefix: str) -> Path:
    """The file of a random secret; made at the first call."""
    path = home.secrets / name
    if not path.exists():
        write_atomically(path, drawn_token(prefix) + "\n")
    return path


def ensure_hex_key(home: Home, name: str) -> Path:
    """The file of 32 random bytes in hexadecimal; made at the first call."""
    path = home.secrets / name
    if not path.exists():
        write_atomically(path, secrets.token_hex(32) + "\n")
    return path
