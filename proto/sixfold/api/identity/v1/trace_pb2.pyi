from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TraceState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRACE_STATE_UNSPECIFIED: _ClassVar[TraceState]
    TRACE_STATE_WAITING: _ClassVar[TraceState]
    TRACE_STATE_APPROVED: _ClassVar[TraceState]
    TRACE_STATE_REFUSED: _ClassVar[TraceState]
    TRACE_STATE_ANSWERED: _ClassVar[TraceState]

class TraceOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRACE_OUTCOME_UNSPECIFIED: _ClassVar[TraceOutcome]
    TRACE_OUTCOME_SUBSCRIBER: _ClassVar[TraceOutcome]
    TRACE_OUTCOME_AMBIGUOUS: _ClassVar[TraceOutcome]
    TRACE_OUTCOME_UNKNOWN: _ClassVar[TraceOutcome]
    TRACE_OUTCOME_REFUSED: _ClassVar[TraceOutcome]
TRACE_STATE_UNSPECIFIED: TraceState
TRACE_STATE_WAITING: TraceState
TRACE_STATE_APPROVED: TraceState
TRACE_STATE_REFUSED: TraceState
TRACE_STATE_ANSWERED: TraceState
TRACE_OUTCOME_UNSPECIFIED: TraceOutcome
TRACE_OUTCOME_SUBSCRIBER: TraceOutcome
TRACE_OUTCOME_AMBIGUOUS: TraceOutcome
TRACE_OUTCOME_UNKNOWN: TraceOutcome
TRACE_OUTCOME_REFUSED: TraceOutcome

class Signed(_message.Message):
    __slots__ = ("officer", "statement", "signature")
    OFFICER_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    officer: str
    statement: bytes
    signature: bytes
    def __init__(self, officer: _Optional[str] = ..., statement: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class CaseScope(_message.Message):
    __slots__ = ("prefixes", "not_before", "not_after", "max_questions", "persons")
    PREFIXES_FIELD_NUMBER: _ClassVar[int]
    NOT_BEFORE_FIELD_NUMBER: _ClassVar[int]
    NOT_AFTER_FIELD_NUMBER: _ClassVar[int]
    MAX_QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    PERSONS_FIELD_NUMBER: _ClassVar[int]
    prefixes: _containers.RepeatedScalarFieldContainer[str]
    not_before: int
    not_after: int
    max_questions: int
    persons: bool
    def __init__(self, prefixes: _Optional[_Iterable[str]] = ..., not_before: _Optional[int] = ..., not_after: _Optional[int] = ..., max_questions: _Optional[int] = ..., persons: _Optional[bool] = ...) -> None: ...

class CaseStatement(_message.Message):
    __slots__ = ("made", "nonce", "case_number", "purpose", "scope", "expires")
    MADE_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    CASE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    made: int
    nonce: bytes
    case_number: str
    purpose: str
    scope: CaseScope
    expires: int
    def __init__(self, made: _Optional[int] = ..., nonce: _Optional[bytes] = ..., case_number: _Optional[str] = ..., purpose: _Optional[str] = ..., scope: _Optional[_Union[CaseScope, _Mapping]] = ..., expires: _Optional[int] = ...) -> None: ...

class Question(_message.Message):
    __slots__ = ("address", "port", "protocol", "time", "destination_address", "destination_port", "clock_tolerance")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_PORT_FIELD_NUMBER: _ClassVar[int]
    CLOCK_TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    address: str
    port: int
    protocol: int
    time: int
    destination_address: str
    destination_port: int
    clock_tolerance: int
    def __init__(self, address: _Optional[str] = ..., port: _Optional[int] = ..., protocol: _Optional[int] = ..., time: _Optional[int] = ..., destination_address: _Optional[str] = ..., destination_port: _Optional[int] = ..., clock_tolerance: _Optional[int] = ...) -> None: ...

class TraceStatement(_message.Message):
    __slots__ = ("made", "nonce", "case_number", "questions")
    MADE_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    CASE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    made: int
    nonce: bytes
    case_number: str
    questions: _containers.RepeatedCompositeFieldContainer[Question]
    def __init__(self, made: _Optional[int] = ..., nonce: _Optional[bytes] = ..., case_number: _Optional[str] = ..., questions: _Optional[_Iterable[_Union[Question, _Mapping]]] = ...) -> None: ...

class PersonStatement(_message.Message):
    __slots__ = ("made", "nonce", "case_number", "trace_id", "subscriber", "purpose")
    MADE_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    CASE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBER_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    made: int
    nonce: bytes
    case_number: str
    trace_id: str
    subscriber: str
    purpose: str
    def __init__(self, made: _Optional[int] = ..., nonce: _Optional[bytes] = ..., case_number: _Optional[str] = ..., trace_id: _Optional[str] = ..., subscriber: _Optional[str] = ..., purpose: _Optional[str] = ...) -> None: ...

class ApprovalStatement(_message.Message):
    __slots__ = ("made", "nonce", "trace_id", "question_hash", "approved", "expires", "reason")
    MADE_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    QUESTION_HASH_FIELD_NUMBER: _ClassVar[int]
    APPROVED_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    made: int
    nonce: bytes
    trace_id: str
    question_hash: bytes
    approved: bool
    expires: int
    reason: str
    def __init__(self, made: _Optional[int] = ..., nonce: _Optional[bytes] = ..., trace_id: _Optional[str] = ..., question_hash: _Optional[bytes] = ..., approved: _Optional[bool] = ..., expires: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class ErasureStatement(_message.Message):
    __slots__ = ("made", "nonce", "subscriber", "reason")
    MADE_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    made: int
    nonce: bytes
    subscriber: str
    reason: str
    def __init__(self, made: _Optional[int] = ..., nonce: _Optional[bytes] = ..., subscriber: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ReadStatement(_message.Message):
    __slots__ = ("made", "nonce", "trace_id")
    MADE_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    made: int
    nonce: bytes
    trace_id: str
    def __init__(self, made: _Optional[int] = ..., nonce: _Optional[bytes] = ..., trace_id: _Optional[str] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("outcome", "subscriber", "path", "reason")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBER_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    outcome: TraceOutcome
    subscriber: str
    path: str
    reason: str
    def __init__(self, outcome: _Optional[_Union[TraceOutcome, str]] = ..., subscriber: _Optional[str] = ..., path: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class OpenCaseRequest(_message.Message):
    __slots__ = ("signed",)
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    signed: Signed
    def __init__(self, signed: _Optional[_Union[Signed, _Mapping]] = ...) -> None: ...

class OpenCaseResponse(_message.Message):
    __slots__ = ("case_number", "expires")
    CASE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    case_number: str
    expires: int
    def __init__(self, case_number: _Optional[str] = ..., expires: _Optional[int] = ...) -> None: ...

class RequestTraceRequest(_message.Message):
    __slots__ = ("signed",)
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    signed: Signed
    def __init__(self, signed: _Optional[_Union[Signed, _Mapping]] = ...) -> None: ...

class RequestTraceResponse(_message.Message):
    __slots__ = ("trace_id", "question_hash")
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    QUESTION_HASH_FIELD_NUMBER: _ClassVar[int]
    trace_id: str
    question_hash: bytes
    def __init__(self, trace_id: _Optional[str] = ..., question_hash: _Optional[bytes] = ...) -> None: ...

class RequestPersonRequest(_message.Message):
    __slots__ = ("signed",)
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    signed: Signed
    def __init__(self, signed: _Optional[_Union[Signed, _Mapping]] = ...) -> None: ...

class RequestPersonResponse(_message.Message):
    __slots__ = ("trace_id", "question_hash")
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    QUESTION_HASH_FIELD_NUMBER: _ClassVar[int]
    trace_id: str
    question_hash: bytes
    def __init__(self, trace_id: _Optional[str] = ..., question_hash: _Optional[bytes] = ...) -> None: ...

class GetWaitingRequest(_message.Message):
    __slots__ = ("signed",)
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    signed: Signed
    def __init__(self, signed: _Optional[_Union[Signed, _Mapping]] = ...) -> None: ...

class GetWaitingResponse(_message.Message):
    __slots__ = ("signed", "rpc", "state")
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    RPC_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    signed: Signed
    rpc: str
    state: TraceState
    def __init__(self, signed: _Optional[_Union[Signed, _Mapping]] = ..., rpc: _Optional[str] = ..., state: _Optional[_Union[TraceState, str]] = ...) -> None: ...

class ApproveTraceRequest(_message.Message):
    __slots__ = ("signed",)
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    signed: Signed
    def __init__(self, signed: _Optional[_Union[Signed, _Mapping]] = ...) -> None: ...

class ApproveTraceResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: TraceState
    def __init__(self, state: _Optional[_Union[TraceState, str]] = ...) -> None: ...

class ApprovePersonRequest(_message.Message):
    __slots__ = ("signed",)
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    signed: Signed
    def __init__(self, signed: _Optional[_Union[Signed, _Mapping]] = ...) -> None: ...

class ApprovePersonResponse(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: TraceState
    def __init__(self, state: _Optional[_Union[TraceState, str]] = ...) -> None: ...

class GetAnswerRequest(_message.Message):
    __slots__ = ("signed",)
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    signed: Signed
    def __init__(self, signed: _Optional[_Union[Signed, _Mapping]] = ...) -> None: ...

class GetAnswerResponse(_message.Message):
    __slots__ = ("answers", "audit_index")
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    AUDIT_INDEX_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[Answer]
    audit_index: int
    def __init__(self, answers: _Optional[_Iterable[_Union[Answer, _Mapping]]] = ..., audit_index: _Optional[int] = ...) -> None: ...

class ResolvePersonRequest(_message.Message):
    __slots__ = ("signed",)
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    signed: Signed
    def __init__(self, signed: _Optional[_Union[Signed, _Mapping]] = ...) -> None: ...

class ResolvePersonResponse(_message.Message):
    __slots__ = ("person_reference", "audit_index")
    PERSON_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    AUDIT_INDEX_FIELD_NUMBER: _ClassVar[int]
    person_reference: str
    audit_index: int
    def __init__(self, person_reference: _Optional[str] = ..., audit_index: _Optional[int] = ...) -> None: ...

class ErasePersonRequest(_message.Message):
    __slots__ = ("signed",)
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    signed: Signed
    def __init__(self, signed: _Optional[_Union[Signed, _Mapping]] = ...) -> None: ...

class ErasePersonResponse(_message.Message):
    __slots__ = ("erased", "audit_index")
    ERASED_FIELD_NUMBER: _ClassVar[int]
    AUDIT_INDEX_FIELD_NUMBER: _ClassVar[int]
    erased: bool
    audit_index: int
    def __init__(self, erased: _Optional[bool] = ..., audit_index: _Optional[int] = ...) -> None: ...

class IssueInterfaceIdentifierRequest(_message.Message):
    __slots__ = ("network", "pseudonym")
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    PSEUDONYM_FIELD_NUMBER: _ClassVar[int]
    network: str
    pseudonym: str
    def __init__(self, network: _Optional[str] = ..., pseudonym: _Optional[str] = ...) -> None: ...

class IssueInterfaceIdentifierResponse(_message.Message):
    __slots__ = ("address", "interface_identifier", "valid_until")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    INTERFACE_IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    address: str
    interface_identifier: int
    valid_until: int
    def __init__(self, address: _Optional[str] = ..., interface_identifier: _Optional[int] = ..., valid_until: _Optional[int] = ...) -> None: ...
