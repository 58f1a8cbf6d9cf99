import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Strategy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STRATEGY_UNSPECIFIED: _ClassVar[Strategy]
    STRATEGY_DENSE: _ClassVar[Strategy]
    STRATEGY_SPARSE: _ClassVar[Strategy]

class DelegationState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DELEGATION_STATE_UNSPECIFIED: _ClassVar[DelegationState]
    DELEGATION_STATE_ACTIVE: _ClassVar[DelegationState]
    DELEGATION_STATE_QUARANTINED: _ClassVar[DelegationState]
STRATEGY_UNSPECIFIED: Strategy
STRATEGY_DENSE: Strategy
STRATEGY_SPARSE: Strategy
DELEGATION_STATE_UNSPECIFIED: DelegationState
DELEGATION_STATE_ACTIVE: DelegationState
DELEGATION_STATE_QUARANTINED: DelegationState

class Pool(_message.Message):
    __slots__ = ("pool_id", "parent_id", "prefix", "purpose", "shortest_length", "longest_length", "lease_seconds", "quarantine_seconds", "strategy", "created", "room_length")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    SHORTEST_LENGTH_FIELD_NUMBER: _ClassVar[int]
    LONGEST_LENGTH_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    QUARANTINE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    ROOM_LENGTH_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    parent_id: str
    prefix: str
    purpose: str
    shortest_length: int
    longest_length: int
    lease_seconds: int
    quarantine_seconds: int
    strategy: Strategy
    created: _timestamp_pb2.Timestamp
    room_length: int
    def __init__(self, pool_id: _Optional[str] = ..., parent_id: _Optional[str] = ..., prefix: _Optional[str] = ..., purpose: _Optional[str] = ..., shortest_length: _Optional[int] = ..., longest_length: _Optional[int] = ..., lease_seconds: _Optional[int] = ..., quarantine_seconds: _Optional[int] = ..., strategy: _Optional[_Union[Strategy, str]] = ..., created: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., room_length: _Optional[int] = ...) -> None: ...

class Utilisation(_message.Message):
    __slots__ = ("delegations", "quarantined", "child_pools", "delegated_share", "quarantined_share", "child_share", "free_share", "largest_free_length", "hd_ratio")
    DELEGATIONS_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    CHILD_POOLS_FIELD_NUMBER: _ClassVar[int]
    DELEGATED_SHARE_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_SHARE_FIELD_NUMBER: _ClassVar[int]
    CHILD_SHARE_FIELD_NUMBER: _ClassVar[int]
    FREE_SHARE_FIELD_NUMBER: _ClassVar[int]
    LARGEST_FREE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    HD_RATIO_FIELD_NUMBER: _ClassVar[int]
    delegations: int
    quarantined: int
    child_pools: int
    delegated_share: float
    quarantined_share: float
    child_share: float
    free_share: float
    largest_free_length: int
    hd_ratio: float
    def __init__(self, delegations: _Optional[int] = ..., quarantined: _Optional[int] = ..., child_pools: _Optional[int] = ..., delegated_share: _Optional[float] = ..., quarantined_share: _Optional[float] = ..., child_share: _Optional[float] = ..., free_share: _Optional[float] = ..., largest_free_length: _Optional[int] = ..., hd_ratio: _Optional[float] = ...) -> None: ...

class Delegation(_message.Message):
    __slots__ = ("delegation_id", "pool_id", "prefix", "holder", "state", "expires", "version")
    DELEGATION_ID_FIELD_NUMBER: _ClassVar[int]
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    delegation_id: int
    pool_id: str
    prefix: str
    holder: str
    state: DelegationState
    expires: _timestamp_pb2.Timestamp
    version: int
    def __init__(self, delegation_id: _Optional[int] = ..., pool_id: _Optional[str] = ..., prefix: _Optional[str] = ..., holder: _Optional[str] = ..., state: _Optional[_Union[DelegationState, str]] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ...) -> None: ...

class CreatePoolRequest(_message.Message):
    __slots__ = ("pool_id", "parent_id", "prefix", "length", "purpose", "shortest_length", "longest_length", "lease_seconds", "quarantine_seconds", "strategy", "room_length")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    SHORTEST_LENGTH_FIELD_NUMBER: _ClassVar[int]
    LONGEST_LENGTH_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    QUARANTINE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    ROOM_LENGTH_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    parent_id: str
    prefix: str
    length: int
    purpose: str
    shortest_length: int
    longest_length: int
    lease_seconds: int
    quarantine_seconds: int
    strategy: Strategy
    room_length: int
    def __init__(self, pool_id: _Optional[str] = ..., parent_id: _Optional[str] = ..., prefix: _Optional[str] = ..., length: _Optional[int] = ..., purpose: _Optional[str] = ..., shortest_length: _Optional[int] = ..., longest_length: _Optional[int] = ..., lease_seconds: _Optional[int] = ..., quarantine_seconds: _Optional[int] = ..., strategy: _Optional[_Union[Strategy, str]] = ..., room_length: _Optional[int] = ...) -> None: ...

class CreatePoolResponse(_message.Message):
    __slots__ = ("pool",)
    POOL_FIELD_NUMBER: _ClassVar[int]
    pool: Pool
    def __init__(self, pool: _Optional[_Union[Pool, _Mapping]] = ...) -> None: ...

class GetPoolRequest(_message.Message):
    __slots__ = ("pool_id",)
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    def __init__(self, pool_id: _Optional[str] = ...) -> None: ...

class GetPoolResponse(_message.Message):
    __slots__ = ("pool", "utilisation")
    POOL_FIELD_NUMBER: _ClassVar[int]
    UTILISATION_FIELD_NUMBER: _ClassVar[int]
    pool: Pool
    utilisation: Utilisation
    def __init__(self, pool: _Optional[_Union[Pool, _Mapping]] = ..., utilisation: _Optional[_Union[Utilisation, _Mapping]] = ...) -> None: ...

class ListPoolsRequest(_message.Message):
    __slots__ = ("parent_id",)
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    parent_id: str
    def __init__(self, parent_id: _Optional[str] = ...) -> None: ...

class ListPoolsResponse(_message.Message):
    __slots__ = ("pools",)
    POOLS_FIELD_NUMBER: _ClassVar[int]
    pools: _containers.RepeatedCompositeFieldContainer[Pool]
    def __init__(self, pools: _Optional[_Iterable[_Union[Pool, _Mapping]]] = ...) -> None: ...

class DelegatePrefixRequest(_message.Message):
    __slots__ = ("pool_id", "length", "idempotency_key", "holder", "lease_seconds")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    length: int
    idempotency_key: str
    holder: str
    lease_seconds: int
    def __init__(self, pool_id: _Optional[str] = ..., length: _Optional[int] = ..., idempotency_key: _Optional[str] = ..., holder: _Optional[str] = ..., lease_seconds: _Optional[int] = ...) -> None: ...

class DelegatePrefixResponse(_message.Message):
    __slots__ = ("delegation", "repeated_call")
    DELEGATION_FIELD_NUMBER: _ClassVar[int]
    REPEATED_CALL_FIELD_NUMBER: _ClassVar[int]
    delegation: Delegation
    repeated_call: bool
    def __init__(self, delegation: _Optional[_Union[Delegation, _Mapping]] = ..., repeated_call: _Optional[bool] = ...) -> None: ...

class BatchDelegatePrefixesRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[DelegatePrefixRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[DelegatePrefixRequest, _Mapping]]] = ...) -> None: ...

class BatchDelegatePrefixesResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[DelegateResult]
    def __init__(self, results: _Optional[_Iterable[_Union[DelegateResult, _Mapping]]] = ...) -> None: ...

class DelegateResult(_message.Message):
    __slots__ = ("delegated", "refused")
    DELEGATED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    delegated: DelegatePrefixResponse
    refused: Refusal
    def __init__(self, delegated: _Optional[_Union[DelegatePrefixResponse, _Mapping]] = ..., refused: _Optional[_Union[Refusal, _Mapping]] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("reason", "detail")
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    reason: str
    detail: str
    def __init__(self, reason: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class SplitPoolRequest(_message.Message):
    __slots__ = ("pool_id", "other_pool_id")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    OTHER_POOL_ID_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    other_pool_id: str
    def __init__(self, pool_id: _Optional[str] = ..., other_pool_id: _Optional[str] = ...) -> None: ...

class SplitPoolResponse(_message.Message):
    __slots__ = ("lower", "upper")
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    lower: Pool
    upper: Pool
    def __init__(self, lower: _Optional[_Union[Pool, _Mapping]] = ..., upper: _Optional[_Union[Pool, _Mapping]] = ...) -> None: ...

class MergePoolsRequest(_message.Message):
    __slots__ = ("pool_id", "other_pool_id")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    OTHER_POOL_ID_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    other_pool_id: str
    def __init__(self, pool_id: _Optional[str] = ..., other_pool_id: _Optional[str] = ...) -> None: ...

class MergePoolsResponse(_message.Message):
    __slots__ = ("pool",)
    POOL_FIELD_NUMBER: _ClassVar[int]
    pool: Pool
    def __init__(self, pool: _Optional[_Union[Pool, _Mapping]] = ...) -> None: ...

class WithheldSpace(_message.Message):
    __slots__ = ("prefix", "holder", "reason", "delegation_id")
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DELEGATION_ID_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    holder: str
    reason: str
    delegation_id: int
    def __init__(self, prefix: _Optional[str] = ..., holder: _Optional[str] = ..., reason: _Optional[str] = ..., delegation_id: _Optional[int] = ...) -> None: ...

class WithholdSpaceRequest(_message.Message):
    __slots__ = ("pool_id", "prefix", "holder", "reason")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    prefix: str
    holder: str
    reason: str
    def __init__(self, pool_id: _Optional[str] = ..., prefix: _Optional[str] = ..., holder: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class WithholdSpaceResponse(_message.Message):
    __slots__ = ("space",)
    SPACE_FIELD_NUMBER: _ClassVar[int]
    space: WithheldSpace
    def __init__(self, space: _Optional[_Union[WithheldSpace, _Mapping]] = ...) -> None: ...

class OpenSpaceRequest(_message.Message):
    __slots__ = ("pool_id", "prefix")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    prefix: str
    def __init__(self, pool_id: _Optional[str] = ..., prefix: _Optional[str] = ...) -> None: ...

class OpenSpaceResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListWithheldSpaceRequest(_message.Message):
    __slots__ = ("pool_id",)
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    def __init__(self, pool_id: _Optional[str] = ...) -> None: ...

class ListWithheldSpaceResponse(_message.Message):
    __slots__ = ("spaces",)
    SPACES_FIELD_NUMBER: _ClassVar[int]
    spaces: _containers.RepeatedCompositeFieldContainer[WithheldSpace]
    def __init__(self, spaces: _Optional[_Iterable[_Union[WithheldSpace, _Mapping]]] = ...) -> None: ...

class BulkDelegatePrefixesRequest(_message.Message):
    __slots__ = ("pool_id", "length", "lease_seconds", "idempotency_keys", "holders")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEYS_FIELD_NUMBER: _ClassVar[int]
    HOLDERS_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    length: int
    lease_seconds: int
    idempotency_keys: _containers.RepeatedScalarFieldContainer[str]
    holders: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, pool_id: _Optional[str] = ..., length: _Optional[int] = ..., lease_seconds: _Optional[int] = ..., idempotency_keys: _Optional[_Iterable[str]] = ..., holders: _Optional[_Iterable[str]] = ...) -> None: ...

class BulkDelegatePrefixesResponse(_message.Message):
    __slots__ = ("delegation_ids", "networks", "expires", "repeated_calls", "refused")
    DELEGATION_IDS_FIELD_NUMBER: _ClassVar[int]
    NETWORKS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    REPEATED_CALLS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    delegation_ids: _containers.RepeatedScalarFieldContainer[int]
    networks: bytes
    expires: _containers.RepeatedScalarFieldContainer[int]
    repeated_calls: _containers.RepeatedScalarFieldContainer[int]
    refused: _containers.RepeatedCompositeFieldContainer[BulkRefusal]
    def __init__(self, delegation_ids: _Optional[_Iterable[int]] = ..., networks: _Optional[bytes] = ..., expires: _Optional[_Iterable[int]] = ..., repeated_calls: _Optional[_Iterable[int]] = ..., refused: _Optional[_Iterable[_Union[BulkRefusal, _Mapping]]] = ...) -> None: ...

class BulkRefusal(_message.Message):
    __slots__ = ("reason", "detail", "places")
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    PLACES_FIELD_NUMBER: _ClassVar[int]
    reason: str
    detail: str
    places: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, reason: _Optional[str] = ..., detail: _Optional[str] = ..., places: _Optional[_Iterable[int]] = ...) -> None: ...

class GrowDelegationRequest(_message.Message):
    __slots__ = ("delegation_id", "length", "expected_version")
    DELEGATION_ID_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    delegation_id: int
    length: int
    expected_version: int
    def __init__(self, delegation_id: _Optional[int] = ..., length: _Optional[int] = ..., expected_version: _Optional[int] = ...) -> None: ...

class GrowDelegationResponse(_message.Message):
    __slots__ = ("delegation",)
    DELEGATION_FIELD_NUMBER: _ClassVar[int]
    delegation: Delegation
    def __init__(self, delegation: _Optional[_Union[Delegation, _Mapping]] = ...) -> None: ...

class RenumberDelegationRequest(_message.Message):
    __slots__ = ("delegation_id", "idempotency_key", "overlap_seconds", "pool_id", "length", "lease_seconds", "expected_version")
    DELEGATION_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_SECONDS_FIELD_NUMBER: _ClassVar[int]
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    delegation_id: int
    idempotency_key: str
    overlap_seconds: int
    pool_id: str
    length: int
    lease_seconds: int
    expected_version: int
    def __init__(self, delegation_id: _Optional[int] = ..., idempotency_key: _Optional[str] = ..., overlap_seconds: _Optional[int] = ..., pool_id: _Optional[str] = ..., length: _Optional[int] = ..., lease_seconds: _Optional[int] = ..., expected_version: _Optional[int] = ...) -> None: ...

class RenumberDelegationResponse(_message.Message):
    __slots__ = ("old", "new", "repeated_call")
    OLD_FIELD_NUMBER: _ClassVar[int]
    NEW_FIELD_NUMBER: _ClassVar[int]
    REPEATED_CALL_FIELD_NUMBER: _ClassVar[int]
    old: Delegation
    new: Delegation
    repeated_call: bool
    def __init__(self, old: _Optional[_Union[Delegation, _Mapping]] = ..., new: _Optional[_Union[Delegation, _Mapping]] = ..., repeated_call: _Optional[bool] = ...) -> None: ...

class ReleaseDelegationRequest(_message.Message):
    __slots__ = ("delegation_id", "expected_version")
    DELEGATION_ID_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    delegation_id: int
    expected_version: int
    def __init__(self, delegation_id: _Optional[int] = ..., expected_version: _Optional[int] = ...) -> None: ...

class ReleaseDelegationResponse(_message.Message):
    __slots__ = ("delegation",)
    DELEGATION_FIELD_NUMBER: _ClassVar[int]
    delegation: Delegation
    def __init__(self, delegation: _Optional[_Union[Delegation, _Mapping]] = ...) -> None: ...

class RenewLeaseRequest(_message.Message):
    __slots__ = ("delegation_id", "lease_seconds", "expected_version")
    DELEGATION_ID_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    delegation_id: int
    lease_seconds: int
    expected_version: int
    def __init__(self, delegation_id: _Optional[int] = ..., lease_seconds: _Optional[int] = ..., expected_version: _Optional[int] = ...) -> None: ...

class RenewLeaseResponse(_message.Message):
    __slots__ = ("delegation",)
    DELEGATION_FIELD_NUMBER: _ClassVar[int]
    delegation: Delegation
    def __init__(self, delegation: _Optional[_Union[Delegation, _Mapping]] = ...) -> None: ...

class GetDelegationRequest(_message.Message):
    __slots__ = ("delegation_id",)
    DELEGATION_ID_FIELD_NUMBER: _ClassVar[int]
    delegation_id: int
    def __init__(self, delegation_id: _Optional[int] = ...) -> None: ...

class GetDelegationResponse(_message.Message):
    __slots__ = ("delegation", "can_grow_to", "successor_id")
    DELEGATION_FIELD_NUMBER: _ClassVar[int]
    CAN_GROW_TO_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_ID_FIELD_NUMBER: _ClassVar[int]
    delegation: Delegation
    can_grow_to: int
    successor_id: int
    def __init__(self, delegation: _Optional[_Union[Delegation, _Mapping]] = ..., can_grow_to: _Optional[int] = ..., successor_id: _Optional[int] = ...) -> None: ...

class ListDelegationsRequest(_message.Message):
    __slots__ = ("pool_id", "holder", "page_size", "page_token")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    holder: str
    page_size: int
    page_token: str
    def __init__(self, pool_id: _Optional[str] = ..., holder: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDelegationsResponse(_message.Message):
    __slots__ = ("delegations", "next_page_token")
    DELEGATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    delegations: _containers.RepeatedCompositeFieldContainer[Delegation]
    next_page_token: str
    def __init__(self, delegations: _Optional[_Iterable[_Union[Delegation, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class LookupAddressRequest(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: str
    def __init__(self, address: _Optional[str] = ...) -> None: ...

class LookupAddressResponse(_message.Message):
    __slots__ = ("pools", "delegation")
    POOLS_FIELD_NUMBER: _ClassVar[int]
    DELEGATION_FIELD_NUMBER: _ClassVar[int]
    pools: _containers.RepeatedCompositeFieldContainer[Pool]
    delegation: Delegation
    def __init__(self, pools: _Optional[_Iterable[_Union[Pool, _Mapping]]] = ..., delegation: _Optional[_Union[Delegation, _Mapping]] = ...) -> None: ...
