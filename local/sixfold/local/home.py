"""The home folder of a local platform: where everything lies, and the lock by which one process owns it."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sixfold.local.errors import LocalError

DEFAULT_HOME = Path("~/.sixfold")


@dataclass(frozen=True)
class Home:
    """Paths under one home folder; nothing is created before `prepare`."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def nats(self) -> Path:
        return self.root / "nats"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse"

    @property
    def agent(self) -> Path:
        """State of the gateway-agent: spool, templates, sequences."""
        return self.root / "agent"

    @property
    def traces(self) -> Path:
        return self.root / "traces"

    @property
    def endpoints(self) -> Path:
        return self.root / "endpoints.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"


def home_at(path: Path) -> Home:
    return Home(path.expanduser().absolute())


def prepare(home: Home) -> None:
    """Make the folders, for the owner only: they hold secrets and flows; LocalError where that fails."""
    try:
        for folder in (home.root, home.config, home.secrets, home.logs, home.nats, home.agent, home.traces):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise LocalError(
            f"The home folder {home.root} cannot be made: {error.strerror or error}. "
            "Choose another with --home DIR, or mend its permissions."
        ) from error


@contextmanager
def owned(home: Home) -> Iterator[None]:
    """Hold the home for this process, or raise LocalError naming the process that does.

    The lock is the kernel's (flock): it goes with the process however that ends; a stale file never refuses.
    """
    descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(descriptor, 64).decode(errors="replace").strip() or "unknown"
            raise LocalError(
                f"Another `sixfold up` (pid {pid}) already runs on {home.root}. "
                f"See it with `sixfold status --home {home.root}`, stop it with `kill {pid}`, "
                "or choose another --home."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def owner(home: Home) -> int | None:
    """The pid of the supervisor that holds the home now; None if nobody does."""
    try:
        descriptor = os.open(home.lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(descriptor, 64).strip()
        return int(text) if text.isdigit() else None
    else:
        return None
    finally:
        os.close(descriptor)


def write_atomically(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace `path` by `text` in one step: a reader sees the old text or the new one, never a part."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    partial.replace(path)


def read_endpoints(home: Home) -> dict[str, object]:
    """The addresses of the running platform; LocalError if it is not up (or not ready yet)."""
    pid = owner(home)
    try:
        if pid is None:  # a file left by a supervisor that was killed says nothing
            raise FileNotFoundError(home.endpoints)
        return json.loads(home.endpoints.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if pid is not None:
            raise LocalError(
                f"The platform on {home.root} (pid {pid}) is still starting: "
                "wait until `sixfold up` shows its table."
            ) from None
        raise LocalError(
            f"No platform runs on {home.root}. Start it with `sixfold up --home {home.root}`, "
            "or name the right home with --home DIR."
        ) from None
    except (OSError, ValueError) as error:
        raise LocalError(
            f"{home.endpoints} cannot be read: {error}. Restart `sixfold up` to write it anew."
        ) from error
