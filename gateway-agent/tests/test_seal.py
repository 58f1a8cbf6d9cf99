"""What is handed over is kept whole or not at all, with the exporters' numbers that belong to it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sixfold.agent.batch import Batcher, Sealed
from sixfold.agent.config import BatchSettings, SpoolSettings
from sixfold.agent.counters import Counters
from sixfold.agent.seal import Sealer
from sixfold.agent.sealed_log import SealedLog, read_sealed
from sixfold.agent.sequences import SequenceFile, Snapshot
from sixfold.agent.spool import Spool
from sixfold.api.flow.schema import ADDRESS, FLOW, NAT_SESSION, SCHEMAS, BatchSchema
from sixfold.chassis.telemetry import Telemetry, TelemetrySettings, setup


class Killed(BaseException):
    """Instead of a kill -9."""


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    made = setup(TelemetrySettings(), service="test")
    yield made
    made.shutdown()


class Life:
    """An agent's sealer on its state directory, from a start to a kill."""

    def __init__(self, folder: Path, telemetry: Telemetry) -> None:
        self.folder = folder
        self.counters = Counters()
        self.spool = Spool(folder / "spool", SpoolSettings(), self.counters, kinds=tuple(SCHEMAS), boot="b")
        self.sealer = Sealer(
            gateway="gw-1",
            settings=BatchSettings(),
            spool=self.spool,
            counters=self.counters,
            telemetry=telemetry,
            log=SealedLog(folder, 1 << 20, self.counters),
            sequences=SequenceFile(folder / "sequences.bin", self.counters),
            max_payload=lambda: 8 << 20,
            sealed=lambda _: None,
        )
        self.known = self.sealer.resume()

    def read(self, kind: str = "flow") -> list[tuple[int, int]]:
        return [(one.meta["sequence"], one.rows) for one in iter(self.spool.logs[kind].read, None)]

    def lines(self) -> list[tuple[str, int, int]]:
        return [(line.kind, line.sequence, line.rows) for line in read_sealed(self.folder)]


def sealed(rows: int, schema: BatchSchema = FLOW) -> Sealed:
    batcher = Batcher(schema)
    batcher.add(
        {
            column.name: np.zeros((rows, 16), np.uint8)
            if column.kind == ADDRESS
            else np.ones(rows, column.dtype)
            for column in schema.columns
            if column.required
        }
    )
    [one] = batcher.flush()
    return one


def numbers(mark: int) -> Snapshot:
    return Snapshot({"netflow": bytes([mark])}, mark, 1_000)


def dies_at(life: Life, call: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill at the `call`th append."""
    append, calls = life.spool.append, iter(range(1, 100))

    def dying(*arguments):
        if next(calls) == call:
            raise Killed
        return append(*arguments)

    monkeypatch.setattr(life.spool, "append", dying)


@pytest.mark.parametrize("call", [1, 2, 3])
def test_killed_in_the_midst_of_a_hand_over_none_of_it_is_kept(
    tmp_path: Path, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    life = Life(tmp_path, telemetry)
    assert life.known is None
    life.sealer.seal([sealed(5), sealed(2, NAT_SESSION)], numbers(1))
    dies_at(life, call, monkeypatch)
    with pytest.raises(Killed):
        life.sealer.seal([sealed(6), sealed(7), sealed(3, NAT_SESSION)], numbers(2))
    again = Life(tmp_path, telemetry)
    assert again.known == numbers(1)
    assert again.lines() == [("flow", 1, 5), ("nat-session", 1, 2)]
    again.sealer.seal([sealed(8)], numbers(3))
    assert again.read() == [(1, 5), (2, 8)]
    assert again.read("nat-session") == [(1, 2)]
    third = Life(tmp_path, telemetry)
    assert third.known == numbers(3)
    assert third.read() == [(1, 5), (2, 8)]
    assert third.lines() == [("flow", 1, 5), ("nat-session", 1, 2), ("flow", 2, 8)]
    assert third.counters.snapshot() == {}


def test_killed_after_it_all_of_it_is_kept(tmp_path: Path, telemetry: Telemetry) -> None:
    life = Life(tmp_path, telemetry)
    life.sealer.seal([sealed(5), sealed(6)], numbers(1))
    life.sealer.seal([], numbers(2))
    again = Life(tmp_path, telemetry)
    assert again.known == numbers(2)
    assert again.read() == [(1, 5), (2, 6)]


def test_what_the_disk_does_not_take_has_a_line_under_its_own_number(
    tmp_path: Path, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Life(tmp_path, telemetry)
    life.sealer.seal([sealed(5)], numbers(1))
    log = life.spool.logs["flow"]

    def full(*_):
        raise OSError(28, "full")

    with monkeypatch.context() as context:
        context.setattr(log, "_write", full)
        life.sealer.seal([sealed(6)], numbers(2))
    life.sealer.seal([sealed(7)], numbers(3))
    lines = list(read_sealed(tmp_path))
    assert [(line.sequence, line.rows) for line in lines] == [(1, 5), (1, 6), (2, 7)]
    assert len({line.epoch for line in lines}) == 2
    again = Life(tmp_path, telemetry)
    assert again.known == numbers(3)
    assert again.read() == [(1, 5), (2, 7)]


def test_the_line_of_a_divided_batch_is_void(tmp_path: Path, telemetry: Telemetry) -> None:
    life = Life(tmp_path, telemetry)
    life.sealer.seal([sealed(10)], numbers(1))
    record = life.spool.logs["flow"].read()
    assert record is not None
    life.sealer.divide(record)
    assert life.lines() == [("flow", 2, 5), ("flow", 3, 5)]
    again = Life(tmp_path, telemetry)
    assert again.known == numbers(1)
