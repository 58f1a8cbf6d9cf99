"""API keys: `sfk_<secret>`, known here only by the SHA-256 of the whole.

A key holds 256 random bits, so a plain hash cannot be turned back by guessing, and costs nothing to look up.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

SCOPES: Final = frozenset({"traffic:read", "security:read", "alerts:read", "addresses:write"})


@dataclass(frozen=True)
class ApiKey:
    """What is known of one key. `name` is the application it was given to."""

    name: str
    sha256: str
    scopes: frozenset[str]
    requests_per_minute: int


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def by_digest(keys: Iterable[ApiKey]) -> Mapping[str, ApiKey]:
    """Look-up table; ValueError where a name or key stands twice."""
    table: dict[str, ApiKey] = {}
    names: set[str] = set()
    for key in keys:
        if key.sha256 in table or key.name in names:
            raise ValueError(f"API key {key.name!r} stands twice")
        table[key.sha256] = key
        names.add(key.name)
    return table


def bearer(header: str | None) -> str | None:
    """The token of an Authorization header; None where there is none of this kind."""
    scheme, _, token = (header or "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and 0 < len(token) <= 4096 else None
