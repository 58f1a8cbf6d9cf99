"""What an incident shows: who sent, to which ports, by which protocols, some flows, and the query for the
rest.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sixfold.security.domain import addresses
from sixfold.security.domain.events import Evidence, FlowSample, Share
from sixfold.security.domain.signals import Signal

Columns = Mapping[str, npt.NDArray[Any]]
NEEDED: Final = (
    "time_start", "time_end", "exporter", "src_address", "dst_address",
    "src_port", "dst_port", "protocol", "bytes", "packets", "sampling_rate",
)  # fmt: skip
COUNTABLE: Final = frozenset({"src_port", "dst_port", "protocol", "tcp_flags", "ip_tos", "icmp_type_code"})
"""Columns of `match` that the stored flows have as numbers."""
TOP: Final = 10
SAMPLES: Final = 5


def gather(signal: Signal, batches: list[tuple[str, Columns]]) -> Evidence:
    """Evidence out of the batches (gateway, columns) in hand, which are those that raised the signal."""
    chosen: list[tuple[str, dict[str, npt.NDArray[Any]]]] = []
    for gateway, columns in batches:
        rows = _rows(signal, columns)
        if len(rows):
            chosen.append((gateway, {name: columns[name][rows] for name in NEEDED}))
    return Evidence(
        window_start=_moment(signal.window_start),
        window_end=_moment(signal.window_end),
        rates=signal.rates,
        top_sources=_sources(chosen),
        top_destination_ports=_shares(chosen, "dst_port"),
        top_source_ports=_shares(chosen, "src_port"),
        protocols=_shares(chosen, "protocol"),
        sample_flows=_samples(chosen),
        query=query(signal),
    )


def _rows(signal: Signal, columns: Columns) -> npt.NDArray[np.intp]:
    """Which flows are meant; a column of `match` that these batches lack chooses nothing."""
    hi, lo = addresses.words(columns["src_address" if signal.side == "source" else "dst_address"])
    rows = np.flatnonzero(addresses.inside(hi, lo, signal.network))
    if signal.peer is not None and len(rows):
        hi, lo = addresses.words(columns["dst_address" if signal.side == "source" else "src_address"][rows])
        rows = rows[addresses.inside(hi, lo, signal.peer)]
    for name, values in signal.match:
        if name in columns and len(rows):
            rows = rows[np.isin(columns[name][rows], np.array(values))]
    return rows


def query(signal: Signal) -> str:
    """SQL on sixfold.flows that shows the flows behind a signal, heaviest first."""
    own, other = ("src_address", "dst_address") if signal.side == "source" else ("dst_address", "src_address")
    match = "".join(
        f"AND {name} IN ({', '.join(str(int(value)) for value in values)}) "
        for name, values in signal.match
        if name in COUNTABLE and values
    )
    # Every part below is a number, a column's name or an address formatted here.
    return (
        "SELECT src_address, dst_address, dst_port, protocol, sum(bytes) AS bytes, sum(packets) AS packets, "  # noqa: S608
        "count() AS flows FROM sixfold.flows "
        f"WHERE {_between(own, signal.network)}{_between(other, signal.peer, ' AND ')} "
        f"AND time_end >= fromUnixTimestamp64Milli({signal.window_start}) "
        f"AND time_start < fromUnixTimestamp64Milli({signal.window_end}) {match}"
        "GROUP BY src_address, dst_address, dst_port, protocol ORDER BY bytes DESC LIMIT 100"
    )


def _between(column: str, network: tuple[int, int, int] | None, before: str = "") -> str:
    if network is None:
        return ""
    hi, lo, length = network
    mask_hi, mask_lo = addresses.mask_words(length)
    first = addresses.address_text(hi & mask_hi, lo & mask_lo)
    last = addresses.address_text(hi | (mask_hi ^ ((1 << 64) - 1)), lo | (mask_lo ^ ((1 << 64) - 1)))
    return f"{before}{column} BETWEEN toIPv6('{first}') AND toIPv6('{last}')"


def _volumes(
    batches: list[tuple[str, dict[str, npt.NDArray[Any]]]], keys: dict[str, npt.NDArray[Any]]
) -> pl.DataFrame:
    volumes = {
        name: np.concatenate([columns[name] for _, columns in batches]) for name in ("bytes", "packets")
    }
    return (
        pl.DataFrame({**keys, **volumes})
        .group_by(*keys)
        .agg(pl.col("bytes").sum(), pl.col("packets").sum(), pl.len().alias("flows"))
        .sort("bytes", *keys, descending=[True, *([False] * len(keys))])
    )


def _sources(batches: list[tuple[str, dict[str, npt.NDArray[Any]]]]) -> tuple[Share, ...]:
    if not batches:
        return ()
    hi, lo = addresses.words(np.concatenate([columns["src_address"] for _, columns in batches]))
    volumes = _volumes(batches, {"hi": hi, "lo": lo})
    total = max(int(volumes["bytes"].sum()), 1)
    return tuple(
        Share(addresses.address_text(hi, lo), int(size), int(packets), int(flows), size / total)
        for hi, lo, size, packets, flows in volumes.head(TOP).iter_rows()
    )


def _shares(batches: list[tuple[str, dict[str, npt.NDArray[Any]]]], column: str) -> tuple[Share, ...]:
    if not batches:
        return ()
    volumes = _volumes(batches, {"key": np.concatenate([columns[column] for _, columns in batches])})
    total = max(int(volumes["bytes"].sum()), 1)
    return tuple(
        Share(str(key), int(size), int(packets), int(flows), size / total)
        for key, size, packets, flows in volumes.head(TOP).iter_rows()
    )


def _samples(batches: list[tuple[str, dict[str, npt.NDArray[Any]]]]) -> tuple[FlowSample, ...]:
    """The heaviest flows of the batches in hand."""
    found: list[tuple[int, str, dict[str, Any]]] = []
    for gateway, columns in batches:
        rows = np.argsort(columns["bytes"])[::-1][:SAMPLES].tolist()
        flows = ({name: columns[name][row] for name in NEEDED} for row in rows)
        found.extend((int(flow["bytes"]), gateway, flow) for flow in flows)
    found.sort(key=lambda one: one[0], reverse=True)
    return tuple(_sample(gateway, flow) for _, gateway, flow in found[:SAMPLES])


def _sample(gateway: str, flow: dict[str, Any]) -> FlowSample:
    return FlowSample(
        time_start=_moment(flow["time_start"]),
        time_end=_moment(flow["time_end"]),
        gateway=gateway,
        exporter=_text(flow["exporter"]),
        src_address=_text(flow["src_address"]),
        dst_address=_text(flow["dst_address"]),
        **{
            name: int(flow[name])
            for name in ("src_port", "dst_port", "protocol", "bytes", "packets", "sampling_rate")
        },
    )


def _text(address: npt.NDArray[np.uint8]) -> str:
    value = int.from_bytes(address.tobytes(), "big")
    return addresses.address_text(value >> 64, value & ((1 << 64) - 1))


def _moment(milliseconds: int) -> datetime:
    """A flow's own time may be anything: outside year 1970 to 9999 it is shown as the nearest of these."""
    return datetime.fromtimestamp(min(max(int(milliseconds), 0), 253_402_300_799_000) / 1000, UTC)
