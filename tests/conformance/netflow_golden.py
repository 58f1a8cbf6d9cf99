"""pmacct's own results (output-flow-*.json) of the same captures: sums of bytes and packets per conversation.

A golden file aggregates all captures of its directory, sent from several addresses, over keys that we do not all
have; so both sides are summed up by (source, destination, ports) before they are compared.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from netflow_cases import Case, received_at_export

from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams, address_text
from sixfold.agent.netflow.collector import Collector

Sums = dict[tuple[str, str, int, int], tuple[int, int]]


@dataclass(frozen=True)
class Golden:
    ours: Sums
    theirs: Sums

    @property
    def differing(
        self,
    ) -> dict[tuple[str, str, int, int], tuple[tuple[int, int] | None, tuple[int, int] | None]]:
        """(ours, theirs) of each conversation whose sums are not equal."""
        keys = {*self.ours, *self.theirs}
        return {
            key: (self.ours.get(key), self.theirs.get(key))
            for key in sorted(keys)
            if self.ours.get(key) != self.theirs.get(key)
        }


def golden(directory: Path) -> Golden:
    return Golden(_ours(directory), _theirs(directory))


def _ours(directory: Path) -> Sums:
    sums: defaultdict[tuple[str, str, int, int], list[int]] = defaultdict(lambda: [0, 0])
    for capture in sorted(directory.glob("traffic-*.pcap")):
        # pmacct's harness gives each capture an exporter address of its own
        datagrams: Datagrams = received_at_export(Case(capture.name, (capture,), "").datagrams())
        decoded = Collector(Counters()).decode(datagrams)
        for columns in decoded.flows:
            for i in range(len(columns["bytes"])):
                key = (
                    address_text(columns["src_address"][i].tobytes()),
                    address_text(columns["dst_address"][i].tobytes()),
                    int(columns["src_port"][i]),
                    int(columns["dst_port"][i]),
                )
                sums[key][0] += int(columns["bytes"][i])
                sums[key][1] += int(columns["packets"][i])
    return {key: (octets, packets) for key, (octets, packets) in sums.items()}


def _theirs(directory: Path) -> Sums:
    sums: defaultdict[tuple[str, str, int, int], list[int]] = defaultdict(lambda: [0, 0])
    for line in (directory / "output-flow-00.json").read_text().splitlines():
        if not line.strip():
            continue
        row = json.loads(line)
        key = (row["ip_src"], row["ip_dst"], int(row.get("port_src") or 0), int(row.get("port_dst") or 0))
        sums[key][0] += int(row["bytes"])
        sums[key][1] += int(row["packets"])
    return {key: (octets, packets) for key, (octets, packets) in sums.items()}
