"""What the text of CAP 1.2 demands beyond its schema (section 3.2), and what this centre can act on."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sixfold.emergency.domain import geometry
from sixfold.emergency.domain.document import CAP, Element, Finding, RefusedError
from sixfold.emergency.domain.message import Message, parse_references, read_message
from sixfold.emergency.domain.schema import parse_time, violations

NOTES: Final = frozenset({"polygon-open", "polygon-not-checked", "beyond-antimeridian"})
"""Rules that are told and never a ground of refusal: what breaks them can still be drawn."""

_FORBIDDEN_IN_NAMES: Final = frozenset(" ,<&\t\r\n")


def judge(
    root: Element, *, lenient: bool, now: datetime, clock_tolerance: timedelta
) -> tuple[Message, tuple[Finding, ...]]:
    """The message and what its readers should know about it; RefusedError says which rule it breaks.

    `lenient` turns faults of geometry and of references into findings, as the feeds of real services hold
    them:
    an area that cannot be drawn is no ground to keep a warning back.
    """
    if root.namespace != CAP or root.name != "alert":
        raise RefusedError(
            "NOT_CAP_1_2",
            f"the root is <{root.name}> of {root.namespace or 'no namespace'}, not <alert> of {CAP}",
        )
    broken = violations(root)
    if broken:
        raise RefusedError("SCHEMA_VIOLATED", _summary(broken), tuple(broken))
    message = read_message(root)
    _require_public(message)
    grave = [*_names(root), *_times(message, now, clock_tolerance), *_required(root, message)]
    tolerable = [*_areas(root), *_references(root, message)]
    refused = grave + [finding for finding in tolerable if not lenient and finding.rule not in NOTES]
    if refused:
        raise RefusedError("RULE_VIOLATED", _summary(refused), tuple(refused))
    return message, tuple(tolerable)


def _summary(findings: list[Finding]) -> str:
    first = findings[0]
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{first.path}: {first.rule}: {first.detail}{more}"


def _require_public(message: Message) -> None:
    if message.scope != "Public":
        raise RefusedError("NOT_PUBLIC", f"scope is {message.scope}: this centre delivers to the public only")
    if message.message_type in ("Ack", "Error"):
        raise RefusedError(
            "NOT_ACTIONABLE",
            f"msgType {message.message_type} answers another system and is not for the public",
        )
    if message.status == "Draft":
        raise RefusedError(
            "NOT_ACTIONABLE", "status Draft is not actionable in its current form (CAP 1.2, 3.2.1)"
        )


def _names(root: Element) -> Iterator[Finding]:
    for name in ("identifier", "sender"):
        text = root.first(name)
        if not text:
            yield Finding(f"alert/{name}[1]", "name-empty", "must name the message")
        elif len(text) > 1024:
            yield Finding(f"alert/{name}[1]", "name-too-long", f"{len(text)} characters, at most 1024")
        elif _FORBIDDEN_IN_NAMES & set(text):
            yield Finding(
                f"alert/{name}[1]", "name-character", f"{text[:40]!r} holds a blank, a comma, '<' or '&'"
            )


def _times(message: Message, now: datetime, tolerance: timedelta) -> Iterator[Finding]:
    if message.sent > now + tolerance:
        yield Finding(
            "alert/sent[1]", "sent-in-future", f"{message.sent.isoformat()} is after {now.isoformat()} here"
        )
    for number, info in enumerate(message.infos, 1):
        if info.expires is not None and info.expires < message.sent:
            yield Finding(
                f"alert/info[{number}]/expires[1]",
                "expires-before-sent",
                f"{info.expires.isoformat()} is before it was sent",
            )


def _required(root: Element, message: Message) -> Iterator[Finding]:
    if message.message_type == "Alert" and not message.infos:
        yield Finding("alert", "info-missing", "an Alert without <info> warns of nothing")
    if message.message_type == "Cancel" and not root.first("references"):
        yield Finding("alert", "references-missing", "a Cancel must name the messages that it cancels")
    for number, info in enumerate(root.all("info"), 1):
        path = f"alert/info[{number}]"
        if not info.first("event"):
            yield Finding(f"{path}/event[1]", "event-empty", "must say what happens")
        for place, area in enumerate(info.all("area"), 1):
            if not area.first("areaDesc"):
                yield Finding(
                    f"{path}/area[{place}]/areaDesc[1]", "area-without-name", "must describe the area"
                )


def _references(root: Element, message: Message) -> Iterator[Finding]:
    path = "alert/references[1]"
    references, unreadable = parse_references(root.first("references"))
    for word in unreadable:
        yield Finding(path, "reference-unreadable", f"{word[:80]!r} is not sender,identifier,sent")
    if any(reference.alert_id == message.alert_id for reference in references):
        yield Finding(path, "reference-to-itself", "the message names itself")
    if message.message_type == "Update" and not root.first("references"):
        yield Finding("alert", "references-missing", "an Update must name the messages that it updates")


def _areas(root: Element) -> Iterator[Finding]:
    for number, info in enumerate(root.all("info"), 1):
        for place, area in enumerate(info.all("area"), 1):
            yield from _area(area, f"alert/info[{number}]/area[{place}]")
        if info.first("effective") and info.first("expires"):
            effective, expires = parse_time(info.first("effective")), parse_time(info.first("expires"))
            if effective and expires and expires < effective:
                yield Finding(
                    f"alert/info[{number}]/expires[1]", "expires-before-effective", "ends before it begins"
                )


def _area(area: Element, path: str) -> Iterator[Finding]:
    polygons: list[geometry.Points] = []
    for number, polygon in enumerate(area.all("polygon"), 1):
        where = f"{path}/polygon[{number}]"
        try:
            points = geometry.parse_polygon(polygon.text)
        except geometry.GeometryError as error:
            yield Finding(where, error.rule, str(error))
            continue
        if not geometry.is_closed(points):
            yield Finding(where, "polygon-open", "the last point is not the first")
        if geometry.beyond_antimeridian(points):
            yield Finding(where, "beyond-antimeridian", "a longitude is over 180 degrees")
        points = geometry.close(points)
        if len(points) > geometry.MOST_POINTS_CHECKED:
            yield Finding(
                where, "polygon-not-checked", f"{len(points)} points: its crossings were not searched"
            )
        elif geometry.crosses_itself(points):
            yield Finding(where, "polygon-crosses-itself", "two of its edges cross")
        if any(geometry.lies_within(points, other) for other in polygons[:64]):
            yield Finding(
                where,
                "polygon-within-another",
                "CAP knows no holes: it lies inside another polygon of the area",
            )
        polygons.append(points)
    for number, circle in enumerate(area.all("circle"), 1):
        try:
            geometry.parse_circle(circle.text)
        except geometry.GeometryError as error:
            yield Finding(f"{path}/circle[{number}]", error.rule, str(error))
    if area.first("ceiling") and not area.first("altitude"):
        yield Finding(
            f"{path}/ceiling[1]", "ceiling-without-altitude", "a ceiling needs the altitude that it is above"
        )
