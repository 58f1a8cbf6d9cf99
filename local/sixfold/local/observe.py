"""What the running platform says of itself: its health ports, NATS' monitor, the agent's metrics, /proc."""

import json
import math
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_TIMEOUT: Final = 3.0
_SAMPLE: Final = re.compile(r"^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Sample:
    """One line of a /metrics page."""

    name: str
    labels: Mapping[str, str]
    value: float


def fetch(url: str) -> tuple[int | None, str]:
    """Status and body of a loopback URL; (None, why) where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:  # noqa: S310 - addresses of endpoints.json
            return answer.status, answer.read(16 * 1024 * 1024).decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(65536).decode(errors="replace")
    except (OSError, ValueError) as error:
        return None, str(error)


def fetch_json(url: str) -> Any:
    """The JSON behind `url`; None where nobody answers or it is none."""
    status, body = fetch(url)
    try:
        return json.loads(body) if status is not None else None
    except ValueError:
        return None


def samples(page: str) -> list[Sample]:
    """The samples of a page in Prometheus' text format; lines that are none are passed over."""
    found = []
    for line in page.splitlines():
        if match := _SAMPLE.match(line):
            try:
                value = float(match[3])
            except ValueError:
                continue
            if math.isfinite(value):
                found.append(Sample(match[1], dict(_LABEL.findall(match[2] or "")), value))
    return found


def total(found: list[Sample], name: str, **labels: str) -> float:
    """Sum of the samples of `name` that carry `labels`."""
    return sum(
        one.value
        for one in found
        if one.name == name and all(one.labels.get(key) == value for key, value in labels.items())
    )


def memory(pid: int) -> int | None:
    """Resident bytes of a process; None if it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = re.search(r"^VmRSS:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


@dataclass(frozen=True)
class ConsumerState:
    """One consumer: what waits for it, what it holds unacknowledged, what was delivered more than once."""

    stream: str
    name: str
    waiting: int
    unacknowledged: int
    redelivered: int


@dataclass(frozen=True)
class StreamState:
    """One stream: its messages, bytes and bound (0: none), and its consumers."""

    name: str
    messages: int
    bytes: int
    limit: int
    consumers: tuple[ConsumerState, ...]


def streams(monitor: str) -> list[StreamState] | None:
    """Every stream of the local NATS server; None if its monitor does not answer."""
    page = fetch_json(f"{monitor}/jsz?accounts=true&streams=true&consumers=true&config=true")
    if page is None:
        return None
    result = []
    for account in page.get("account_details", ()):
        for stream in account.get("stream_detail", ()):
            consumers = tuple(
                ConsumerState(
                    stream["name"],
                    consumer["name"],
                    consumer.get("num_pending", 0),
                    consumer.get("num_ack_pending", 0),
                    consumer.get("num_redelivered", 0),
                )
                for consumer in stream.get("consumer_detail") or ()
            )
            limit = max(stream.get("config", {}).get("max_bytes", 0), 0)
            state = stream["state"]
            result.append(StreamState(stream["name"], state["messages"], state["bytes"], limit, consumers))
    return sorted(result, key=lambda stream: stream.name)
