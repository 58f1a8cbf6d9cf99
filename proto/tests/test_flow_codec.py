"""The version rule of flow batches, and that bytes which are no batch are refused with their cause."""

import contextlib
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.api.flow import codec
from sixfold.api.flow.headers import BatchHeaders
from sixfold.api.flow.schema import ADDRESS, FLOW, SCHEMAS, BatchSchema, Column


def random_columns(schema: BatchSchema, rows: int, seed: int, optional: set[str]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    columns = {}
    for column in schema.columns:
        if column.required or column.name in optional:
            shape = (rows, 16) if column.kind == ADDRESS else (rows,)
            high = min(np.iinfo(column.dtype).max, 2**62)
            columns[column.name] = rng.integers(0, high, shape, dtype=np.int64).astype(column.dtype)
    return columns


@given(
    name=st.sampled_from(sorted(SCHEMAS)),
    rows=st.integers(0, 300),
    seed=st.integers(0, 2**32),
    data=st.data(),
)
@settings(deadline=None, max_examples=60)
def test_what_is_encoded_is_decoded(name: str, rows: int, seed: int, data: st.DataObject) -> None:
    schema = SCHEMAS[name]
    optional = data.draw(st.sets(st.sampled_from([c.name for c in schema.columns])))
    columns = random_columns(schema, rows, seed, optional)
    decoded = codec.decode(schema.version, codec.encode(schema, columns))
    assert set(decoded) == set(columns)
    for key, values in columns.items():
        assert decoded[key].dtype == values.dtype
        np.testing.assert_array_equal(decoded[key], values)


def test_only_the_columns_asked_for_are_read_and_all_required_ones_must_be_there() -> None:
    sent = random_columns(FLOW, 50, 1, {"vlan"})
    decoded = codec.decode(
        FLOW.version, codec.encode(FLOW, sent), {"dst_address", "bytes", "vlan", "next_hop"}
    )
    assert set(decoded) == {"dst_address", "bytes", "vlan"}
    for name, values in decoded.items():
        np.testing.assert_array_equal(values, sent[name])
    lacking = pa.RecordBatch.from_arrays([pa.array([1], pa.uint64())], ["bytes"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, lacking.schema) as writer:
        writer.write_batch(lacking)
    with pytest.raises(codec.BatchMalformedError, match="lacks"):
        codec.decode(FLOW.version, sink.getvalue().to_pybytes(), {"bytes"})


def test_an_old_agent_works_with_a_new_centre() -> None:
    """The new centre's schema has a column the old agent never sends: it reads as its default."""
    newer = replace(
        FLOW, minor=1, columns=(*FLOW.columns, Column("mpls_label", "uint32", False, "top label"))
    )
    old = random_columns(FLOW, 5, 1, set())
    full = codec.with_defaults(newer, codec.decode(FLOW.version, codec.encode(FLOW, old)))
    assert full["mpls_label"].tolist() == [0] * 5


def test_a_new_agent_works_with_an_old_centre() -> None:
    """The new agent's minor has a column this centre does not know: it is ignored, the rest is read."""
    newer = replace(
        FLOW, minor=9, columns=(*FLOW.columns, Column("mpls_label", "uint32", False, "top label"))
    )
    sent = random_columns(newer, 5, 1, {"mpls_label"})
    decoded = codec.decode(newer.version, codec.encode(newer, sent))
    assert "mpls_label" not in decoded
    np.testing.assert_array_equal(decoded["bytes"], sent["bytes"])


@pytest.mark.parametrize("version", ["flow/2.0", "flow/", "flow", "", "weather/1.0"])
def test_another_major_or_name_is_refused(version: str) -> None:
    data = codec.encode(FLOW, random_columns(FLOW, 1, 1, set()))
    with pytest.raises(codec.SchemaRefusedError) as refused:
        codec.decode(version, data)
    assert refused.value.cause == "schema-refused"


@given(cut=st.integers(0, 2000), flip=st.integers(0, 2000), bit=st.integers(0, 7))
@settings(deadline=None, max_examples=200)
def test_damaged_bytes_are_refused_or_read_never_an_other_error(cut: int, flip: int, bit: int) -> None:
    data = bytearray(codec.encode(FLOW, random_columns(FLOW, 20, 1, set())))
    data[flip % len(data)] ^= 1 << bit
    with contextlib.suppress(codec.BatchMalformedError):
        codec.decode(FLOW.version, bytes(data[: len(data) - cut]))


def test_a_batch_of_the_wrong_types_is_refused() -> None:
    batch = pa.RecordBatch.from_pydict({name: [1] for name in FLOW.required})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    with pytest.raises(codec.BatchMalformedError, match="time_start is int64"):
        codec.decode(FLOW.version, sink.getvalue().to_pybytes())


def test_a_batch_past_the_row_limit_is_refused() -> None:
    data = codec.encode(FLOW, random_columns(FLOW, codec.MAX_ROWS + 1, 1, set()))
    with pytest.raises(codec.BatchMalformedError, match="65537 rows"):
        codec.decode(FLOW.version, data)


def test_encoding_refuses_unknown_and_missing_columns() -> None:
    columns = random_columns(FLOW, 2, 1, set())
    with pytest.raises(ValueError, match="unknown columns colour"):
        codec.encode(FLOW, {**columns, "colour": np.zeros(2, np.uint8)})
    del columns["bytes"]
    with pytest.raises(ValueError, match="lacks bytes"):
        codec.encode(FLOW, columns)


def test_headers_go_there_and_back() -> None:
    headers = BatchHeaders("flow/1.0", "gw-1", "*", "e1", 7, 3, 100, 1, 2, "00-aa-bb-01")
    assert BatchHeaders.from_nats(headers.to_nats()) == headers
    assert headers.to_nats()["Nats-Msg-Id"] == "flow:gw-1:e1:7"


@pytest.mark.parametrize(("change", "message"), [({"Sixfold-Count": "x"}, "no number"), ({}, "is absent")])
def test_bad_headers_name_what_is_wrong(change: dict[str, str], message: str) -> None:
    good = BatchHeaders("flow/1.0", "gw-1", "*", "e1", 7, 3, 100, 1, 2).to_nats() if change else {}
    with pytest.raises(codec.BatchMalformedError, match=message):
        BatchHeaders.from_nats({**good, **change})
