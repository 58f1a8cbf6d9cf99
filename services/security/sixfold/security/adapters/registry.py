"""Which detectors run: the built-in ones and those of plugins, with their parameters out of the settings."""

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from sixfold.security.adapters.rules import RuleError, read_rules
from sixfold.security.domain.detector import Detector
from sixfold.security.domain.detectors import BUILT_IN
from sixfold.security.domain.engine import Entry
from sixfold.security.domain.rules import PREFIX

log = logging.getLogger(__name__)
GROUP: Final = "sixfold.security.detectors"
ENABLED: Final = "enabled"


class DetectorError(ValueError):
    """A plugin or a detector's parameters cannot be used; the text says which and why."""


def known(plugins: Sequence[EntryPoint] | None = None, rules: Sequence[Path] = ()) -> dict[str, Detector]:
    """Built-in detectors, those of installed plugins and those that rules declare, by name. Raises DetectorError."""
    found = {detector.name: detector for detector in BUILT_IN}
    for point in entry_points(group=GROUP) if plugins is None else plugins:
        try:
            detector = point.load()
        except Exception as error:
            raise DetectorError(f"detector plugin {point.value} cannot be loaded: {error}") from error
        if not isinstance(detector, Detector):
            raise DetectorError(
                f"detector plugin {point.value} is no Detector but a {type(detector).__name__}"
            )
        if detector.name in found:
            raise DetectorError(
                f"detector plugin {point.value}: there is a detector {detector.name!r} already"
            )
        found[detector.name] = detector
    try:
        found |= {detector.name: detector for detector in read_rules(rules)}
    except RuleError as error:
        raise DetectorError(f"rules: {error}") from error
    return found


def origin_of(name: str) -> str:
    """`built-in`, `rule` or `plugin`."""
    if name.startswith(PREFIX):
        return "rule"
    return "built-in" if name in {detector.name for detector in BUILT_IN} else "plugin"


def parameters(detector: Detector, changes: Mapping[str, Any]) -> Any:
    """The detector's parameters with `changes`, checked by their types. Raises DetectorError."""
    kind = type(detector.parameters)
    values = {
        field.name: getattr(detector.parameters, field.name)
        for field in dataclasses.fields(detector.parameters)
    }
    unknown = changes.keys() - values.keys()
    if unknown:
        raise DetectorError(
            f"detectors.{detector.name}: no parameter {sorted(unknown)[0]!r}; there are {', '.join(sorted(values))}"
        )
    try:
        checked = TypeAdapter(kind).validate_python({**values, **changes})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DetectorError(f"detectors.{detector.name}.{place}: {first['msg']}") from error
    return checked


def chosen(
    settings: Mapping[str, Mapping[str, Any]],
    *,
    given: Mapping[str, Any] | None = None,
    plugins: Sequence[EntryPoint] | None = None,
    rules: Sequence[Path] = (),
) -> list[Entry]:
    """The enabled detectors at work. `settings` are changes of parameters by detector, and `enabled`; `given` are
    whole parameters by detector. Raises DetectorError.
    """
    detectors = known(plugins, rules)
    strangers = settings.keys() - detectors.keys()
    if strangers:
        raise DetectorError(
            f"detectors.{sorted(strangers)[0]}: no such detector; there are {', '.join(sorted(detectors))}"
        )
    entries: list[Entry] = []
    for name, detector in detectors.items():
        changes = dict(settings.get(name, {}))
        if not changes.pop(ENABLED, True):
            continue
        wanted = (given or {}).get(name)
        base = detector if wanted is None else dataclasses.replace(detector, parameters=wanted)
        made = parameters(base, changes)
        try:
            entries.append(Entry(dataclasses.replace(base, parameters=made), base.start(made)))
        except ValueError as error:
            raise DetectorError(f"detectors.{name}: {error}") from error
    return entries
