from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BindingColumns(_message.Message):
    __slots__ = ("holder", "network", "length", "port_first", "port_last", "number", "since", "until", "gateway")
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    PORT_FIRST_FIELD_NUMBER: _ClassVar[int]
    PORT_LAST_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    holder: bytes
    network: bytes
    length: bytes
    port_first: bytes
    port_last: bytes
    number: bytes
    since: bytes
    until: bytes
    gateway: bytes
    def __init__(self, holder: _Optional[bytes] = ..., network: _Optional[bytes] = ..., length: _Optional[bytes] = ..., port_first: _Optional[bytes] = ..., port_last: _Optional[bytes] = ..., number: _Optional[bytes] = ..., since: _Optional[bytes] = ..., until: _Optional[bytes] = ..., gateway: _Optional[bytes] = ...) -> None: ...

class LogBindingsRequest(_message.Message):
    __slots__ = ("source", "batch", "holders", "gateways", "columns")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    HOLDERS_FIELD_NUMBER: _ClassVar[int]
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    source: str
    batch: str
    holders: _containers.RepeatedScalarFieldContainer[str]
    gateways: _containers.RepeatedScalarFieldContainer[str]
    columns: BindingColumns
    def __init__(self, source: _Optional[str] = ..., batch: _Optional[str] = ..., holders: _Optional[_Iterable[str]] = ..., gateways: _Optional[_Iterable[str]] = ..., columns: _Optional[_Union[BindingColumns, _Mapping]] = ...) -> None: ...

class LogBindingsResponse(_message.Message):
    __slots__ = ("logged", "refused", "repeated_call")
    class RefusedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    LOGGED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    REPEATED_CALL_FIELD_NUMBER: _ClassVar[int]
    logged: int
    refused: _containers.ScalarMap[str, int]
    repeated_call: bool
    def __init__(self, logged: _Optional[int] = ..., refused: _Optional[_Mapping[str, int]] = ..., repeated_call: _Optional[bool] = ...) -> None: ...
