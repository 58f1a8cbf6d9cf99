import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Session(_message.Message):
    __slots__ = ("key", "access_server", "session_id", "terminal", "gateway", "since", "prefixes")
    KEY_FIELD_NUMBER: _ClassVar[int]
    ACCESS_SERVER_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    PREFIXES_FIELD_NUMBER: _ClassVar[int]
    key: str
    access_server: str
    session_id: str
    terminal: str
    gateway: str
    since: _timestamp_pb2.Timestamp
    prefixes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, key: _Optional[str] = ..., access_server: _Optional[str] = ..., session_id: _Optional[str] = ..., terminal: _Optional[str] = ..., gateway: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., prefixes: _Optional[_Iterable[str]] = ...) -> None: ...

class ListSessionsRequest(_message.Message):
    __slots__ = ("terminal", "subscriber", "access_server", "page_size", "page_token")
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBER_FIELD_NUMBER: _ClassVar[int]
    ACCESS_SERVER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    terminal: str
    subscriber: str
    access_server: str
    page_size: int
    page_token: str
    def __init__(self, terminal: _Optional[str] = ..., subscriber: _Optional[str] = ..., access_server: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSessionsResponse(_message.Message):
    __slots__ = ("sessions", "next_page_token")
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[Session]
    next_page_token: str
    def __init__(self, sessions: _Optional[_Iterable[_Union[Session, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DisconnectSessionRequest(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: str
    def __init__(self, key: _Optional[str] = ...) -> None: ...

class DisconnectSessionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AccessServer(_message.Message):
    __slots__ = ("name", "prefix", "gateway", "sessions")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    prefix: str
    gateway: str
    sessions: int
    def __init__(self, name: _Optional[str] = ..., prefix: _Optional[str] = ..., gateway: _Optional[str] = ..., sessions: _Optional[int] = ...) -> None: ...

class ListAccessServersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListAccessServersResponse(_message.Message):
    __slots__ = ("access_servers",)
    ACCESS_SERVERS_FIELD_NUMBER: _ClassVar[int]
    access_servers: _containers.RepeatedCompositeFieldContainer[AccessServer]
    def __init__(self, access_servers: _Optional[_Iterable[_Union[AccessServer, _Mapping]]] = ...) -> None: ...
