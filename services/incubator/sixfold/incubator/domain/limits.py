"""Token buckets: so many calls a minute per caller, for a bounded number of callers."""

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True)
class Bucket:
    """`level` tokens at `time` (seconds of a monotonic clock)."""

    level: float
    time: float


class Limiter:
    """Remembers at most `most` callers; the one unseen for longest is forgotten first."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, caller: str, per_minute: int, now: float) -> float:
        """0 if the call may pass, otherwise the seconds until one may. A minute's calls may come at once."""
        rate = per_minute / 60
        bucket = self._buckets.pop(caller, Bucket(float(per_minute), now))
        level = min(float(per_minute), bucket.level + (now - bucket.time) * rate)
        passed = level >= 1
        self._buckets[caller] = Bucket(level - 1 if passed else level, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return 0.0 if passed else (1 - level) / rate
