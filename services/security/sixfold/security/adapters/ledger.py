"""How incidents travel and rest: the events' codec and the snapshots."""

import json
from datetime import UTC, datetime

from sixfold.api.security.v1 import events_pb2
from sixfold.api.security.v1 import security_pb2 as pb
from sixfold.chassis.codec import ProtobufCodec, from_message, to_message
from sixfold.security.domain import events
from sixfold.security.domain.incidents import ACTIVE, Incident, Incidents

CENTRE = "security"


def codec() -> ProtobufCodec:
    return ProtobufCodec({event: getattr(events_pb2, event.__name__) for event in events.EVENTS})


class IncidentSnapshots:
    """The state as one JSON head, then the incidents as length-prefixed protobuf, in opening order."""

    version = "1"

    def dump(self, state: Incidents) -> bytes:
        head = {
            "holds": [[*key, until.isoformat()] for key, until in state.holds.items()],
            "ended": [[*key, seen.isoformat()] for key, seen in state.ended.items()],
        }
        parts = [json.dumps(head).encode()]
        parts += [to_message(one, pb.Incident).SerializeToString() for one in state.by_id.values()]
        return b"".join(len(part).to_bytes(4, "big") + part for part in parts)

    def load(self, data: bytes) -> Incidents:
        parts: list[bytes] = []
        at = 0
        while at < len(data):
            size = int.from_bytes(data[at : at + 4], "big")
            parts.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        head = json.loads(parts[0])
        incidents: list[Incident] = [
            from_message(pb.Incident.FromString(part), Incident) for part in parts[1:]
        ]
        return Incidents(
            by_id={one.incident_id: one for one in incidents},
            active={one.key: one.incident_id for one in incidents if one.status in ACTIVE},
            holds={(victim, vector): _moment(until) for victim, vector, until in head["holds"]},
            ended={(victim, vector): _moment(seen) for victim, vector, seen in head["ended"]},
        )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
