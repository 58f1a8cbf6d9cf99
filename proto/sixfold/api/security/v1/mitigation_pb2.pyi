import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from sixfold.api.agent.v1 import agent_pb2 as _agent_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MitigationStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MITIGATION_STATUS_UNSPECIFIED: _ClassVar[MitigationStatus]
    MITIGATION_STATUS_PROPOSED: _ClassVar[MitigationStatus]
    MITIGATION_STATUS_ACTIVE: _ClassVar[MitigationStatus]
    MITIGATION_STATUS_ENDED: _ClassVar[MitigationStatus]
    MITIGATION_STATUS_REJECTED: _ClassVar[MitigationStatus]
MITIGATION_STATUS_UNSPECIFIED: MitigationStatus
MITIGATION_STATUS_PROPOSED: MitigationStatus
MITIGATION_STATUS_ACTIVE: MitigationStatus
MITIGATION_STATUS_ENDED: MitigationStatus
MITIGATION_STATUS_REJECTED: MitigationStatus

class MitigationPolicy(_message.Message):
    __slots__ = ("match", "action")
    MATCH_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    match: _agent_pb2.PolicyMatch
    action: _agent_pb2.PolicyAction
    def __init__(self, match: _Optional[_Union[_agent_pb2.PolicyMatch, _Mapping]] = ..., action: _Optional[_Union[_agent_pb2.PolicyAction, _Mapping]] = ...) -> None: ...

class BlastRadius(_message.Message):
    __slots__ = ("start_time", "end_time", "flows", "bytes", "packets", "sources", "destinations", "good_flows", "good_bytes", "good_sources", "known_flows", "known_bytes", "trouble")
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    PACKETS_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    DESTINATIONS_FIELD_NUMBER: _ClassVar[int]
    GOOD_FLOWS_FIELD_NUMBER: _ClassVar[int]
    GOOD_BYTES_FIELD_NUMBER: _ClassVar[int]
    GOOD_SOURCES_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FLOWS_FIELD_NUMBER: _ClassVar[int]
    KNOWN_BYTES_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    flows: int
    bytes: int
    packets: int
    sources: int
    destinations: int
    good_flows: int
    good_bytes: int
    good_sources: int
    known_flows: int
    known_bytes: int
    trouble: str
    def __init__(self, start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., flows: _Optional[int] = ..., bytes: _Optional[int] = ..., packets: _Optional[int] = ..., sources: _Optional[int] = ..., destinations: _Optional[int] = ..., good_flows: _Optional[int] = ..., good_bytes: _Optional[int] = ..., good_sources: _Optional[int] = ..., known_flows: _Optional[int] = ..., known_bytes: _Optional[int] = ..., trouble: _Optional[str] = ...) -> None: ...

class Effect(_message.Message):
    __slots__ = ("time", "matched_packets", "matched_bytes", "acted_packets", "acted_bytes", "matched_bits_per_second", "acted_bits_per_second", "passed_bits_per_second", "collateral_flows", "collateral_bytes", "collateral_sources", "collateral_known")
    TIME_FIELD_NUMBER: _ClassVar[int]
    MATCHED_PACKETS_FIELD_NUMBER: _ClassVar[int]
    MATCHED_BYTES_FIELD_NUMBER: _ClassVar[int]
    ACTED_PACKETS_FIELD_NUMBER: _ClassVar[int]
    ACTED_BYTES_FIELD_NUMBER: _ClassVar[int]
    MATCHED_BITS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    ACTED_BITS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    PASSED_BITS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    COLLATERAL_FLOWS_FIELD_NUMBER: _ClassVar[int]
    COLLATERAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    COLLATERAL_SOURCES_FIELD_NUMBER: _ClassVar[int]
    COLLATERAL_KNOWN_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    matched_packets: int
    matched_bytes: int
    acted_packets: int
    acted_bytes: int
    matched_bits_per_second: float
    acted_bits_per_second: float
    passed_bits_per_second: float
    collateral_flows: int
    collateral_bytes: int
    collateral_sources: int
    collateral_known: bool
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., matched_packets: _Optional[int] = ..., matched_bytes: _Optional[int] = ..., acted_packets: _Optional[int] = ..., acted_bytes: _Optional[int] = ..., matched_bits_per_second: _Optional[float] = ..., acted_bits_per_second: _Optional[float] = ..., passed_bits_per_second: _Optional[float] = ..., collateral_flows: _Optional[int] = ..., collateral_bytes: _Optional[int] = ..., collateral_sources: _Optional[int] = ..., collateral_known: _Optional[bool] = ...) -> None: ...

class Mitigation(_message.Message):
    __slots__ = ("mitigation_id", "incident_id", "policy", "gateways", "status", "proposer", "note", "proposed", "seconds", "estimate", "two_person_reasons", "approver", "approved", "expires", "end_cause", "ended_by", "ended", "effect")
    MITIGATION_ID_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PROPOSER_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    ESTIMATE_FIELD_NUMBER: _ClassVar[int]
    TWO_PERSON_REASONS_FIELD_NUMBER: _ClassVar[int]
    APPROVER_FIELD_NUMBER: _ClassVar[int]
    APPROVED_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    END_CAUSE_FIELD_NUMBER: _ClassVar[int]
    ENDED_BY_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    mitigation_id: str
    incident_id: str
    policy: MitigationPolicy
    gateways: _containers.RepeatedScalarFieldContainer[str]
    status: MitigationStatus
    proposer: str
    note: str
    proposed: _timestamp_pb2.Timestamp
    seconds: int
    estimate: BlastRadius
    two_person_reasons: _containers.RepeatedScalarFieldContainer[str]
    approver: str
    approved: _timestamp_pb2.Timestamp
    expires: _timestamp_pb2.Timestamp
    end_cause: str
    ended_by: str
    ended: _timestamp_pb2.Timestamp
    effect: Effect
    def __init__(self, mitigation_id: _Optional[str] = ..., incident_id: _Optional[str] = ..., policy: _Optional[_Union[MitigationPolicy, _Mapping]] = ..., gateways: _Optional[_Iterable[str]] = ..., status: _Optional[_Union[MitigationStatus, str]] = ..., proposer: _Optional[str] = ..., note: _Optional[str] = ..., proposed: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., seconds: _Optional[int] = ..., estimate: _Optional[_Union[BlastRadius, _Mapping]] = ..., two_person_reasons: _Optional[_Iterable[str]] = ..., approver: _Optional[str] = ..., approved: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_cause: _Optional[str] = ..., ended_by: _Optional[str] = ..., ended: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., effect: _Optional[_Union[Effect, _Mapping]] = ...) -> None: ...

class MitigationProposed(_message.Message):
    __slots__ = ("mitigation_id", "incident_id", "policy", "gateways", "proposer", "note", "seconds", "estimate", "two_person_reasons", "time")
    MITIGATION_ID_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    PROPOSER_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    ESTIMATE_FIELD_NUMBER: _ClassVar[int]
    TWO_PERSON_REASONS_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    mitigation_id: str
    incident_id: str
    policy: MitigationPolicy
    gateways: _containers.RepeatedScalarFieldContainer[str]
    proposer: str
    note: str
    seconds: int
    estimate: BlastRadius
    two_person_reasons: _containers.RepeatedScalarFieldContainer[str]
    time: _timestamp_pb2.Timestamp
    def __init__(self, mitigation_id: _Optional[str] = ..., incident_id: _Optional[str] = ..., policy: _Optional[_Union[MitigationPolicy, _Mapping]] = ..., gateways: _Optional[_Iterable[str]] = ..., proposer: _Optional[str] = ..., note: _Optional[str] = ..., seconds: _Optional[int] = ..., estimate: _Optional[_Union[BlastRadius, _Mapping]] = ..., two_person_reasons: _Optional[_Iterable[str]] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class MitigationApproved(_message.Message):
    __slots__ = ("mitigation_id", "approver", "note", "time", "expires")
    MITIGATION_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVER_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    mitigation_id: str
    approver: str
    note: str
    time: _timestamp_pb2.Timestamp
    expires: _timestamp_pb2.Timestamp
    def __init__(self, mitigation_id: _Optional[str] = ..., approver: _Optional[str] = ..., note: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class MitigationEnded(_message.Message):
    __slots__ = ("mitigation_id", "cause", "actor", "note", "time")
    MITIGATION_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    mitigation_id: str
    cause: str
    actor: str
    note: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, mitigation_id: _Optional[str] = ..., cause: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class MitigationMeasured(_message.Message):
    __slots__ = ("mitigation_id", "effect")
    MITIGATION_ID_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    mitigation_id: str
    effect: Effect
    def __init__(self, mitigation_id: _Optional[str] = ..., effect: _Optional[_Union[Effect, _Mapping]] = ...) -> None: ...

class PoliciesAnswered(_message.Message):
    __slots__ = ("gateway", "generation", "outcome", "cause", "time")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    generation: int
    outcome: str
    cause: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, gateway: _Optional[str] = ..., generation: _Optional[int] = ..., outcome: _Optional[str] = ..., cause: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SuggestMitigationRequest(_message.Message):
    __slots__ = ("incident_id",)
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    def __init__(self, incident_id: _Optional[str] = ...) -> None: ...

class SuggestMitigationResponse(_message.Message):
    __slots__ = ("suggestions",)
    SUGGESTIONS_FIELD_NUMBER: _ClassVar[int]
    suggestions: _containers.RepeatedCompositeFieldContainer[Suggestion]
    def __init__(self, suggestions: _Optional[_Iterable[_Union[Suggestion, _Mapping]]] = ...) -> None: ...

class Suggestion(_message.Message):
    __slots__ = ("policy", "reason", "coverage", "key")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    policy: MitigationPolicy
    reason: str
    coverage: float
    key: str
    def __init__(self, policy: _Optional[_Union[MitigationPolicy, _Mapping]] = ..., reason: _Optional[str] = ..., coverage: _Optional[float] = ..., key: _Optional[str] = ...) -> None: ...

class ProposeMitigationRequest(_message.Message):
    __slots__ = ("incident_id", "policy", "gateways", "actor", "note", "seconds", "dry_run")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    policy: MitigationPolicy
    gateways: _containers.RepeatedScalarFieldContainer[str]
    actor: str
    note: str
    seconds: int
    dry_run: bool
    def __init__(self, incident_id: _Optional[str] = ..., policy: _Optional[_Union[MitigationPolicy, _Mapping]] = ..., gateways: _Optional[_Iterable[str]] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ..., seconds: _Optional[int] = ..., dry_run: _Optional[bool] = ...) -> None: ...

class ProposeMitigationResponse(_message.Message):
    __slots__ = ("mitigation",)
    MITIGATION_FIELD_NUMBER: _ClassVar[int]
    mitigation: Mitigation
    def __init__(self, mitigation: _Optional[_Union[Mitigation, _Mapping]] = ...) -> None: ...

class ApproveMitigationRequest(_message.Message):
    __slots__ = ("mitigation_id", "actor", "note")
    MITIGATION_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    mitigation_id: str
    actor: str
    note: str
    def __init__(self, mitigation_id: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class ApproveMitigationResponse(_message.Message):
    __slots__ = ("mitigation",)
    MITIGATION_FIELD_NUMBER: _ClassVar[int]
    mitigation: Mitigation
    def __init__(self, mitigation: _Optional[_Union[Mitigation, _Mapping]] = ...) -> None: ...

class RejectMitigationRequest(_message.Message):
    __slots__ = ("mitigation_id", "actor", "note")
    MITIGATION_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    mitigation_id: str
    actor: str
    note: str
    def __init__(self, mitigation_id: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class RejectMitigationResponse(_message.Message):
    __slots__ = ("mitigation",)
    MITIGATION_FIELD_NUMBER: _ClassVar[int]
    mitigation: Mitigation
    def __init__(self, mitigation: _Optional[_Union[Mitigation, _Mapping]] = ...) -> None: ...

class WithdrawMitigationRequest(_message.Message):
    __slots__ = ("mitigation_id", "actor", "note")
    MITIGATION_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    mitigation_id: str
    actor: str
    note: str
    def __init__(self, mitigation_id: _Optional[str] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class WithdrawMitigationResponse(_message.Message):
    __slots__ = ("mitigation",)
    MITIGATION_FIELD_NUMBER: _ClassVar[int]
    mitigation: Mitigation
    def __init__(self, mitigation: _Optional[_Union[Mitigation, _Mapping]] = ...) -> None: ...

class GetMitigationRequest(_message.Message):
    __slots__ = ("mitigation_id",)
    MITIGATION_ID_FIELD_NUMBER: _ClassVar[int]
    mitigation_id: str
    def __init__(self, mitigation_id: _Optional[str] = ...) -> None: ...

class GetMitigationResponse(_message.Message):
    __slots__ = ("mitigation",)
    MITIGATION_FIELD_NUMBER: _ClassVar[int]
    mitigation: Mitigation
    def __init__(self, mitigation: _Optional[_Union[Mitigation, _Mapping]] = ...) -> None: ...

class ListMitigationsRequest(_message.Message):
    __slots__ = ("statuses", "incident_id", "page_size", "page_token")
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    statuses: _containers.RepeatedScalarFieldContainer[MitigationStatus]
    incident_id: str
    page_size: int
    page_token: str
    def __init__(self, statuses: _Optional[_Iterable[_Union[MitigationStatus, str]]] = ..., incident_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListMitigationsResponse(_message.Message):
    __slots__ = ("mitigations", "next_page_token")
    MITIGATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    mitigations: _containers.RepeatedCompositeFieldContainer[Mitigation]
    next_page_token: str
    def __init__(self, mitigations: _Optional[_Iterable[_Union[Mitigation, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListEnforcementRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListEnforcementResponse(_message.Message):
    __slots__ = ("gateways",)
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    gateways: _containers.RepeatedCompositeFieldContainer[Enforcement]
    def __init__(self, gateways: _Optional[_Iterable[_Union[Enforcement, _Mapping]]] = ...) -> None: ...

class Enforcement(_message.Message):
    __slots__ = ("gateway", "wanted_generation", "reported_generation", "reported", "mitigation_ids", "outcome", "cause", "troubles")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    WANTED_GENERATION_FIELD_NUMBER: _ClassVar[int]
    REPORTED_GENERATION_FIELD_NUMBER: _ClassVar[int]
    REPORTED_FIELD_NUMBER: _ClassVar[int]
    MITIGATION_IDS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    TROUBLES_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    wanted_generation: int
    reported_generation: int
    reported: _timestamp_pb2.Timestamp
    mitigation_ids: _containers.RepeatedScalarFieldContainer[str]
    outcome: str
    cause: str
    troubles: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, gateway: _Optional[str] = ..., wanted_generation: _Optional[int] = ..., reported_generation: _Optional[int] = ..., reported: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., mitigation_ids: _Optional[_Iterable[str]] = ..., outcome: _Optional[str] = ..., cause: _Optional[str] = ..., troubles: _Optional[_Iterable[str]] = ...) -> None: ...
