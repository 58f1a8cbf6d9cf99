"""Heartbeats: every trouble is a sentence with its remedy, and all is bounded."""

import errno
import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from sixfold.agent.collect import Source
from sixfold.agent.config import SpoolSettings
from sixfold.agent.counters import Counters
from sixfold.agent.heartbeat import MAX_COUNTERS, heartbeat
from sixfold.agent.receive import ReceiverStatus
from sixfold.agent.spool import Spool
from sixfold.api.agent.v1 import agent_pb2 as pb

STARTED = datetime(2026, 1, 1, tzinfo=UTC)


def source(*, drops: int = 0, size: int = 1 << 20) -> Source:
    status = ReceiverStatus("127.0.0.1", 2055, 1 << 20, size, 0, drops)
    return Source("netflow", SimpleNamespace(status=lambda: status), SimpleNamespace())  # type: ignore[arg-type]


def beat(
    folder: Path, counters: Counters, *sources: Source, fill: int = 0, bus: tuple[str, ...] = ()
) -> pb.Heartbeat:
    spool = Spool(folder, SpoolSettings(max_bytes=1 << 20), counters, kinds=("flow",))
    for _ in range(fill):
        spool.append("flow", {}, bytes(1000), 10)
    return heartbeat(
        gateway="gw-1",
        epoch=spool.epoch,
        started=STARTED,
        sources=sources,
        spool=spool,
        counters=counters,
        bus=bus,
        known=lambda: (2, 3),
    )


def test_a_healthy_agent_has_no_troubles(tmp_path: Path) -> None:
    counters = Counters()
    counters.add("datagrams_received", 7, port="2055")
    made = beat(tmp_path, counters, source())
    assert list(made.troubles) == []
    assert (made.exporters, made.templates, made.listeners[0].datagrams) == (2, 3, 7)
    assert made.started.ToDatetime(UTC) == STARTED


def test_each_trouble_is_told_with_its_remedy(tmp_path: Path) -> None:
    counters = Counters()
    counters.add("sets_without_template", 4, exporter="192.0.2.1")
    counters.add("flows_unknown_sampling", 5, exporter="192.0.2.1")
    made = beat(
        tmp_path, counters, source(drops=9), source(size=1000), fill=3_000, bus=("NATS is away: start it",)
    )
    told = "\n".join(made.troubles)
    for part in (
        "the kernel dropped 9 datagrams; raise the agent's receive_buffer_bytes",
        "sysctl -w net.core.rmem_max=1048576",
        "NATS is away: start it",
        "raise spool.max_bytes",
        "batches (",
        "4 data sets came without their template; let the exporters",
        "5 flows have no known sampling rate",
    ):
        assert part in told
    assert made.spool.dropped_batches > 0
    assert made.spool.dropped_flows == 10 * made.spool.dropped_batches


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "pwritev", full)
    [told] = beat(tmp_path, Counters(), source(), fill=3).troubles
    assert "3 are in memory only" in told
    assert "free some space" in told


def test_spoofed_exporters_do_not_swell_it(tmp_path: Path) -> None:
    counters = Counters()
    for name in ("sequence_lost", "sequence_gaps", "sequence_late", "sets_without_template"):
        for number in range(1_024):
            counters.add(name, 1, exporter=f"10.0.{number >> 8}.{number & 255}")
    counters.add("flows", 1)
    made = beat(tmp_path, counters)
    assert len(made.counters) <= MAX_COUNTERS
    assert made.counters["flows"] == 1
    assert made.counters["sequence_lost"] == 1_024
