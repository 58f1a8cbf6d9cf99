"""Counters of everything that moves or is lost, by name and labels; on /metrics and in the heartbeat."""

import threading
from collections.abc import Iterable, Mapping
from typing import ClassVar, Final

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

_MAX_LABEL_SETS = 1024
_OTHER: Final = "other"
PREFIX: Final = "agent_"

DESCRIPTIONS: Final[Mapping[str, str]] = {
    # The four losses that a collector does not see unless it looks for them.
    "kernel_drops": "datagrams that the kernel dropped because the receive buffer was full, by port",
    "sequence_lost": "flows, messages or samples missing by the exporter's numbers, by exporter and domain",
    "sets_without_template": "data sets whose template never came, by exporter",
    "flows_unknown_sampling": "flows whose sampling rate is not known (stored uncorrected), by exporter",
    # Receiving
    "datagrams_received": "datagrams taken from the kernel, by port",
    "bytes_received": "bytes of those datagrams, by port",
    "datagrams_truncated": "datagrams longer than any buffer, by port",
    "receive_errors": "errors of the receiving system call, by port and error",
    "receive_slot_growths": "times that the receive slots had to be made wider, by port",
    "sequence_gaps": "gaps in an exporter's numbers, by exporter and domain",
    "sequence_late": "datagrams that came late, out of order, by exporter and domain",
    "sequence_restarts": "exporters that began to count anew, by exporter and domain",
    # NetFlow and IPFIX
    "netflow_messages": "messages, by version",
    "netflow_records": "records decoded, by kind",
    "netflow_malformed": "what could not be read, by cause",
    "netflow_times": "records whose times had to be mended, by cause",
    "netflow_templates": "templates learned, changed, withdrawn, refused, by event",
    "netflow_declined": "records that are no flows or NAT events, by reason",
    "netflow_declined_sets": "sets that were not decoded, by reason",
    "netflow_flows_without_counters": "flows that tell neither bytes nor packets",
    "netflow_parked_sets": "sets that waited for their template",
    "netflow_released_sets": "sets whose template came in time",
    "netflow_reverse_flows": "reverse halves of biflows (RFC 5103)",
    "netflow_sampling_changes": "changes of an exporter's sampling rate",
    "netflow_exporters_refused": "datagrams of exporters that netflow.exporters does not list",
    "netflow_sessions_evicted": "exporting processes forgotten because there were too many",
    # sFlow
    "sflow_datagrams": "sFlow datagrams",
    "sflow_flow_samples": "flow samples",
    "sflow_counter_samples": "counter samples",
    "sflow_flows": "flows made of flow samples",
    "sflow_interface_counters": "interface counter rows",
    "sflow_malformed": "what could not be read, by cause",
    "sflow_declined": "samples that are no flows, by cause",
    "sflow_records_unread": "record formats that are not read, by format",
    "sflow_packets_observed": "packets that the samples stand for, by exporter",
    "sflow_samples_dropped": "samples that the exporter itself dropped, by exporter",
    "sflow_samples_lost": "samples missing by their numbers, by exporter",
    "sflow_agents_forgotten": "sFlow agents forgotten because there were too many",
    # Batches, spool, bus
    "flows": "flows decoded",
    "nat_sessions": "NAT events decoded",
    "interface_counters": "interface counter rows decoded",
    "batches_sealed": "batches sealed, by kind",
    "rows_sealed": "rows in sealed batches, by kind",
    "batches_published": "batches acknowledged by the bus, by kind",
    "rows_published": "rows in acknowledged batches, by kind",
    "batches_known": "batches that the bus had already when they were published again, by kind",
    "batches_resplit": "batches divided because the bus takes less than they need",
    "batches_lost": "sealed batches given up, by cause",
    "rows_lost": "rows in batches given up, by cause",
    "publish_retries": "publishes that were tried again, by kind and cause",
    "spool_write_errors": "writes to the spool that failed (a batch is then held in memory), by error",
    "spool_records_damaged": "records or ends of segments that could not be read back, by cause",
    "state_errors": "saved templates that could not be written or read, by cause",
    "collector_errors": "faults of ours while decoding (the datagrams of that poll are lost)",
    # Connection tracking, translation, forged sources
    "conntrack_overruns": "times that the kernel dropped conntrack events because the receive buffer was full",
    "conntrack_repaired": "sessions learned from a dump of the kernel's table instead of their event, by event",
    "conntrack_unjoined": "NAT64 sessions whose subscriber's side never came (told with the inner address)",
    "conntrack_untranslated": "conntrack events of sessions that are not translated, or told by their other side",
    "conntrack_unreadable": "netlink messages that could not be read",
    "conntrack_table_full": "sessions that were told but not remembered, by table",
    "conntrack_dump_errors": "dumps of the kernel's table that failed",
    "gateway_applied": "configurations put into force, by outcome",
    "gateway_deviations": "deviations of the running state found by the periodic check",
    "forged_packets": "packets with forged sources, by action",
    "forged_bytes": "their bytes, by action",
    "forged_unread": "times that the counters of forged sources could not be read",
    "reports": "reports to the bus, by outcome",
    "policies_applied": "sets of policies put into force, by outcome",
    "policies_restored": "times that the policies were no longer in the kernel, or changed, and were put back",
    "policies_unread": "times that the counters of policies could not be read",
    # Commands
    "commands": "commands, by outcome and cause",
    "heartbeats": "heartbeats, by outcome",
}


class Counters:
    """May be added to by any thread. Beyond 1,024 label sets of one name, further label values become `other`."""

    strict: ClassVar[bool] = False
    """Whether a name that DESCRIPTIONS does not have is an error, as it is in tests."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
        self._sets: dict[str, int] = {}
        self._lock = threading.Lock()

    def add(self, name: str, n: int = 1, **labels: str) -> None:
        key = (name, tuple(sorted(labels.items())))
        with self._lock:
            if key not in self._values:
                key = self._new(name, key[1])
            self._values[key] += n

    def _new(self, name: str, labels: tuple[tuple[str, str], ...]) -> tuple[str, tuple[tuple[str, str], ...]]:
        if self.strict and name not in DESCRIPTIONS:
            raise KeyError(f"counter {name!r} is not declared in sixfold.agent.counters")
        if self._sets.get(name, 0) >= _MAX_LABEL_SETS:
            labels = tuple((label, _OTHER) for label, _ in labels)
        if (name, labels) not in self._values:
            self._sets[name] = self._sets.get(name, 0) + 1
            self._values[name, labels] = 0
        return name, labels

    def total(self, name: str) -> int:
        """The sum over all labels."""
        return sum(n for (other, _), n in list(self._values.items()) if other == name)

    def items(self) -> list[tuple[str, dict[str, str], int]]:
        return [(name, dict(labels), n) for (name, labels), n in list(self._values.items())]

    def snapshot(self) -> dict[str, int]:
        """`name{label="value"}` to count."""
        return {
            name + ("{" + ",".join(f'{k}="{v}"' for k, v in labels) + "}" if labels else ""): n
            for (name, labels), n in list(self._values.items())
        }


class CounterExposition(Collector):
    """The counters as Prometheus metrics named `agent_<name>_total`."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def collect(self) -> Iterable[CounterMetricFamily]:
        families: dict[tuple[str, tuple[str, ...]], CounterMetricFamily] = {}
        for name, labels, n in self._counters.items():
            key = (name, tuple(labels))
            if key not in families:
                text = DESCRIPTIONS.get(name, name)
                families[key] = CounterMetricFamily(PREFIX + name, text, labels=tuple(labels))
            families[key].add_metric(tuple(labels.values()), n)
        return families.values()
