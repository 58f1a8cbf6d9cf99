"""Checkpoints of a log as signed notes (C2SP tlog-checkpoint, Ed25519): text that people and tools read.

sixfold.example/audit
1042
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— sixfold.example/audit kOlrv7Hq…
"""

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_ED25519: Final = b"\x01"
_DASH: Final = "\N{EM DASH} "


class NoteError(ValueError):
    """Text that is no checkpoint, no key, or not signed by the key; says which."""


@dataclass(frozen=True, slots=True)
class LogKey:
    """The public key of a log: `name+hash+key`, as tools of transparency logs write it."""

    name: str
    public: bytes

    @property
    def identity(self) -> bytes:
        return hashlib.sha256(f"{self.name}\n".encode() + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        key = base64.b64encode(_ED25519 + self.public).decode()
        return f"{self.name}+{self.identity.hex()}+{key}"


def parse_key(text: str) -> LogKey:
    """Raises NoteError."""
    name, _, rest = text.strip().partition("+")
    told, _, encoded = rest.partition("+")
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise NoteError(f"{text[:80]!r} is no key of the form name+hash+key") from error
    key = LogKey(name, data[1:])
    if data[:1] != _ED25519 or len(key.public) != 32 or key.identity.hex() != told:
        raise NoteError(f"{text[:80]!r} is no Ed25519 key, or its hash is not its own")
    return key


@dataclass(frozen=True, slots=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def seal(checkpoint: Checkpoint, key: LogKey, sign: Callable[[bytes], bytes]) -> str:
    """The signed note; `sign` gives an Ed25519 signature of 64 bytes."""
    signature = base64.b64encode(key.identity + sign(checkpoint.text.encode())).decode()
    return f"{checkpoint.text}\n{_DASH}{key.name} {signature}\n"


def open_note(note: str, key: LogKey, verify: Callable[[bytes, bytes, bytes], bool]) -> Checkpoint:
    """The checkpoint of a note that `key` has signed; `verify(public, message, signature)`. Raises NoteError."""
    text, separator, signatures = note.partition("\n\n")
    text += "\n"
    lines = text.split("\n")
    if not separator or len(lines) < 4 or not lines[1].isdigit():
        raise NoteError("this is no checkpoint")
    for line in signatures.splitlines():
        name, _, encoded = line.removeprefix(_DASH).rpartition(" ")
        try:
            data = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            continue
        ours = line.startswith(_DASH) and name == key.name and data[:4] == key.identity
        if ours and len(data) == 68 and verify(key.public, text.encode(), data[4:]):
            break
    else:
        raise NoteError(f"the checkpoint is not signed by {key.name}")
    try:
        root = base64.b64decode(lines[2], validate=True)
    except binascii.Error as error:
        raise NoteError("the checkpoint's root is no base64") from error
    return Checkpoint(lines[0], int(lines[1]), root)
