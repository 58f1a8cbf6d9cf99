import numpy as np
import pytest

from sixfold.agent.batch import Batcher
from sixfold.agent.datagrams import address_bytes
from sixfold.api.flow.codec import encode
from sixfold.api.flow.schema import ADDRESS, FLOW, NAT_SESSION, BatchSchema, Columns


def columns(
    n: int, exporter: str = "192.0.2.1", schema: BatchSchema = FLOW, first: int = 0, **more: int
) -> Columns:
    """Required columns with a running number in `bytes` (or src_port), and optional ones filled with a value."""
    made: dict[str, np.ndarray] = {}
    for name in (*schema.required, *more):
        column = schema.column(name)
        if column.kind == ADDRESS:
            made[name] = np.zeros((n, 16), dtype=np.uint8)
        else:
            made[name] = np.full(n, more.get(name, 1), dtype=column.dtype)
    made["exporter"][:] = np.frombuffer(address_bytes(exporter), dtype=np.uint8)
    running = "bytes" if schema is FLOW else "src_port"
    made[running] = np.arange(first, first + n).astype(made[running].dtype)
    return made


def test_a_batch_is_sealed_by_age() -> None:
    batcher = Batcher(FLOW, max_age_ms=250)
    batcher.add(columns(3), now=1000)
    assert batcher.poll(1249) == []
    (sealed,) = batcher.poll(1250)
    assert (sealed.count, sealed.exporter, sealed.time_first, sealed.time_last) == (3, "192.0.2.1", 1, 1)
    assert batcher.poll(9999) == []


def test_without_a_time_the_age_begins_with_the_next_poll() -> None:
    batcher = Batcher(FLOW, max_age_ms=250)
    batcher.add(columns(3))
    assert batcher.poll(5000) == []
    assert len(batcher.poll(5250)) == 1


def test_rows_are_bounded_and_none_is_lost_or_moved() -> None:
    batcher = Batcher(FLOW, max_rows=100)
    batcher.add(columns(250), now=0)
    batcher.add(columns(30, first=250), now=0)
    sealed = batcher.poll(0) + batcher.flush()
    assert [one.count for one in sealed] == [100, 100, 80]
    assert np.concatenate([one.columns["bytes"] for one in sealed]).tolist() == list(range(280))


def test_bytes_are_bounded_also_when_a_column_joins_late() -> None:
    width = sum(
        16 if FLOW.column(name).kind == ADDRESS else FLOW.column(name).dtype.itemsize
        for name in FLOW.required
    )
    batcher = Batcher(FLOW, max_bytes=50 * width)
    batcher.add(columns(40), now=0)
    batcher.add(columns(40, first=40, next_hop=0), now=0)
    sealed = batcher.flush()
    for one in sealed:
        assert sum(values.nbytes for values in one.columns.values()) <= 50 * width
    assert np.concatenate([one.columns["bytes"] for one in sealed]).tolist() == list(range(80))


def test_optional_columns_are_united_with_their_defaults() -> None:
    batcher = Batcher(FLOW)
    batcher.add(columns(2, tcp_flags=7))
    batcher.add(columns(2, vlan=9, direction=1))
    batcher.add(columns(1))
    (sealed,) = batcher.flush()
    assert sealed.columns["tcp_flags"].tolist() == [7, 7, 0, 0, 0]
    assert sealed.columns["vlan"].tolist() == [0, 0, 9, 9, 0]
    assert sealed.columns["direction"].tolist() == [255, 255, 1, 1, 255]
    assert encode(FLOW, sealed.columns)


def test_buffers_are_used_again_only_after_release() -> None:
    batcher = Batcher(FLOW)
    batcher.add(columns(2))
    (first,) = batcher.flush()
    batcher.add(columns(2, first=100))
    (second,) = batcher.flush()
    assert first.columns["bytes"].tolist() == [0, 1]
    assert not np.shares_memory(first.columns["bytes"], second.columns["bytes"])
    first.release()
    first.release()
    batcher.add(columns(2, first=200, tcp_flags=1))
    (third,) = batcher.flush()
    assert np.shares_memory(first.columns["bytes"], third.columns["bytes"])
    assert second.columns["bytes"].tolist() == [100, 101]


def test_several_exporters_are_a_star() -> None:
    batcher = Batcher(NAT_SESSION)
    batcher.add(columns(2, "192.0.2.1", NAT_SESSION))
    batcher.add(columns(2, "2001:db8::1", NAT_SESSION))
    (sealed,) = batcher.flush()
    assert sealed.exporter == "*"


def test_columns_of_another_schema_are_refused_whole() -> None:
    batcher = Batcher(FLOW)
    wrong = dict(columns(2))
    del wrong["bytes"]
    with pytest.raises(ValueError, match="missing bytes"):
        batcher.add(wrong)
    with pytest.raises(ValueError, match="unknown colour"):
        batcher.add({**columns(2), "colour": np.zeros(2)})
    with pytest.raises(ValueError, match="different lengths"):
        batcher.add({**columns(2), "bytes": np.zeros(3, dtype=np.uint64)})
    assert batcher.flush() == []


def test_impossible_bounds_are_refused() -> None:
    with pytest.raises(ValueError, match="max_rows"):
        Batcher(FLOW, max_rows=0)
    with pytest.raises(ValueError, match="one row"):
        Batcher(FLOW, max_bytes=10)
