"""The collecting threads: one takes datagrams from the sockets and decodes them, one seals what is decoded.

Neither waits for the bus. When sealing falls behind, collecting waits for it, and the kernel's buffer takes the peak.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sixfold.agent.batch import Batcher, Sealed
from sixfold.agent.config import BatchSettings
from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams
from sixfold.agent.decoded import Decoded
from sixfold.agent.receive import Receiver, wait
from sixfold.agent.seal import Sealer
from sixfold.api.flow.schema import FLOW, INTERFACE_COUNTER, NAT_SESSION

log = logging.getLogger(__name__)
QUEUED: Final = 4
"""Sealed batches that wait for their encoding."""
IDLE_WAIT: Final = 0.05
TICK_MS: Final = 1_000


class Decoder(Protocol):
    def decode(self, datagrams: Datagrams) -> Decoded: ...

    def state(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Source:
    """A socket and what understands its datagrams."""

    protocol: str
    receiver: Receiver
    decoder: Decoder
    tick: Callable[[int], Decoded] | None = None


class Collection:
    """Two threads between `start` and `stop`. `failed` is called, once, if one of them dies."""

    def __init__(
        self,
        sources: list[Source],
        *,
        settings: BatchSettings,
        sealer: Sealer,
        counters: Counters,
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
        self._queue: queue.Queue[Sealed | None] = queue.Queue(QUEUED)
        self._batchers = {
            schema.name: Batcher(schema, settings.max_rows, settings.max_age_ms)
            for schema in (FLOW, NAT_SESSION, INTERFACE_COUNTER)
        }
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
            wait(receivers, IDLE_WAIT)
            self._poll_all()
            now = _now()
            if now - ticked >= TICK_MS:
                ticked = now
                self._tick(now)
            self._hand_over(now)
            if now - saved >= self._save_every:
                saved = now
                self._save_state()
        # A last look, bounded: what arrived before we were told to stop.
        for _ in range(64):
            if not self._poll_all():
                break
        for batcher in self._batchers.values():
            for sealed in batcher.flush():
                self._queue.put(sealed)
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
        try:
            decoded = source.decoder.decode(datagrams)
        except Exception:
            # A decoder never raises for what a datagram holds; if it does, one poll is lost, not the agent.
            log.exception("%s: %d datagrams could not be decoded", source.protocol, len(datagrams))
            self._counters.add("collector_errors", 1, protocol=source.protocol)
            return
        self._add(decoded, _now())

    def _add(self, decoded: Decoded, now: int) -> None:
        for name, counter, groups in (
            (FLOW.name, "flows", decoded.flows),
            (NAT_SESSION.name, "nat_sessions", decoded.nat_sessions),
            (INTERFACE_COUNTER.name, "interface_counters", decoded.counters),
        ):
            batcher = self._batchers[name]
            for columns in groups:
                batcher.add(columns, now)
                self._counters.add(counter, len(columns["time_received"]))

    def _tick(self, now: int) -> None:
        for source in self._sources:
            if source.tick is not None:
                self._add(source.tick(now), now)

    def _hand_over(self, now: int) -> None:
        for batcher in self._batchers.values():
            for sealed in batcher.poll(now):
                self._queue.put(sealed)

    def _save_state(self) -> None:
        self._save({source.protocol: source.decoder.state() for source in self._sources})

    def _seal(self) -> None:
        while (sealed := self._queue.get()) is not None:
            self._sealer.seal(sealed)


def _now() -> int:
    return time.time_ns() // 1_000_000
