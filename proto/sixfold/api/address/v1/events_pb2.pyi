from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PoolCreated(_message.Message):
    __slots__ = ("pool_id", "parent_id", "network", "length", "purpose", "shortest", "longest", "lease_seconds", "quarantine_seconds", "strategy", "time")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    SHORTEST_FIELD_NUMBER: _ClassVar[int]
    LONGEST_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    QUARANTINE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    parent_id: str
    network: bytes
    length: int
    purpose: str
    shortest: int
    longest: int
    lease_seconds: int
    quarantine_seconds: int
    strategy: str
    time: int
    def __init__(self, pool_id: _Optional[str] = ..., parent_id: _Optional[str] = ..., network: _Optional[bytes] = ..., length: _Optional[int] = ..., purpose: _Optional[str] = ..., shortest: _Optional[int] = ..., longest: _Optional[int] = ..., lease_seconds: _Optional[int] = ..., quarantine_seconds: _Optional[int] = ..., strategy: _Optional[str] = ..., time: _Optional[int] = ...) -> None: ...

class Grant(_message.Message):
    __slots__ = ("delegation_id", "network", "length", "holder", "key", "expires")
    DELEGATION_ID_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    delegation_id: int
    network: bytes
    length: int
    holder: str
    key: str
    expires: int
    def __init__(self, delegation_id: _Optional[int] = ..., network: _Optional[bytes] = ..., length: _Optional[int] = ..., holder: _Optional[str] = ..., key: _Optional[str] = ..., expires: _Optional[int] = ...) -> None: ...

class PrefixesDelegated(_message.Message):
    __slots__ = ("pool_id", "time", "grants")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    time: int
    grants: _containers.RepeatedCompositeFieldContainer[Grant]
    def __init__(self, pool_id: _Optional[str] = ..., time: _Optional[int] = ..., grants: _Optional[_Iterable[_Union[Grant, _Mapping]]] = ...) -> None: ...

class LeaseRenewed(_message.Message):
    __slots__ = ("delegation_id", "expires", "time")
    DELEGATION_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    delegation_id: int
    expires: int
    time: int
    def __init__(self, delegation_id: _Optional[int] = ..., expires: _Optional[int] = ..., time: _Optional[int] = ...) -> None: ...

class DelegationsReleased(_message.Message):
    __slots__ = ("delegation_ids", "time")
    DELEGATION_IDS_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    delegation_ids: _containers.RepeatedScalarFieldContainer[int]
    time: int
    def __init__(self, delegation_ids: _Optional[_Iterable[int]] = ..., time: _Optional[int] = ...) -> None: ...

class LeasesExpired(_message.Message):
    __slots__ = ("delegation_ids", "time")
    DELEGATION_IDS_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    delegation_ids: _containers.RepeatedScalarFieldContainer[int]
    time: int
    def __init__(self, delegation_ids: _Optional[_Iterable[int]] = ..., time: _Optional[int] = ...) -> None: ...

class PrefixesReturned(_message.Message):
    __slots__ = ("delegation_ids", "time")
    DELEGATION_IDS_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    delegation_ids: _containers.RepeatedScalarFieldContainer[int]
    time: int
    def __init__(self, delegation_ids: _Optional[_Iterable[int]] = ..., time: _Optional[int] = ...) -> None: ...
