"""Datagrams in, flow and counter columns out, and everything that could not be used counted by cause."""

import itertools
import struct
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams, address_text
from sixfold.agent.decoded import Decoded
from sixfold.agent.sflow.flows import read_flows
from sixfold.agent.sflow.interfaces import ETHERNET as ETHERNET_COUNTERS
from sixfold.agent.sflow.interfaces import GENERIC, read_interfaces
from sixfold.agent.sflow.samples import (
    COUNTERS,
    COUNTERS_EXPANDED,
    FLOW,
    FLOW_EXPANDED,
    Headers,
    Samples,
    read_headers,
    read_samples,
)
from sixfold.agent.sflow.sequences import Change, Sequences
from sixfold.agent.sflow.words import Words, walk

MAX_AGENTS: Final = 4_096
MAX_SOURCES: Final = 65_536
_MOST_AGENTS: Final = 1_024
_MOST_SOURCES: Final = 4_096
"""Those whose numbers are kept over a kill: 200 KB at most, several times a second."""
_READ_RECORDS: Final = (1, 2, 3, 4, 1001, 1002, 1003, 1007, 1020)
_FLOW_KIND, _COUNTER_KIND = 0, 1


class SflowCollector:
    """Decodes sFlow v5. State is bounded: `max_agents` agents, `max_sources` data sources; idle ones go first.

    Counters: `sflow_datagrams`, `sflow_flow_samples`, `sflow_counter_samples`, `sflow_flows`,
    `sflow_interface_counters`, `sflow_malformed{cause}`, `sflow_declined{cause}`, `sflow_records_unread{format}`,
    `sequence_gaps`, `sequence_lost`, `sequence_late`, `sequence_restarts` (`{exporter,domain}`, datagrams),
    `sflow_samples_lost{exporter}`, `sflow_samples_dropped{exporter}` (the exporter's own drops),
    `sflow_packets_observed{exporter}` (growth of the sample pool), `flows_unknown_sampling{exporter}`.
    """

    def __init__(
        self, counters: Counters, *, max_agents: int = MAX_AGENTS, max_sources: int = MAX_SOURCES
    ) -> None:
        self._counters = counters
        self._datagrams = Sequences(max_agents)
        self._samples = Sequences(max_sources)
        self._agents: dict[bytes, int] = {}
        self._names: dict[int, tuple[str, str]] = {}
        self._max_agents = max_agents
        self._next_agent = 0

    def decode(self, datagrams: Datagrams) -> Decoded:
        """Decode a batch; never raises on what is in it."""
        decoded = Decoded()
        if not len(datagrams):
            return decoded
        words = Words.of(datagrams)
        headers = read_headers(words, datagrams)
        self._count("sflow_datagrams", len(datagrams))
        self._malformed("truncated-header", headers.truncated)
        self._malformed("version", headers.other_version)
        self._malformed("agent-address", headers.bad_agent)
        rows = headers.rows
        if not len(rows):
            return decoded
        agents = self._agent_ids(headers)
        self._datagram_numbers(agents, headers)
        walked = walk(words, headers.body[rows], words.ends[rows], headers.count[rows])
        self._malformed("truncated-samples", int(np.count_nonzero(walked.short)))
        self._malformed("sample-length", int(np.count_nonzero(walked.lying)))
        whole = ~(walked.short | walked.lying)
        self._malformed("trailing-bytes", int(np.count_nonzero(whole & (walked.after < words.ends[rows]))))
        known = (FLOW, COUNTERS, FLOW_EXPANDED, COUNTERS_EXPANDED)
        self._count(
            "sflow_declined", np.count_nonzero(~np.isin(walked.items.tag, known)), cause="sample-type"
        )
        flow = read_samples(words, walked.items, compact=FLOW, expanded=FLOW_EXPANDED, head=(8, 11))
        counter = read_samples(words, walked.items, compact=COUNTERS, expanded=COUNTERS_EXPANDED, head=(3, 4))
        for samples, kind in ((flow, _FLOW_KIND), (counter, _COUNTER_KIND)):
            self._malformed("truncated-sample", samples.truncated)
            self._malformed("record-list", samples.bad_records)
            self._sample_numbers(agents, samples, kind)
        self._flows(words, flow, headers, datagrams, decoded)
        self._interfaces(words, counter, headers, datagrams, decoded)
        return decoded

    @property
    def exporters(self) -> int:
        """sFlow agents that are known."""
        return len(self._agents)

    def state(self) -> dict[str, Any]:
        """What a restart needs to see gaps over it, as JSON values."""
        return {
            "version": 1,
            "agents": [[key.hex(), number] for key, number in self._agents.items()],
            "datagrams": self._datagrams.dump(),
            "samples": self._samples.dump(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up `state()` of an earlier run; what is malformed is left out and counted."""
        try:
            agents = [(bytes.fromhex(key), int(number)) for key, number in state["agents"]]
            self._datagrams.load(state["datagrams"])
            self._samples.load(state["samples"])
        except (KeyError, TypeError, ValueError):
            self._malformed("state", 1)
            return
        for key, number in agents[-self._max_agents :]:
            if len(key) == 20:
                self._remember(key, number)
                self._next_agent = max(self._next_agent, number + 1)

    def numbers(self) -> bytes:
        """The last numbers of the agents and data sources heard last, for `resume` after a kill."""
        datagrams = self._datagrams.newest(_MOST_AGENTS)
        # The oldest first, so that they come in the order in which they are forgotten.
        newest = dict(itertools.islice(((n, key) for key, n in reversed(self._agents.items())), _MOST_AGENTS))
        agents = b"".join(key + number.to_bytes(8, "little") for number, key in reversed(newest.items()))
        samples = self._samples.newest(_MOST_SOURCES)
        return (
            struct.pack("<III", len(newest), len(datagrams), len(samples))
            + agents
            + datagrams.tobytes()
            + samples.tobytes()
        )

    def resume(self, numbers: bytes, elapsed: int) -> None:
        """Expect what `numbers` gave, whatever `restore` knew. elapsed: ms since then."""
        head = struct.Struct("<III")
        if len(numbers) < head.size:
            return
        count, datagrams, samples = head.unpack_from(numbers)
        if len(numbers) != head.size + 28 * count + 32 * (datagrams + samples):
            self._malformed("state", 1)
            return
        at = head.size
        for _ in range(count):
            key, number = numbers[at : at + 20], int.from_bytes(numbers[at + 20 : at + 28], "little")
            self._agents.pop(key, None)
            self._remember(key, number)
            self._next_agent = max(self._next_agent, number + 1)
            at += 28
        rows = np.frombuffer(numbers, dtype=np.int64, offset=at).reshape(-1, 4)
        self._datagrams.replace(rows[:datagrams])
        self._samples.replace(rows[datagrams:])

    # -- who sent it

    def _agent_ids(self, headers: Headers) -> npt.NDArray[np.int64]:
        """A small number for each (agent address, sub-agent), one per datagram row of the headers."""
        rows = headers.rows
        key = np.empty((len(rows), 20), dtype=np.uint8)
        key[:, :16] = headers.agent[rows]
        key[:, 16:] = headers.sub_agent[rows].astype(">u4").view(np.uint8).reshape(-1, 4)
        unique, inverse = np.unique(key.view("V20").reshape(-1), return_inverse=True)
        numbers = np.array([self._agent_id(value.tobytes()) for value in unique], dtype=np.int64)
        return numbers[inverse.reshape(-1)]

    def _agent_id(self, key: bytes) -> int:
        number = self._agents.pop(key, None)
        if number is None:
            number = self._next_agent
            self._next_agent += 1
        self._remember(key, number)
        while len(self._agents) > self._max_agents:
            forgotten = next(iter(self._agents))
            self._names.pop(self._agents.pop(forgotten), None)
            self._count("sflow_agents_forgotten", 1)
        return number

    def _remember(self, key: bytes, number: int) -> None:
        self._agents[key] = number
        if number not in self._names:
            # Label values are bounded too: spoofed agents must not make a time series each.
            named = number < self._max_agents
            self._names[number] = (
                (address_text(key[:16]), str(int.from_bytes(key[16:], "big"))) if named else ("other", "0")
            )

    # -- what is missing

    def _datagram_numbers(self, agents: npt.NDArray[np.int64], headers: Headers) -> None:
        for change in self._datagrams.observe(agents, headers.sequence[headers.rows]):
            exporter, domain = self._names.get(change.key, ("other", "0"))
            labels = {"exporter": exporter, "domain": domain}
            self._count("sequence_gaps", change.gaps, **labels)
            self._count("sequence_lost", change.missed, **labels)
            self._count("sequence_late", change.late, **labels)
            self._count("sequence_restarts", change.restarts, **labels)

    def _sample_numbers(self, agents: npt.NDArray[np.int64], samples: Samples, kind: int) -> None:
        source = samples.source_class.astype(np.int64) << 24 ^ samples.source_index
        key = agents[samples.datagram] << 33 | kind << 32 | (source & 0xFFFFFFFF)
        totals = (samples.drops, samples.pool) if kind == _FLOW_KIND else (None, None)
        for change in self._samples.observe(key, samples.sequence, *totals):
            self._sample_change(change)

    def _sample_change(self, change: Change) -> None:
        if not (change.missed or change.dropped or change.observed):
            return
        exporter, _ = self._names.get(change.key >> 33, ("other", "0"))
        self._count("sflow_samples_lost", change.missed, exporter=exporter)
        self._count("sflow_samples_dropped", change.dropped, exporter=exporter)
        self._count("sflow_packets_observed", change.observed, exporter=exporter)

    # -- what it says

    def _flows(
        self, words: Words, samples: Samples, headers: Headers, datagrams: Datagrams, decoded: Decoded
    ) -> None:
        self._count("sflow_flow_samples", len(samples))
        if not len(samples):
            return
        declined: Counter[str] = Counter()
        rows, columns = read_flows(words, samples, declined)
        unread = samples.records.tag[~np.isin(samples.records.tag, _READ_RECORDS)]
        self._unread(unread)
        self._declined(declined)
        self._count("sflow_flows", len(rows))
        if len(rows):
            origin = headers.rows[samples.datagram[rows]]
            received = datagrams.received[origin]
            # sFlow tells no time: a sample leaves its exporter at once, or at the latest a second after.
            columns |= {"time_start": received, "time_end": received, "time_received": received}
            columns["exporter"] = headers.agent[origin]
            columns["observation_domain"] = headers.sub_agent[origin]
            self._unknown_sampling(columns["exporter"][columns["sampling_rate"] == 0])
            decoded.flows.append(columns)

    def _interfaces(
        self, words: Words, samples: Samples, headers: Headers, datagrams: Datagrams, decoded: Decoded
    ) -> None:
        self._count("sflow_counter_samples", len(samples))
        if not len(samples):
            return
        declined: Counter[str] = Counter()
        columns = read_interfaces(words, samples, declined)
        self._declined(declined)
        self._unread(
            samples.records.tag[~np.isin(samples.records.tag, (GENERIC, ETHERNET_COUNTERS))], kind="counter:"
        )
        owner = columns.pop("_sample")
        self._count("sflow_interface_counters", len(owner))
        if len(owner):
            origin = headers.rows[samples.datagram[owner]]
            columns["time_received"] = datagrams.received[origin]
            columns["exporter"] = headers.agent[origin]
            columns["observation_domain"] = headers.sub_agent[origin]
            columns["uptime"] = headers.uptime[origin]
            decoded.counters.append(columns)

    # -- counting

    def _count(self, name: str, n: int | np.integer[Any], **labels: str) -> None:
        if n:
            self._counters.add(name, int(n), **labels)

    def _malformed(self, cause: str, n: int) -> None:
        self._count("sflow_malformed", n, cause=cause)

    def _declined(self, declined: Counter[str]) -> None:
        for cause, n in declined.items():
            self._count("sflow_declined", n, cause=cause)

    def _unknown_sampling(self, exporters: npt.NDArray[np.uint8]) -> None:
        if not len(exporters):
            return
        addresses, counts = np.unique(np.ascontiguousarray(exporters).view("V16"), return_counts=True)
        for address, n in zip(addresses, counts.tolist(), strict=True):
            self._count("flows_unknown_sampling", n, exporter=address_text(address.tobytes()))

    def _unread(self, tags: npt.NDArray[np.uint32], kind: str = "flow:") -> None:
        """Records of formats that have no column; formats of other enterprises go by the enterprise number."""
        if not len(tags):
            return
        values, counts = np.unique(tags, return_counts=True)
        for tag, n in zip(values.tolist(), counts.tolist(), strict=True):
            standard = tag >> 12 == 0 and tag < 2_500
            self._count("sflow_records_unread", n, format=kind + (str(tag) if standard else "other"))
