from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class GatewayPut(_message.Message):
    __slots__ = ("gateway", "profile", "time")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    profile: bytes
    time: int
    def __init__(self, gateway: _Optional[str] = ..., profile: _Optional[bytes] = ..., time: _Optional[int] = ...) -> None: ...

class GatewayRemoved(_message.Message):
    __slots__ = ("gateway", "time")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    time: int
    def __init__(self, gateway: _Optional[str] = ..., time: _Optional[int] = ...) -> None: ...

class GatewayComposed(_message.Message):
    __slots__ = ("gateway", "generation", "digest", "time")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    generation: int
    digest: bytes
    time: int
    def __init__(self, gateway: _Optional[str] = ..., generation: _Optional[int] = ..., digest: _Optional[bytes] = ..., time: _Optional[int] = ...) -> None: ...

class GatewayRecord(_message.Message):
    __slots__ = ("gateway", "profile", "generation", "digest", "put", "composed")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    PUT_FIELD_NUMBER: _ClassVar[int]
    COMPOSED_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    profile: bytes
    generation: int
    digest: bytes
    put: int
    composed: int
    def __init__(self, gateway: _Optional[str] = ..., profile: _Optional[bytes] = ..., generation: _Optional[int] = ..., digest: _Optional[bytes] = ..., put: _Optional[int] = ..., composed: _Optional[int] = ...) -> None: ...
