"""The logs of all kinds of batches under one bound, and the epoch that their numbers count in.

The epoch stays over restarts, also after a kill -9, because the logs then tell which numbers were given. After a loss
of power they may not: what was written last may be gone from the disk and be stored by the reader all the same, so that
a number would be given twice. Therefore a new epoch begins where the machine was started anew since and the agent was
not stopped in order; and where a log that there was is gone.
"""

import errno
import json
import logging
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sixfold.agent.config import SpoolSettings
from sixfold.agent.counters import Counters
from sixfold.agent.spool.log import Log
from sixfold.agent.spool.record import Data, Record

log = logging.getLogger(__name__)
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """batches and bytes that wait; what was given up since the start; how many that wait are in memory only."""

    batches: int
    bytes: int
    limit_bytes: int
    dropped_batches: int
    dropped_rows: int
    held_batches: int


def new_epoch() -> str:
    """A name that no other epoch has; at most 32 bytes."""
    return f"{int(time.time()):x}-{secrets.token_hex(6)}"


def boot_id() -> str:
    """Which start of the machine this is; a new answer each time where that cannot be told."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return secrets.token_hex(16)


class Spool:
    """Raises OSError where the folder cannot be made or read."""

    def __init__(
        self,
        folder: Path,
        settings: SpoolSettings,
        counters: Counters,
        *,
        kinds: Sequence[str],
        boot: str | None = None,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._counters = counters
        self._boot = boot or boot_id()
        self._dropped_batches = self._dropped_rows = 0
        self._told: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)
        self.epoch = self._continued(kinds) or new_epoch()
        segment_bytes = max(1 << 16, min(settings.segment_bytes, settings.max_bytes // 16))
        volatile = new_epoch()
        self.logs: Mapping[str, Log] = {
            kind: Log(
                folder / kind,
                epoch=self.epoch,
                volatile_epoch=volatile,
                segment_bytes=segment_bytes,
                memory_bytes=settings.memory_bytes,
                fsync=settings.fsync,
                counters=counters,
                lost=self._give_up,
            )
            for kind in kinds
        }
        self._tell_epoch(clean=False)

    def append(self, kind: str, meta: Mapping[str, Any], data: Data, rows: int) -> Record:
        """Number and keep one batch; for one thread. Past the bound the kind that holds most gives up its oldest."""
        record = self.logs[kind].append(meta, data, rows)
        if kind not in self._told and self.logs[kind].segments:
            self._tell_epoch(clean=False)
        while sum(one.disk_bytes for one in self.logs.values()) > self._settings.max_bytes:
            if not max(self.logs.values(), key=lambda one: one.disk_bytes).drop_oldest():
                break
        return record

    def status(self) -> SpoolStatus:
        logs = self.logs.values()
        return SpoolStatus(
            sum(one.waiting for one in logs),
            sum(one.waiting_bytes for one in logs),
            self._settings.max_bytes,
            self._dropped_batches,
            self._dropped_rows,
            sum(one.held for one in logs),
        )

    def close(self) -> None:
        """Write down that the numbers on disk are all that were given."""
        try:
            for one in self.logs.values():
                one.close(sync=True)
            self._tell_epoch(clean=True)
        except OSError as error:
            log.warning("spool: not closed in order: %s", error)

    def _give_up(self, cause: str, batches: int, rows: int) -> None:
        self._dropped_batches += batches
        self._dropped_rows += rows
        if batches:
            self._counters.add("batches_lost", batches, cause=cause)
            self._counters.add("rows_lost", rows, cause=cause)

    def _continued(self, kinds: Sequence[str]) -> str | None:
        """The epoch to go on with."""
        try:
            told = json.loads((self._folder / "epoch.json").read_text())
            epoch, boot, clean, known = told["epoch"], told["boot"], told["clean"], list(told["kinds"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            self._counters.add("spool_records_damaged", 1, cause="epoch")
            return None
        gone = [kind for kind in known if kind in kinds and not any((self._folder / kind).glob("*.log"))]
        if gone or not (clean or boot == self._boot) or not isinstance(epoch, str):
            log.warning(
                "spool: a new epoch begins (%s)", f"{gone} gone" if gone else "the machine was restarted"
            )
            return None
        return epoch

    def _tell_epoch(self, *, clean: bool) -> None:
        self._told = [kind for kind, one in self.logs.items() if one.segments]
        body = {"epoch": self.epoch, "boot": self._boot, "clean": clean, "kinds": self._told}
        fresh = self._folder / "epoch.new"
        try:
            with fresh.open("w") as file:
                file.write(json.dumps(body))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._folder / "epoch.json")
        except OSError as error:
            # Without it the next start begins a new epoch, which is always safe.
            (self._folder / "epoch.json").unlink(missing_ok=True)
            self._counters.add("spool_write_errors", 1, error=errno.errorcode.get(error.errno or 0, "EIO"))
