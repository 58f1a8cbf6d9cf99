"""What is looked for, as the operators ask: detectors with their parameters and what they have said so far."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Final

from sixfold.api.security.v1 import security_pb2 as pb
from sixfold.security.adapters.registry import origin_of
from sixfold.security.domain.detector import Detector
from sixfold.security.domain.engine import Engine

_ORIGINS: Final = {
    "built-in": pb.Detector.ORIGIN_BUILT_IN,
    "plugin": pb.Detector.ORIGIN_PLUGIN,
    "rule": pb.Detector.ORIGIN_RULE,
}


class DetectorQueries:
    """`told` and `failures` by the detector's name, counted elsewhere."""

    def __init__(
        self,
        known: Mapping[str, Detector],
        engine: Engine,
        *,
        told: Mapping[str, int],
        failures: Mapping[str, int],
    ) -> None:
        self._known = known
        self._engine = engine
        self._told = told
        self._failures = failures

    def all(self) -> list[pb.Detector]:
        running = {entry.detector.name: entry.detector for entry in self._engine.entries}
        return [
            self._message(running.get(name, detector), enabled=name in running)
            for name, detector in self._known.items()
        ]

    def _message(self, detector: Detector, *, enabled: bool) -> pb.Detector:
        return pb.Detector(
            name=detector.name,
            title=detector.title,
            source=detector.source,
            misses=detector.misses,
            technique=detector.technique,
            enabled=enabled,
            origin=_ORIGINS[origin_of(detector.name)],
            parameters=parameters_of(detector),
            signals=self._told.get(detector.name, 0),
            failures=self._failures.get(detector.name, 0),
        )


def parameters_of(detector: Detector) -> dict[str, str]:
    """By name, as JSON."""
    values: Mapping[str, Any] = dataclasses.asdict(detector.parameters)
    return {name: json.dumps(value, default=str, ensure_ascii=False) for name, value in values.items()}
