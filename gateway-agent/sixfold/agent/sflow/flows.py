"""Flow samples to flow columns.

The rule of octets: `bytes` is the length of the sampled IP packet (what IPFIX octetDeltaCount counts) times the
sampling rate, without the link layer, so that sFlow and IPFIX of one link agree. `packets` is the sampling rate.
"""

from collections import Counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.sflow.extended import read_extended
from sixfold.agent.sflow.packet_records import read_packets
from sixfold.agent.sflow.samples import Samples
from sixfold.agent.sflow.words import Words

_SINGLE, _DISCARDED = 0, 1
_INTERNAL: Final = 0x3FFFFFFF

_DROPPED: Final = np.full(512, 128, dtype=np.uint8)
"""Reason of a discarded packet to forwardingStatus (IE 89): 128 dropped, unknown."""
_DROPPED[0:16] = 131  # ICMP unreachable: unroutable
_DROPPED[4] = 133  # fragmentation needed
_DROPPED[[9, 10, 13]] = 129  # administratively prohibited
_DROPPED[[257, 258, 260, 261, 262]] = [137, 129, 139, 138, 133]  # TTL, ACL, RED, shaping, too big
_DROPPED.flags.writeable = False


def read_flows(
    words: Words, samples: Samples, declined: Counter[str]
) -> tuple[npt.NDArray[np.intp], dict[str, npt.NDArray[Any]]]:
    """(rows of `samples` that are IP packets, their flow columns but for time, exporter and agent).

    Samples that hold no packet record of any kind are counted in `declined` as `no-packet`.
    """
    sampled = read_packets(words, samples.records, len(samples), declined)
    has_packet = np.zeros(len(samples), dtype=bool)
    has_packet[samples.records.owner[np.isin(samples.records.tag, (1, 3, 4))]] = True
    if without := int(np.count_nonzero(~has_packet)):
        declined["no-packet"] += without
    rows = np.flatnonzero(sampled.known)
    extended = read_extended(words, samples.records, len(samples), declined)
    # The VLAN of the switch record is that of the port; the tag in the header is gone where ports are untagged.
    vlan = extended.get("vlan", sampled.vlan)
    extended["vlan"] = np.where(vlan == 0, sampled.vlan, vlan)
    columns = {name: column[rows] for name, column in {**sampled.columns, **extended}.items()}
    rate = samples.rate[rows]
    factor = np.maximum(rate, 1).astype(np.uint64)
    columns["sampling_rate"] = rate
    columns["packets"] = factor
    columns["bytes"] = sampled.length[rows] * factor
    _interfaces(columns, samples, rows)
    return rows, columns


def _interfaces(columns: dict[str, npt.NDArray[Any]], samples: Samples, rows: npt.NDArray[np.intp]) -> None:
    incoming = _index(samples.input_format[rows], samples.input_value[rows])
    outgoing = _index(samples.output_format[rows], samples.output_value[rows])
    columns["input_interface"], columns["output_interface"] = incoming, outgoing
    discarded = samples.output_format[rows] == _DISCARDED
    reason = np.minimum(samples.output_value[rows], 511)
    columns["forwarding_status"] = np.where(discarded, _DROPPED[reason], 0).astype(np.uint8)
    source, is_port = samples.source_index[rows], samples.source_class[rows] == 0
    ingress = is_port & (source == incoming) & (incoming != 0)
    egress = is_port & ~ingress & (source == outgoing) & (outgoing != 0)
    columns["direction"] = np.where(ingress, 0, np.where(egress, 1, 255)).astype(np.uint8)


def _index(form: npt.NDArray[np.uint32], value: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """ifIndex, 0 where it is unknown, internal to the device, several, or the packet was dropped."""
    return np.where((form == _SINGLE) & (value != _INTERNAL), value, 0).astype(np.uint32)
