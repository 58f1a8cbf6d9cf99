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

class GatewayProfile(_message.Message):
    __slots__ = ("gateway", "own", "links")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    OWN_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    own: _agent_pb2.GatewayConfiguration
    links: _containers.RepeatedCompositeFieldContainer[AccessLink]
    def __init__(self, gateway: _Optional[str] = ..., own: _Optional[_Union[_agent_pb2.GatewayConfiguration, _Mapping]] = ..., links: _Optional[_Iterable[_Union[AccessLink, _Mapping]]] = ...) -> None: ...

class AccessLink(_message.Message):
    __slots__ = ("interface", "prefixes")
    INTERFACE_FIELD_NUMBER: _ClassVar[int]
    PREFIXES_FIELD_NUMBER: _ClassVar[int]
    interface: str
    prefixes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, interface: _Optional[str] = ..., prefixes: _Optional[_Iterable[str]] = ...) -> None: ...

class GatewayState(_message.Message):
    __slots__ = ("generation", "outcome", "cause", "reported_generation", "composed", "last_heartbeat")
    class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OUTCOME_UNSPECIFIED: _ClassVar[GatewayState.Outcome]
        OUTCOME_SENT: _ClassVar[GatewayState.Outcome]
        OUTCOME_APPLIED: _ClassVar[GatewayState.Outcome]
        OUTCOME_REFUSED: _ClassVar[GatewayState.Outcome]
        OUTCOME_FAILED: _ClassVar[GatewayState.Outcome]
    OUTCOME_UNSPECIFIED: GatewayState.Outcome
    OUTCOME_SENT: GatewayState.Outcome
    OUTCOME_APPLIED: GatewayState.Outcome
    OUTCOME_REFUSED: GatewayState.Outcome
    OUTCOME_FAILED: GatewayState.Outcome
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    REPORTED_GENERATION_FIELD_NUMBER: _ClassVar[int]
    COMPOSED_FIELD_NUMBER: _ClassVar[int]
    LAST_HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    generation: int
    outcome: GatewayState.Outcome
    cause: str
    reported_generation: int
    composed: _timestamp_pb2.Timestamp
    last_heartbeat: _timestamp_pb2.Timestamp
    def __init__(self, generation: _Optional[int] = ..., outcome: _Optional[_Union[GatewayState.Outcome, str]] = ..., cause: _Optional[str] = ..., reported_generation: _Optional[int] = ..., composed: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_heartbeat: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PutGatewayRequest(_message.Message):
    __slots__ = ("profile",)
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    profile: GatewayProfile
    def __init__(self, profile: _Optional[_Union[GatewayProfile, _Mapping]] = ...) -> None: ...

class PutGatewayResponse(_message.Message):
    __slots__ = ("profile",)
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    profile: GatewayProfile
    def __init__(self, profile: _Optional[_Union[GatewayProfile, _Mapping]] = ...) -> None: ...

class GetGatewayRequest(_message.Message):
    __slots__ = ("gateway",)
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    def __init__(self, gateway: _Optional[str] = ...) -> None: ...

class GetGatewayResponse(_message.Message):
    __slots__ = ("profile", "configuration", "omitted", "state")
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    OMITTED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    profile: GatewayProfile
    configuration: _agent_pb2.GatewayConfiguration
    omitted: _containers.RepeatedCompositeFieldContainer[OmittedPart]
    state: GatewayState
    def __init__(self, profile: _Optional[_Union[GatewayProfile, _Mapping]] = ..., configuration: _Optional[_Union[_agent_pb2.GatewayConfiguration, _Mapping]] = ..., omitted: _Optional[_Iterable[_Union[OmittedPart, _Mapping]]] = ..., state: _Optional[_Union[GatewayState, _Mapping]] = ...) -> None: ...

class OmittedPart(_message.Message):
    __slots__ = ("part", "why")
    PART_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    part: str
    why: str
    def __init__(self, part: _Optional[str] = ..., why: _Optional[str] = ...) -> None: ...

class ListGatewaysRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListGatewaysResponse(_message.Message):
    __slots__ = ("gateways", "next_page_token")
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    gateways: _containers.RepeatedCompositeFieldContainer[GatewaySummary]
    next_page_token: str
    def __init__(self, gateways: _Optional[_Iterable[_Union[GatewaySummary, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GatewaySummary(_message.Message):
    __slots__ = ("profile", "state")
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    profile: GatewayProfile
    state: GatewayState
    def __init__(self, profile: _Optional[_Union[GatewayProfile, _Mapping]] = ..., state: _Optional[_Union[GatewayState, _Mapping]] = ...) -> None: ...

class RemoveGatewayRequest(_message.Message):
    __slots__ = ("gateway",)
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    def __init__(self, gateway: _Optional[str] = ...) -> None: ...

class RemoveGatewayResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
