"""Watchers: order, bounds, slowness."""

import pytest

from sixfold.convergence.adapters import broadcast
from sixfold.convergence.adapters.broadcast import Broadcast, WatchersFullError, WatcherSlowError


async def test_every_watcher_gets_every_change_in_order() -> None:
    changes: Broadcast[int] = Broadcast()
    with changes.subscribed() as one, changes.subscribed() as other:
        for number in range(3):
            changes.send(number)
        assert [await anext(one) for _ in range(3)] == [0, 1, 2]
        assert [await anext(other) for _ in range(3)] == [0, 1, 2]
        assert changes.watchers == 2
    assert changes.watchers == 0


async def test_a_slow_watcher_is_told_so_after_what_it_was_owed() -> None:
    changes: Broadcast[int] = Broadcast()
    with changes.subscribed() as slow:
        for number in range(broadcast.MOST_WAITING + 5):
            changes.send(number)
        for number in range(broadcast.MOST_WAITING):
            assert await anext(slow) == number
        with pytest.raises(WatcherSlowError):
            await anext(slow)


async def test_watchers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "MOST_WATCHERS", 1)
    changes: Broadcast[int] = Broadcast()
    with changes.subscribed(), pytest.raises(WatchersFullError), changes.subscribed():
        pass
