"""Beaconing: a host that calls one peer at nearly equal intervals, as programs under remote control do.

Hu et al. (BAYWATCH), DSN 2016, and RITA's score: regular intervals, calls of like size, a peer that few others call.
Kept of each pair of hosts and port are the number of calls, mean and variance of the intervals (Welford 1962) and of
the bytes: 100 bytes for each of `limit` pairs. Where there are more pairs, a half of them is chosen by their digest,
then a quarter and so on: those chosen are seen whole, the others not at all (`watched` says what share is seen).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.security.domain.contacts import hosts, signal, text
from sixfold.security.domain.detector import Detector, Look
from sixfold.security.domain.events import Reason, Severity
from sixfold.security.domain.flows import Flows
from sixfold.security.domain.hosts import HostRegister, Numbers
from sixfold.security.domain.keyed import F64, U64
from sixfold.security.domain.kinds import ACK, TCP, UDP
from sixfold.security.domain.signals import Signal
from sixfold.security.domain.sketch import digest

VECTOR: Final = "beaconing"
_LAST, _CALLS, _MEAN, _SQUARES, _BYTES, _BYTE_SQUARES, _TOLD = range(7)
_TURNS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconSettings:
    calls: int = 16
    shortest: float = 20.0
    """Seconds between two calls."""
    longest: float = 3_600.0
    jitter: float = 0.12
    """Standard deviation of the intervals by their mean; jitter of 20 % either way makes 0.115."""
    unlike: float = 0.35
    """The same of the bytes."""
    callers: int = 3
    """A peer that more hosts call is a service."""
    usual: tuple[int, ...] = (53, 67, 123, 137, 138, 161, 179, 546, 547, 853, 1812, 1813, 1900, 5353)
    """Ports of services that are called at intervals by nature."""
    limit: int = 32_768
    most: int = 100


class Beacons:
    def __init__(self, settings: BeaconSettings) -> None:
        if settings.limit < 256 or settings.calls < 4:
            raise ValueError("limit must be at least 256 and calls at least 4")
        self.settings = settings
        self._usual = np.zeros(65_536, bool)
        self._usual[list(settings.usual)] = True
        self._level = 0
        self._clear()

    def _clear(self) -> None:
        self._pairs = HostRegister(np.random.default_rng())
        self._kept: F64 = np.zeros((7, self._pairs.capacity))
        self._ends: U64 = np.zeros((4, self._pairs.capacity), np.uint64)
        self._fresh: set[int] = set()
        self._newest = 0.0

    @property
    def watched(self) -> float:
        """The share of all pairs that is watched."""
        return 0.5**self._level

    def add(self, flows: Flows) -> None:
        columns = flows.columns
        protocol, port = columns["protocol"], columns["dst_port"]
        flags = columns["tcp_flags"]
        calls = (protocol == UDP) | ((protocol == TCP) & ((flags & ACK != 0) | (flags == 0)))
        rows = np.flatnonzero(
            calls & (port < columns["src_port"]) & (columns["src_port"] >= 1024) & ~self._usual[port]
        )
        if not len(rows):
            return
        pair = digest(digest(*hosts(flows, rows, "src")), digest(*hosts(flows, rows, "dst"), 1)) ^ (
            port[rows].astype(np.uint64) << np.uint64(8) | protocol[rows]
        )
        pair = digest(pair, pair)
        if self._level:
            chosen = pair >> np.uint64(64 - self._level) == 0
            rows, pair = rows[chosen], pair[chosen]
        order = np.lexsort((columns["time_start"][rows], pair))
        rows, pair = rows[order], pair[order]
        # One call of a pair in a turn, the oldest first; a pair with more than _TURNS in one part is no beacon.
        for _ in range(_TURNS):
            if not len(rows):
                return
            first = np.concatenate([[True], pair[1:] != pair[:-1]])
            self._call(flows, rows[first], pair[first])
            rows, pair = rows[~first], pair[~first]

    def _call(self, flows: Flows, rows: Numbers, pair: U64) -> None:
        numbers = self._pairs.numbers(pair, np.zeros(len(pair), np.uint64))
        self._grow()
        kept, settings = self._kept, self.settings
        at = flows.columns["time_start"][rows] / 1000.0
        octets = flows.columns["bytes"][rows].astype(np.float64)
        new = kept[_LAST, numbers] == 0
        fresh = numbers[new]
        (self._ends[0, fresh], self._ends[1, fresh]) = hosts(flows, rows[new], "src")
        (self._ends[2, fresh], self._ends[3, fresh]) = hosts(flows, rows[new], "dst")
        gap = at - kept[_LAST, numbers]
        # Several connections of one call are one; of a missed call or a long flow told in parts nothing is learned.
        usual = kept[_MEAN, numbers]
        missed = (kept[_CALLS, numbers] >= 4) & (gap > 1.8 * usual)
        counted = ~new & (gap >= settings.shortest / 4) & (gap <= settings.longest * 2) & ~missed
        put = new | (gap >= settings.shortest / 4)
        kept[_LAST, numbers[put]] = at[put]
        self._newest = max(self._newest, float(at.max()))
        chosen, gap, octets = numbers[counted], gap[counted], octets[counted]
        calls = kept[_CALLS, chosen] + 1
        kept[_CALLS, chosen] = calls
        for mean, squares, values in ((_MEAN, _SQUARES, gap), (_BYTES, _BYTE_SQUARES, octets)):
            before = values - kept[mean, chosen]
            kept[mean, chosen] += before / calls
            kept[squares, chosen] += before * (values - kept[mean, chosen])
        self._fresh.update(chosen[calls >= settings.calls].tolist())
        if self._pairs.size > settings.limit:
            self._prune()

    def _grow(self) -> None:
        more = self._pairs.capacity - self._kept.shape[1]
        if more > 0:
            self._kept = np.pad(self._kept, ((0, 0), (0, more)))
            self._ends = np.pad(self._ends, ((0, 0), (0, more)))

    def _prune(self) -> None:
        """First those that have been quiet for long, then every second pair from now on."""
        size, settings = self._pairs.size, self.settings
        quiet = self._newest - self._kept[_LAST, :size] > np.where(
            self._kept[_CALLS, :size] > 0, 3 * self._kept[_MEAN, :size], settings.longest
        )
        keep = ~quiet
        while keep.sum() > settings.limit // 2 and self._level < 32:
            self._level += 1
            keep &= self._pairs.hi[:size] >> np.uint64(64 - self._level) == 0
        self._take_up(
            self._pairs.hi[:size][keep], self._kept[:, :size][:, keep], self._ends[:, :size][:, keep]
        )

    def _take_up(self, pairs: U64, kept: F64, ends: U64) -> None:
        newest = self._newest
        self._clear()
        self._newest = newest
        numbers = self._pairs.numbers(pairs, np.zeros(len(pairs), np.uint64))
        self._grow()
        self._kept[:, numbers], self._ends[:, numbers] = kept, ends

    def look(self, look: Look) -> list[Signal]:
        if not self._fresh:
            return []
        settings, kept = self.settings, self._kept
        numbers = np.array(sorted(self._fresh), np.intp)
        self._fresh.clear()
        calls, mean = kept[_CALLS, numbers], kept[_MEAN, numbers]
        jitter = np.sqrt(kept[_SQUARES, numbers] / calls) / np.maximum(mean, 1e-9)
        unlike = np.sqrt(kept[_BYTE_SQUARES, numbers] / calls) / np.maximum(kept[_BYTES, numbers], 1.0)
        regular = (mean >= settings.shortest) & (mean <= settings.longest)
        regular &= (jitter <= settings.jitter) & (unlike <= settings.unlike)
        rows = np.flatnonzero(regular)[: 4 * settings.most]
        if not len(rows):
            return []
        size = self._pairs.size
        peers = digest(self._ends[2, :size], self._ends[3, :size])
        signals: list[Signal] = []
        for row in rows.tolist():
            number = int(numbers[row])
            callers = int(np.sum(peers == peers[number]))
            if callers > settings.callers or len(signals) >= settings.most:
                continue
            signals.append(self._signal(number, calls[row], float(mean[row]), float(jitter[row])))
        return signals

    def _signal(self, number: int, calls: float, mean: float, jitter: float) -> Signal:
        hi, lo, peer_hi, peer_lo = self._ends[:, number].tolist()
        said = f"{text(hi, lo)} called {text(peer_hi, peer_lo)} {calls + 1:,.0f} times every {mean:,.0f} s, "
        end = int(self._newest * 1000)
        return signal(
            detector=DETECTOR.name,
            vector=VECTOR,
            network=(hi, lo, 128),
            span=(end - int(calls * mean * 1000), end),
            sums=(calls, 0.0, calls * float(self._kept[_BYTES, number])),
            reasons=(Reason("regular-calls", f"{said}{jitter:.0%} off", float(calls), self.settings.calls),),
            technique=DETECTOR.technique,
            peer=(peer_hi, peer_lo, 128),
            severity=Severity.LOW,
            confidence=round(0.5 + 0.3 * (1 - jitter / self.settings.jitter), 3),
        )

    def dump(self) -> Mapping[str, npt.NDArray[Any]]:
        size = self._pairs.size
        return {
            "pairs": self._pairs.hi[:size],
            "kept": self._kept[:, :size],
            "ends": self._ends[:, :size],
            "state": np.array([self._level, self._newest]),
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        pairs, kept, ends = state["pairs"], state["kept"], state["ends"]
        if kept.shape != (7, len(pairs)) or ends.shape != (4, len(pairs)):
            raise ValueError("pairs of another shape")
        self._level, self._newest = int(state["state"][0]), float(state["state"][1])
        self._take_up(pairs, kept, ends)


DETECTOR: Final = Detector(
    name="beaconing",
    title="Calls of one peer at nearly equal intervals",
    source="Hu et al. (BAYWATCH), DSN 2016; RITA",
    misses="jitter over the threshold, intervals over an hour, peers that many call, connections that stay up",
    parameters=BeaconSettings(),
    start=Beacons,
    technique="T1071",
)
