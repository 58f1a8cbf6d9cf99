"""The part of mitigations in a snapshot: one JSON head, then length-prefixed protobuf."""

import json

from sixfold.api.security.v1 import mitigation_pb2 as pb
from sixfold.chassis.codec import from_message, to_message
from sixfold.security.domain.mitigation.events import PoliciesAnswered
from sixfold.security.domain.mitigation.state import Mitigations
from sixfold.security.domain.mitigation.values import Mitigation


def dump_mitigations(state: Mitigations) -> bytes:
    head = {
        "revision": state.revision,
        "changed": dict(state.changed),
        "mitigations": len(state.by_id),
    }
    parts = [json.dumps(head).encode()]
    parts += [to_message(one, pb.Mitigation).SerializeToString() for one in state.by_id.values()]
    parts += [to_message(one, pb.PoliciesAnswered).SerializeToString() for one in state.answers.values()]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def load_mitigations(data: bytes) -> Mitigations:
    """Nothing where a snapshot is from before there were any."""
    parts: list[bytes] = []
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        parts.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    if not parts:
        return Mitigations()
    head = json.loads(parts[0])
    count = 1 + int(head["mitigations"])
    known: list[Mitigation] = [
        from_message(pb.Mitigation.FromString(part), Mitigation) for part in parts[1:count]
    ]
    answers: list[PoliciesAnswered] = [
        from_message(pb.PoliciesAnswered.FromString(part), PoliciesAnswered) for part in parts[count:]
    ]
    return Mitigations(
        by_id={one.mitigation_id: one for one in known},
        revision=int(head["revision"]),
        changed={str(name): int(number) for name, number in head["changed"].items()},
        answers={one.gateway: one for one in answers},
    )
