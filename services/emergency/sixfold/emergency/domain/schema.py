"""The element table of CAP 1.2 (OASIS, 1 July 2010, section 3.2 and the schema in 3.4) and the check of a
document against it.

What the schema's sequence, occurrence, enumeration and type facets say, this says, with the element's path in
every error.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sixfold.emergency.domain.document import CAP, SIGNATURE, Element, Finding

MANY: Final = 1 << 30
MOST_FINDINGS: Final = 20

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)([-+])(\d\d):(\d\d)", re.ASCII)
_LANGUAGE = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_XML_SCHEMA_INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance "

Check = Callable[[str], str]
"""From the text of an element to what is wrong with it; empty when nothing is."""


def parse_time(text: str) -> datetime | None:
    """A CAP time (`2002-05-24T16:49:00-07:00`; no `Z`, no fraction) as an aware datetime, None if it is
    none."""
    match = _TIME.fullmatch(text.strip(" \t\r\n"))
    if match is None:
        return None
    local, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    if int(minutes) > 59 or offset > timedelta(hours=14):
        return None
    try:
        # xs:dateTime allows 24:00:00 for the midnight at the end of a day.
        late = local.endswith("T24:00:00")
        value = datetime.fromisoformat((local.replace("T24:", "T00:") if late else local) + "+00:00")
        return value + timedelta(days=late) + (offset if sign == "-" else -offset)
    except (ValueError, OverflowError):
        return None


def _string(_: str) -> str:
    return ""


def _time(text: str) -> str:
    return "" if parse_time(text) else f"{text[:40]!r} is no time like 2002-05-24T16:49:00-07:00"


def _matches(pattern: re.Pattern[str], what: str) -> Check:
    def check(text: str) -> str:
        return "" if pattern.fullmatch(" ".join(text.split())) else f"{text[:40]!r} is no {what}"

    return check


def _one_of(*words: str) -> Check:
    allowed = frozenset(words)

    def check(text: str) -> str:
        return "" if text in allowed else f"{text[:40]!r} is none of {', '.join(words)}"

    return check


@dataclass(frozen=True, slots=True)
class Particle:
    """One element of a sequence: how often, and what is in it (a check of its text, or a sequence)."""

    name: str
    least: int
    most: int
    content: "Check | tuple[Particle, ...]"


def _one(name: str, content: "Check | tuple[Particle, ...]" = _string) -> Particle:
    return Particle(name, 1, 1, content)


def _optional(name: str, content: "Check | tuple[Particle, ...]" = _string) -> Particle:
    return Particle(name, 0, 1, content)


def _any_number(name: str, content: "Check | tuple[Particle, ...]" = _string) -> Particle:
    return Particle(name, 0, MANY, content)


_PAIR: Final = (_one("valueName"), _one("value"))
_AREA: Final = (
    _one("areaDesc"),
    _any_number("polygon"),
    _any_number("circle"),
    _any_number("geocode", _PAIR),
    _optional("altitude", _matches(_DECIMAL, "decimal number")),
    _optional("ceiling", _matches(_DECIMAL, "decimal number")),
)
_RESOURCE: Final = (
    _one("resourceDesc"),
    _one("mimeType"),
    _optional("size", _matches(_INTEGER, "integer")),
    _optional("uri"),
    _optional("derefUri"),
    _optional("digest"),
)
_CATEGORIES: Final = ("Geo", "Met", "Safety", "Security", "Rescue", "Fire")
_CATEGORIES_MORE: Final = ("Health", "Env", "Transport", "Infra", "CBRNE", "Other")
_RESPONSES: Final = (
    "Shelter",
    "Evacuate",
    "Prepare",
    "Execute",
    "Avoid",
    "Monitor",
    "Assess",
    "AllClear",
    "None",
)
_INFO: Final = (
    _optional("language", _matches(_LANGUAGE, "language code (RFC 3066)")),
    Particle("category", 1, MANY, _one_of(*_CATEGORIES, *_CATEGORIES_MORE)),
    _one("event"),
    _any_number("responseType", _one_of(*_RESPONSES)),
    _one("urgency", _one_of("Immediate", "Expected", "Future", "Past", "Unknown")),
    _one("severity", _one_of("Extreme", "Severe", "Moderate", "Minor", "Unknown")),
    _one("certainty", _one_of("Observed", "Likely", "Possible", "Unlikely", "Unknown")),
    _optional("audience"),
    _any_number("eventCode", _PAIR),
    _optional("effective", _time),
    _optional("onset", _time),
    _optional("expires", _time),
    _optional("senderName"),
    _optional("headline"),
    _optional("description"),
    _optional("instruction"),
    _optional("web"),
    _optional("contact"),
    _any_number("parameter", _PAIR),
    _any_number("resource", _RESOURCE),
    _any_number("area", _AREA),
)
_ALERT: Final = (
    _one("identifier"),
    _one("sender"),
    _one("sent", _time),
    _one("status", _one_of("Actual", "Exercise", "System", "Test", "Draft")),
    _one("msgType", _one_of("Alert", "Update", "Cancel", "Ack", "Error")),
    _optional("source"),
    _one("scope", _one_of("Public", "Restricted", "Private")),
    _optional("restriction"),
    _optional("addresses"),
    _any_number("code"),
    _optional("note"),
    _optional("references"),
    _optional("incidents"),
    _any_number("info", _INFO),
)


def violations(root: Element) -> list[Finding]:
    """Where the document breaks the table, in its order, at most `MOST_FINDINGS`; empty when it is valid."""
    found: list[Finding] = []
    for finding in _sequence(root, "alert", _ALERT, signatures=True):
        found.append(finding)
        if len(found) == MOST_FINDINGS:
            break
    return found


def _sequence(
    element: Element, path: str, particles: tuple[Particle, ...], *, signatures: bool = False
) -> Iterator[Finding]:
    yield from _attributes(element, path)
    if element.text.strip(" \t\r\n"):
        yield Finding(
            path, "text-among-elements", f"text {element.text.strip()[:40]!r} where only elements may stand"
        )
    position, seen = 0, 0
    counts: dict[str, int] = {}
    for child in element.children:
        if signatures and child.namespace == SIGNATURE:
            # The schema's wildcard at the end: whatever of that namespace, and nothing of CAP after it.
            missing = _missing(particles, position, seen)
            if missing:
                yield Finding(path, "element-missing", f"<{missing}> is missing before <{child.name}>")
            position, seen = len(particles), 0
            continue
        counts[child.name] = counts.get(child.name, 0) + 1
        where = f"{path}/{child.name}[{counts[child.name]}]"
        at = _position(particles, position, child)
        if at is None:
            yield Finding(
                where, "element-not-expected", f"line {child.line}: {_expected(particles, position, seen)}"
            )
            return
        missing = _missing(particles[:at], position, seen)
        if missing:
            yield Finding(
                where, "element-not-expected", f"line {child.line}: <{missing}> must stand before it"
            )
            return
        seen = seen + 1 if at == position else 1
        position = at
        if seen > particles[at].most:
            yield Finding(
                where, "element-repeated", f"line {child.line}: at most {particles[at].most} allowed"
            )
            return
        content = particles[at].content
        if callable(content):
            yield from _simple(child, where, content)
        else:
            yield from _sequence(child, where, content)
    missing = _missing(particles, position, seen)
    if missing:
        yield Finding(path, "element-missing", f"<{missing}> is missing")


def _position(particles: tuple[Particle, ...], start: int, child: Element) -> int | None:
    if child.namespace != CAP:
        return None
    return next((at for at in range(start, len(particles)) if particles[at].name == child.name), None)


def _missing(particles: tuple[Particle, ...], position: int, seen: int) -> str:
    """The first element from `position` on that must stand and does not."""
    for at in range(position, len(particles)):
        if particles[at].least > (seen if at == position else 0):
            return particles[at].name
    return ""


def _expected(particles: tuple[Particle, ...], position: int, seen: int) -> str:
    names: list[str] = []
    for at in range(position, len(particles)):
        count = seen if at == position else 0
        if count < particles[at].most:
            names.append(particles[at].name)
        if particles[at].least > count:
            break
    return "expected is " + (", ".join(names) if names else "nothing more")


def _simple(element: Element, path: str, check: Check) -> Iterator[Finding]:
    yield from _attributes(element, path)
    if element.children:
        yield Finding(path, "element-in-text", f"<{element.children[0].name}> where only text may stand")
        return
    wrong = check(element.text)
    if wrong:
        yield Finding(path, "value-not-allowed", f"line {element.line}: {wrong}")


def _attributes(element: Element, path: str) -> Iterator[Finding]:
    strange: Mapping[str, str] = element.attributes
    for name in strange:
        if not name.startswith(_XML_SCHEMA_INSTANCE):
            yield Finding(
                path, "attribute-not-allowed", f"attribute {name.rpartition(' ')[2]!r} is not in the table"
            )
