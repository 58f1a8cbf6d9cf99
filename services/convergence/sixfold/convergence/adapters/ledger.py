"""How traffic and services travel and rest: the events' codec and the snapshots."""

import io
import json
from typing import Any

import numpy as np

from sixfold.api.convergence.v1 import events_pb2 as pb
from sixfold.chassis.codec import ProtobufCodec, from_message, to_message
from sixfold.convergence.domain import cells, events, register
from sixfold.convergence.domain.batches import Taken
from sixfold.convergence.domain.events import ServiceRegistered
from sixfold.convergence.domain.state import State
from sixfold.convergence.domain.traffic import GatewayTraffic, Minute

CENTRE = "convergence"


def codec() -> ProtobufCodec:
    return ProtobufCodec({event: getattr(pb, event.__name__) for event in events.EVENTS})


class StateSnapshots:
    """The state as a numpy archive: a JSON head, the minutes, and what is not zero in their totals."""

    version = "1"

    def dump(self, state: State) -> bytes:
        gateways = list(state.traffic.items())
        minutes = [
            (index, number, minute)
            for index, (_, known) in enumerate(gateways)
            for number, minute in known.minutes.items()
        ]
        table = np.array(
            [(index, number, one.revision, one.untold) for index, number, one in minutes], dtype=np.int64
        )
        width = cells.CODES * 3
        flat = [one.totals.reshape(width) for _, _, one in minutes]
        places = [np.flatnonzero(totals) for totals in flat]
        head = {
            "gateways": [
                {
                    "name": name,
                    "taken": {epoch: one.ranges for epoch, one in known.taken.items()},
                    "watermark": known.watermark,
                    "implausible": known.implausible,
                }
                for name, known in gateways
            ],
            "shape": cells.SHAPE,
        }
        services = [
            to_message(one, pb.ServiceRegistered).SerializeToString()
            for one in state.register.services.values()
        ]
        sink = io.BytesIO()
        np.savez(
            sink,
            head=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8),
            minutes=table.reshape(-1, 4),
            counts=np.array([len(place) for place in places], dtype=np.int64),
            places=np.concatenate([np.zeros(0, np.intp), *places]).astype(np.int32),
            values=np.concatenate(
                [np.zeros(0, np.int64), *(totals[place] for totals, place in zip(flat, places, strict=True))]
            ),
            services=np.frombuffer(b"".join(services), dtype=np.uint8),
            service_sizes=np.array([len(service) for service in services], dtype=np.int64),
        )
        return sink.getvalue()

    def load(self, data: bytes) -> State:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            stored: dict[str, Any] = {name: archive[name] for name in archive.files}
        head = json.loads(stored["head"].tobytes())
        minutes: list[dict[int, Minute]] = [{} for _ in head["gateways"]]
        ends = np.cumsum(stored["counts"])
        for (index, number, revision, untold), end, count in zip(
            stored["minutes"].tolist(), ends.tolist(), stored["counts"].tolist(), strict=True
        ):
            totals = cells.empty()
            totals.reshape(-1)[stored["places"][end - count : end]] = stored["values"][end - count : end]
            minutes[index][number] = Minute(totals, revision, bool(untold))
        traffic = {
            one["name"]: GatewayTraffic(
                minutes=minutes[index],
                taken={
                    epoch: Taken(tuple((first, last) for first, last in ranges))
                    for epoch, ranges in one["taken"].items()
                },
                watermark=one["watermark"],
                implausible=one["implausible"],
            )
            for index, one in enumerate(head["gateways"])
        }
        return State(traffic, self._register(stored["services"].tobytes(), stored["service_sizes"].tolist()))

    def _register(self, data: bytes, sizes: list[int]) -> register.Register:
        services: list[ServiceRegistered] = []
        at = 0
        for size in sizes:
            services.append(
                from_message(pb.ServiceRegistered.FromString(data[at : at + size]), ServiceRegistered)
            )
            at += size
        return register.Register(
            services={one.service_id: one for one in services},
            keys={one.idempotency_key: one.service_id for one in services},
        )
