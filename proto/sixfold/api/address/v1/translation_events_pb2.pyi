from sixfold.api.address.v1 import translation_pb2 as _translation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TranslationRulePut(_message.Message):
    __slots__ = ("rule_id", "gateway", "valid_from", "valid_until", "map", "deterministic_nat", "lw4o6", "nat64", "ipv4_delegation_id", "ipv6_delegation_id", "time")
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
    TIME_FIELD_NUMBER: _ClassVar[int]
    rule_id: str
    gateway: str
    valid_from: int
    valid_until: int
    map: _translation_pb2.MapRule
    deterministic_nat: _translation_pb2.DeterministicNat
    lw4o6: _translation_pb2.Lw4o6Binding
    nat64: _translation_pb2.Nat64Pool
    ipv4_delegation_id: int
    ipv6_delegation_id: int
    time: int
    def __init__(self, rule_id: _Optional[str] = ..., gateway: _Optional[str] = ..., valid_from: _Optional[int] = ..., valid_until: _Optional[int] = ..., map: _Optional[_Union[_translation_pb2.MapRule, _Mapping]] = ..., deterministic_nat: _Optional[_Union[_translation_pb2.DeterministicNat, _Mapping]] = ..., lw4o6: _Optional[_Union[_translation_pb2.Lw4o6Binding, _Mapping]] = ..., nat64: _Optional[_Union[_translation_pb2.Nat64Pool, _Mapping]] = ..., ipv4_delegation_id: _Optional[int] = ..., ipv6_delegation_id: _Optional[int] = ..., time: _Optional[int] = ...) -> None: ...

class TranslationRuleEnded(_message.Message):
    __slots__ = ("rule_id", "valid_until", "time")
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    rule_id: str
    valid_until: int
    time: int
    def __init__(self, rule_id: _Optional[str] = ..., valid_until: _Optional[int] = ..., time: _Optional[int] = ...) -> None: ...

class TranslationRulesForgotten(_message.Message):
    __slots__ = ("rule_ids", "time")
    RULE_IDS_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    rule_ids: _containers.RepeatedScalarFieldContainer[str]
    time: int
    def __init__(self, rule_ids: _Optional[_Iterable[str]] = ..., time: _Optional[int] = ...) -> None: ...
