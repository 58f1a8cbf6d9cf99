"""The collecting threads: one takes datagrams from the sockets and decodes them, one seals what is decoded.

Neither waits for the bus. When sealing falls behind, collecting waits for it, and the kernel's buffer takes the peak.
The batches of all kinds are handed over together and between two polls, with the exporters' numbers of that moment.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sixfold.agent.config import BatchSettings
from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams
from sixfold.agent.decoded import Decoded
from sixfold.agent.gather import HandOver, OpenBatches
from sixfold.agent.receive import Intake, wait
from sixfold.agent.seal import Sealer
from sixfold.agent.sequences import Snapshot
from sixfold.api.flow.schema import FLOW, INTERFACE_COUNTER, NAT_SESSION

log = logging.getLogger(__name__)
QUEUED: Final = 4
"""Sealed batches that wait for their encoding."""
OPEN_WAIT: Final = 0.05
"""Seconds without datagrams after which it is seen whether a batch has grown old."""
IDLE_WAIT: Final = 0.5
"""The same where there is none."""
TICK_MS: Final = 1_000
_COUNTERS: Final = {
    FLOW.name: "flows",
    NAT_SESSION.name: "nat_sessions",
    INTERFACE_COUNTER.name: "interface_counters",
}
_SAVE_SHARE: Final = 50
"""New templates are saved at once, but saving takes no more than one part in so many of the time."""


class Decoder(Protocol):
    def decode(self, datagrams: Datagrams) -> Decoded: ...

    def state(self) -> dict[str, Any]: ...

    def numbers(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Source:
    """A socket and what understands its datagrams."""

    protocol: str
    receiver: Intake
    decoder: Decoder
    tick: Callable[[int], Decoded] | None = None


class Collection:
    """Two threads between `start` and `stop`. `failed` is called, once, if one of them dies.

    lost_before: what the exporters' numbers said to be missing before this start.
    """

    def __init__(
        self,
        sources: list[Source],
        *,
        settings: BatchSettings,
        sealer: Sealer,
        counters: Counters,
        lost_before: int,
        save: Callable[[Mapping[str, Mapping[str, Any]]], None],
        save_every_ms: int,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._sources = sources
        self._sealer = sealer
        self._counters = counters
        self._save = save
        self._save_every = save_every_ms
        self._failed = failed
        self._stop = threading.Event()
        self._queue: queue.Queue[HandOver | None] = queue.Queue(QUEUED)
        self._open = OpenBatches(settings)
        self._lost_before = lost_before
        self._unheard = True
        """Nothing came since the last hand-over."""
        self._templates = 0
        self._may_save = 0
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
            for name, work in (("collect", self._collect), ("seal", self._seal))
        ]
        self._reported = False

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> None:
        """Take what the sockets still hold, seal it, save the state, end."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            log.exception("collecting failed")
            if not self._reported:
                self._reported = True
                self._failed(error)

    def _collect(self) -> None:
        receivers = [source.receiver for source in self._sources]
        now = _now()
        ticked, saved = now, now
        while not self._stop.is_set():
            wait(receivers, IDLE_WAIT if self._open.empty else OPEN_WAIT)
            self._poll_all()
            now = _now()
            if now - ticked >= TICK_MS:
                ticked = now
                self._tick(now)
            if self._open.due(now):
                self._hand_over()
            if now - saved >= self._save_every or self._has_new_templates(now):
                saved = now
                self._save_state()
        # A last look, bounded: what arrived before we were told to stop.
        for _ in range(64):
            if not self._poll_all():
                break
        self._hand_over()
        self._queue.put(None)
        self._save_state()

    def _poll_all(self) -> bool:
        """One batch of datagrams from every socket, so that a flood on one does not starve the others."""
        found = False
        for source in self._sources:
            datagrams = source.receiver.poll()
            if datagrams is None:
                continue
            found = True
            self._take(source, datagrams)
        return found

    def _take(self, source: Source, datagrams: Datagrams) -> None:
        if not self._open.has_room_for(source.protocol, datagrams):
            self._hand_over()
        self._unheard = False
        try:
            decoded = source.decoder.decode(datagrams)
        except Exception:
            # A decoder never raises for what a datagram holds; if it does, one poll is lost, not the agent.
            log.exception("%s: %d datagrams could not be decoded", source.protocol, len(datagrams))
            self._counters.add("collector_errors", 1, protocol=source.protocol)
            return
        self._open.learn(source.protocol, datagrams, self._add(decoded))

    def _add(self, decoded: Decoded) -> dict[str, int]:
        now = _now()
        rows = self._open.add(decoded, now)
        for kind, n in rows.items():
            if n:
                self._counters.add(_COUNTERS[kind], n)
        if self._open.due(now):
            self._hand_over()
        return rows

    def _tick(self, now: int) -> None:
        for source in self._sources:
            if source.tick is not None:
                self._add(source.tick(now))
        if self._open.empty and not self._unheard:
            # Messages without rows have numbers, too.
            self._hand_over()

    def _hand_over(self) -> None:
        lost = self._counters.total("sequence_lost") - self._counters.total("sequence_late")
        numbers = {source.protocol: source.decoder.numbers() for source in self._sources}
        self._queue.put(HandOver(self._open.cut(), Snapshot(numbers, self._lost_before + lost, _now())))
        self._unheard = True

    def _has_new_templates(self, now: int) -> bool:
        """Whether a kill would lose templates, without which nothing that comes next can be read."""
        return now >= self._may_save and self._count_templates() != self._templates

    def _count_templates(self) -> int:
        return sum(getattr(source.decoder, "templates", 0) for source in self._sources)

    def _save_state(self) -> None:
        begun = _now()
        self._templates = self._count_templates()
        self._save({source.protocol: source.decoder.state() for source in self._sources})
        ended = _now()
        self._may_save = ended + max(TICK_MS, (ended - begun) * _SAVE_SHARE)

    def _seal(self) -> None:
        while (one := self._queue.get()) is not None:
            self._sealer.seal(one.batches, one.snapshot)


def _now() -> int:
    return time.time_ns() // 1_000_000
