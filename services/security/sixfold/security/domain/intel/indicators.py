"""STIX 2.1 indicators: the addresses that a pattern names.

Understood are patterns whose every alternative is one comparison of an address: `[ipv4-addr:value = '198.51.100.1']`,
`ISSUBSET '198.51.100.0/24'`, `IN ('…', '…')`, the same for ipv6-addr and for the ends of network-traffic, joined by OR.
A pattern that narrows (AND, FOLLOWEDBY, WITHIN …) or is about anything else is passed over: taking the address out of
it would say more than its author did.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from sixfold.security.domain.addresses import parse_network
from sixfold.security.domain.intel.entries import Network, Reading, entries_of
from sixfold.security.domain.intel.prefixes import FOREVER

_TEXT: Final = r"'[0-9A-Fa-f:./]{2,50}'"
_PATH: Final = r"(?:ipv[46]-addr:value|network-traffic:(?:src|dst)_ref\.value)"
_COMPARISON: Final = (
    rf"{_PATH}\s*(?:=\s*{_TEXT}|ISSUBSET\s+{_TEXT}|IN\s*\(\s*{_TEXT}(?:\s*,\s*{_TEXT})*\s*\))"
)
_OBSERVATION: Final = rf"\[\s*{_COMPARISON}(?:\s+OR\s+{_COMPARISON})*\s*\]"
_PATTERN: Final = re.compile(rf"\s*{_OBSERVATION}(?:\s+OR\s+{_OBSERVATION})*\s*")
_VALUE: Final = re.compile(_TEXT)
LONGEST_PATTERN: Final = 100_000
MOST_AT_ONCE: Final = 100_000


def networks_of(pattern: str) -> list[Network] | None:
    """The networks that a pattern names; None: it is not understood. Raises ValueError where one is malformed."""
    if len(pattern) > LONGEST_PATTERN or not _PATTERN.fullmatch(pattern):
        return None
    return [parse_network(text.strip("'")) for text in _VALUE.findall(pattern)]


def read(objects: Iterable[Any], reading: Reading, now: datetime, expires: int = FOREVER) -> None:
    """Add what the indicators among STIX objects name; the others are passed over. Raises FeedRefusedError."""
    found: list[tuple[Network, int, int]] = []
    for one in objects:
        if isinstance(one, dict):
            indicator = cast("dict[str, Any]", one)
            if indicator.get("type") == "indicator":
                found += _listed(indicator, reading, now, expires)
        if len(found) >= MOST_AT_ONCE:
            reading.add(entries_of(found))
            found.clear()
    reading.add(entries_of(found))


def _listed(
    indicator: Mapping[str, Any], reading: Reading, now: datetime, expires: int
) -> list[tuple[Network, int, int]]:
    if indicator.get("revoked") is True:
        reading.passed_over["revoked"] += 1
        return []
    until = _moment(indicator.get("valid_until"))
    if until is not None and until <= now:
        reading.passed_over["expired"] += 1
        return []
    pattern = indicator.get("pattern")
    if not isinstance(pattern, str) or indicator.get("pattern_type", "stix") != "stix":
        reading.passed_over["other-pattern"] += 1
        return []
    try:
        networks = networks_of(pattern)
    except ValueError:
        reading.refuse("malformed")
        return []
    if networks is None:
        reading.passed_over["other-pattern"] += 1
        return []
    stated = indicator.get("confidence")
    confidence = stated if isinstance(stated, int) and 0 <= stated <= 100 else reading.default_confidence
    ends = expires if until is None else min(int(until.timestamp()), FOREVER)
    return [(network, confidence, ends) for network in networks]


def _moment(text: Any) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
