"""How often somebody may try: token buckets of a bounded number of names, in memory, as limits may be."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from sixfold.identity.domain.values import RefusedError


class TooManyError(RefusedError):
    """`retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "precondition", "TOO_MANY_ATTEMPTS", f"too many attempts; try again in {retry_after} s"
        )
        self.retry_after = retry_after


@dataclass(slots=True)
class _Bucket:
    left: float
    at: int


class Limit:
    """`burst` attempts at once and one more every `seconds`, by name; the names that were used last are kept."""

    def __init__(self, *, burst: int, seconds: float, clock: Callable[[], int], names: int = 100_000) -> None:
        self._burst = burst
        self._every = seconds * 1000
        self._clock = clock
        self._names = names
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def require(self, name: str) -> None:
        """Raises TooManyError where `name` has no attempt left; takes none."""
        bucket = self._filled(name)
        if bucket is not None and bucket.left < 1:
            raise TooManyError(max(1, round((1 - bucket.left) * self._every / 1000)))

    def take(self, name: str) -> None:
        """One attempt gone."""
        bucket = self._filled(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(self._burst, self._clock())
            if len(self._buckets) > self._names:
                self._buckets.popitem(last=False)
        bucket.left = max(0.0, bucket.left - 1)

    def _filled(self, name: str) -> _Bucket | None:
        bucket = self._buckets.get(name)
        if bucket is None:
            return None
        now = self._clock()
        bucket.left = min(self._burst, bucket.left + max(0, now - bucket.at) / self._every)
        bucket.at = now
        self._buckets.move_to_end(name)
        return bucket
