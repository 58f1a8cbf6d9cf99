"""Templates and sampling as JSON, for the next start of the agent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sixfold.agent.datagrams import address_bytes
from sixfold.agent.netflow.messages import IPFIX, V9
from sixfold.agent.netflow.sampling import Sampling
from sixfold.agent.netflow.sequence import UNKNOWN
from sixfold.agent.netflow.sessions import Sessions
from sixfold.agent.netflow.templates import MAX_FIELDS, Definition

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class SavedSession:
    address: str
    port: int
    version: int
    domain: int
    seen: int
    system_init: int
    sampling: Sampling
    templates: tuple[tuple[int, Definition, int], ...]
    """(set id, definition, learned)."""


def to_state(sessions: Sessions) -> dict[str, Any]:
    """Of the sessions that know something: all that `from_state` reads."""
    saved: list[dict[str, Any]] = []
    for session in sessions:
        templates = [
            {
                "id": identity,
                "learned": known.learned,
                "options": known.layout.definition.options,
                "scopes": known.layout.definition.scopes,
                "fields": [
                    [enterprise, element, length]
                    for (enterprise, element), length in known.layout.definition.fields
                ],
            }
            for identity, known in session.templates.items()
            if not known.borrowed
        ]
        if templates or session.sampling.rate or session.sampling.selectors:
            saved.append(
                {
                    "address": session.exporter,
                    "port": session.port,
                    "version": session.version,
                    "domain": session.domain,
                    "seen": int(sessions.seen[session.slot]),
                    "system_init": session.system_init,
                    "sampling": session.sampling.to_state(),
                    "templates": templates,
                }
            )
    return {"format": _FORMAT, "sessions": saved}


def from_state(state: Mapping[str, Any], oldest: int) -> tuple[list[SavedSession], int]:
    """The sessions seen at `oldest` or later, and how many entries could not be read."""
    found: list[SavedSession] = []
    refused = 0
    entries = state.get("sessions", ())
    if state.get("format") != _FORMAT or not isinstance(entries, list):
        return [], 1
    for entry in entries:
        try:
            session = _session(entry)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError):
            refused += 1
            continue
        if session.seen >= oldest:
            found.append(session)
    return found, refused


def _session(entry: Mapping[str, Any]) -> SavedSession:
    version = int(entry["version"])
    if version not in (5, V9, IPFIX):
        raise ValueError("version")
    address_bytes(entry["address"])
    return SavedSession(
        address=str(entry["address"]),
        port=_within(entry["port"], 0xFFFF),
        version=version,
        domain=_within(entry["domain"], 0xFFFFFFFF),
        seen=_within(entry["seen"], 1 << 61),
        system_init=max(int(entry.get("system_init", UNKNOWN)), UNKNOWN),
        sampling=Sampling.from_state(entry["sampling"]),
        templates=tuple(_template(version, some) for some in entry["templates"]),
    )


def _template(version: int, some: Mapping[str, Any]) -> tuple[int, Definition, int]:
    fields = tuple(
        ((int(enterprise), int(element)), _within(length, 0xFFFF))
        for enterprise, element, length in some["fields"]
    )
    definition = Definition(version, bool(some["options"]), _within(some["scopes"], len(fields)), fields)
    if not 0 < len(fields) <= MAX_FIELDS or not 0 < definition.minimum <= 65_515:
        raise ValueError("fields")
    identity = _within(some["id"], 0xFFFF)
    if identity < 256:
        raise ValueError("id")
    return identity, definition, int(some["learned"])


def _within(value: Any, limit: int) -> int:
    number = int(value)
    if not 0 <= number <= limit:
        raise ValueError(f"{number} is not within 0 and {limit}")
    return number
