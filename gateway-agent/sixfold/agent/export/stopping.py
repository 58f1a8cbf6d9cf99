"""A loop that ends when it is told to, at a place of its own choosing."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def until_signalled(duration: float | None = None) -> Iterator[Callable[[], bool]]:
    """A `stop()` that turns true at SIGINT or SIGTERM, or after `duration` seconds.

    Signals can be taken in the main thread only; elsewhere the duration alone counts.
    """
    signalled = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, lambda *_: signalled.set()) for number in numbers}
    end = None if duration is None else time.monotonic() + duration
    try:
        yield lambda: signalled.is_set() or (end is not None and time.monotonic() >= end)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
