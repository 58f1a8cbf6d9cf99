"""Counter samples: generic interface counters with the Ethernet ones beside them."""

from collections import Counter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sixfold.agent.sflow.samples import Samples
from sixfold.agent.sflow.words import Words

GENERIC, ETHERNET = 1, 2
_GENERIC_WORDS, _ETHERNET_WORDS = 22, 13
_GENERIC: Final = {  # word in the record: column
    8: "in_unicast_packets",
    9: "in_multicast_packets",
    10: "in_broadcast_packets",
    11: "in_discards",
    12: "in_errors",
    13: "in_unknown_protocols",
    16: "out_unicast_packets",
    17: "out_multicast_packets",
    18: "out_broadcast_packets",
    19: "out_discards",
    20: "out_errors",
}
_ETHERNET: Final = {  # dot3Stats…, RFC 3635
    0: "alignment_errors",
    1: "fcs_errors",
    6: "late_collisions",
    9: "carrier_errors",
    10: "frame_too_long",
    12: "symbol_errors",
}


def read_interfaces(words: Words, samples: Samples, declined: Counter[str]) -> dict[str, npt.NDArray[Any]]:
    """Columns of INTERFACE_COUNTER but for time, exporter and agent; one row per generic counter record.

    `_sample` is the row of the sample each row is from. Ethernet counters are joined by their sample.
    """
    records = samples.records.having(GENERIC)
    whole = records.ends - records.starts >= _GENERIC_WORDS
    ethernet = samples.records.having(ETHERNET)
    whole_ethernet = ethernet.ends - ethernet.starts >= _ETHERNET_WORDS
    if short := int(np.count_nonzero(~whole) + np.count_nonzero(~whole_ethernet)):
        declined["record-length"] += short
    rows = np.flatnonzero(whole)
    at, owner = records.starts[rows], records.owner[rows]
    columns: dict[str, npt.NDArray[Any]] = {
        "_sample": owner,
        "source_index": samples.source_index[owner],
        "source_class": samples.source_class[owner].astype(np.uint8),
        "sequence": samples.sequence[owner],
        "if_index": words.at(at),
        "if_type": words.at(at + 1),
        "if_speed": words.long(at + 2),
        "if_direction": words.at(at + 4).astype(np.uint8),
        "status": (words.at(at + 5) & 3).astype(np.uint8),
        "in_octets": words.long(at + 6),
        "out_octets": words.long(at + 14),
        "promiscuous": (words.at(at + 21) == 1).astype(np.uint8),
    }
    for place, name in _GENERIC.items():
        columns[name] = words.at(at + place)
    if len(ethernet):
        rows = np.flatnonzero(whole_ethernet)
        place_of = np.full(len(samples), -1, dtype=np.int64)
        place_of[ethernet.owner[rows]] = ethernet.starts[rows]
        place = place_of[owner]
        for word, name in _ETHERNET.items():
            columns[name] = np.where(place >= 0, words.at(place + word), np.uint32(0)).astype(np.uint32)
    return columns
