"""Who may ask: the analyst reads within limits and needs no password, the loader reads and writes with one."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sixfold.local.clickhouse.errors import refused


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request of an analyst may use."""

    seconds: float = 20
    memory_bytes: int = 1 << 30
    result_rows: int = 5_000_000
    result_bytes: int = 512 << 20
    whole_bytes: int = 64 << 20
    """Of an answer in a format that cannot be sent piece by piece (JSON, Parquet, Pretty…), as it is sent."""
    threads: int = 2
    body_bytes: int = 16 << 20

    def settings(self) -> dict[str, str]:
        """As settings of the engine; each is the most that a request may ask for."""
        return {
            "max_execution_time": f"{self.seconds:g}",
            "max_memory_usage": str(self.memory_bytes),
            "max_result_rows": str(self.result_rows),
            "max_result_bytes": str(self.result_bytes),
            "max_threads": str(self.threads),
            "max_temporary_data_on_disk_size_for_query": str(self.memory_bytes),
        }


WRITER_BODY: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class User:
    """limits: None for who writes."""

    name: str
    password: str = field(default="", repr=False)
    limits: Limits | None = None

    @property
    def body_bytes(self) -> int:
        return self.limits.body_bytes if self.limits else WRITER_BODY


def users(loader_password: str, limits: Limits) -> dict[str, User]:
    """By name; `default`, and nobody, is the analyst."""
    analyst = User("analyst", limits=limits)
    loader = User("loader", password=loader_password)
    return {"analyst": analyst, "default": analyst, "": analyst, "loader": loader}


def authenticate(known: Mapping[str, User], name: str, password: str) -> User:
    """Raises QueryError (516)."""
    user = known.get(name)
    expected = (user.password if user else "").encode()
    if user is None or (expected and not hmac.compare_digest(expected, password.encode())):
        raise refused(
            516,
            "AUTHENTICATION_FAILED",
            f"{name}: Authentication failed: password is incorrect, or there is no user with such name",
        )
    return user
