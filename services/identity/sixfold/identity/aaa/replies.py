"""Requests that were answered or are under way: a repeated one is not decided again (RFC 5080, section 2.2.2)."""

from collections import OrderedDict
from typing import Final

KEPT: Final = 20_000
KEPT_MILLISECONDS: Final = 10_000

Mark = tuple[str, int, int, bytes]
"""Host, port, identifier, authenticator."""


class Replies:
    def __init__(self) -> None:
        self._kept: OrderedDict[Mark, tuple[int, bytes | None]] = OrderedDict()

    def begun(self, mark: Mark, now: int) -> bytes | bool | None:
        """True: it is new, and under way from now on. None: it is under way. Otherwise what was answered."""
        while self._kept:
            oldest, (at, _) = next(iter(self._kept.items()))
            if len(self._kept) < KEPT and 0 <= now - at < KEPT_MILLISECONDS:
                break
            del self._kept[oldest]
        if mark in self._kept:
            return self._kept[mark][1]
        self._kept[mark] = (now, None)
        return True

    def answered(self, mark: Mark, reply: bytes) -> None:
        if mark in self._kept:
            self._kept[mark] = (self._kept[mark][0], reply)

    def forget(self, mark: Mark) -> None:
        """It was not answered; the next one is looked at again."""
        self._kept.pop(mark, None)
