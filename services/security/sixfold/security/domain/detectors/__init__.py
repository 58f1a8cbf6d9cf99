"""The detectors, one module each: parameters as data, an explanation in every signal."""

from typing import Final

from sixfold.security.domain.detector import Detector
from sixfold.security.domain.detectors import (
    intel,
    ipv6_headers,
    neighbour_cache,
    scan_patterns,
    scans,
    volumetric,
)

BUILT_IN: Final[tuple[Detector, ...]] = (
    volumetric.DETECTOR,
    intel.DETECTOR,
    scans.DETECTOR,
    scan_patterns.DETECTOR,
    neighbour_cache.DETECTOR,
    ipv6_headers.DETECTOR,
)
