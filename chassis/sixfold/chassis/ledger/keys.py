"""Idempotency keys: what each one wrote and answered, in bounded memory, and in the events so that it survives.

The first event of a key carries the key and, where it can be told in a header, the result: `None`, a JSON value, one
of the key's own events, or several of them. Other results live as long as the process; after that `repeat` of
`Ledger.transact` tells them again from the events.
"""

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

MAX_KEYS: Final = 100_000
"""Keys that are remembered; the oldest is forgotten first."""
MAX_RESULT: Final = 2_048
"""Characters of a result in a header."""


@dataclass(slots=True)
class Known:
    first: int
    """Sequence of the key's first event."""
    last: int
    told: str | None = None
    """The result as `tell` wrote it."""
    result: Any = None
    has_result: bool = False


class Keys:
    """The newest keys in the order of their use."""

    def __init__(self, limit: int = MAX_KEYS) -> None:
        self._limit = limit
        self._known: OrderedDict[str, Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: str) -> Known | None:
        return self._known.get(key)

    def remember(self, key: str, sequence: int, told: str | None) -> Known:
        """`sequence` is an event of `key`."""
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = Known(sequence, sequence, told)
            while len(self._known) > self._limit:
                self._known.popitem(last=False)
        known.last = max(known.last, sequence)
        return known

    def forget(self, before: int) -> None:
        """Those that wrote nothing from sequence `before` on."""
        for key in [key for key, known in self._known.items() if known.last < before]:
            del self._known[key]

    def clear(self) -> None:
        self._known.clear()

    def rows(self) -> list[tuple[str, int, int, str | None]]:
        return [(key, known.first, known.last, known.told) for key, known in self._known.items()]

    def restore(self, rows: Sequence[Sequence[Any]]) -> None:
        self._known = OrderedDict(
            (str(key), Known(int(first), int(last), told)) for key, first, last, told in rows
        )


def tell(result: Any, events: Sequence[Any]) -> str | None:
    """`result` as one header line; None where it is too large or of a kind that JSON cannot give back equal."""
    if any(result is event for event in events):
        body: Any = {"event": next(number for number, event in enumerate(events) if event is result)}
    elif isinstance(result, list | tuple) and result and (chosen := _positions(result, events)) is not None:
        body = {"events": chosen, "list": isinstance(result, list)}
    elif _is_plain(result):
        body = {"value": result}
    else:
        return None
    line = json.dumps(body, separators=(",", ":"))
    return line if len(line) <= MAX_RESULT else None


def retell(told: str, events: Sequence[Any]) -> Any:
    """The result again; `events` are all that the key wrote."""
    body = json.loads(told)
    if "event" in body:
        return events[body["event"]]
    if "events" in body:
        chosen = [events[number] for number in body["events"]]
        return chosen if body["list"] else tuple(chosen)
    return body["value"]


def _positions(result: Sequence[Any], events: Sequence[Any]) -> list[int] | None:
    places = {id(event): number for number, event in enumerate(events)}
    chosen = [places.get(id(item)) for item in result]
    return None if None in chosen else [number for number in chosen if number is not None]


def _is_plain(value: Any) -> bool:
    if value is None or type(value) in (bool, int, str):
        return True
    if type(value) is float:
        return value == value and value not in (float("inf"), float("-inf"))
    if type(value) is list:
        return all(map(_is_plain, value))
    return type(value) is dict and all(type(key) is str and _is_plain(item) for key, item in value.items())
