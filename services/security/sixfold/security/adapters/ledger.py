"""How the centre's state travels and rests: the events' codec, the snapshots, and the ledger as one of its parts."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Generic, TypeVar

from sixfold.api.security.v1 import events_pb2, mitigation_pb2
from sixfold.api.security.v1 import security_pb2 as pb
from sixfold.chassis.codec import ProtobufCodec, from_message, to_message
from sixfold.chassis.ledger import Ledger
from sixfold.security.adapters.mitigation_snapshots import dump_mitigations, load_mitigations
from sixfold.security.domain import events
from sixfold.security.domain.centre import Centre
from sixfold.security.domain.incidents import ACTIVE, Incident, Incidents
from sixfold.security.domain.mitigation import events as mitigation_events
from sixfold.security.domain.thresholds import Adjustment

CENTRE = "security"
Part = TypeVar("Part")
Result = TypeVar("Result")


def codec() -> ProtobufCodec:
    return ProtobufCodec(
        {event: getattr(events_pb2, event.__name__) for event in events.EVENTS}
        | {event: getattr(mitigation_pb2, event.__name__) for event in mitigation_events.EVENTS}
    )


class LedgerPart(Generic[Part]):
    """The ledger as it is to those who know one part of the centre only."""

    def __init__(self, ledger: Ledger[Centre], part: Callable[[Centre], Part]) -> None:
        self._ledger = ledger
        self._part = part

    @property
    def state(self) -> Part:
        return self._part(self._ledger.state)

    @property
    def sequence(self) -> int:
        return self._ledger.sequence

    async def transact(
        self, decide: Callable[[Part], tuple[Sequence[object], Result]], *, key: str | None = None
    ) -> Result:
        return await self._ledger.transact(lambda centre: decide(self._part(centre)), key=key)


class CentreSnapshots:
    """Incidents, then mitigations: the length of each part in 8 bytes, then that part; others may follow."""

    version = "centre-1"

    def dump(self, state: Centre) -> bytes:
        part = _dump_incidents(state.incidents)
        mitigations = dump_mitigations(state.mitigations)
        return len(part).to_bytes(8, "big") + part + len(mitigations).to_bytes(8, "big") + mitigations

    def load(self, data: bytes) -> Centre:
        size = int.from_bytes(data[:8], "big")
        rest = data[8 + size :]
        return Centre(
            incidents=_load_incidents(data[8 : 8 + size]),
            mitigations=load_mitigations(rest[8 : 8 + int.from_bytes(rest[:8], "big")]),
        )


def _dump_incidents(state: Incidents) -> bytes:
    """One JSON head, then incidents and raised thresholds as length-prefixed protobuf, in order."""
    head = {
        "holds": [[*key, until.isoformat()] for key, until in state.holds.items()],
        "ended": [[*key, seen.isoformat()] for key, seen in state.ended.items()],
        "incidents": len(state.by_id),
    }
    parts = [json.dumps(head).encode()]
    parts += [to_message(one, pb.Incident).SerializeToString() for one in state.by_id.values()]
    parts += [
        to_message(one, pb.ThresholdAdjustment).SerializeToString() for one in state.adjustments.values()
    ]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _load_incidents(data: bytes) -> Incidents:
    parts: list[bytes] = []
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        parts.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    head = json.loads(parts[0])
    count = 1 + int(head["incidents"])
    incidents: list[Incident] = [
        from_message(pb.Incident.FromString(part), Incident) for part in parts[1:count]
    ]
    raised: list[Adjustment] = [
        from_message(pb.ThresholdAdjustment.FromString(part), Adjustment) for part in parts[count:]
    ]
    return Incidents(
        by_id={one.incident_id: one for one in incidents},
        active={one.key: one.incident_id for one in incidents if one.status in ACTIVE},
        holds={(victim, vector): _moment(until) for victim, vector, until in head["holds"]},
        ended={(victim, vector): _moment(seen) for victim, vector, seen in head["ended"]},
        adjustments={one.adjustment_id: one for one in raised},
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
