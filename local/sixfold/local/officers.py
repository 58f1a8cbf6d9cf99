"""The officers of a local platform: keys made once in HOME/secrets, and how their statements are signed and sent."""

import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import nacl.signing

from sixfold.identity.domain.checkpoint import LogKey
from sixfold.local.centres import call as call_centre
from sixfold.local.errors import LocalError
from sixfold.local.home import Home, write_atomically
from sixfold.local.keys import ensure_hex_key

ROLES: Final = {
    "officer-a": ("requester", "person-requester"),
    "officer-b": ("approver", "person-approver"),
    "auditor": ("auditor", "eraser"),
}
ORIGIN: Final = "sixfold.local/audit"
R = TypeVar("R")


def key_file(home: Home, officer: str) -> Path:
    return home.secrets / f"{officer}.key"


def _signer(file: Path) -> nacl.signing.SigningKey:
    try:
        return nacl.signing.SigningKey(bytes.fromhex(file.read_text(encoding="ascii").strip()))
    except (OSError, ValueError) as error:
        raise LocalError(f"The officer's key {file} cannot be read: {error}.") from error


def officers(home: Home) -> list[dict[str, Any]]:
    """The officers as the identity centre's settings name them; keys that are missing are made."""
    return [
        {
            "name": name,
            "public_key": bytes(_signer(ensure_hex_key(home, f"{name}.key")).verify_key).hex(),
            "roles": roles,
        }
        for name, roles in ROLES.items()
    ]


def ensure_audit_key(home: Home) -> Path:
    """The seed that signs the checkpoints; beside it `audit.pub`, for whoever verifies."""
    file = ensure_hex_key(home, "audit.key")
    key = LogKey(ORIGIN, bytes(_signer(file).verify_key))
    write_atomically(home.secrets / "audit.pub", f"{key}\n")
    return file


def signed(home: Home, officer: str, rpc: str, statement: Any) -> Any:
    """The statement with the time, a nonce and the officer's signature, as trace.proto's `Signed`."""
    from sixfold.api.identity.v1 import trace_pb2 as pb
    from sixfold.identity.trace.admission import signed_bytes

    file = key_file(home, officer)
    if not file.exists():
        raise LocalError(f"There is no officer {officer!r} here; there are: {', '.join(ROLES)}.")
    statement.made = time.time_ns() // 1_000_000
    statement.nonce = secrets.token_bytes(16)
    data: bytes = statement.SerializeToString()
    return pb.Signed(
        officer=officer, statement=data, signature=_signer(file).sign(signed_bytes(rpc, data)).signature
    )


def call(home: Home, stub: Callable[[Any], Any], ask: Callable[[Any], Awaitable[R]]) -> R:
    """One call of the identity centre; its refusal as a LocalError."""
    return call_centre(home, "identity", stub, ask)


def parsed(statement: bytes, kind: type[Any]) -> Any:
    message = kind()
    message.ParseFromString(statement)
    return message
