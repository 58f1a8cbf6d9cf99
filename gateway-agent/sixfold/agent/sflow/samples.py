"""Datagram headers and sample headers: who sent it, its sequence number, the samples and where their records lie."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.datagrams import Datagrams
from sixfold.agent.sflow.words import ADDRESS_IPV6, Index, Items, Words, walk

VERSION: Final = 5
FLOW, COUNTERS, FLOW_EXPANDED, COUNTERS_EXPANDED = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Headers:
    """One row per datagram. rows: those that are sFlow v5 with a whole header; the other arrays are of all."""

    rows: npt.NDArray[np.intp]
    truncated: int
    other_version: int
    bad_agent: int
    agent: npt.NDArray[np.uint8]
    sub_agent: npt.NDArray[np.uint32]
    sequence: npt.NDArray[np.uint32]
    uptime: npt.NDArray[np.uint32]
    count: Index
    body: Index


def read_headers(words: Words, datagrams: Datagrams) -> Headers:
    """An agent address of type UNKNOWN is allowed by the specification: the datagram's own source stands in."""
    start, end = words.starts, words.ends
    there = end - start >= 2
    version = words.at(start)
    right = there & (version == VERSION)
    kind = words.at(start + 1)
    agent, after, sound = words.address(start + 1, end)
    whole = right & sound & (after + 4 <= end)
    unknown = whole & (kind == 0)
    agent[unknown] = datagrams.addresses[unknown]
    return Headers(
        rows=np.flatnonzero(whole),
        truncated=int(np.count_nonzero(~there | (right & ~whole & (kind <= ADDRESS_IPV6)))),
        other_version=int(np.count_nonzero(there & ~right)),
        bad_agent=int(np.count_nonzero(right & (kind > ADDRESS_IPV6))),
        agent=agent,
        sub_agent=words.at(after),
        sequence=words.at(after + 1),
        uptime=words.at(after + 2),
        count=words.signed(after + 3),
        body=after + 4,
    )


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of one kind (flow or counter), compact and expanded alike. datagram: row of its datagram.

    rate, pool, drops, input, output: flow samples only. input and output are (format, value) in the two-bit format
    of the specification: 0 an ifIndex, 1 discarded for a reason, 2 several interfaces.
    """

    datagram: Index
    sequence: npt.NDArray[np.uint32]
    source_class: npt.NDArray[np.uint32]
    source_index: npt.NDArray[np.uint32]
    rate: npt.NDArray[np.uint32]
    pool: npt.NDArray[np.uint32]
    drops: npt.NDArray[np.uint32]
    input_format: npt.NDArray[np.uint32]
    input_value: npt.NDArray[np.uint32]
    output_format: npt.NDArray[np.uint32]
    output_value: npt.NDArray[np.uint32]
    records: Items
    truncated: int
    bad_records: int

    def __len__(self) -> int:
        return len(self.datagram)


def read_samples(
    words: Words, items: Items, *, compact: int, expanded: int, head: tuple[int, int]
) -> Samples:
    """The samples among `items` with the tags `compact` or `expanded`; `head` is their header length in words."""
    wanted = (items.tag == compact) | (items.tag == expanded)
    wide = items.tag == expanded
    size = np.where(wide, head[1], head[0])
    whole = items.starts + size <= items.ends
    rows = np.flatnonzero(wanted & whole)
    at, wide, size = items.starts[rows], wide[rows], size[rows]
    source = words.at(at + 1)
    # Words after the data source: shifted by one in the expanded form, which gives class and index a word each.
    rest = at + np.where(wide, 3, 2)
    low = np.uint32(0x3FFFFFFF)
    first, second = words.at(rest + 3), words.at(rest + 4)
    walked = walk(words, at + size, items.ends[rows], words.signed(at + size - 1))
    return Samples(
        datagram=items.owner[rows],
        sequence=words.at(at),
        source_class=np.where(wide, source, source >> np.uint32(24)),
        source_index=np.where(wide, words.at(at + 2), source & np.uint32(0xFFFFFF)),
        rate=words.at(rest),
        pool=words.at(rest + 1),
        drops=words.at(rest + 2),
        input_format=np.where(wide, first, first >> np.uint32(30)),
        input_value=np.where(wide, second, first & low),
        output_format=np.where(wide, words.at(rest + 5), second >> np.uint32(30)),
        output_value=np.where(wide, words.at(rest + 6), second & low),
        records=walked.items,
        truncated=int(np.count_nonzero(wanted & ~whole)),
        bad_records=int(np.count_nonzero(walked.short | walked.lying)),
    )
