"""What an agent knows over a restart: one directory, held by one agent at a time, templates and sampling in a file."""

import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sixfold.agent.counters import Counters

VERSION: Final = 1


class StateHeldError(RuntimeError):
    """Another agent works in this state directory."""


class StateDirectory:
    """Raises OSError where it cannot be made, StateHeldError where another agent has it."""

    def __init__(self, folder: Path, counters: Counters) -> None:
        self.folder = folder
        self._counters = counters
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = (folder / "lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.seek(0)
            holder = self._lock.read().strip() or "unknown"
            self._lock.close()
            raise StateHeldError(
                f"{folder} is in use by the agent with pid {holder}; stop it, or give this one another state_dir"
            ) from error
        self._lock.seek(0)
        self._lock.truncate()
        self._lock.write(str(os.getpid()))
        self._lock.flush()
        self._last = ""

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def alerts(self) -> Path:
        return self.folder / "alerts"

    @property
    def gateway(self) -> Path:
        return self.folder / "gateway"

    @property
    def policies(self) -> Path:
        return self.folder / "policies"

    def close(self) -> None:
        self._lock.close()

    def save(self, name: str, body: Mapping[str, Any]) -> None:
        """Write `name`.json as one step, where it differs from what was written last; counted where it cannot be."""
        text = json.dumps(body, sort_keys=True)
        if text == self._last:
            return
        path = self.folder / f"{name}.json"
        fresh = path.with_suffix(".new")
        try:
            fresh.write_text(json.dumps({"version": VERSION, "saved": int(time.time()), "body": body}))
            fresh.replace(path)
            self._last = text
        except OSError:
            self._counters.add("state_errors", 1, cause="write")

    def load(self, name: str) -> Mapping[str, Any]:
        """What was saved, or nothing; a file that cannot be read is counted, set aside and otherwise ignored."""
        path = self.folder / f"{name}.json"
        try:
            read = json.loads(path.read_text())
            if read["version"] != VERSION or not isinstance(read["body"], dict):
                raise ValueError(f"version {read['version']}")
            return read["body"]
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError):
            self._counters.add("state_errors", 1, cause="read")
            path.rename(path.with_suffix(".bad")) if path.exists() else None
            return {}
