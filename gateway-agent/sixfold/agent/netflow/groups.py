"""One group: data sets of one layout, of any number of exporters, to columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sixfold.agent.decoded import Decoded
from sixfold.agent.netflow import elements as ie
from sixfold.agent.netflow.arena import Arena
from sixfold.agent.netflow.flows import Context, flow_columns, reverse_columns
from sixfold.agent.netflow.layout import Kind, Layout
from sixfold.agent.netflow.messages import V5, Array, Messages, Sets
from sixfold.agent.netflow.nat import firewall_denied, firewall_sessions, nat_columns
from sixfold.agent.netflow.parking import ParkedSet
from sixfold.agent.netflow.records import Records, VariableRecords, records_of
from sixfold.agent.netflow.sampling import rates_of, tells_sampling
from sixfold.agent.netflow.sessions import Session, Sessions
from sixfold.agent.netflow.times import Clock


@dataclass(frozen=True, slots=True)
class Run:
    """A batch of messages being decoded. By message: exporter (two words), slots, units (records so far), unclear
    (some of its records could not be counted).
    """

    flat: Array
    messages: Messages
    exporter: Array
    slots: Array
    units: Array
    unclear: Array


def parked_run(session: Session, waited: Sequence[ParkedSet]) -> tuple[Run, Sets]:
    """Parked sets as a batch of messages of one set each."""
    n = len(waited)
    lengths = np.array([len(some.body) for some in waited], dtype=np.int64)
    start = np.cumsum(lengths) - lengths
    # A tail, because gathering reads windows that end within the buffer even where there is no record.
    flat = np.frombuffer(b"".join(some.body for some in waited) + bytes(64), dtype=np.uint8)

    def constant(value: int) -> Array:
        return np.full(n, value, dtype=np.int64)

    messages = Messages(
        row=np.arange(n),
        version=constant(session.version),
        start=start,
        end=start + lengths,
        sequence=constant(0),
        domain=constant(session.domain),
        export=np.array([some.export for some in waited], dtype=np.int64),
        uptime=np.array([some.uptime for some in waited], dtype=np.int64),
        received=np.array([some.received for some in waited], dtype=np.int64),
        v5_sampling=constant(0),
    )
    words = np.frombuffer(session.address, dtype=np.uint64)
    run = Run(flat, messages, np.tile(words, (n, 1)), constant(session.slot), constant(0), np.zeros(n, bool))
    return run, Sets(np.arange(n), constant(0), start, lengths)


class GroupDecoder:
    def __init__(
        self, sessions: Sessions, arena: Arena, count: Callable[..., None], clock_tolerance: int
    ) -> None:
        self._sessions, self._arena, self._count = sessions, arena, count
        self._tolerance = clock_tolerance

    def decode(self, run: Run, sets: Sets, layout: Layout, decoded: Decoded) -> None:
        """Append the columns of the sets' records to `decoded`, and count every record by what became of it."""
        filled = sets.length >= layout.length
        if not filled.all():
            self._malformed("set-without-record", int((~filled).sum()))
            sets = sets.take(filled)
            if not len(sets):
                return
        if layout.kind in (Kind.OPTIONS, Kind.DECLINED) and not layout.variable:
            self._account(run, sets, sets.length // layout.length)
            self._declined(layout.reason or "options-data", int((sets.length // layout.length).sum()))
            return
        records = records_of(layout, sets, run.flat)
        if isinstance(records, VariableRecords) and records.damaged:
            self._malformed("record-truncated", records.damaged)
        self._account(run, sets, records.counts)
        if not records.rows:
            return
        if layout.kind in (Kind.OPTIONS, Kind.DECLINED):
            self._declined(layout.reason or "options-data", records.rows)
            return
        system_init = self._sessions.system_init[run.slots]
        context = Context(
            Clock(run.messages, system_init, self._tolerance), run.exporter, self._arena, self._times
        )
        self._sessions.proven[run.slots[sets.message]] = True
        if layout.kind is Kind.NAT:
            decoded.nat_sessions.append(nat_columns(records, layout, context))
            self._count("kind/netflow_records", "nat-session", records.rows)
        elif layout.kind is Kind.FIREWALL:
            self._firewall(run, records, layout, context, decoded)
        else:
            forward = flow_columns(records, layout, context, self._rates(run, records, layout))
            decoded.flows.append(forward)
            self._count("kind/netflow_records", "flow", records.rows)
            self._finish_flows(run, records, layout, context, forward, decoded)

    def _finish_flows(
        self, run: Run, records: Records, layout: Layout, context: Context,
        forward: dict[str, Array], decoded: Decoded,
    ) -> None:  # fmt: skip
        """The reverse halves of `forward`, and the flows whose sampling is unknown."""
        reverse = reverse_columns(records, layout, context, forward)
        if reverse is not None:
            decoded.flows.append(reverse)
            self._count("netflow_reverse_flows", "", len(reverse["bytes"]))
        if layout.first(ie.BYTES) is None and layout.first(ie.PACKETS) is None:
            self._count("netflow_flows_without_counters", "", records.rows)
        self._unknown_sampling(run, records, forward["sampling_rate"] == 0)

    def _unknown_sampling(self, run: Run, records: Records, unknown: Array) -> None:
        """Count them by exporter. unknown: mask (rows,)."""
        if not unknown.any():
            return
        per_set = records.counts
        if not unknown.all():
            before = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(unknown)))
            ends = np.cumsum(records.counts)
            per_set = before[ends] - before[ends - records.counts]
        slots, inverse = np.unique(run.slots[records.message], return_inverse=True)
        totals = np.bincount(inverse, weights=per_set).astype(np.int64)
        for slot, n in zip(slots.tolist(), totals.tolist(), strict=True):
            self._count("exporter/flows_unknown_sampling", self._sessions.at(slot).exporter, n)

    def _firewall(
        self, run: Run, records: Records, layout: Layout, context: Context,
        decoded: Decoded,
    ) -> None:  # fmt: skip
        columns = nat_columns(records, layout, context)
        sessions = firewall_sessions(columns)
        if sessions.any():
            decoded.nat_sessions.append({name: values[sessions] for name, values in columns.items()})
        forward = flow_columns(records, layout, context, self._rates(run, records, layout))
        counted = (forward["bytes"] > 0) | (forward["packets"] > 0)
        if counted.any():
            decoded.flows.append({name: values[counted] for name, values in forward.items()})
        reverse = reverse_columns(records, layout, context, forward)
        flows = counted
        if reverse is not None:
            decoded.flows.append(reverse)
            self._count("netflow_reverse_flows", "", len(reverse["bytes"]))
        for kind, mask in (
            ("flow", flows & ~sessions),
            ("nat-session", sessions & ~flows),
            ("flow-and-nat-session", sessions & flows),
        ):
            self._count("kind/netflow_records", kind, int(mask.sum()))
        neither = ~flows & ~sessions
        denied = firewall_denied(records, layout)
        self._declined("firewall-denied", int((neither & denied).sum()))
        self._declined("firewall-event", int((neither & ~denied).sum()))

    def _rates(self, run: Run, records: Records, layout: Layout) -> Array:
        slots = run.slots[records.message]
        process = self._sessions.rate[slots]
        if layout.definition.version == V5:
            stated = run.messages.v5_sampling[records.message] & 0x3FFF
            process = np.where(stated > 0, stated, 1)
        asks = layout.first(ie.SELECTOR) is not None or layout.first(ie.standard(10)) is not None
        detailed = {
            slot: self._sessions.at(slot).sampling
            for slot in (self._sessions.detailed.intersection(slots.tolist()) if asks else ())
        }
        if not detailed and not tells_sampling(layout):
            rates = self._arena.take(records.rows, np.uint32)
            rates.reshape(records.shape)[...] = (
                process[:, None] if len(records.shape) == 2 else np.repeat(process, records.counts)
            )
            return rates
        return rates_of(records, layout, process, slots, detailed)

    def _account(self, run: Run, sets: Sets, counts: Array) -> None:
        np.add.at(run.units, sets.message, counts)

    def _times(self, cause: str, n: int) -> None:
        self._count("cause/netflow_times", cause, n)

    def _malformed(self, cause: str, n: int) -> None:
        self._count("cause/netflow_malformed", cause, n)

    def _declined(self, reason: str, n: int) -> None:
        if n:
            self._count("kind/netflow_records", "declined", n)
            self._count("reason/netflow_declined", reason, n)
