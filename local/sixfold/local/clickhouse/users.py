"""Who may do what: the analyst reads within limits, the loader reads and writes with a password."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sixfold.local.clickhouse.engine import EngineError

ANALYST_LIMITS: Final[Mapping[str, int]] = {
    "max_execution_time": 20,
    "max_memory_usage": 1 << 30,
    "max_result_rows": 5_000_000,
    "max_result_bytes": 512 << 20,
}
# What clients send with every request and what says nothing here.
IGNORED: Final = frozenset(
    {
        *(
            "query",
            "database",
            "default_format",
            "user",
            "password",
            "session_id",
            "session_timeout",
            "session_check",
        ),
        *(
            "query_id",
            "wait_end_of_query",
            "buffer_size",
            "compress",
            "decompress",
            "enable_http_compression",
        ),
        *(
            "send_progress_in_http_headers",
            "http_headers_progress_interval_ms",
            "quota_key",
            "client_protocol_version",
        ),
        *(
            "cancel_http_readonly_queries_on_client_close",
            "http_zlib_compression_level",
            "role",
            "log_comment",
        ),
        *("network_compression_method", "http_write_exception_in_output_format", "http_response_headers"),
    }
)
_BOUND: Final = re.compile(r"(max|min|timeout|readonly|allow_ddl|allow_introspection|profile|queue_max)\w*")
"""Settings that bound what a statement may use: a reader may lower the known ones and touch no other."""
_RAISED: Final = re.compile(
    r"\b(max_execution_time\w*|max_memory_usage\w*|max_result_\w+|timeout_\w+|max_estimated_execution_time|readonly)\s*=",
    re.IGNORECASE,
)
HARMLESS: Final = frozenset({"max_block_size", "max_threads", "max_insert_block_size"})
_OUTSIDE: Final = re.compile(
    r"\b(file|fileCluster|url|urlCluster|s3|s3Cluster|remote|remoteSecure|cluster|clusterAllReplicas|mysql|postgresql"
    r"|mongodb|redis|jdbc|odbc|sqlite|hdfs|executable|azureBlobStorage|gcs|iceberg\w*|deltaLake\w*|hudi|python)\s*\(",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


def denied(text: str, name: str = "READONLY", code: int = 164) -> EngineError:
    return EngineError(f"Code: {code}. DB::Exception: {text}. ({name})", code)


@dataclass(frozen=True, slots=True)
class User:
    name: str
    password: str = ""
    writes: bool = False
    limits: Mapping[str, int] = field(default_factory=dict[str, int])

    def lasting(self) -> dict[str, str]:
        """What is set once in every session of this user."""
        fixed = {name: str(value) for name, value in self.limits.items()}
        return fixed if self.writes else {**fixed, "result_overflow_mode": "'throw'", "readonly": "2"}

    def statement_settings(self, given: Mapping[str, str]) -> dict[str, str]:
        """What a request may set for its one statement. Raises EngineError for what it may not."""
        chosen: dict[str, str] = {}
        for name, value in given.items():
            if name in IGNORED or name.startswith("param_"):
                continue
            if not _NAME.fullmatch(name):
                raise denied(f"{name!r} is no setting", "UNKNOWN_SETTING", 115)
            if self.writes:
                chosen[name] = value
            elif name in self.limits:
                if not value.replace(".", "", 1).isdigit() or not 0 < float(value) <= self.limits[name]:
                    raise denied(f"{name} may be at most {self.limits[name]} for {self.name}")
                chosen[name] = value
            elif name == "readonly" or name in HARMLESS:
                continue
            elif _BOUND.fullmatch(name):
                raise denied(f"Cannot modify '{name}' setting in readonly mode")
            else:
                chosen[name] = value
        return chosen

    def check(self, sql: str) -> None:
        """A reader's statement must not lift its own limits."""
        if not self.writes and (raised := _RAISED.search(sql)):
            raise denied(f"{raised.group(1)} is fixed for {self.name}: leave it out of the statement")
        if not self.writes and (outside := _OUTSIDE.search(sql)):
            raise denied(
                f"{outside.group(1)}() reaches outside the warehouse: not for {self.name}",
                "ACCESS_DENIED",
                497,
            )


def users(loader_password: str) -> dict[str, User]:
    """By name. `default` is the analyst, so that clients work without a user."""
    analyst = User("analyst", limits=ANALYST_LIMITS)
    loader = User("loader", password=loader_password, writes=True)
    return {"analyst": analyst, "default": analyst, "": analyst, "loader": loader}


def authenticate(known: Mapping[str, User], name: str, password: str) -> User:
    user = known.get(name)
    if user is None or (user.password and not hmac.compare_digest(user.password.encode(), password.encode())):
        raise denied(
            f"{name or 'default'}: Authentication failed: password is incorrect, or there is no user with such name",
            "AUTHENTICATION_FAILED",
            516,
        )
    return user
