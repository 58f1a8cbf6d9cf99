"""An agent as an operator runs it, an exporter that sends to it, and what of it arrived on the bus."""

import json
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from nats.js.api import DiscardPolicy, RetentionPolicy, StreamConfig
from prometheus_client.parser import text_string_to_metric_families

from sixfold.api.flow.codec import decode
from sixfold.api.flow.headers import BatchHeaders
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.testing import free_ports

GATEWAY = "gw-1"
_FLOW = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (1, 8), (2, 8), (152, 8), (153, 8)]
_NAT = [(323, 8), (230, 1), (4, 1), (8, 4), (7, 2), (225, 4), (227, 2)]
_FLOW_ROW = np.dtype(
    [("s", ">u4"), ("d", ">u4"), ("sp", ">u2"), ("dp", ">u2"), ("p", "u1"), ("o", ">u8"), ("k", ">u8"),
     ("t0", ">u8"), ("t1", ">u8")]
)  # fmt: skip
_NAT_ROW = np.dtype(
    [("t", ">u8"), ("e", "u1"), ("p", "u1"), ("s", ">u4"), ("sp", ">u2"), ("n", ">u4"), ("np", ">u2")]
)
_PER_DATAGRAM = 28


@dataclass
class Agent:
    """`sixfold-agent run` in a process of its own; started again it has the same ports and state."""

    folder: Path
    nats: str
    settings: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.netflow, self.ipfix, self.sflow, self.health = free_ports(4)

    def start(self, *, ready: bool = True) -> "Agent":
        options = {
            "gateway": GATEWAY,
            "state_dir": str(self.folder / "state"),
            "nats.servers": json.dumps([self.nats]),
            "listeners.netflow": self.netflow,
            "listeners.ipfix": self.ipfix,
            "listeners.sflow": self.sflow,
            "health.port": self.health,
            "heartbeat_seconds": 0.5,
            **self.settings,
        }
        command = [sys.executable, "-m", "sixfold.agent", "run"]
        command += [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log)
        if ready:
            deadline = time.monotonic() + 30
            while not self.answers("/readyz"):
                assert self.process.poll() is None, self.log()
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.05)
        return self

    def log(self) -> str:
        return (self.folder / "agent.log").read_text(errors="replace")[-4000:]

    def answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health}{path}", timeout=2) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def counters(self) -> dict[str, int]:
        """Every counter and gauge that is not zero, summed over its labels, `agent_` and `_total` taken off."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.health}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        found: dict[str, int] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name.startswith("agent_") and sample.value and not sample.name.endswith("_created"):
                    name = sample.name.removeprefix("agent_").removesuffix("_total")
                    found[name] = found.get(name, 0) + int(sample.value)
        return found

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(40)


class Exporter:
    """Sends IPFIX: flows whose octets are 1, 2, 3, … so that each is known again."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._target = ("127.0.0.1", port)
        self._sequence = 0
        self.flows = 0
        self.nat_events = 0

    def templates(self) -> None:
        for identity, fields in ((256, _FLOW), (257, _NAT)):
            body = struct.pack(">HH", identity, len(fields)) + b"".join(
                struct.pack(">HH", *one) for one in fields
            )
            self._message(struct.pack(">HH", 2, 4 + len(body)) + body, 0)

    def send_flows(self, count: int) -> None:
        now = int(time.time() * 1000)
        for start in range(self.flows, self.flows + count, _PER_DATAGRAM):
            rows = np.zeros(min(_PER_DATAGRAM, self.flows + count - start), _FLOW_ROW)
            rows["o"] = np.arange(start + 1, start + 1 + len(rows))
            rows["s"], rows["d"], rows["sp"], rows["dp"] = 0x0A000001, 0xC0000201, 40_000, 443
            rows["p"], rows["k"], rows["t0"], rows["t1"] = 6, 1, now - 1000, now
            self._data(256, rows)
        self.flows += count

    def send_nat_events(self, count: int) -> None:
        rows = np.zeros(count, _NAT_ROW)
        rows["t"], rows["e"], rows["p"], rows["s"] = int(time.time() * 1000), 1, 6, 0x0A000001
        rows["sp"], rows["n"] = 40_000, 0xCB007101
        rows["np"] = np.arange(self.nat_events + 1, self.nat_events + 1 + count)
        for start in range(0, count, _PER_DATAGRAM):
            self._data(257, rows[start : start + _PER_DATAGRAM])
        self.nat_events += count

    def _data(self, identity: int, rows: np.ndarray) -> None:
        body = rows.tobytes()
        self._message(struct.pack(">HH", identity, 4 + len(body)) + body, len(rows))

    def _message(self, sets: bytes, records: int) -> None:
        head = struct.pack(">HHIII", 10, 16 + len(sets), int(time.time()), self._sequence & 0xFFFFFFFF, 1)
        self._sequence += records
        try:
            self._socket.sendto(head + sets, self._target)
        except ConnectionRefusedError:
            return  # nobody listens just now, as with any exporter

    def close(self) -> None:
        self._socket.close()


async def make_streams(messaging: Messaging, *, flow_bytes: int = 1 << 30) -> None:
    for name, subject, size in (
        ("FLOWS", "flow.>", flow_bytes),
        ("NAT", "nat.>", 1 << 30),
        ("EXPORTERS", "counter.>", 1 << 30),
    ):
        await messaging.ensure_stream(
            StreamConfig(
                name=name,
                subjects=[subject],
                retention=RetentionPolicy.LIMITS,
                discard=DiscardPolicy.NEW,
                max_bytes=size,
                duplicate_window=120,
            )
        )


@dataclass(frozen=True)
class Arrived:
    headers: list[BatchHeaders]
    ids: np.ndarray
    """Octets of every flow, or translated port of every NAT event, in the order of the stream."""

    def once(self) -> bool:
        return len(np.unique(self.ids)) == len(self.ids)

    @property
    def numbers(self) -> list[tuple[str, int]]:
        return [(one.epoch, one.sequence) for one in self.headers]


async def arrived(messaging: Messaging, stream: str = "FLOWS", column: str = "bytes") -> Arrived:
    """All that the stream holds."""
    info = await messaging.js.stream_info(stream)
    headers, ids = [], [np.zeros(0, np.int64)]
    last = info.state.last_seq if info.state.messages else 0
    for sequence in range(max(info.state.first_seq, 1), last + 1):
        message = await messaging.js.get_msg(stream, sequence)
        one = BatchHeaders.from_nats(message.headers)
        columns = decode(one.schema, message.data or b"")
        assert len(columns[column]) == one.count
        headers.append(one)
        ids.append(columns[column].astype(np.int64))
    return Arrived(headers, np.concatenate(ids))
