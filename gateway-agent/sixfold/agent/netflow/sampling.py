"""What an exporter says about its sampling in options data, and the rate of each record from that.

Who decides, in this order: a rate in the record itself; the selector (sampler) that the record names; the rate
of the record's input interface; the rate of the exporting process; the rate that all other processes of this
exporter agree on; the operator's setting. Nobody: 0, and bytes and packets stay as they came.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.netflow import elements as ie
from sixfold.agent.netflow.layout import Field, Layout
from sixfold.agent.netflow.records import Records, number

Array = npt.NDArray[Any]
MAX_KNOWN: Final = 1024
"""Selectors and interfaces remembered of one exporting process."""
MAX_RATE: Final = 0xFFFFFFFF


@dataclass(slots=True)
class Sampling:
    """Rates of one exporting process: 1 in N. process 0: it has not said."""

    process: int = 0
    selectors: dict[int, int] = field(default_factory=dict)
    interfaces: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> int:
        """The rate of a record that names no selector: what the process said, or its one selector."""
        if self.process:
            return self.process
        rates = set(self.selectors.values())
        return rates.pop() if len(rates) == 1 else 0

    def _known(self, scope: str) -> dict[int, int]:
        return self.selectors if scope == "selector" else self.interfaces

    def news(self, rates: Mapping[tuple[str, int], int]) -> bool:
        """Whether `learn` would change anything."""
        return any(
            self.process != rate if scope == "process" else self._known(scope).get(identity) != rate
            for (scope, identity), rate in rates.items()
        )

    def learn(self, rates: Mapping[tuple[str, int], int]) -> None:
        """Take what `read_rates` found; no more than MAX_KNOWN of a scope."""
        for (scope, identity), rate in rates.items():
            if scope == "process":
                self.process = rate
                continue
            known = self._known(scope)
            if identity in known or len(known) < MAX_KNOWN:
                known[identity] = rate

    def to_state(self) -> dict[str, Any]:
        return {
            "process": self.process,
            "selectors": sorted(self.selectors.items()),
            "interfaces": sorted(self.interfaces.items()),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Sampling":
        return cls(
            int(state["process"]),
            {int(key): int(value) for key, value in state["selectors"][:MAX_KNOWN]},
            {int(key): int(value) for key, value in state["interfaces"][:MAX_KNOWN]},
        )


def tells_sampling(layout: Layout) -> bool:
    return any(element in layout.by_element for element in ie.SAMPLING)


def stated_rates(records: Records, layout: Layout) -> Array | None:
    """The rate that each record itself states, uint64 (rows,), 0 for none; None where the layout has no such field."""
    fields = layout.by_element
    if not tells_sampling(layout):
        return None

    def values(chosen: Field) -> Array:
        return number(records, chosen, np.empty(records.rows, dtype=np.uint64))

    if ie.PACKET_INTERVAL in fields and ie.PACKET_SPACE in fields:
        interval = values(fields[ie.PACKET_INTERVAL])
        total = interval + values(fields[ie.PACKET_SPACE])
        return np.minimum(total // np.maximum(interval, 1) * (interval > 0), MAX_RATE)
    if ie.SAMPLE_SIZE in fields and ie.SAMPLE_POPULATION in fields:
        size = values(fields[ie.SAMPLE_SIZE])
        return np.minimum(values(fields[ie.SAMPLE_POPULATION]) // np.maximum(size, 1) * (size > 0), MAX_RATE)
    chosen = layout.first(ie.INTERVAL)
    if chosen is not None:
        return np.minimum(values(chosen), MAX_RATE)
    chosen = fields.get(ie.PROBABILITY)
    if chosen is not None and chosen.length in (4, 8):
        form = ">f8" if chosen.length == 8 else ">f4"
        raw = values(chosen).astype(">u8" if chosen.length == 8 else ">u4").view(form).astype(np.float64)
        usable = np.isfinite(raw) & (raw > 1 / MAX_RATE) & (raw <= 1)
        return np.rint(1 / np.where(usable, raw, 1)).astype(np.uint64) * usable
    return None


def read_rates(records: Records, layout: Layout) -> dict[tuple[str, int], int]:
    """Rates in records of options data, by (scope, identity): scope `selector`, `interface` or `process`."""
    rates = stated_rates(records, layout)
    if rates is None:
        return {}
    for scope, candidates in (("selector", ie.SELECTOR), ("interface", ie.INTERFACES)):
        chosen = layout.first(candidates)
        if chosen is not None:
            identities = number(records, chosen, np.empty(records.rows, dtype=np.uint64))
            pairs = np.unique(np.stack((identities, rates), axis=1), axis=0)[: 2 * MAX_KNOWN]
            return {(scope, int(identity)): int(rate) for identity, rate in pairs if rate}
    known = rates[rates > 0]
    return {("process", 0): int(known[-1])} if len(known) else {}


def rates_of(
    records: Records, layout: Layout, process: Array, session: Array, sampling: Mapping[int, Sampling]
) -> Array:
    """The rate of each record, uint32 (rows,). process: rate by set; session: session slot by set;
    sampling: of the session slots that have selectors or interfaces.
    """
    rates = np.repeat(process.astype(np.uint32), records.counts)
    if sampling:
        per_row = np.repeat(session, records.counts)
        by_interface = {slot: some.interfaces for slot, some in sampling.items() if some.interfaces}
        chosen = layout.first(ie.standard(10))
        if chosen is not None and by_interface:
            _look_up(records, chosen, per_row, by_interface, rates)
        chosen = layout.first(ie.SELECTOR)
        if chosen is not None:
            _look_up(records, chosen, per_row, {s: some.selectors for s, some in sampling.items()}, rates)
    stated = stated_rates(records, layout)
    if stated is not None:
        np.copyto(rates, stated, where=stated > 0, casting="unsafe")
    return rates


def _look_up(
    records: Records, chosen: Field, session: Array, known: Mapping[int, Mapping[int, int]], rates: Array
) -> None:
    """Overwrite rates where (session, value of the field) is known."""
    values = number(records, chosen, np.empty(records.rows, dtype=np.uint32)).astype(np.int64)
    keys, inverse = np.unique(session.astype(np.int64) << 32 | values, return_inverse=True)
    found = np.array(
        [known.get(key >> 32, {}).get(key & 0xFFFFFFFF, 0) for key in keys.tolist()], dtype=np.uint32
    )[inverse]
    np.copyto(rates, found, where=found > 0)
