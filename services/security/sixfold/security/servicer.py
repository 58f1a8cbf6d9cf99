"""SecurityService: proto to domain and back."""

# ruff: noqa: N802 - the methods have the names of the contract
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, cast

from sixfold.api.security.v1 import events_pb2, security_pb2_grpc
from sixfold.api.security.v1 import security_pb2 as pb
from sixfold.chassis.codec import to_message
from sixfold.chassis.rpc import FailedPrecondition, InvalidArgument, NotFound, ResourceExhausted, Unavailable
from sixfold.security.adapters.broadcast import Broadcast, WatchersFullError, WatcherSlowError
from sixfold.security.detectors_servicer import DetectorQueries
from sixfold.security.domain import addresses
from sixfold.security.domain.decisions import (
    AdjustmentUnknownError,
    IncidentNotActiveError,
    IncidentUnknownError,
)
from sixfold.security.domain.incidents import Incident, Status
from sixfold.security.domain.window import View
from sixfold.security.handlers import FlowWatch, Operators, TopTalker, TopTalkers
from sixfold.security.intel_servicer import IntelQueries
from sixfold.security.ports import Replicas

METRICS: Final = {
    pb.METRIC_UNSPECIFIED: "bytes",
    pb.METRIC_BYTES: "bytes",
    pb.METRIC_PACKETS: "packets",
    pb.METRIC_FLOWS: "flows",
}
VIEWS: Final = {
    pb.SIDE_UNSPECIFIED: View.DESTINATION,
    pb.SIDE_SOURCE: View.SOURCE,
    pb.SIDE_DESTINATION: View.DESTINATION,
}
STATUSES: Final = {pb.IncidentStatus.Value(f"INCIDENT_STATUS_{status.name}"): status for status in Status}
MOST_TALKERS: Final = 1_000
LARGEST_PAGE: Final = 500
LONGEST_NOTE: Final = 2_000


class SecurityServicer(security_pb2_grpc.SecurityServiceServicer):
    def __init__(
        self,
        watch: FlowWatch,
        operators: Operators,
        changes: Broadcast[tuple[str, int]],
        intel: IntelQueries,
        replicas: Callable[[], Replicas],
        bundle: Callable[[Incident], Mapping[str, Any]],
        detectors: DetectorQueries,
    ) -> None:
        self._watch = watch
        self._operators = operators
        self._changes = changes
        self._intel = intel
        self._replicas = replicas
        self._bundle = bundle
        self._detectors = detectors

    async def ListTopTalkers(
        self, request: pb.ListTopTalkersRequest, context: Any
    ) -> pb.ListTopTalkersResponse:
        if request.metric not in METRICS:
            raise InvalidArgument("metric", "is no metric this service knows", "METRIC_UNKNOWN")
        if request.side not in VIEWS:
            raise InvalidArgument("side", "is no side this service knows", "SIDE_UNKNOWN")
        seconds, most = request.window_seconds or 60, self._watch.retention_seconds
        if seconds > most:
            raise InvalidArgument("window_seconds", f"{seconds}, at most {most} are kept", "WINDOW_TOO_LONG")
        if request.limit > MOST_TALKERS:
            raise InvalidArgument("limit", f"{request.limit}, at most {MOST_TALKERS}", "LIMIT_TOO_HIGH")
        found = await self._watch.top_talkers(
            VIEWS[request.side], METRICS[request.metric], seconds, request.limit or 10
        )
        answer = pb.ListTopTalkersResponse(error_bound=found.error)
        answer.window_start.FromDatetime(found.start)
        answer.window_end.FromDatetime(found.end)
        answer.complete_since.FromDatetime(found.complete_since)
        answer.talkers.extend(_talker(talker, found) for talker in found.talkers)
        return answer

    async def ListIncidents(self, request: pb.ListIncidentsRequest, context: Any) -> pb.ListIncidentsResponse:
        size = min(request.page_size or 50, LARGEST_PAGE)
        chosen = self._operators.incidents(_statuses(request.statuses), _network(request.victim))
        start = 0
        if request.page_token:
            places = [place for place, one in enumerate(chosen) if one.incident_id == request.page_token]
            if not places:
                raise InvalidArgument("page_token", "is none that this service gave", "PAGE_TOKEN_UNKNOWN")
            start = places[0]
        more = chosen[start + size].incident_id if len(chosen) > start + size else ""
        return pb.ListIncidentsResponse(
            incidents=[incident_message(one) for one in chosen[start : start + size]], next_page_token=more
        )

    async def GetIncident(self, request: pb.GetIncidentRequest, context: Any) -> pb.GetIncidentResponse:
        incident = self._operators.incident(request.incident_id)
        if incident is None:
            raise _unknown(request.incident_id)
        return pb.GetIncidentResponse(incident=incident_message(incident))

    async def AcknowledgeIncident(
        self, request: pb.AcknowledgeIncidentRequest, context: Any
    ) -> pb.AcknowledgeIncidentResponse:
        _check(request)
        done = self._operators.acknowledge(request.incident_id, request.actor, request.note)
        return pb.AcknowledgeIncidentResponse(incident=await _decided(done))

    async def CloseIncident(self, request: pb.CloseIncidentRequest, context: Any) -> pb.CloseIncidentResponse:
        _check(request)
        done = self._operators.close(request.incident_id, request.actor, request.note)
        return pb.CloseIncidentResponse(incident=await _decided(done))

    async def MarkIncidentFalsePositive(
        self, request: pb.MarkIncidentFalsePositiveRequest, context: Any
    ) -> pb.MarkIncidentFalsePositiveResponse:
        _check(request)
        done = self._operators.mark_false_positive(request.incident_id, request.actor, request.note)
        return pb.MarkIncidentFalsePositiveResponse(incident=await _decided(done))

    async def AddIncidentNote(
        self, request: pb.AddIncidentNoteRequest, context: Any
    ) -> pb.AddIncidentNoteResponse:
        _check(request)
        if not request.note.strip():
            raise InvalidArgument("note", "a note has text", "NOTE_REQUIRED")
        done = self._operators.note(request.incident_id, request.actor, request.note)
        return pb.AddIncidentNoteResponse(incident=await _decided(done))

    async def ListThresholdAdjustments(
        self, request: pb.ListThresholdAdjustmentsRequest, context: Any
    ) -> pb.ListThresholdAdjustmentsResponse:
        found = self._operators.adjustments(_network(request.object, "object"))
        return pb.ListThresholdAdjustmentsResponse(
            adjustments=[
                cast("pb.ThresholdAdjustment", to_message(one, pb.ThresholdAdjustment)) for one in found
            ]
        )

    async def RevertThresholdAdjustment(
        self, request: pb.RevertThresholdAdjustmentRequest, context: Any
    ) -> pb.RevertThresholdAdjustmentResponse:
        _check(request)
        try:
            await self._operators.revert(request.adjustment_id, request.actor, request.note)
        except AdjustmentUnknownError as error:
            raise NotFound(str(error), reason="ADJUSTMENT_UNKNOWN") from error
        return pb.RevertThresholdAdjustmentResponse()

    async def WatchIncidents(
        self, request: pb.WatchIncidentsRequest, context: Any
    ) -> AsyncIterator[pb.WatchIncidentsResponse]:
        statuses = _statuses(request.statuses)
        try:
            with self._changes.subscribed() as changes:
                sequence = self._operators.sequence
                for incident in reversed(self._operators.incidents(statuses, None)):
                    yield pb.WatchIncidentsResponse(incident=incident_message(incident), sequence=sequence)
                async for incident_id, number in changes:
                    incident = self._operators.incident(incident_id)
                    if (
                        incident is not None
                        and number > sequence
                        and (not statuses or incident.status in statuses)
                    ):
                        yield pb.WatchIncidentsResponse(incident=incident_message(incident), sequence=number)
        except WatchersFullError as error:
            raise ResourceExhausted(str(error), reason="TOO_MANY_WATCHERS") from error
        except WatcherSlowError as error:
            raise Unavailable(f"{error}: watch again", reason="WATCHER_TOO_SLOW") from error

    async def ExportIncident(
        self, request: pb.ExportIncidentRequest, context: Any
    ) -> pb.ExportIncidentResponse:
        incident = self._operators.incident(request.incident_id)
        if incident is None:
            raise _unknown(request.incident_id)
        return pb.ExportIncidentResponse(
            bundle=json.dumps(self._bundle(incident), ensure_ascii=False).encode()
        )

    async def ListFeeds(self, request: pb.ListFeedsRequest, context: Any) -> pb.ListFeedsResponse:
        return self._intel.feeds()

    async def RefreshFeed(self, request: pb.RefreshFeedRequest, context: Any) -> pb.RefreshFeedResponse:
        return await self._intel.refresh(request)

    async def LookUpAddress(self, request: pb.LookUpAddressRequest, context: Any) -> pb.LookUpAddressResponse:
        return self._intel.look_up(request)

    async def ListReplicas(self, request: pb.ListReplicasRequest, context: Any) -> pb.ListReplicasResponse:
        replicas = self._replicas()
        return pb.ListReplicasResponse(
            replicas=[
                pb.Replica(name=name, partitions=replicas.table.held(name), self=name == replicas.replica)
                for name in sorted(replicas.table.members)
            ]
        )

    async def ListDetectors(self, request: pb.ListDetectorsRequest, context: Any) -> pb.ListDetectorsResponse:
        return pb.ListDetectorsResponse(detectors=self._detectors.all())


def incident_message(incident: Incident) -> pb.Incident:
    return cast("pb.Incident", to_message(incident, pb.Incident))


async def _decided(done: Awaitable[Incident]) -> pb.Incident:
    try:
        return incident_message(await done)
    except IncidentUnknownError as error:
        raise NotFound(str(error), reason="INCIDENT_UNKNOWN") from error
    except IncidentNotActiveError as error:
        raise FailedPrecondition(str(error), reason="INCIDENT_NOT_ACTIVE") from error


def _unknown(incident_id: str) -> NotFound:
    return NotFound(f"no incident {incident_id!r}", reason="INCIDENT_UNKNOWN")


def _check(request: Any) -> None:
    if not request.actor.strip() or len(request.actor) > 200:
        raise InvalidArgument("actor", "who decides: 1 to 200 characters", "ACTOR_REQUIRED")
    if len(request.note) > LONGEST_NOTE:
        raise InvalidArgument("note", f"at most {LONGEST_NOTE} characters", "NOTE_TOO_LONG")


def _statuses(wanted: Any) -> frozenset[Status]:
    unknown = [value for value in wanted if value not in STATUSES]
    if unknown:
        raise InvalidArgument("statuses", f"{unknown[0]} is no status", "STATUS_UNKNOWN")
    return frozenset(STATUSES[value] for value in wanted)


def _network(text: str, name: str = "victim") -> tuple[int, int, int] | None:
    if not text:
        return None
    try:
        return addresses.parse_network(text)
    except ValueError as error:
        raise InvalidArgument(name, str(error), f"{name.upper()}_MALFORMED") from error


def _talker(talker: TopTalker, found: TopTalkers) -> pb.Talker:
    seconds = max((found.end - found.start).total_seconds(), 1.0)
    return pb.Talker(
        address=addresses.address_text(talker.hi, talker.lo),
        bytes=talker.bytes,
        packets=talker.packets,
        flows=talker.flows,
        rates=events_pb2.Rates(
            bits_per_second=talker.bytes * 8 / seconds,
            packets_per_second=talker.packets / seconds,
            flows_per_second=talker.flows / seconds,
        ),
    )
