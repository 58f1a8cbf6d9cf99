import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SubscriberKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUBSCRIBER_KIND_UNSPECIFIED: _ClassVar[SubscriberKind]
    SUBSCRIBER_KIND_PERSON: _ClassVar[SubscriberKind]
    SUBSCRIBER_KIND_ORGANISATION: _ClassVar[SubscriberKind]

class TerminalClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TERMINAL_CLASS_UNSPECIFIED: _ClassVar[TerminalClass]
    TERMINAL_CLASS_PERSON: _ClassVar[TerminalClass]
    TERMINAL_CLASS_ENTERPRISE: _ClassVar[TerminalClass]
    TERMINAL_CLASS_HOME_GATEWAY: _ClassVar[TerminalClass]
    TERMINAL_CLASS_LTE: _ClassVar[TerminalClass]
    TERMINAL_CLASS_IOT: _ClassVar[TerminalClass]

class LifecycleState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LIFECYCLE_STATE_UNSPECIFIED: _ClassVar[LifecycleState]
    LIFECYCLE_STATE_ACTIVE: _ClassVar[LifecycleState]
    LIFECYCLE_STATE_SUSPENDED: _ClassVar[LifecycleState]
    LIFECYCLE_STATE_RETIRED: _ClassVar[LifecycleState]
SUBSCRIBER_KIND_UNSPECIFIED: SubscriberKind
SUBSCRIBER_KIND_PERSON: SubscriberKind
SUBSCRIBER_KIND_ORGANISATION: SubscriberKind
TERMINAL_CLASS_UNSPECIFIED: TerminalClass
TERMINAL_CLASS_PERSON: TerminalClass
TERMINAL_CLASS_ENTERPRISE: TerminalClass
TERMINAL_CLASS_HOME_GATEWAY: TerminalClass
TERMINAL_CLASS_LTE: TerminalClass
TERMINAL_CLASS_IOT: TerminalClass
LIFECYCLE_STATE_UNSPECIFIED: LifecycleState
LIFECYCLE_STATE_ACTIVE: LifecycleState
LIFECYCLE_STATE_SUSPENDED: LifecycleState
LIFECYCLE_STATE_RETIRED: LifecycleState

class Subscriber(_message.Message):
    __slots__ = ("subscriber", "kind", "state", "enrolled", "terminals")
    SUBSCRIBER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ENROLLED_FIELD_NUMBER: _ClassVar[int]
    TERMINALS_FIELD_NUMBER: _ClassVar[int]
    subscriber: str
    kind: SubscriberKind
    state: LifecycleState
    enrolled: _timestamp_pb2.Timestamp
    terminals: int
    def __init__(self, subscriber: _Optional[str] = ..., kind: _Optional[_Union[SubscriberKind, str]] = ..., state: _Optional[_Union[LifecycleState, str]] = ..., enrolled: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., terminals: _Optional[int] = ...) -> None: ...

class Terminal(_message.Message):
    __slots__ = ("terminal", "subscriber", "terminal_class", "state", "enrolled")
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBER_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_CLASS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ENROLLED_FIELD_NUMBER: _ClassVar[int]
    terminal: str
    subscriber: str
    terminal_class: TerminalClass
    state: LifecycleState
    enrolled: _timestamp_pb2.Timestamp
    def __init__(self, terminal: _Optional[str] = ..., subscriber: _Optional[str] = ..., terminal_class: _Optional[_Union[TerminalClass, str]] = ..., state: _Optional[_Union[LifecycleState, str]] = ..., enrolled: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Binding(_message.Message):
    __slots__ = ("binding_id", "terminal", "prefix", "port_first", "port_last", "gateway", "since")
    BINDING_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    PORT_FIRST_FIELD_NUMBER: _ClassVar[int]
    PORT_LAST_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    binding_id: int
    terminal: str
    prefix: str
    port_first: int
    port_last: int
    gateway: str
    since: _timestamp_pb2.Timestamp
    def __init__(self, binding_id: _Optional[int] = ..., terminal: _Optional[str] = ..., prefix: _Optional[str] = ..., port_first: _Optional[int] = ..., port_last: _Optional[int] = ..., gateway: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("reason", "detail")
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    reason: str
    detail: str
    def __init__(self, reason: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class EnrolSubscriberRequest(_message.Message):
    __slots__ = ("person_reference", "kind")
    PERSON_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    person_reference: str
    kind: SubscriberKind
    def __init__(self, person_reference: _Optional[str] = ..., kind: _Optional[_Union[SubscriberKind, str]] = ...) -> None: ...

class EnrolSubscriberResponse(_message.Message):
    __slots__ = ("subscriber", "repeated_call")
    SUBSCRIBER_FIELD_NUMBER: _ClassVar[int]
    REPEATED_CALL_FIELD_NUMBER: _ClassVar[int]
    subscriber: Subscriber
    repeated_call: bool
    def __init__(self, subscriber: _Optional[_Union[Subscriber, _Mapping]] = ..., repeated_call: _Optional[bool] = ...) -> None: ...

class BatchEnrolSubscribersRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[EnrolSubscriberRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[EnrolSubscriberRequest, _Mapping]]] = ...) -> None: ...

class BatchEnrolSubscribersResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[EnrolSubscriberResult]
    def __init__(self, results: _Optional[_Iterable[_Union[EnrolSubscriberResult, _Mapping]]] = ...) -> None: ...

class EnrolSubscriberResult(_message.Message):
    __slots__ = ("enrolled", "refused")
    ENROLLED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    enrolled: EnrolSubscriberResponse
    refused: Refusal
    def __init__(self, enrolled: _Optional[_Union[EnrolSubscriberResponse, _Mapping]] = ..., refused: _Optional[_Union[Refusal, _Mapping]] = ...) -> None: ...

class EnrolTerminalRequest(_message.Message):
    __slots__ = ("subscriber", "terminal_class", "hardware_reference")
    SUBSCRIBER_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_CLASS_FIELD_NUMBER: _ClassVar[int]
    HARDWARE_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    subscriber: str
    terminal_class: TerminalClass
    hardware_reference: str
    def __init__(self, subscriber: _Optional[str] = ..., terminal_class: _Optional[_Union[TerminalClass, str]] = ..., hardware_reference: _Optional[str] = ...) -> None: ...

class EnrolTerminalResponse(_message.Message):
    __slots__ = ("terminal", "repeated_call")
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    REPEATED_CALL_FIELD_NUMBER: _ClassVar[int]
    terminal: Terminal
    repeated_call: bool
    def __init__(self, terminal: _Optional[_Union[Terminal, _Mapping]] = ..., repeated_call: _Optional[bool] = ...) -> None: ...

class BatchEnrolTerminalsRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[EnrolTerminalRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[EnrolTerminalRequest, _Mapping]]] = ...) -> None: ...

class BatchEnrolTerminalsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[EnrolTerminalResult]
    def __init__(self, results: _Optional[_Iterable[_Union[EnrolTerminalResult, _Mapping]]] = ...) -> None: ...

class EnrolTerminalResult(_message.Message):
    __slots__ = ("enrolled", "refused")
    ENROLLED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    enrolled: EnrolTerminalResponse
    refused: Refusal
    def __init__(self, enrolled: _Optional[_Union[EnrolTerminalResponse, _Mapping]] = ..., refused: _Optional[_Union[Refusal, _Mapping]] = ...) -> None: ...

class GetSubscriberRequest(_message.Message):
    __slots__ = ("subscriber",)
    SUBSCRIBER_FIELD_NUMBER: _ClassVar[int]
    subscriber: str
    def __init__(self, subscriber: _Optional[str] = ...) -> None: ...

class GetSubscriberResponse(_message.Message):
    __slots__ = ("subscriber",)
    SUBSCRIBER_FIELD_NUMBER: _ClassVar[int]
    subscriber: Subscriber
    def __init__(self, subscriber: _Optional[_Union[Subscriber, _Mapping]] = ...) -> None: ...

class GetTerminalRequest(_message.Message):
    __slots__ = ("terminal",)
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    terminal: str
    def __init__(self, terminal: _Optional[str] = ...) -> None: ...

class GetTerminalResponse(_message.Message):
    __slots__ = ("terminal",)
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    terminal: Terminal
    def __init__(self, terminal: _Optional[_Union[Terminal, _Mapping]] = ...) -> None: ...

class LookupTerminalRequest(_message.Message):
    __slots__ = ("address", "port")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    address: str
    port: int
    def __init__(self, address: _Optional[str] = ..., port: _Optional[int] = ...) -> None: ...

class LookupTerminalResponse(_message.Message):
    __slots__ = ("terminal", "binding")
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    BINDING_FIELD_NUMBER: _ClassVar[int]
    terminal: Terminal
    binding: Binding
    def __init__(self, terminal: _Optional[_Union[Terminal, _Mapping]] = ..., binding: _Optional[_Union[Binding, _Mapping]] = ...) -> None: ...

class SuspendRequest(_message.Message):
    __slots__ = ("pseudonym", "reason")
    PSEUDONYM_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    pseudonym: str
    reason: str
    def __init__(self, pseudonym: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class SuspendResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: LifecycleState
    def __init__(self, state: _Optional[_Union[LifecycleState, str]] = ...) -> None: ...

class ResumeRequest(_message.Message):
    __slots__ = ("pseudonym", "reason")
    PSEUDONYM_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    pseudonym: str
    reason: str
    def __init__(self, pseudonym: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ResumeResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: LifecycleState
    def __init__(self, state: _Optional[_Union[LifecycleState, str]] = ...) -> None: ...

class RetireRequest(_message.Message):
    __slots__ = ("pseudonym", "reason")
    PSEUDONYM_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    pseudonym: str
    reason: str
    def __init__(self, pseudonym: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RetireResponse(_message.Message):
    __slots__ = ("state", "released_bindings")
    STATE_FIELD_NUMBER: _ClassVar[int]
    RELEASED_BINDINGS_FIELD_NUMBER: _ClassVar[int]
    state: LifecycleState
    released_bindings: int
    def __init__(self, state: _Optional[_Union[LifecycleState, str]] = ..., released_bindings: _Optional[int] = ...) -> None: ...

class BindAddressRequest(_message.Message):
    __slots__ = ("terminal", "prefix", "port_first", "port_last", "gateway", "idempotency_key")
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    PORT_FIRST_FIELD_NUMBER: _ClassVar[int]
    PORT_LAST_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    terminal: str
    prefix: str
    port_first: int
    port_last: int
    gateway: str
    idempotency_key: str
    def __init__(self, terminal: _Optional[str] = ..., prefix: _Optional[str] = ..., port_first: _Optional[int] = ..., port_last: _Optional[int] = ..., gateway: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class BindAddressResponse(_message.Message):
    __slots__ = ("binding", "repeated_call")
    BINDING_FIELD_NUMBER: _ClassVar[int]
    REPEATED_CALL_FIELD_NUMBER: _ClassVar[int]
    binding: Binding
    repeated_call: bool
    def __init__(self, binding: _Optional[_Union[Binding, _Mapping]] = ..., repeated_call: _Optional[bool] = ...) -> None: ...

class BatchBindAddressesRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[BindAddressRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[BindAddressRequest, _Mapping]]] = ...) -> None: ...

class BatchBindAddressesResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[BindAddressResult]
    def __init__(self, results: _Optional[_Iterable[_Union[BindAddressResult, _Mapping]]] = ...) -> None: ...

class BindAddressResult(_message.Message):
    __slots__ = ("bound", "refused")
    BOUND_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    bound: BindAddressResponse
    refused: Refusal
    def __init__(self, bound: _Optional[_Union[BindAddressResponse, _Mapping]] = ..., refused: _Optional[_Union[Refusal, _Mapping]] = ...) -> None: ...

class ReleaseBindingRequest(_message.Message):
    __slots__ = ("binding_id",)
    BINDING_ID_FIELD_NUMBER: _ClassVar[int]
    binding_id: int
    def __init__(self, binding_id: _Optional[int] = ...) -> None: ...

class ReleaseBindingResponse(_message.Message):
    __slots__ = ("until",)
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    until: _timestamp_pb2.Timestamp
    def __init__(self, until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListBindingsRequest(_message.Message):
    __slots__ = ("terminal",)
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    terminal: str
    def __init__(self, terminal: _Optional[str] = ...) -> None: ...

class ListBindingsResponse(_message.Message):
    __slots__ = ("bindings",)
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    bindings: _containers.RepeatedCompositeFieldContainer[Binding]
    def __init__(self, bindings: _Optional[_Iterable[_Union[Binding, _Mapping]]] = ...) -> None: ...
