"""Traffic with prefixes that threat-intelligence feeds list.

A host that sends to a listed address is named as the origin (vector `listed-contact`): it may be under somebody's
control. A listed address that sends to many is named itself (`listed-source`), once, not by each whom it knocks at.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.security.domain import addresses
from sixfold.security.domain.detector import Detector, Look
from sixfold.security.domain.events import Rates, Reason, Severity
from sixfold.security.domain.flows import Flows, Groups, by_value
from sixfold.security.domain.intel.prefixes import Listed
from sixfold.security.domain.keyed import Keyed
from sixfold.security.domain.signals import Signal

CONTACT: Final = "listed-contact"
SOURCE: Final = "listed-source"
SLOT_MS: Final = 10_000
_METRICS: Final = ("bytes", "packets", "flows")
Key = tuple[int, int, int]
"""Direction (0: the host sends to a listed one, 1: it is listed itself), hi, lo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntelSettings:
    seconds: int = 60
    """Over how long traffic is added up."""
    packets: int = 5
    bytes: int = 1_000
    """What a host has to send to listed addresses: an answer to their knocking is less."""
    source_packets: int = 100
    """What a listed address has to send."""
    surely: int = 80
    """Confidence in percent from which a contact is grave."""
    limit: int = 65_536
    """Hosts that are remembered."""
    most: int = 500
    """Signals of one look."""


@dataclass(frozen=True, slots=True)
class _Detail:
    """The heaviest pair of a host."""

    peer: tuple[int, int]
    feed: str
    confidence: int
    bytes: float


class Intel:
    """`listed` may be replaced between two calls."""

    def __init__(self, settings: IntelSettings) -> None:
        if min(settings.seconds, settings.limit, settings.most) < 1 or settings.seconds > 3600:
            raise ValueError("seconds must be 1 to 3600, limit and most at least 1")
        self.settings = settings
        self.listed = Listed()
        self._slots = -(-settings.seconds * 1000 // SLOT_MS) + 1
        self._keyed = Keyed(metrics=3, slots=self._slots, limit=settings.limit)
        self._details: OrderedDict[Key, _Detail] = OrderedDict()
        self._fresh: set[Key] = set()

    def add(self, flows: Flows) -> None:
        if not self.listed.feeds:
            return
        source, destination = flows.groups("source"), flows.groups("destination")
        now = flows.now_ms // 1000
        of_source = self._found(flows, source, "src_address", now)
        of_destination = self._found(flows, destination, "dst_address", now)
        if not of_source[0].any() and not of_destination[0].any():
            return
        contact = np.flatnonzero((of_destination[0] > 0)[destination.of] & (of_source[0] == 0)[source.of])
        self._count(flows, 0, contact, ("src_address", source), ("dst_address", destination), of_destination)
        inbound = np.flatnonzero((of_source[0] > 0)[source.of] & (of_destination[0] == 0)[destination.of])
        self._count(flows, 1, inbound, ("src_address", source), ("dst_address", destination), of_source)

    def _found(
        self, flows: Flows, groups: Groups, column: str, now: int
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.intp]]:
        """By group, with which confidence it is listed (0: not), and by which feed."""
        hi, lo = flows.words(column)
        rows, feed, confidence = self.listed.find(hi[groups.first], lo[groups.first], now)
        sure, feeds = np.zeros(groups.count, np.uint8), np.zeros(groups.count, np.intp)
        sure[rows], feeds[rows] = confidence, feed
        return sure, feeds

    def _count(
        self,
        flows: Flows,
        direction: int,
        rows: npt.NDArray[np.intp],
        source: tuple[str, Groups],
        destination: tuple[str, Groups],
        found: tuple[npt.NDArray[np.uint8], npt.NDArray[np.intp]],
    ) -> None:
        if not len(rows):
            return
        numbers = (source[1].of[rows], destination[1].of[rows])
        pairs = by_value(numbers[0].astype(np.uint64) << np.uint64(32) | numbers[1].astype(np.uint64))
        first = rows[pairs.first]
        hosts, peers = flows.words(source[0]), flows.words(destination[0])
        hi, lo = hosts[0][first], hosts[1][first]
        volumes = (
            pairs.sum(flows.columns["bytes"][rows]),
            pairs.sum(flows.columns["packets"][rows]),
            pairs.sum(),
        )
        slot = np.full(pairs.count, int(flows.columns["time_end"][rows].max()) // SLOT_MS)
        self._keyed.add(np.full(pairs.count, direction, np.uint32), hi, lo, slot, volumes)
        listed = (destination if direction == 0 else source)[1].of[first]
        names = self.listed.names
        # The heaviest pairs only: a detail is for a person to read.
        for at in np.argsort(volumes[0])[::-1][: self.settings.limit].tolist():
            key = (direction, int(hi[at]), int(lo[at]))
            self._fresh.add(key)
            before = self._details.get(key)
            if before is None or volumes[0][at] > before.bytes:
                self._details[key] = _Detail(
                    (int(peers[0][first[at]]), int(peers[1][first[at]])),
                    names[int(found[1][listed[at]])],
                    int(found[0][listed[at]]),
                    float(volumes[0][at]),
                )
            self._details.move_to_end(key)
        while len(self._details) > self.settings.limit:
            self._details.popitem(last=False)

    def look(self, look: Look) -> list[Signal]:
        del look
        keyed, settings = self._keyed, self.settings
        if not self._fresh or not keyed.size:
            return []
        sums = keyed.sums(keyed.head - self._slots + 1, keyed.head)
        contact = keyed.keys.lane[: keyed.size] == 0
        enough = (sums[1] >= settings.packets) & (sums[0] >= settings.bytes)
        chosen = np.flatnonzero((contact & enough) | (~contact & (sums[1] >= settings.source_packets)))
        chosen = chosen[np.argsort(sums[0][chosen])[::-1]]
        signals: list[Signal] = []
        for at in chosen.tolist():
            key = (int(keyed.keys.lane[at]), int(keyed.keys.hi[at]), int(keyed.keys.lo[at]))
            detail = self._details.get(key)
            if key in self._fresh and detail is not None and len(signals) < settings.most:
                signals.append(self._signal(key, detail, sums[:, at].tolist()))
        self._fresh.clear()
        return signals

    def _signal(self, key: Key, detail: _Detail, volumes: list[float]) -> Signal:
        settings, (direction, hi, lo) = self.settings, key
        span = self._slots * SLOT_MS
        end = (self._keyed.head + 1) * SLOT_MS
        host, peer = addresses.address_text(hi, lo), addresses.address_text(*detail.peer)
        listing = f"feed {detail.feed} lists with a confidence of {detail.confidence} %"
        if direction == 0:
            text = f"{host} sent {volumes[1]:,.0f} packets to addresses like {peer}, which {listing}"
            reason = Reason("listed-destination", text, volumes[1], settings.packets)
            severity = Severity.HIGH if detail.confidence >= settings.surely else Severity.MEDIUM
        else:
            text = f"{host}, which {listing}, sent {volumes[1]:,.0f} packets, most to {peer}"
            reason = Reason("listed-source", text, volumes[1], settings.source_packets)
            severity = Severity.MEDIUM if detail.confidence >= settings.surely else Severity.LOW
        return Signal(
            detector=DETECTOR.name,
            vector=CONTACT if direction == 0 else SOURCE,
            network=(hi, lo, 128),
            window_start=end - span,
            window_end=end,
            rates=Rates(volumes[0] * 8000 / span, volumes[1] * 1000 / span, volumes[2] * 1000 / span),
            opens=True,
            severity=severity,
            confidence=min(detail.confidence, 99) / 100,
            reasons=(reason,),
            side="source",
            technique=DETECTOR.technique if direction == 0 else "",
            peer=(*detail.peer, 128) if direction == 0 else None,
        )

    def dump(self) -> Mapping[str, npt.NDArray[Any]]:
        keys = list(self._details)
        details = list(self._details.values())
        return {
            **{f"keyed.{name}": values for name, values in self._keyed.dump().items()},
            "details": np.array(
                [(*key, *one.peer, one.confidence) for key, one in self._details.items()], np.uint64
            ),
            "bytes": np.array([one.bytes for one in details], np.float64),
            "feeds": np.array([one.feed.encode()[:100] for one in details], "S100"),
            "count": np.array([len(keys)]),
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        details, heavy, feeds = state["details"], state["bytes"], state["feeds"]
        count = int(state["count"][0])
        if not len(heavy) == len(feeds) == count or (count and details.shape != (count, 6)):
            raise ValueError("details of another shape")
        names = [bytes(one).decode("utf-8", "replace") for one in feeds.tolist()]
        rows = [[int(value) for value in row] for row in details.tolist()]
        restored = OrderedDict(
            ((row[0], row[1], row[2]), _Detail((row[3], row[4]), feed, row[5], float(size)))
            for row, feed, size in zip(rows, names, heavy.tolist(), strict=True)
        )
        self._keyed.restore(
            {name.removeprefix("keyed."): one for name, one in state.items() if "keyed." in name}
        )
        self._details = restored


DETECTOR: Final = Detector(
    name="threat-intel",
    title="Hosts that send to listed prefixes, and listed addresses that send",
    source="prefixes of the feeds (STIX 2.1 indicators over TAXII 2.1, plain lists)",
    misses="whatever no feed lists; contacts of fewer packets than an answer to a scan has",
    parameters=IntelSettings(),
    start=Intel,
    technique="T1071",
)
