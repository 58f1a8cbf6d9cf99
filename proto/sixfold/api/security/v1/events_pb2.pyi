import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEVERITY_UNSPECIFIED: _ClassVar[Severity]
    SEVERITY_LOW: _ClassVar[Severity]
    SEVERITY_MEDIUM: _ClassVar[Severity]
    SEVERITY_HIGH: _ClassVar[Severity]
    SEVERITY_CRITICAL: _ClassVar[Severity]
SEVERITY_UNSPECIFIED: Severity
SEVERITY_LOW: Severity
SEVERITY_MEDIUM: Severity
SEVERITY_HIGH: Severity
SEVERITY_CRITICAL: Severity

class Rates(_message.Message):
    __slots__ = ("bits_per_second", "packets_per_second", "flows_per_second")
    BITS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    PACKETS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    FLOWS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    bits_per_second: float
    packets_per_second: float
    flows_per_second: float
    def __init__(self, bits_per_second: _Optional[float] = ..., packets_per_second: _Optional[float] = ..., flows_per_second: _Optional[float] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("code", "text", "measured", "threshold")
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    code: str
    text: str
    measured: float
    threshold: float
    def __init__(self, code: _Optional[str] = ..., text: _Optional[str] = ..., measured: _Optional[float] = ..., threshold: _Optional[float] = ...) -> None: ...

class Share(_message.Message):
    __slots__ = ("value", "bytes", "packets", "flows", "share")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    PACKETS_FIELD_NUMBER: _ClassVar[int]
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    value: str
    bytes: int
    packets: int
    flows: int
    share: float
    def __init__(self, value: _Optional[str] = ..., bytes: _Optional[int] = ..., packets: _Optional[int] = ..., flows: _Optional[int] = ..., share: _Optional[float] = ...) -> None: ...

class FlowSample(_message.Message):
    __slots__ = ("time_start", "time_end", "gateway", "exporter", "src_address", "dst_address", "src_port", "dst_port", "protocol", "bytes", "packets", "sampling_rate")
    TIME_START_FIELD_NUMBER: _ClassVar[int]
    TIME_END_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    EXPORTER_FIELD_NUMBER: _ClassVar[int]
    SRC_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    DST_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SRC_PORT_FIELD_NUMBER: _ClassVar[int]
    DST_PORT_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    PACKETS_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_RATE_FIELD_NUMBER: _ClassVar[int]
    time_start: _timestamp_pb2.Timestamp
    time_end: _timestamp_pb2.Timestamp
    gateway: str
    exporter: str
    src_address: str
    dst_address: str
    src_port: int
    dst_port: int
    protocol: int
    bytes: int
    packets: int
    sampling_rate: int
    def __init__(self, time_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., time_end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., gateway: _Optional[str] = ..., exporter: _Optional[str] = ..., src_address: _Optional[str] = ..., dst_address: _Optional[str] = ..., src_port: _Optional[int] = ..., dst_port: _Optional[int] = ..., protocol: _Optional[int] = ..., bytes: _Optional[int] = ..., packets: _Optional[int] = ..., sampling_rate: _Optional[int] = ...) -> None: ...

class Evidence(_message.Message):
    __slots__ = ("window_start", "window_end", "rates", "top_sources", "top_destination_ports", "top_source_ports", "protocols", "sample_flows", "query")
    WINDOW_START_FIELD_NUMBER: _ClassVar[int]
    WINDOW_END_FIELD_NUMBER: _ClassVar[int]
    RATES_FIELD_NUMBER: _ClassVar[int]
    TOP_SOURCES_FIELD_NUMBER: _ClassVar[int]
    TOP_DESTINATION_PORTS_FIELD_NUMBER: _ClassVar[int]
    TOP_SOURCE_PORTS_FIELD_NUMBER: _ClassVar[int]
    PROTOCOLS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FLOWS_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    window_start: _timestamp_pb2.Timestamp
    window_end: _timestamp_pb2.Timestamp
    rates: Rates
    top_sources: _containers.RepeatedCompositeFieldContainer[Share]
    top_destination_ports: _containers.RepeatedCompositeFieldContainer[Share]
    top_source_ports: _containers.RepeatedCompositeFieldContainer[Share]
    protocols: _containers.RepeatedCompositeFieldContainer[Share]
    sample_flows: _containers.RepeatedCompositeFieldContainer[FlowSample]
    query: str
    def __init__(self, window_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., window_end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rates: _Optional[_Union[Rates, _Mapping]] = ..., top_sources: _Optional[_Iterable[_Union[Share, _Mapping]]] = ..., top_destination_ports: _Optional[_Iterable[_Union[Share, _Mapping]]] = ..., top_source_ports: _Optional[_Iterable[_Union[Share, _Mapping]]] = ..., protocols: _Optional[_Iterable[_Union[Share, _Mapping]]] = ..., sample_flows: _Optional[_Iterable[_Union[FlowSample, _Mapping]]] = ..., query: _Optional[str] = ...) -> None: ...

class IncidentOpened(_message.Message):
    __slots__ = ("incident_id", "victim", "vector", "severity", "confidence", "started", "time", "expires", "reasons", "evidence", "detector", "technique", "side", "related")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    VICTIM_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    TECHNIQUE_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    RELATED_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    victim: str
    vector: str
    severity: Severity
    confidence: float
    started: _timestamp_pb2.Timestamp
    time: _timestamp_pb2.Timestamp
    expires: _timestamp_pb2.Timestamp
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    evidence: Evidence
    detector: str
    technique: str
    side: str
    related: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, incident_id: _Optional[str] = ..., victim: _Optional[str] = ..., vector: _Optional[str] = ..., severity: _Optional[_Union[Severity, str]] = ..., confidence: _Optional[float] = ..., started: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., evidence: _Optional[_Union[Evidence, _Mapping]] = ..., detector: _Optional[str] = ..., technique: _Optional[str] = ..., side: _Optional[str] = ..., related: _Optional[_Iterable[str]] = ...) -> None: ...

class IncidentUpdated(_message.Message):
    __slots__ = ("incident_id", "severity", "confidence", "time", "last_seen", "expires", "peak", "reasons", "evidence", "detectors", "signals")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    PEAK_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    DETECTORS_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    severity: Severity
    confidence: float
    time: _timestamp_pb2.Timestamp
    last_seen: _timestamp_pb2.Timestamp
    expires: _timestamp_pb2.Timestamp
    peak: Rates
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    evidence: Evidence
    detectors: _containers.RepeatedScalarFieldContainer[str]
    signals: int
    def __init__(self, incident_id: _Optional[str] = ..., severity: _Optional[_Union[Severity, str]] = ..., confidence: _Optional[float] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_seen: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., peak: _Optional[_Union[Rates, _Mapping]] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., evidence: _Optional[_Union[Evidence, _Mapping]] = ..., detectors: _Optional[_Iterable[str]] = ..., signals: _Optional[int] = ...) -> None: ...

class IncidentAcknowledged(_message.Message):
    __slots__ = ("incident_id", "actor", "note", "time")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    actor: str
    note: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, incident_id: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class IncidentClosed(_message.Message):
    __slots__ = ("incident_id", "cause", "actor", "note", "time", "hold_until")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    HOLD_UNTIL_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    cause: str
    actor: str
    note: str
    time: _timestamp_pb2.Timestamp
    hold_until: _timestamp_pb2.Timestamp
    def __init__(self, incident_id: _Optional[str] = ..., cause: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., hold_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class IncidentMarkedFalsePositive(_message.Message):
    __slots__ = ("incident_id", "actor", "note", "time", "hold_until")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    HOLD_UNTIL_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    actor: str
    note: str
    time: _timestamp_pb2.Timestamp
    hold_until: _timestamp_pb2.Timestamp
    def __init__(self, incident_id: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., hold_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class IncidentNoted(_message.Message):
    __slots__ = ("incident_id", "actor", "note", "time")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    actor: str
    note: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, incident_id: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class IncidentMitigated(_message.Message):
    __slots__ = ("incident_id", "mitigation_id", "actor", "note", "time")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    MITIGATION_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    mitigation_id: str
    actor: str
    note: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, incident_id: _Optional[str] = ..., mitigation_id: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class IncidentMitigationEnded(_message.Message):
    __slots__ = ("incident_id", "mitigation_id", "actor", "note", "time")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    MITIGATION_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    mitigation_id: str
    actor: str
    note: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, incident_id: _Optional[str] = ..., mitigation_id: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ThresholdRaised(_message.Message):
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

class ThresholdReverted(_message.Message):
    __slots__ = ("adjustment_id", "actor", "note", "time")
    ADJUSTMENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    adjustment_id: str
    actor: str
    note: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, adjustment_id: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
