"""Exporters on one path export the same flow: their volumes are compared, not summed."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from sixfold.security.domain import addresses
from sixfold.security.domain.table import METRICS, grouped


class Lanes:
    """Which exporters see the same traffic.

    A lane is a member of a group of exporters on one path. Volumes of one group are the largest of its
    members' instead of their sum, so that a flow exported by two routers counts once. Exporters of no
    group share lane 0.
    """

    def __init__(self, groups: Sequence[Sequence[str]] = ()) -> None:
        self.groups = groups
        members: list[tuple[int, int, int]] = []
        for group, exporters in enumerate(groups):
            if len(exporters) > 255:
                raise ValueError("a group of duplicate exporters has at most 255 members")
            for member, exporter in enumerate(exporters):
                hi, lo, length = addresses.parse_network(exporter)
                if length != 128:
                    raise ValueError(f"duplicate exporter {exporter!r} is no address")
                members.append((hi, lo, (group + 1) << 8 | member))
        self._members = members
        self.widest = max((len(group) for group in groups), default=1)
        """Most lanes that one flow may be counted in."""

    def __bool__(self) -> bool:
        """Whether there is a lane besides 0, so that exporters need to be known."""
        return bool(self._members)

    @property
    def all(self) -> npt.NDArray[np.uint32]:
        return np.array([0, *(lane for _, _, lane in self._members)], dtype=np.uint32)

    def of(self, exporters: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
        lanes = np.zeros(len(exporters), dtype=np.uint32)
        hi, lo = addresses.words(exporters)
        for member_hi, member_lo, lane in self._members:
            lanes[(hi == np.uint64(member_hi)) & (lo == np.uint64(member_lo))] = lane
        return lanes

    def fold(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Volumes by host from those by lane and host: the largest member of a group, summed over groups."""
        if not self._members:
            return grouped(frame, "hi", "lo")
        groups = frame.with_columns(group=pl.col("lane") // 256).group_by("group", "lane", "hi", "lo")
        largest = groups.agg(pl.col(*METRICS).sum()).group_by("group", "hi", "lo")
        return grouped(largest.agg(pl.col(*METRICS).max()), "hi", "lo")
