"""The detectors, one module each: parameters as data, an explanation in every signal."""

from typing import Final

from sixfold.security.domain.detector import Detector
from sixfold.security.domain.detectors import (
    beaconing,
    bogons,
    brute_force,
    carpet,
    exfiltration,
    exhaustion,
    floods,
    intel,
    ipv6_headers,
    neighbour_cache,
    reflection,
    router_advertisements,
    scan_patterns,
    scans,
    shifts,
    slow,
    tunnels,
    unusual,
    volumetric,
)

BUILT_IN: Final[tuple[Detector, ...]] = (
    volumetric.DETECTOR,
    unusual.DETECTOR,
    floods.DETECTOR,
    reflection.DETECTOR,
    carpet.DETECTOR,
    intel.DETECTOR,
    scans.DETECTOR,
    scan_patterns.DETECTOR,
    neighbour_cache.DETECTOR,
    ipv6_headers.DETECTOR,
    tunnels.DETECTOR,
    bogons.DETECTOR,
    router_advertisements.DETECTOR,
    brute_force.DETECTOR,
    slow.DETECTOR,
    exfiltration.DETECTOR,
    exhaustion.DETECTOR,
    beaconing.DETECTOR,
    shifts.DETECTOR,
)
