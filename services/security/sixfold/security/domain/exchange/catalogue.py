"""The collection of STIX objects of the newest incidents, ordered by when each version came in."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sixfold.security.domain.exchange import stix
from sixfold.security.domain.incidents import Incident

_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    added: datetime
    object_id: str
    version: str
    content: stix.Object

    @property
    def place(self) -> tuple[datetime, str]:
        return self.added, self.object_id


@dataclass(frozen=True, slots=True)
class Page:
    entries: Sequence[Entry]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The filters of TAXII 2.1, 3.4; an empty one lets all pass."""

    ids: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset()
    spec_versions: frozenset[str] = frozenset()
    added_after: datetime | None = None

    def lets(self, entry: Entry) -> bool:
        keywords = self.versions & {"all", "first", "last"}
        return (
            (not self.ids or entry.object_id in self.ids)
            and (not self.types or entry.content["type"] in self.types)
            and (not self.versions or bool(keywords) or entry.version in self.versions)
            and (not self.spec_versions or "2.1" in self.spec_versions)
        )


class Catalogue:
    """Only the newest version of an object is kept, so the first version is the last. Not thread-safe."""

    def __init__(self, *, producer: str, tlp: str, incidents: int) -> None:
        self._producer = producer
        self._tlp = tlp
        self._incidents = incidents
        self._seen: dict[str, datetime] = {}
        self._by_id: dict[str, Entry] = {}
        self._owners: dict[str, tuple[str, ...]] = {}
        self._order: list[tuple[datetime, str]] = []
        self._newest = _FIRST

    def refresh(self, incidents: Iterable[Incident]) -> None:
        """Take in what has changed. An incident that is told late comes in after those that were shown already."""
        newest = sorted(incidents, key=lambda one: (one.changed, one.incident_id))[-self._incidents :]
        changed = [one for one in newest if self._seen.get(one.incident_id) != one.changed]
        gone = self._seen.keys() - {one.incident_id for one in newest}
        if not changed and not gone:
            return
        for incident in changed:
            self._take(incident)
        for incident_id in gone:
            del self._seen[incident_id]
            del self._owners[incident_id]
        if gone:
            held = {object_id for owned in self._owners.values() for object_id in owned}
            self._by_id = {key: entry for key, entry in self._by_id.items() if key in held}
        self._order = sorted(entry.place for entry in self._by_id.values())

    def _take(self, incident: Incident) -> None:
        self._newest = added = max(incident.changed, self._newest + timedelta(microseconds=1))
        self._seen[incident.incident_id] = incident.changed
        common = stix.shared(incident, self._producer, self._tlp)
        own = stix.objects(incident, producer=self._producer, tlp=self._tlp)
        for content in (*common, *own):
            object_id, version = str(content["id"]), str(content.get("modified", ""))
            before = self._by_id.get(object_id)
            if before is None or before.version != version:
                version = version or f"{added.strftime('%Y-%m-%dT%H:%M:%S')}.{added.microsecond:06d}Z"
                if before is None or "modified" in content:
                    self._by_id[object_id] = Entry(added, object_id, version, content)
        self._owners[incident.incident_id] = tuple(str(content["id"]) for content in (*common, *own))

    def page(self, wanted: Wanted, after: tuple[datetime, str] | None, limit: int) -> Page:
        """Entries in order, those past `after` (a place that an earlier page ended at)."""
        start = 0 if after is None else bisect_right(self._order, after)
        if wanted.added_after is not None:
            start = max(start, bisect_right(self._order, (wanted.added_after, "\uffff")))
        found: list[Entry] = []
        for _, object_id in self._order[start:]:
            entry = self._by_id[object_id]
            if wanted.lets(entry):
                if len(found) == limit:
                    return Page(found, True)
                found.append(entry)
        return Page(found, False)

    def __len__(self) -> int:
        return len(self._by_id)


def described(entry: Entry) -> dict[str, Any]:
    """As a manifest has it."""
    return {
        "id": entry.object_id,
        "date_added": stamp(entry.added),
        "version": entry.version,
        "media_type": "application/stix+json;version=2.1",
    }


def stamp(moment: datetime) -> str:
    """A TAXII timestamp: RFC 3339 in UTC with microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
