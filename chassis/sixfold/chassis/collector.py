"""Python's search for garbage in cycles, for processes that live long and make many small objects that die by
themselves: one object in ten thousand is in a cycle, and the usual settings look after every seven hundred."""

import gc
from typing import Final

_THRESHOLDS: Final = (20_000, 20, 50)
"""New objects before a look at the young ones; looks before one at the middle ones; those before one at all."""


class SparingCollector:
    """A component; started last. What stands then is never looked at again: it lives as long as the process. Ledgers
    and settings are hundreds of thousands of objects, and a look at all of them stops every request."""

    name = "collector"

    def __init__(self) -> None:
        self._before: tuple[int, int, int] | None = None

    async def start(self) -> None:
        self._before = gc.get_threshold()
        gc.freeze()
        gc.set_threshold(*_THRESHOLDS)

    async def stop(self) -> None:
        if self._before is not None:
            gc.set_threshold(*self._before)
            gc.unfreeze()
            self._before = None
