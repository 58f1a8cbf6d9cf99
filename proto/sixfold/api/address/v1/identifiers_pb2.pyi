from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class AssignOpaqueIdentifierRequest(_message.Message):
    __slots__ = ("network", "terminal", "interface", "dad_counter")
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    INTERFACE_FIELD_NUMBER: _ClassVar[int]
    DAD_COUNTER_FIELD_NUMBER: _ClassVar[int]
    network: str
    terminal: str
    interface: str
    dad_counter: int
    def __init__(self, network: _Optional[str] = ..., terminal: _Optional[str] = ..., interface: _Optional[str] = ..., dad_counter: _Optional[int] = ...) -> None: ...

class AssignOpaqueIdentifierResponse(_message.Message):
    __slots__ = ("address", "interface_identifier", "dad_counter")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    INTERFACE_IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    DAD_COUNTER_FIELD_NUMBER: _ClassVar[int]
    address: str
    interface_identifier: int
    dad_counter: int
    def __init__(self, address: _Optional[str] = ..., interface_identifier: _Optional[int] = ..., dad_counter: _Optional[int] = ...) -> None: ...
