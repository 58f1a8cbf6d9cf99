"""All detectors on one window: every flow is counted once, and looked at every second at least.

The window numbers the hosts, the breakdown says what the heavy ones get, and the detectors share both, so a further
detector costs what it alone does. One that fails is passed over, counted and reported; the others go on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy.typing as npt

from sixfold.security.domain.baselines import Baselines, BaselineSettings
from sixfold.security.domain.breakdown import Breakdown, BreakdownSettings
from sixfold.security.domain.detector import Detector, Look, Running
from sixfold.security.domain.flows import Columns
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.window import Added, Window

_SHARED: Final = frozenset({"src_port", "dst_port", "protocol", "tcp_flags", "sampling_rate"})
Failed = Callable[[str, str, Exception], None]
"""Called with the detector's name, what it did (add, look, restore), and the error."""


def _raise(_: str, __: str, error: Exception) -> None:
    raise error


@dataclass(frozen=True, slots=True)
class Entry:
    """A detector at work, with its description."""

    detector: Detector
    running: Running


def started(detector: Detector, parameters: Any = None) -> Entry:
    """A detector at work, with its defaults where no parameters are given."""
    return Entry(detector, detector.start(detector.parameters if parameters is None else parameters))


class Engine:
    """Not thread-safe: one caller at a time."""

    def __init__(
        self,
        window: Window,
        detectors: Sequence[Entry],
        *,
        breakdown: BreakdownSettings | None = None,
        baselines: BaselineSettings | None = None,
        failed: Failed = _raise,
    ) -> None:
        self.window = window
        self.entries = tuple(detectors)
        self._failed = failed
        self._breakdown = Breakdown(breakdown or BreakdownSettings(), window)
        self._baselines = Baselines(baselines)
        self._numbered = window.numbered

    @property
    def columns(self) -> frozenset[str]:
        """Columns of a flow batch that are read; the others need not be decoded."""
        of_detectors = (column for one in self.entries for column in one.detector.columns)
        return self.window.columns | _SHARED | frozenset(of_detectors)

    def replace(self, entries: Sequence[Entry]) -> None:
        """Other detectors from now on; those that stay keep their state."""
        self.entries = tuple(entries)

    def add(self, columns: Columns, now_ms: int) -> Added:
        """Count flows (those of `columns`, absent optional ones as zeros) and show them to the detectors."""
        added = self.window.add(columns, now_ms)
        flows = added.counted
        if flows is not None:
            if self._numbered != self.window.numbered:
                self._numbered = self.window.numbered
                self._breakdown.forget_prefixes()
            self._breakdown.add(flows)
            for entry in self.entries:
                try:
                    entry.running.add(flows)
                except Exception as error:  # a plugin's mistake is its own
                    self._failed(entry.detector.name, "add", error)
        return added

    def look(self, grown: Sequence[int], now_ms: int) -> dict[str, list[Signal]]:
        """What the detectors see after the slots `grown` have grown, by the detector's name."""
        window = self.window
        if grown:
            self._breakdown.watch_prefixes(window.head - 1, window.head)
            self._baselines.learn(window)
        look = Look(window, grown, now_ms, self._breakdown, self._baselines)
        found: dict[str, list[Signal]] = {}
        for entry in self.entries:
            try:
                found[entry.detector.name] = entry.running.look(look)
            except Exception as error:
                self._failed(entry.detector.name, "look", error)
        return found

    def dump(self) -> dict[str, npt.NDArray[Any]]:
        """State beside the window's, for a checkpoint: arrays by `<part>/<name>`."""
        parts: dict[str, Mapping[str, npt.NDArray[Any]]] = {
            "breakdown": self._breakdown.dump(),
            "baselines": self._baselines.dump(),
        }
        parts |= {f"detector.{entry.detector.name}": entry.running.dump() for entry in self.entries}
        return {f"{part}/{name}": values for part, state in parts.items() for name, values in state.items()}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take up what `dump` gave. A part that cannot be used starts empty, and is reported as failed."""
        parts: dict[str, Callable[[Mapping[str, npt.NDArray[Any]]], None]] = {
            "breakdown": self._breakdown.restore,
            "baselines": self._baselines.restore,
        }
        parts |= {f"detector.{entry.detector.name}": entry.running.restore for entry in self.entries}
        for part, restore in parts.items():
            values = {
                name.removeprefix(f"{part}/"): value
                for name, value in state.items()
                if name.startswith(f"{part}/")
            }
            if not values:
                continue
            try:
                restore(values)
            except (ValueError, KeyError, IndexError) as error:
                self._failed(part, "restore", error)
