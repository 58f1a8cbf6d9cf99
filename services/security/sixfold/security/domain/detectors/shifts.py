"""What has changed: a new service at a known server, and networks that come in by another way.

A server that has answered at some ports for `learning_hours` and then answers clients at another is told once
(ATT&CK T1571; as in PRADS and Zeek's known services). Where exporters tell source AS and ingress interface, the
share of each AS by interface is learned; when most of it comes by another, it is an ingress shift, and when several
ASes go over to one interface together it looks like a route leak (RFC 7908, 3). Both are cold, and silent, for their
learning time.
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
from sixfold.security.domain.hosts import HostRegister
from sixfold.security.domain.keyed import F64, Keyed
from sixfold.security.domain.kinds import ACK, SYN, TCP
from sixfold.security.domain.signals import Signal

SERVICE: Final = "new-service"
INGRESS: Final = "ingress-shift"
LEAK: Final = "route-leak-like"
_SLOT_MS: Final = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftSettings:
    learning_hours: float = 24.0
    flows: int = 5
    """Answers of a new service in `seconds`."""
    seconds: int = 600
    highest_port: int = 32_767
    """Ports above are given to clients."""
    servers: int = 65_536
    least_bytes: float = 10_000_000.0
    """Of an AS in five minutes, at one exporter."""
    share: float = 0.8
    """Of an AS by an interface that brought less than `before` of it."""
    before: float = 0.1
    slots_learned: int = 12
    """Five minutes each, after which what is usual for an AS counts as known."""
    leak: int = 4
    """ASes that go over to one interface together."""
    networks: int = 16_384
    most: int = 100


class Shifts:
    def __init__(self, settings: ShiftSettings) -> None:
        self.settings = settings
        self._register = HostRegister(np.random.default_rng())
        self._first: F64 = np.zeros(self._register.capacity)
        """When a server, or a service, was seen first, seconds."""
        slots = max(-(-settings.seconds * 1000 // _SLOT_MS) + 1, 2)
        self._answers = Keyed(metrics=3, slots=slots, limit=8_192)
        self._ways = Keyed(metrics=1, slots=3, limit=settings.networks)
        self._usual: dict[tuple[int, int, int], tuple[float, int]] = {}
        """(interface and AS, exporter hi, exporter lo) to the usual share and the slots it was learned from."""
        self._judged = 0
        self._fresh = False
        self._shifted: list[Signal] = []

    def add(self, flows: Flows) -> None:
        self._serve(flows)
        self._come_in(flows)

    def _serve(self, flows: Flows) -> None:
        columns, settings = flows.columns, self.settings
        port = columns["src_port"]
        answer = (columns["protocol"] == TCP) & (port <= settings.highest_port) & (port > 0)
        answer &= (columns["dst_port"] > port) & ((columns["tcp_flags"] & (SYN | ACK)) == (SYN | ACK))
        rows = np.flatnonzero(answer & (columns["packets"] >= 4))
        if not len(rows):
            return
        groups = flows.groups("source", "src_port")
        rows = rows[np.unique(groups.of[rows], return_index=True)[1]]
        hi, lo = hosts(flows, rows, "src")
        lane = port[rows].astype(np.uint32)
        now = columns["time_end"][rows] / 1000.0
        if self._register.size > 2 * settings.servers:
            self._forget()
        for lanes in (np.zeros(len(rows), np.uint32), lane):
            numbers = self._register.numbers(hi, lo, lanes)
            if len(self._first) < self._register.capacity:
                self._first = np.pad(self._first, (0, self._register.capacity - len(self._first)))
            unseen = self._first[numbers] == 0
            self._first[numbers[unseen]] = now[unseen]
        # `numbers` are the services now; those that are younger than their server by the learning time are new.
        server = self._first[self._register.numbers(hi, lo, np.zeros(len(rows), np.uint32))]
        learned = settings.learning_hours * 3600
        new = (self._first[numbers] - server >= learned) & (now - self._first[numbers] <= settings.seconds)
        rows, lane = rows[new], lane[new]
        if len(rows):
            told = columns["time_end"][rows] // _SLOT_MS
            values = (
                groups.sum()[groups.of[rows]],
                *(columns[name][rows] * 1.0 for name in ("packets", "bytes")),
            )
            self._answers.add(lane, hi[new], lo[new], told, values)
            self._fresh = True

    def _forget(self) -> None:
        """Half of the services, the youngest: what has been known for long is worth most."""
        size = self._register.size
        keep = np.argsort(self._first[:size])[: self.settings.servers]
        self._keep(
            self._register.lane[keep], self._register.hi[keep], self._register.lo[keep], self._first[keep]
        )

    def _keep(self, lane: Any, hi: Any, lo: Any, first: F64) -> None:
        self._register.clear()
        numbers = self._register.numbers(hi, lo, lane)
        self._first = np.zeros(self._register.capacity)
        self._first[numbers] = first

    def _come_in(self, flows: Flows) -> None:
        columns = flows.columns
        rows = np.flatnonzero((columns["src_as"] > 0) & (columns["input_interface"] > 0))
        if not len(rows):
            return
        hi, lo = flows.words("exporter")
        # The AS and the exporter's last 32 bits beside it: exporters of one network differ there.
        key = columns["src_as"][rows].astype(np.uint64) << np.uint64(32) | (lo[rows] & np.uint64(0xFFFFFFFF))
        lane = columns["input_interface"][rows].astype(np.uint32)
        slot = columns["time_end"][rows] // _SLOT_MS
        self._ways.add(lane, key, hi[rows], slot, (columns["bytes"][rows].astype(np.float64),))
        if self._ways.head - 1 > self._judged:
            self._judged = self._ways.head - 1
            self._shifted = self._judge(self._judged)

    def _judge(self, slot: int) -> list[Signal]:
        """What came in by another way in this slot, which is over; then learn it."""
        settings, ways = self.settings, self._ways
        volume = ways.sums(slot, slot)[0]
        rows = np.flatnonzero(volume)
        keys = list(zip(ways.keys.hi[rows].tolist(), ways.keys.lo[rows].tolist(), strict=True))
        totals: dict[tuple[int, int], float] = {}
        for key, octets in zip(keys, volume[rows].tolist(), strict=True):
            totals[key] = totals.get(key, 0.0) + octets
        moved: dict[tuple[int, int, int], list[tuple[int, float, float]]] = {}
        for row, key in zip(rows.tolist(), keys, strict=True):
            octets, interface = float(volume[row]), int(ways.keys.lane[row])
            if totals[key] < settings.least_bytes:
                continue
            known = self._usual.get((0, *key), (0.0, 0))[1]
            before = self._usual.get((interface, *key), (0.0, 0))[0]
            share = octets / totals[key]
            if known >= settings.slots_learned and share >= settings.share and before <= settings.before:
                exporter = (interface, key[1], key[0] & 0xFFFFFFFF)
                moved.setdefault(exporter, []).append((key[0] >> 32, share, octets))
        self._learn(keys, rows.tolist(), volume, totals)
        return [one for exporter, networks in moved.items() for one in self._moved(exporter, networks, slot)]

    def _learn(
        self,
        keys: list[tuple[int, int]],
        rows: list[int],
        volume: F64,
        totals: Mapping[tuple[int, int], float],
    ) -> None:
        seen = {key: total for key, total in totals.items() if total >= self.settings.least_bytes}
        shares: dict[tuple[int, int, int], float] = {}
        for row, key in zip(rows, keys, strict=True):
            if key in seen:
                shares[int(self._ways.keys.lane[row]), *key] = float(volume[row]) / seen[key]
        for place, (share, slots) in list(self._usual.items()):
            if place[0] and place[1:] in seen and place not in shares:
                self._usual[place] = (share * 0.9, slots)
        for place, share in shares.items():
            before, slots = self._usual.get(place, (share, 0))
            self._usual[place] = (0.9 * before + 0.1 * share, slots + 1)
        for key in seen:
            self._usual[0, *key] = (1.0, self._usual.get((0, *key), (0.0, 0))[1] + 1)
        while len(self._usual) > 2 * self.settings.networks:
            self._usual.pop(next(iter(self._usual)))

    def _moved(
        self, exporter: tuple[int, int, int], networks: list[tuple[int, float, float]], slot: int
    ) -> list[Signal]:
        interface, hi, low = exporter
        # Of IPv4 the upper half of the word is known; of IPv6 exporters only what is kept can be shown.
        lo = low | (0xFFFF << 32 if hi == 0 else 0)
        leak = len(networks) >= self.settings.leak
        shown = ", ".join(f"AS{number}" for number, _, _ in sorted(networks)[:5])
        said = f"{len(networks)} networks ({shown}) now come in mostly at interface {interface} of {text(hi, lo)}"
        least = float(self.settings.leak if leak else 1)
        octets = sum(size for _, _, size in networks)
        return [
            signal(
                detector=DETECTOR.name,
                vector=LEAK if leak else INGRESS,
                network=(hi, lo, 128),
                span=(slot * _SLOT_MS, (slot + 1) * _SLOT_MS),
                sums=(float(len(networks)), 0.0, octets),
                reasons=(Reason("networks-that-moved", said, float(len(networks)), least),),
                match=(
                    ("input_interface", (interface,)),
                    ("src_as", tuple(number for number, _, _ in networks)),
                ),
                severity=Severity.HIGH if leak else Severity.LOW,
                confidence=0.7 if leak else 0.55,
            )
        ]

    def look(self, look: Look) -> list[Signal]:
        shifted, self._shifted = self._shifted, []
        if not self._fresh:
            return shifted
        self._fresh = False
        answers, settings = self._answers, self.settings
        sums = answers.sums(answers.head - answers.slots + 1, answers.head)
        for row in np.flatnonzero(sums[0] >= settings.flows)[: settings.most].tolist():
            hi, lo = int(answers.keys.hi[row]), int(answers.keys.lo[row])
            port, count = int(answers.keys.lane[row]), float(sums[0, row])
            said = f"{text(hi, lo)} answers at TCP port {port}, where it never did ({count:,.0f} flows)"
            shifted.append(
                signal(
                    detector=DETECTOR.name,
                    vector=SERVICE,
                    network=(hi, lo, 128),
                    span=((answers.head - 1) * _SLOT_MS, (answers.head + 1) * _SLOT_MS),
                    sums=sums[:, row].tolist(),
                    reasons=(Reason("new-service", said, count, settings.flows),),
                    technique=DETECTOR.technique,
                    match=(("protocol", (TCP,)), ("src_port", (port,))),
                    severity=Severity.LOW,
                    confidence=0.55,
                )
            )
        return shifted

    def dump(self) -> Mapping[str, npt.NDArray[Any]]:
        size, register = self._register.size, self._register
        places = np.array(list(self._usual) or np.zeros((0, 3)), np.uint64)
        return {
            "lane": register.lane[:size],
            "hi": register.hi[:size],
            "lo": register.lo[:size],
            "first": self._first[:size],
            "places": places,
            "shares": np.array(list(self._usual.values()) or np.zeros((0, 2)), np.float64),
            "judged": np.array([self._judged]),
            **{f"answers.{name}": values for name, values in self._answers.dump().items()},
            **{f"ways.{name}": values for name, values in self._ways.dump().items()},
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        places, shares = state["places"], state["shares"]
        if places.shape != (len(shares), 3) or shares.shape != (len(shares), 2):
            raise ValueError("shares of another shape")
        for part, keyed in (("answers.", self._answers), ("ways.", self._ways)):
            keyed.restore({name[len(part) :]: one for name, one in state.items() if name.startswith(part)})
        self._keep(state["lane"], state["hi"], state["lo"], state["first"])
        self._usual = {
            (int(place[0]), int(place[1]), int(place[2])): (float(share[0]), int(share[1]))
            for place, share in zip(places.tolist(), shares.tolist(), strict=True)
        }
        self._judged = int(state["judged"][0])


DETECTOR: Final = Detector(
    name="shifts",
    title="A new service at a known server; networks that come in by another way",
    source="RFC 7908, 3; RFC 7454; Zeek's known services",
    misses="services over UDP or at high ports; leaks where exporters tell no source AS or ingress interface; AS paths",
    parameters=ShiftSettings(),
    start=Shifts,
    columns=frozenset({"src_as", "input_interface", "exporter"}),
    technique="T1571",
)
