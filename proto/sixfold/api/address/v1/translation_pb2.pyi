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

class MapMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MAP_MODE_UNSPECIFIED: _ClassVar[MapMode]
    MAP_MODE_ENCAPSULATION: _ClassVar[MapMode]
    MAP_MODE_TRANSLATION: _ClassVar[MapMode]

class PortAssignment(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PORT_ASSIGNMENT_UNSPECIFIED: _ClassVar[PortAssignment]
    PORT_ASSIGNMENT_SEQUENTIAL: _ClassVar[PortAssignment]
    PORT_ASSIGNMENT_STAGGERED: _ClassVar[PortAssignment]

class Resolution(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESOLUTION_UNSPECIFIED: _ClassVar[Resolution]
    RESOLUTION_SUBSCRIBER: _ClassVar[Resolution]
    RESOLUTION_NEEDS_SESSIONS: _ClassVar[Resolution]
    RESOLUTION_PORT_UNASSIGNED: _ClassVar[Resolution]
    RESOLUTION_NO_RULE: _ClassVar[Resolution]
    RESOLUTION_AMBIGUOUS: _ClassVar[Resolution]
MAP_MODE_UNSPECIFIED: MapMode
MAP_MODE_ENCAPSULATION: MapMode
MAP_MODE_TRANSLATION: MapMode
PORT_ASSIGNMENT_UNSPECIFIED: PortAssignment
PORT_ASSIGNMENT_SEQUENTIAL: PortAssignment
PORT_ASSIGNMENT_STAGGERED: PortAssignment
RESOLUTION_UNSPECIFIED: Resolution
RESOLUTION_SUBSCRIBER: Resolution
RESOLUTION_NEEDS_SESSIONS: Resolution
RESOLUTION_PORT_UNASSIGNED: Resolution
RESOLUTION_NO_RULE: Resolution
RESOLUTION_AMBIGUOUS: Resolution

class TranslationRule(_message.Message):
    __slots__ = ("rule_id", "gateway", "valid_from", "valid_until", "map", "deterministic_nat", "lw4o6", "nat64", "ipv4_delegation_id", "ipv6_delegation_id", "recorded")
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    MAP_FIELD_NUMBER: _ClassVar[int]
    DETERMINISTIC_NAT_FIELD_NUMBER: _ClassVar[int]
    LW4O6_FIELD_NUMBER: _ClassVar[int]
    NAT64_FIELD_NUMBER: _ClassVar[int]
    IPV4_DELEGATION_ID_FIELD_NUMBER: _ClassVar[int]
    IPV6_DELEGATION_ID_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    rule_id: str
    gateway: str
    valid_from: _timestamp_pb2.Timestamp
    valid_until: _timestamp_pb2.Timestamp
    map: MapRule
    deterministic_nat: DeterministicNat
    lw4o6: Lw4o6Binding
    nat64: Nat64Pool
    ipv4_delegation_id: int
    ipv6_delegation_id: int
    recorded: _timestamp_pb2.Timestamp
    def __init__(self, rule_id: _Optional[str] = ..., gateway: _Optional[str] = ..., valid_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., map: _Optional[_Union[MapRule, _Mapping]] = ..., deterministic_nat: _Optional[_Union[DeterministicNat, _Mapping]] = ..., lw4o6: _Optional[_Union[Lw4o6Binding, _Mapping]] = ..., nat64: _Optional[_Union[Nat64Pool, _Mapping]] = ..., ipv4_delegation_id: _Optional[int] = ..., ipv6_delegation_id: _Optional[int] = ..., recorded: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class MapRule(_message.Message):
    __slots__ = ("mode", "ipv6_prefix", "ipv4_prefix", "ea_length", "psid_offset", "psid_length", "psid", "border", "forwarding")
    MODE_FIELD_NUMBER: _ClassVar[int]
    IPV6_PREFIX_FIELD_NUMBER: _ClassVar[int]
    IPV4_PREFIX_FIELD_NUMBER: _ClassVar[int]
    EA_LENGTH_FIELD_NUMBER: _ClassVar[int]
    PSID_OFFSET_FIELD_NUMBER: _ClassVar[int]
    PSID_LENGTH_FIELD_NUMBER: _ClassVar[int]
    PSID_FIELD_NUMBER: _ClassVar[int]
    BORDER_FIELD_NUMBER: _ClassVar[int]
    FORWARDING_FIELD_NUMBER: _ClassVar[int]
    mode: MapMode
    ipv6_prefix: str
    ipv4_prefix: str
    ea_length: int
    psid_offset: int
    psid_length: int
    psid: int
    border: str
    forwarding: bool
    def __init__(self, mode: _Optional[_Union[MapMode, str]] = ..., ipv6_prefix: _Optional[str] = ..., ipv4_prefix: _Optional[str] = ..., ea_length: _Optional[int] = ..., psid_offset: _Optional[int] = ..., psid_length: _Optional[int] = ..., psid: _Optional[int] = ..., border: _Optional[str] = ..., forwarding: _Optional[bool] = ...) -> None: ...

class DeterministicNat(_message.Message):
    __slots__ = ("inside_prefix", "subscriber_length", "outside_prefix", "dynamic_factor", "maximum_ports", "assignment", "reserved_ports")
    INSIDE_PREFIX_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBER_LENGTH_FIELD_NUMBER: _ClassVar[int]
    OUTSIDE_PREFIX_FIELD_NUMBER: _ClassVar[int]
    DYNAMIC_FACTOR_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_PORTS_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    RESERVED_PORTS_FIELD_NUMBER: _ClassVar[int]
    inside_prefix: str
    subscriber_length: int
    outside_prefix: str
    dynamic_factor: int
    maximum_ports: int
    assignment: PortAssignment
    reserved_ports: str
    def __init__(self, inside_prefix: _Optional[str] = ..., subscriber_length: _Optional[int] = ..., outside_prefix: _Optional[str] = ..., dynamic_factor: _Optional[int] = ..., maximum_ports: _Optional[int] = ..., assignment: _Optional[_Union[PortAssignment, str]] = ..., reserved_ports: _Optional[str] = ...) -> None: ...

class Lw4o6Binding(_message.Message):
    __slots__ = ("ipv6_prefix", "public_address", "psid_offset", "psid_length", "psid", "border")
    IPV6_PREFIX_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PSID_OFFSET_FIELD_NUMBER: _ClassVar[int]
    PSID_LENGTH_FIELD_NUMBER: _ClassVar[int]
    PSID_FIELD_NUMBER: _ClassVar[int]
    BORDER_FIELD_NUMBER: _ClassVar[int]
    ipv6_prefix: str
    public_address: str
    psid_offset: int
    psid_length: int
    psid: int
    border: str
    def __init__(self, ipv6_prefix: _Optional[str] = ..., public_address: _Optional[str] = ..., psid_offset: _Optional[int] = ..., psid_length: _Optional[int] = ..., psid: _Optional[int] = ..., border: _Optional[str] = ...) -> None: ...

class Nat64Pool(_message.Message):
    __slots__ = ("prefix", "ipv4_prefixes")
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    IPV4_PREFIXES_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    ipv4_prefixes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, prefix: _Optional[str] = ..., ipv4_prefixes: _Optional[_Iterable[str]] = ...) -> None: ...

class PutTranslationRuleRequest(_message.Message):
    __slots__ = ("rule", "replaces", "take_over")
    RULE_FIELD_NUMBER: _ClassVar[int]
    REPLACES_FIELD_NUMBER: _ClassVar[int]
    TAKE_OVER_FIELD_NUMBER: _ClassVar[int]
    rule: TranslationRule
    replaces: _containers.RepeatedScalarFieldContainer[str]
    take_over: bool
    def __init__(self, rule: _Optional[_Union[TranslationRule, _Mapping]] = ..., replaces: _Optional[_Iterable[str]] = ..., take_over: _Optional[bool] = ...) -> None: ...

class PutTranslationRuleResponse(_message.Message):
    __slots__ = ("rule", "repeated_call")
    RULE_FIELD_NUMBER: _ClassVar[int]
    REPEATED_CALL_FIELD_NUMBER: _ClassVar[int]
    rule: TranslationRule
    repeated_call: bool
    def __init__(self, rule: _Optional[_Union[TranslationRule, _Mapping]] = ..., repeated_call: _Optional[bool] = ...) -> None: ...

class EndTranslationRuleRequest(_message.Message):
    __slots__ = ("rule_id", "valid_until")
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    rule_id: str
    valid_until: _timestamp_pb2.Timestamp
    def __init__(self, rule_id: _Optional[str] = ..., valid_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class EndTranslationRuleResponse(_message.Message):
    __slots__ = ("rule",)
    RULE_FIELD_NUMBER: _ClassVar[int]
    rule: TranslationRule
    def __init__(self, rule: _Optional[_Union[TranslationRule, _Mapping]] = ...) -> None: ...

class ListTranslationRulesRequest(_message.Message):
    __slots__ = ("gateway", "at", "page_size", "page_token")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    at: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    def __init__(self, gateway: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTranslationRulesResponse(_message.Message):
    __slots__ = ("rules", "next_page_token")
    RULES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    rules: _containers.RepeatedCompositeFieldContainer[TranslationRule]
    next_page_token: str
    def __init__(self, rules: _Optional[_Iterable[_Union[TranslationRule, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class AllocateSharedIpv4Request(_message.Message):
    __slots__ = ("rule_id", "gateway", "ipv4_pool_id", "subscribers", "subscribers_per_address", "map", "deterministic_nat", "nat64")
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    IPV4_POOL_ID_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBERS_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBERS_PER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    MAP_FIELD_NUMBER: _ClassVar[int]
    DETERMINISTIC_NAT_FIELD_NUMBER: _ClassVar[int]
    NAT64_FIELD_NUMBER: _ClassVar[int]
    rule_id: str
    gateway: str
    ipv4_pool_id: str
    subscribers: int
    subscribers_per_address: int
    map: MapWish
    deterministic_nat: DeterministicNatWish
    nat64: Nat64Wish
    def __init__(self, rule_id: _Optional[str] = ..., gateway: _Optional[str] = ..., ipv4_pool_id: _Optional[str] = ..., subscribers: _Optional[int] = ..., subscribers_per_address: _Optional[int] = ..., map: _Optional[_Union[MapWish, _Mapping]] = ..., deterministic_nat: _Optional[_Union[DeterministicNatWish, _Mapping]] = ..., nat64: _Optional[_Union[Nat64Wish, _Mapping]] = ...) -> None: ...

class MapWish(_message.Message):
    __slots__ = ("mode", "psid_offset", "ipv6_pool_id", "ipv6_prefix", "subscriber_length", "border", "forwarding")
    MODE_FIELD_NUMBER: _ClassVar[int]
    PSID_OFFSET_FIELD_NUMBER: _ClassVar[int]
    IPV6_POOL_ID_FIELD_NUMBER: _ClassVar[int]
    IPV6_PREFIX_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBER_LENGTH_FIELD_NUMBER: _ClassVar[int]
    BORDER_FIELD_NUMBER: _ClassVar[int]
    FORWARDING_FIELD_NUMBER: _ClassVar[int]
    mode: MapMode
    psid_offset: int
    ipv6_pool_id: str
    ipv6_prefix: str
    subscriber_length: int
    border: str
    forwarding: bool
    def __init__(self, mode: _Optional[_Union[MapMode, str]] = ..., psid_offset: _Optional[int] = ..., ipv6_pool_id: _Optional[str] = ..., ipv6_prefix: _Optional[str] = ..., subscriber_length: _Optional[int] = ..., border: _Optional[str] = ..., forwarding: _Optional[bool] = ...) -> None: ...

class DeterministicNatWish(_message.Message):
    __slots__ = ("inside_prefix", "subscriber_length", "dynamic_factor", "maximum_ports", "assignment", "reserved_ports")
    INSIDE_PREFIX_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBER_LENGTH_FIELD_NUMBER: _ClassVar[int]
    DYNAMIC_FACTOR_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_PORTS_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    RESERVED_PORTS_FIELD_NUMBER: _ClassVar[int]
    inside_prefix: str
    subscriber_length: int
    dynamic_factor: int
    maximum_ports: int
    assignment: PortAssignment
    reserved_ports: str
    def __init__(self, inside_prefix: _Optional[str] = ..., subscriber_length: _Optional[int] = ..., dynamic_factor: _Optional[int] = ..., maximum_ports: _Optional[int] = ..., assignment: _Optional[_Union[PortAssignment, str]] = ..., reserved_ports: _Optional[str] = ...) -> None: ...

class Nat64Wish(_message.Message):
    __slots__ = ("prefix",)
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    def __init__(self, prefix: _Optional[str] = ...) -> None: ...

class AllocateSharedIpv4Response(_message.Message):
    __slots__ = ("rule", "ports_per_subscriber", "subscribers", "repeated_call")
    RULE_FIELD_NUMBER: _ClassVar[int]
    PORTS_PER_SUBSCRIBER_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBERS_FIELD_NUMBER: _ClassVar[int]
    REPEATED_CALL_FIELD_NUMBER: _ClassVar[int]
    rule: TranslationRule
    ports_per_subscriber: int
    subscribers: int
    repeated_call: bool
    def __init__(self, rule: _Optional[_Union[TranslationRule, _Mapping]] = ..., ports_per_subscriber: _Optional[int] = ..., subscribers: _Optional[int] = ..., repeated_call: _Optional[bool] = ...) -> None: ...

class ResolveSubscriberSideRequest(_message.Message):
    __slots__ = ("public_address", "port", "time", "tolerance_milliseconds")
    PUBLIC_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    public_address: str
    port: int
    time: _timestamp_pb2.Timestamp
    tolerance_milliseconds: int
    def __init__(self, public_address: _Optional[str] = ..., port: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., tolerance_milliseconds: _Optional[int] = ...) -> None: ...

class ResolveSubscriberSideResponse(_message.Message):
    __slots__ = ("resolution", "rule_id", "gateway", "subscriber_prefix")
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBER_PREFIX_FIELD_NUMBER: _ClassVar[int]
    resolution: Resolution
    rule_id: str
    gateway: str
    subscriber_prefix: str
    def __init__(self, resolution: _Optional[_Union[Resolution, str]] = ..., rule_id: _Optional[str] = ..., gateway: _Optional[str] = ..., subscriber_prefix: _Optional[str] = ...) -> None: ...

class ResolvePublicSideRequest(_message.Message):
    __slots__ = ("subscriber_address", "gateway", "time")
    SUBSCRIBER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    subscriber_address: str
    gateway: str
    time: _timestamp_pb2.Timestamp
    def __init__(self, subscriber_address: _Optional[str] = ..., gateway: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ResolvePublicSideResponse(_message.Message):
    __slots__ = ("resolution", "rule_id", "gateway", "public_prefix", "ports", "ports_on_demand", "subscriber_prefix")
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_PREFIX_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    PORTS_ON_DEMAND_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBER_PREFIX_FIELD_NUMBER: _ClassVar[int]
    resolution: Resolution
    rule_id: str
    gateway: str
    public_prefix: str
    ports: _containers.RepeatedCompositeFieldContainer[PublicPorts]
    ports_on_demand: int
    subscriber_prefix: str
    def __init__(self, resolution: _Optional[_Union[Resolution, str]] = ..., rule_id: _Optional[str] = ..., gateway: _Optional[str] = ..., public_prefix: _Optional[str] = ..., ports: _Optional[_Iterable[_Union[PublicPorts, _Mapping]]] = ..., ports_on_demand: _Optional[int] = ..., subscriber_prefix: _Optional[str] = ...) -> None: ...

class PublicPorts(_message.Message):
    __slots__ = ("first", "last")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    first: int
    last: int
    def __init__(self, first: _Optional[int] = ..., last: _Optional[int] = ...) -> None: ...

class DescribePublicAddressRequest(_message.Message):
    __slots__ = ("public_address", "port", "time")
    PUBLIC_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    public_address: str
    port: int
    time: _timestamp_pb2.Timestamp
    def __init__(self, public_address: _Optional[str] = ..., port: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DescribePublicAddressResponse(_message.Message):
    __slots__ = ("answer", "rule", "steps")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    answer: ResolveSubscriberSideResponse
    rule: TranslationRule
    steps: _containers.RepeatedCompositeFieldContainer[DescriptionStep]
    def __init__(self, answer: _Optional[_Union[ResolveSubscriberSideResponse, _Mapping]] = ..., rule: _Optional[_Union[TranslationRule, _Mapping]] = ..., steps: _Optional[_Iterable[_Union[DescriptionStep, _Mapping]]] = ...) -> None: ...

class DescriptionStep(_message.Message):
    __slots__ = ("name", "value", "how")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    HOW_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    how: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ..., how: _Optional[str] = ...) -> None: ...

class GetSoftwireProvisioningRequest(_message.Message):
    __slots__ = ("rule_id", "subscriber_prefix")
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBER_PREFIX_FIELD_NUMBER: _ClassVar[int]
    rule_id: str
    subscriber_prefix: str
    def __init__(self, rule_id: _Optional[str] = ..., subscriber_prefix: _Optional[str] = ...) -> None: ...

class GetSoftwireProvisioningResponse(_message.Message):
    __slots__ = ("options", "edge_address", "public_prefix", "ports")
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    EDGE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_PREFIX_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    options: bytes
    edge_address: str
    public_prefix: str
    ports: _containers.RepeatedCompositeFieldContainer[PublicPorts]
    def __init__(self, options: _Optional[bytes] = ..., edge_address: _Optional[str] = ..., public_prefix: _Optional[str] = ..., ports: _Optional[_Iterable[_Union[PublicPorts, _Mapping]]] = ...) -> None: ...

class GetGatewayTranslationRequest(_message.Message):
    __slots__ = ("gateway", "at")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    at: _timestamp_pb2.Timestamp
    def __init__(self, gateway: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetGatewayTranslationResponse(_message.Message):
    __slots__ = ("configuration", "omitted")
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    OMITTED_FIELD_NUMBER: _ClassVar[int]
    configuration: _agent_pb2.GatewayConfiguration
    omitted: _containers.RepeatedCompositeFieldContainer[OmittedRule]
    def __init__(self, configuration: _Optional[_Union[_agent_pb2.GatewayConfiguration, _Mapping]] = ..., omitted: _Optional[_Iterable[_Union[OmittedRule, _Mapping]]] = ...) -> None: ...

class OmittedRule(_message.Message):
    __slots__ = ("rule_id", "why")
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    rule_id: str
    why: str
    def __init__(self, rule_id: _Optional[str] = ..., why: _Optional[str] = ...) -> None: ...
