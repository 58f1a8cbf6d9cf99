"""Answers that were sent a moment ago: who asks the same again is told the same."""

from collections import OrderedDict
from typing import Final

SECONDS: Final = 60


class Replies:
    """`most` of them; the oldest gives way. Times are milliseconds."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, tuple[int, bytes]] = OrderedDict()

    def keep(self, mark: bytes, message: bytes, now: int) -> None:
        self._kept.pop(mark, None)
        if len(self._kept) >= self._most:
            self._kept.popitem(last=False)
        self._kept[mark] = now + SECONDS * 1000, message

    def of(self, mark: bytes, now: int) -> bytes | None:
        until, message = self._kept.get(mark, (0, b""))
        return message if until > now else None
