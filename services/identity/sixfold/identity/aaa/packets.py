"""RADIUS packets, read and checked: pyrad's codec behind what a careful server asks of each request."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any, Final

from pyrad import packet as radius
from pyrad.dictionary import Dictionary

from sixfold.identity.domain.accounting import Kind, Record
from sixfold.identity.domain.prefix import Prefix, PrefixError, parse_prefix

LARGEST: Final = 4096
"""RFC 2865, section 3."""
CAUSES: Final[Mapping[int, str]] = {
    1: "user-request",
    2: "lost-carrier",
    3: "lost-service",
    4: "idle-timeout",
    5: "session-timeout",
    6: "admin-reset",
    7: "admin-reboot",
    9: "nas-error",
    10: "nas-request",
    11: "nas-reboot",
    15: "service-unavailable",
    16: "callback",
    17: "user-error",
    18: "host-request",
}
"""Acct-Terminate-Cause, RFC 2866, section 5.10; others keep their number."""
_KINDS: Final[Mapping[int, Kind]] = {1: "start", 2: "stop", 3: "interim"}
MESSAGE_AUTHENTICATOR: Final = 80
ON: Final = 7
OFF: Final = 8
LONGEST: Final = 128


class PacketRefusedError(ValueError):
    """A datagram is dropped; `cause` is a stable word that it is counted under."""

    def __init__(self, cause: str, detail: str = "") -> None:
        super().__init__(detail or cause)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Restart:
    """Accounting-On or Accounting-Off."""

    time: int


def dictionary() -> Dictionary:
    with as_file(files("sixfold.identity.aaa") / "dictionary") as path:
        return Dictionary(str(path))


def read_access(data: bytes, secret: bytes, known: Dictionary) -> Any:
    """An Access-Request or Status-Server that carries a right Message-Authenticator. Raises PacketRefusedError.

    Without one, what a forger between client and server changes would not be seen (CVE-2024-3596, RFC 2869 5.14).
    """
    made = _decoded(radius.AuthPacket, data, secret, known)
    if made.code not in (radius.AccessRequest, radius.StatusServer):
        raise PacketRefusedError("code-unexpected", f"code {made.code} at the authentication port")
    _require_authenticator(made)
    return made


def read_accounting(data: bytes, secret: bytes, known: Dictionary) -> Any:
    """An Accounting-Request with a right authenticator, or a Status-Server. Raises PacketRefusedError."""
    made = _decoded(radius.AcctPacket, data, secret, known)
    if made.code not in (radius.AccountingRequest, radius.StatusServer):
        raise PacketRefusedError("code-unexpected", f"code {made.code} at the accounting port")
    if not made.VerifyAcctRequest():
        raise PacketRefusedError("authenticator-wrong", "the shared secret differs, or somebody changed it")
    if made.code == radius.AccountingRequest and made.message_authenticator:
        _require_authenticator(made)
    return made


def _decoded(kind: Any, data: bytes, secret: bytes, known: Dictionary) -> Any:
    if len(data) > LARGEST:
        raise PacketRefusedError("too-long")
    try:
        return kind(packet=data, secret=secret, dict=known)
    except Exception as error:
        # pyrad's PacketError, and whatever a lying length makes of struct and slices
        raise PacketRefusedError("malformed", str(error)) from error


def _require_authenticator(made: Any) -> None:
    values = made.get(MESSAGE_AUTHENTICATOR) or []
    if not values:
        raise PacketRefusedError("message-authenticator-missing")
    if len(values) != 1 or len(values[0]) != 16 or not made.verify_message_authenticator():
        raise PacketRefusedError("message-authenticator-wrong")


def text(made: Any, name: str) -> str:
    """The only value of an attribute, or nothing. Raises PacketRefusedError."""
    found = one(made, name)
    return found if isinstance(found, str) else ""


def number(made: Any, name: str) -> int:
    found = one(made, name)
    return found if isinstance(found, int) else 0


def one(made: Any, name: str) -> Any:
    try:
        values = made.get(name)
    except Exception as error:
        raise PacketRefusedError("attribute-malformed", f"{name}: {error}") from error
    if not values:
        return None
    if len(values) > 1:
        raise PacketRefusedError("attribute-repeated", name)
    return values[0]


def record(made: Any, *, nas: str, gateway: str, now: int) -> Record | Restart:
    """What an Accounting-Request tells; times by its delay and stamp. Raises PacketRefusedError."""
    status = number(made, "Acct-Status-Type")
    stamp = number(made, "Event-Timestamp") * 1000
    time = stamp or now - number(made, "Acct-Delay-Time") * 1000
    if status in (ON, OFF):
        return Restart(time)
    kind = _KINDS.get(status)
    if kind is None:
        raise PacketRefusedError("status-unknown", f"Acct-Status-Type {status}")
    session, terminal = text(made, "Acct-Session-Id"), text(made, "User-Name")
    if not 0 < len(session) <= LONGEST or not 0 < len(terminal) <= LONGEST:
        raise PacketRefusedError("attribute-missing", "Acct-Session-Id and User-Name")
    cause = number(made, "Acct-Terminate-Cause")
    return Record(
        kind,
        nas,
        gateway,
        session,
        terminal,
        time,
        time - number(made, "Acct-Session-Time") * 1000,
        prefixes(made),
        CAUSES.get(cause, str(cause) if cause else ""),
        octets(made, "Input"),
        octets(made, "Output"),
    )


def behind(made: Any) -> str:
    """How the access server behind a proxy calls itself."""
    name = text(made, "NAS-Identifier") or text(made, "NAS-IP-Address") or text(made, "NAS-IPv6-Address")
    if not 0 < len(name) <= LONGEST:
        raise PacketRefusedError("attribute-missing", "NAS-Identifier or NAS-IP-Address")
    return name


def octets(made: Any, way: str) -> int:
    return number(made, f"Acct-{way}-Gigawords") << 32 | number(made, f"Acct-{way}-Octets")


def prefixes(made: Any) -> tuple[Prefix, ...]:
    """Framed address and prefix and delegated prefixes, each once."""
    found: dict[Prefix, None] = {}
    for name in ("Framed-IP-Address", "Framed-IPv6-Prefix", "Framed-IPv6-Address", "Delegated-IPv6-Prefix"):
        try:
            for value in made.get(name) or ():
                found[parse_prefix(str(value))] = None
        except PrefixError as error:
            raise PacketRefusedError("attribute-malformed", f"{name}: {error}") from error
        except Exception as error:
            raise PacketRefusedError("attribute-malformed", f"{name}: {error}") from error
    return tuple(found)
