"""Totals as one dense array, so that adding traffic is one addition.

Axes: network, service class, family (0 = IPv4, 1 = IPv6), metric (bytes, packets, flows); int64, saturating.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from sixfold.convergence.domain.events import Network, TrafficCell

Cells = npt.NDArray[np.int64]
NETWORKS: Final = (Network.TELECOM, Network.BROADCAST, Network.INTERNET)
SERVICE_CLASSES: Final = ("web", "quic", "dns", "iptv", "voip", "iot", "mail", "p2p", "vpn", "other")
FAMILIES: Final = (4, 6)
SHAPE: Final = (len(NETWORKS), len(SERVICE_CLASSES), len(FAMILIES), 3)
CODES: Final = SHAPE[0] * SHAPE[1] * SHAPE[2]
MOST: Final = 1 << 62


def empty() -> Cells:
    return np.zeros(SHAPE, dtype=np.int64)


def add(one: Cells, other: Cells) -> Cells:
    """The sum, at most MOST in each place."""
    return one + np.minimum(other, MOST - one)


def to_cells(totals: Cells) -> tuple[TrafficCell, ...]:
    """The places that hold anything."""
    return tuple(
        TrafficCell(NETWORKS[n], SERVICE_CLASSES[c], FAMILIES[f], *(int(value) for value in totals[n, c, f]))
        for n, c, f in np.argwhere(totals.any(axis=3)).tolist()
    )


def from_cells(cells: Iterable[TrafficCell]) -> Cells:
    """The dense form. A service class of a later release counts as `other`."""
    totals = empty()
    for cell in cells:
        name = cell.service_class if cell.service_class in SERVICE_CLASSES else "other"
        place = NETWORKS.index(cell.network), SERVICE_CLASSES.index(name), FAMILIES.index(cell.family)
        totals[place] += (cell.bytes, cell.packets, cell.flows)
    return totals
