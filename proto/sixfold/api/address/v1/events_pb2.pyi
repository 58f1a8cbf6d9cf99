from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PoolCreated(_message.Message):
    __slots__ = ("pool_id", "parent_id", "network", "length", "purpose", "shortest", "longest", "lease_seconds", "quarantine_seconds", "strategy", "time", "room")
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
    ROOM_FIELD_NUMBER: _ClassVar[int]
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
    room: int
    def __init__(self, pool_id: _Optional[str] = ..., parent_id: _Optional[str] = ..., network: _Optional[bytes] = ..., length: _Optional[int] = ..., purpose: _Optional[str] = ..., shortest: _Optional[int] = ..., longest: _Optional[int] = ..., lease_seconds: _Optional[int] = ..., quarantine_seconds: _Optional[int] = ..., strategy: _Optional[str] = ..., time: _Optional[int] = ..., room: _Optional[int] = ...) -> None: ...

class PoolSplit(_message.Message):
    __slots__ = ("pool_id", "other_id", "time")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    OTHER_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    other_id: str
    time: int
    def __init__(self, pool_id: _Optional[str] = ..., other_id: _Optional[str] = ..., time: _Optional[int] = ...) -> None: ...

class PoolsMerged(_message.Message):
    __slots__ = ("pool_id", "other_id", "time")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    OTHER_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    other_id: str
    time: int
    def __init__(self, pool_id: _Optional[str] = ..., other_id: _Optional[str] = ..., time: _Optional[int] = ...) -> None: ...

class SpaceWithheld(_message.Message):
    __slots__ = ("pool_id", "network", "length", "holder", "reason", "time")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    network: bytes
    length: int
    holder: str
    reason: str
    time: int
    def __init__(self, pool_id: _Optional[str] = ..., network: _Optional[bytes] = ..., length: _Optional[int] = ..., holder: _Optional[str] = ..., reason: _Optional[str] = ..., time: _Optional[int] = ...) -> None: ...

class SpaceOpened(_message.Message):
    __slots__ = ("pool_id", "network", "length", "time")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    network: bytes
    length: int
    time: int
    def __init__(self, pool_id: _Optional[str] = ..., network: _Optional[bytes] = ..., length: _Optional[int] = ..., time: _Optional[int] = ...) -> None: ...

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
    __slots__ = ("pool_id", "time", "grants", "first_id", "length", "networks", "keys", "holders", "expires")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    FIRST_ID_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    NETWORKS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    HOLDERS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    time: int
    grants: _containers.RepeatedCompositeFieldContainer[Grant]
    first_id: int
    length: int
    networks: bytes
    keys: bytes
    holders: _containers.RepeatedScalarFieldContainer[str]
    expires: int
    def __init__(self, pool_id: _Optional[str] = ..., time: _Optional[int] = ..., grants: _Optional[_Iterable[_Union[Grant, _Mapping]]] = ..., first_id: _Optional[int] = ..., length: _Optional[int] = ..., networks: _Optional[bytes] = ..., keys: _Optional[bytes] = ..., holders: _Optional[_Iterable[str]] = ..., expires: _Optional[int] = ...) -> None: ...

class DelegationGrown(_message.Message):
    __slots__ = ("delegation_id", "network", "length", "time")
    DELEGATION_ID_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    delegation_id: int
    network: bytes
    length: int
    time: int
    def __init__(self, delegation_id: _Optional[int] = ..., network: _Optional[bytes] = ..., length: _Optional[int] = ..., time: _Optional[int] = ...) -> None: ...

class DelegationRenumbered(_message.Message):
    __slots__ = ("delegation_id", "successor_id", "pool_id", "network", "length", "holder", "key", "expires", "old_expires", "time")
    DELEGATION_ID_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_ID_FIELD_NUMBER: _ClassVar[int]
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    OLD_EXPIRES_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    delegation_id: int
    successor_id: int
    pool_id: str
    network: bytes
    length: int
    holder: str
    key: bytes
    expires: int
    old_expires: int
    time: int
    def __init__(self, delegation_id: _Optional[int] = ..., successor_id: _Optional[int] = ..., pool_id: _Optional[str] = ..., network: _Optional[bytes] = ..., length: _Optional[int] = ..., holder: _Optional[str] = ..., key: _Optional[bytes] = ..., expires: _Optional[int] = ..., old_expires: _Optional[int] = ..., time: _Optional[int] = ...) -> None: ...

class LeaseRenewed(_message.Message):
    __slots__ = ("delegation_id", "expires", "time")
    DELEGATION_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    delegation_id: int
    expires: int
    time: int
    def __init__(self, delegation_id: _Optional[int] = ..., expires: _Optional[int] = ..., time: _Optional[int] = ...) -> None: ...

class LeasesRenewed(_message.Message):
    __slots__ = ("delegation_ids", "expires", "time")
    DELEGATION_IDS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    delegation_ids: _containers.RepeatedScalarFieldContainer[int]
    expires: int
    time: int
    def __init__(self, delegation_ids: _Optional[_Iterable[int]] = ..., expires: _Optional[int] = ..., time: _Optional[int] = ...) -> None: ...

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

class AnomalySeen(_message.Message):
    __slots__ = ("pool_id", "kind", "detail", "measure", "usual", "time")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    USUAL_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    kind: str
    detail: str
    measure: float
    usual: float
    time: int
    def __init__(self, pool_id: _Optional[str] = ..., kind: _Optional[str] = ..., detail: _Optional[str] = ..., measure: _Optional[float] = ..., usual: _Optional[float] = ..., time: _Optional[int] = ...) -> None: ...
