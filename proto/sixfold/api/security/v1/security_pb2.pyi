import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from sixfold.api.security.v1 import events_pb2 as _events_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Metric(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    METRIC_UNSPECIFIED: _ClassVar[Metric]
    METRIC_BYTES: _ClassVar[Metric]
    METRIC_PACKETS: _ClassVar[Metric]
    METRIC_FLOWS: _ClassVar[Metric]

class Side(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIDE_UNSPECIFIED: _ClassVar[Side]
    SIDE_SOURCE: _ClassVar[Side]
    SIDE_DESTINATION: _ClassVar[Side]

class IncidentStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INCIDENT_STATUS_UNSPECIFIED: _ClassVar[IncidentStatus]
    INCIDENT_STATUS_OPEN: _ClassVar[IncidentStatus]
    INCIDENT_STATUS_ACKNOWLEDGED: _ClassVar[IncidentStatus]
    INCIDENT_STATUS_CLOSED: _ClassVar[IncidentStatus]
    INCIDENT_STATUS_FALSE_POSITIVE: _ClassVar[IncidentStatus]
    INCIDENT_STATUS_MITIGATED: _ClassVar[IncidentStatus]

class FeedState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FEED_STATE_UNSPECIFIED: _ClassVar[FeedState]
    FEED_STATE_WAITING: _ClassVar[FeedState]
    FEED_STATE_CURRENT: _ClassVar[FeedState]
    FEED_STATE_STALE: _ClassVar[FeedState]
    FEED_STATE_FAILED: _ClassVar[FeedState]
METRIC_UNSPECIFIED: Metric
METRIC_BYTES: Metric
METRIC_PACKETS: Metric
METRIC_FLOWS: Metric
SIDE_UNSPECIFIED: Side
SIDE_SOURCE: Side
SIDE_DESTINATION: Side
INCIDENT_STATUS_UNSPECIFIED: IncidentStatus
INCIDENT_STATUS_OPEN: IncidentStatus
INCIDENT_STATUS_ACKNOWLEDGED: IncidentStatus
INCIDENT_STATUS_CLOSED: IncidentStatus
INCIDENT_STATUS_FALSE_POSITIVE: IncidentStatus
INCIDENT_STATUS_MITIGATED: IncidentStatus
FEED_STATE_UNSPECIFIED: FeedState
FEED_STATE_WAITING: FeedState
FEED_STATE_CURRENT: FeedState
FEED_STATE_STALE: FeedState
FEED_STATE_FAILED: FeedState

class ListTopTalkersRequest(_message.Message):
    __slots__ = ("metric", "side", "window_seconds", "limit")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    WINDOW_SECONDS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    metric: Metric
    side: Side
    window_seconds: int
    limit: int
    def __init__(self, metric: _Optional[_Union[Metric, str]] = ..., side: _Optional[_Union[Side, str]] = ..., window_seconds: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListTopTalkersResponse(_message.Message):
    __slots__ = ("talkers", "window_start", "window_end", "error_bound", "complete_since")
    TALKERS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_START_FIELD_NUMBER: _ClassVar[int]
    WINDOW_END_FIELD_NUMBER: _ClassVar[int]
    ERROR_BOUND_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_SINCE_FIELD_NUMBER: _ClassVar[int]
    talkers: _containers.RepeatedCompositeFieldContainer[Talker]
    window_start: _timestamp_pb2.Timestamp
    window_end: _timestamp_pb2.Timestamp
    error_bound: float
    complete_since: _timestamp_pb2.Timestamp
    def __init__(self, talkers: _Optional[_Iterable[_Union[Talker, _Mapping]]] = ..., window_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., window_end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., error_bound: _Optional[float] = ..., complete_since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Talker(_message.Message):
    __slots__ = ("address", "bytes", "packets", "flows", "rates")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    PACKETS_FIELD_NUMBER: _ClassVar[int]
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    RATES_FIELD_NUMBER: _ClassVar[int]
    address: str
    bytes: float
    packets: float
    flows: float
    rates: _events_pb2.Rates
    def __init__(self, address: _Optional[str] = ..., bytes: _Optional[float] = ..., packets: _Optional[float] = ..., flows: _Optional[float] = ..., rates: _Optional[_Union[_events_pb2.Rates, _Mapping]] = ...) -> None: ...

class Incident(_message.Message):
    __slots__ = ("incident_id", "victim", "vector", "status", "severity", "confidence", "started", "opened", "updated", "last_seen", "expires", "closed", "peak", "reasons", "evidence", "detector", "actor", "note", "close_cause", "technique", "side", "related", "detectors", "signals", "mitigations", "notes")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    VICTIM_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    PEAK_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    CLOSE_CAUSE_FIELD_NUMBER: _ClassVar[int]
    TECHNIQUE_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    RELATED_FIELD_NUMBER: _ClassVar[int]
    DETECTORS_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    MITIGATIONS_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    victim: str
    vector: str
    status: IncidentStatus
    severity: _events_pb2.Severity
    confidence: float
    started: _timestamp_pb2.Timestamp
    opened: _timestamp_pb2.Timestamp
    updated: _timestamp_pb2.Timestamp
    last_seen: _timestamp_pb2.Timestamp
    expires: _timestamp_pb2.Timestamp
    closed: _timestamp_pb2.Timestamp
    peak: _events_pb2.Rates
    reasons: _containers.RepeatedCompositeFieldContainer[_events_pb2.Reason]
    evidence: _events_pb2.Evidence
    detector: str
    actor: str
    note: str
    close_cause: str
    technique: str
    side: str
    related: _containers.RepeatedScalarFieldContainer[str]
    detectors: _containers.RepeatedScalarFieldContainer[str]
    signals: int
    mitigations: _containers.RepeatedScalarFieldContainer[str]
    notes: _containers.RepeatedCompositeFieldContainer[IncidentNote]
    def __init__(self, incident_id: _Optional[str] = ..., victim: _Optional[str] = ..., vector: _Optional[str] = ..., status: _Optional[_Union[IncidentStatus, str]] = ..., severity: _Optional[_Union[_events_pb2.Severity, str]] = ..., confidence: _Optional[float] = ..., started: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., opened: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_seen: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., closed: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., peak: _Optional[_Union[_events_pb2.Rates, _Mapping]] = ..., reasons: _Optional[_Iterable[_Union[_events_pb2.Reason, _Mapping]]] = ..., evidence: _Optional[_Union[_events_pb2.Evidence, _Mapping]] = ..., detector: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ..., close_cause: _Optional[str] = ..., technique: _Optional[str] = ..., side: _Optional[str] = ..., related: _Optional[_Iterable[str]] = ..., detectors: _Optional[_Iterable[str]] = ..., signals: _Optional[int] = ..., mitigations: _Optional[_Iterable[str]] = ..., notes: _Optional[_Iterable[_Union[IncidentNote, _Mapping]]] = ...) -> None: ...

class IncidentNote(_message.Message):
    __slots__ = ("time", "actor", "action", "text")
    TIME_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    actor: str
    action: str
    text: str
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[str] = ..., action: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class ListIncidentsRequest(_message.Message):
    __slots__ = ("statuses", "victim", "page_size", "page_token")
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    VICTIM_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    statuses: _containers.RepeatedScalarFieldContainer[IncidentStatus]
    victim: str
    page_size: int
    page_token: str
    def __init__(self, statuses: _Optional[_Iterable[_Union[IncidentStatus, str]]] = ..., victim: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListIncidentsResponse(_message.Message):
    __slots__ = ("incidents", "next_page_token")
    INCIDENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    incidents: _containers.RepeatedCompositeFieldContainer[Incident]
    next_page_token: str
    def __init__(self, incidents: _Optional[_Iterable[_Union[Incident, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetIncidentRequest(_message.Message):
    __slots__ = ("incident_id",)
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    def __init__(self, incident_id: _Optional[str] = ...) -> None: ...

class GetIncidentResponse(_message.Message):
    __slots__ = ("incident",)
    INCIDENT_FIELD_NUMBER: _ClassVar[int]
    incident: Incident
    def __init__(self, incident: _Optional[_Union[Incident, _Mapping]] = ...) -> None: ...

class AcknowledgeIncidentRequest(_message.Message):
    __slots__ = ("incident_id", "actor", "note")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    actor: str
    note: str
    def __init__(self, incident_id: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class AcknowledgeIncidentResponse(_message.Message):
    __slots__ = ("incident",)
    INCIDENT_FIELD_NUMBER: _ClassVar[int]
    incident: Incident
    def __init__(self, incident: _Optional[_Union[Incident, _Mapping]] = ...) -> None: ...

class CloseIncidentRequest(_message.Message):
    __slots__ = ("incident_id", "actor", "note")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    actor: str
    note: str
    def __init__(self, incident_id: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class CloseIncidentResponse(_message.Message):
    __slots__ = ("incident",)
    INCIDENT_FIELD_NUMBER: _ClassVar[int]
    incident: Incident
    def __init__(self, incident: _Optional[_Union[Incident, _Mapping]] = ...) -> None: ...

class MarkIncidentFalsePositiveRequest(_message.Message):
    __slots__ = ("incident_id", "actor", "note")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    actor: str
    note: str
    def __init__(self, incident_id: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class MarkIncidentFalsePositiveResponse(_message.Message):
    __slots__ = ("incident",)
    INCIDENT_FIELD_NUMBER: _ClassVar[int]
    incident: Incident
    def __init__(self, incident: _Optional[_Union[Incident, _Mapping]] = ...) -> None: ...

class WatchIncidentsRequest(_message.Message):
    __slots__ = ("statuses",)
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    statuses: _containers.RepeatedScalarFieldContainer[IncidentStatus]
    def __init__(self, statuses: _Optional[_Iterable[_Union[IncidentStatus, str]]] = ...) -> None: ...

class WatchIncidentsResponse(_message.Message):
    __slots__ = ("incident", "sequence")
    INCIDENT_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    incident: Incident
    sequence: int
    def __init__(self, incident: _Optional[_Union[Incident, _Mapping]] = ..., sequence: _Optional[int] = ...) -> None: ...

class AddIncidentNoteRequest(_message.Message):
    __slots__ = ("incident_id", "actor", "note")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    actor: str
    note: str
    def __init__(self, incident_id: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class AddIncidentNoteResponse(_message.Message):
    __slots__ = ("incident",)
    INCIDENT_FIELD_NUMBER: _ClassVar[int]
    incident: Incident
    def __init__(self, incident: _Optional[_Union[Incident, _Mapping]] = ...) -> None: ...

class ThresholdAdjustment(_message.Message):
    __slots__ = ("adjustment_id", "object", "vector", "detector", "factor", "incident_id", "actor", "note", "time", "expires")
    ADJUSTMENT_ID_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    adjustment_id: str
    object: str
    vector: str
    detector: str
    factor: float
    incident_id: str
    actor: str
    note: str
    time: _timestamp_pb2.Timestamp
    expires: _timestamp_pb2.Timestamp
    def __init__(self, adjustment_id: _Optional[str] = ..., object: _Optional[str] = ..., vector: _Optional[str] = ..., detector: _Optional[str] = ..., factor: _Optional[float] = ..., incident_id: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListThresholdAdjustmentsRequest(_message.Message):
    __slots__ = ("object",)
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    object: str
    def __init__(self, object: _Optional[str] = ...) -> None: ...

class ListThresholdAdjustmentsResponse(_message.Message):
    __slots__ = ("adjustments",)
    ADJUSTMENTS_FIELD_NUMBER: _ClassVar[int]
    adjustments: _containers.RepeatedCompositeFieldContainer[ThresholdAdjustment]
    def __init__(self, adjustments: _Optional[_Iterable[_Union[ThresholdAdjustment, _Mapping]]] = ...) -> None: ...

class RevertThresholdAdjustmentRequest(_message.Message):
    __slots__ = ("adjustment_id", "actor", "note")
    ADJUSTMENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    adjustment_id: str
    actor: str
    note: str
    def __init__(self, adjustment_id: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class RevertThresholdAdjustmentResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ExportIncidentRequest(_message.Message):
    __slots__ = ("incident_id",)
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    def __init__(self, incident_id: _Optional[str] = ...) -> None: ...

class ExportIncidentResponse(_message.Message):
    __slots__ = ("bundle",)
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    bundle: bytes
    def __init__(self, bundle: _Optional[bytes] = ...) -> None: ...

class Feed(_message.Message):
    __slots__ = ("name", "kind", "source", "state", "prefixes", "confidence", "attempted", "taken", "expires", "refused", "trouble")
    class RefusedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PREFIXES_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTED_FIELD_NUMBER: _ClassVar[int]
    TAKEN_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    source: str
    state: FeedState
    prefixes: int
    confidence: float
    attempted: _timestamp_pb2.Timestamp
    taken: _timestamp_pb2.Timestamp
    expires: _timestamp_pb2.Timestamp
    refused: _containers.ScalarMap[str, int]
    trouble: str
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., source: _Optional[str] = ..., state: _Optional[_Union[FeedState, str]] = ..., prefixes: _Optional[int] = ..., confidence: _Optional[float] = ..., attempted: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., taken: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., refused: _Optional[_Mapping[str, int]] = ..., trouble: _Optional[str] = ...) -> None: ...

class ListFeedsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListFeedsResponse(_message.Message):
    __slots__ = ("feeds",)
    FEEDS_FIELD_NUMBER: _ClassVar[int]
    feeds: _containers.RepeatedCompositeFieldContainer[Feed]
    def __init__(self, feeds: _Optional[_Iterable[_Union[Feed, _Mapping]]] = ...) -> None: ...

class RefreshFeedRequest(_message.Message):
    __slots__ = ("name", "accept_change")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_CHANGE_FIELD_NUMBER: _ClassVar[int]
    name: str
    accept_change: bool
    def __init__(self, name: _Optional[str] = ..., accept_change: _Optional[bool] = ...) -> None: ...

class RefreshFeedResponse(_message.Message):
    __slots__ = ("feed",)
    FEED_FIELD_NUMBER: _ClassVar[int]
    feed: Feed
    def __init__(self, feed: _Optional[_Union[Feed, _Mapping]] = ...) -> None: ...

class LookUpAddressRequest(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: str
    def __init__(self, address: _Optional[str] = ...) -> None: ...

class LookUpAddressResponse(_message.Message):
    __slots__ = ("listings",)
    LISTINGS_FIELD_NUMBER: _ClassVar[int]
    listings: _containers.RepeatedCompositeFieldContainer[Listing]
    def __init__(self, listings: _Optional[_Iterable[_Union[Listing, _Mapping]]] = ...) -> None: ...

class Listing(_message.Message):
    __slots__ = ("feed", "first", "last", "confidence")
    FEED_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    feed: str
    first: str
    last: str
    confidence: float
    def __init__(self, feed: _Optional[str] = ..., first: _Optional[str] = ..., last: _Optional[str] = ..., confidence: _Optional[float] = ...) -> None: ...

class ListReplicasRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListReplicasResponse(_message.Message):
    __slots__ = ("replicas",)
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    replicas: _containers.RepeatedCompositeFieldContainer[Replica]
    def __init__(self, replicas: _Optional[_Iterable[_Union[Replica, _Mapping]]] = ...) -> None: ...

class Replica(_message.Message):
    __slots__ = ("name", "partitions", "self")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    SELF_FIELD_NUMBER: _ClassVar[int]
    name: str
    partitions: _containers.RepeatedScalarFieldContainer[int]
    self: bool
    def __init__(self_, name: _Optional[str] = ..., partitions: _Optional[_Iterable[int]] = ..., self: _Optional[bool] = ...) -> None: ...

class ListDetectorsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDetectorsResponse(_message.Message):
    __slots__ = ("detectors",)
    DETECTORS_FIELD_NUMBER: _ClassVar[int]
    detectors: _containers.RepeatedCompositeFieldContainer[Detector]
    def __init__(self, detectors: _Optional[_Iterable[_Union[Detector, _Mapping]]] = ...) -> None: ...

class Detector(_message.Message):
    __slots__ = ("name", "title", "source", "misses", "technique", "enabled", "origin", "parameters", "signals", "failures")
    class Origin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ORIGIN_UNSPECIFIED: _ClassVar[Detector.Origin]
        ORIGIN_BUILT_IN: _ClassVar[Detector.Origin]
        ORIGIN_PLUGIN: _ClassVar[Detector.Origin]
        ORIGIN_RULE: _ClassVar[Detector.Origin]
    ORIGIN_UNSPECIFIED: Detector.Origin
    ORIGIN_BUILT_IN: Detector.Origin
    ORIGIN_PLUGIN: Detector.Origin
    ORIGIN_RULE: Detector.Origin
    class ParametersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    MISSES_FIELD_NUMBER: _ClassVar[int]
    TECHNIQUE_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    name: str
    title: str
    source: str
    misses: str
    technique: str
    enabled: bool
    origin: Detector.Origin
    parameters: _containers.ScalarMap[str, str]
    signals: int
    failures: int
    def __init__(self, name: _Optional[str] = ..., title: _Optional[str] = ..., source: _Optional[str] = ..., misses: _Optional[str] = ..., technique: _Optional[str] = ..., enabled: _Optional[bool] = ..., origin: _Optional[_Union[Detector.Origin, str]] = ..., parameters: _Optional[_Mapping[str, str]] = ..., signals: _Optional[int] = ..., failures: _Optional[int] = ...) -> None: ...
