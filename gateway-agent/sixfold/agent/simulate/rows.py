"""The simulator's own row of a flow, before it is written as an IPFIX record of its template."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[Any]

IPV6, IPV4, NAT64, NAT44 = 0, 1, 2, 3
"""kind: which template the row goes out with."""

ROW: Final = np.dtype(
    [
        ("start", np.int64),
        ("end", np.int64),
        ("octets", np.uint64),
        ("packets", np.uint64),
        ("src", np.uint8, (16,)),
        ("dst", np.uint8, (16,)),
        ("public", np.uint32),
        ("peer", np.uint32),
        ("public_port", np.uint16),
        ("label", np.uint32),
        ("sport", np.uint16),
        ("dport", np.uint16),
        ("icmp", np.uint16),
        ("flags", np.uint16),
        ("protocol", np.uint8),
        ("tos", np.uint8),
        ("gateway", np.uint8),
        ("kind", np.uint8),
        ("service", np.uint8),
        ("egress", np.uint8),
        ("attack", np.uint8),
    ],
    align=True,
)
"""public, public_port: after NAT. peer: the IPv4 peer of a NAT row. attack: 0 none, else number from 1."""


def concatenate(parts: list[Rows]) -> Rows:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=ROW)
