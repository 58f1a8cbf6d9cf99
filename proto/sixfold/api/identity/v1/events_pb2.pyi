from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SubscriberEnrolled(_message.Message):
    __slots__ = ("subscriber", "kind", "time")
    SUBSCRIBER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    subscriber: str
    kind: str
    time: int
    def __init__(self, subscriber: _Optional[str] = ..., kind: _Optional[str] = ..., time: _Optional[int] = ...) -> None: ...

class TerminalEnrolled(_message.Message):
    __slots__ = ("terminal", "subscriber", "terminal_class", "time")
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBER_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_CLASS_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    terminal: str
    subscriber: str
    terminal_class: str
    time: int
    def __init__(self, terminal: _Optional[str] = ..., subscriber: _Optional[str] = ..., terminal_class: _Optional[str] = ..., time: _Optional[int] = ...) -> None: ...

class LifecycleChanged(_message.Message):
    __slots__ = ("pseudonym", "state", "reason", "time")
    PSEUDONYM_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    pseudonym: str
    state: str
    reason: str
    time: int
    def __init__(self, pseudonym: _Optional[str] = ..., state: _Optional[str] = ..., reason: _Optional[str] = ..., time: _Optional[int] = ...) -> None: ...

class Bound(_message.Message):
    __slots__ = ("binding_id", "terminal", "network", "length", "port_first", "port_last", "gateway", "since", "key")
    BINDING_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    PORT_FIRST_FIELD_NUMBER: _ClassVar[int]
    PORT_LAST_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    binding_id: int
    terminal: str
    network: bytes
    length: int
    port_first: int
    port_last: int
    gateway: str
    since: int
    key: str
    def __init__(self, binding_id: _Optional[int] = ..., terminal: _Optional[str] = ..., network: _Optional[bytes] = ..., length: _Optional[int] = ..., port_first: _Optional[int] = ..., port_last: _Optional[int] = ..., gateway: _Optional[str] = ..., since: _Optional[int] = ..., key: _Optional[str] = ...) -> None: ...

class AddressesBound(_message.Message):
    __slots__ = ("bindings",)
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    bindings: _containers.RepeatedCompositeFieldContainer[Bound]
    def __init__(self, bindings: _Optional[_Iterable[_Union[Bound, _Mapping]]] = ...) -> None: ...

class Unbound(_message.Message):
    __slots__ = ("binding_id", "until", "terminal", "network", "length", "port_first", "port_last", "gateway", "since")
    BINDING_ID_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    PORT_FIRST_FIELD_NUMBER: _ClassVar[int]
    PORT_LAST_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    binding_id: int
    until: int
    terminal: str
    network: bytes
    length: int
    port_first: int
    port_last: int
    gateway: str
    since: int
    def __init__(self, binding_id: _Optional[int] = ..., until: _Optional[int] = ..., terminal: _Optional[str] = ..., network: _Optional[bytes] = ..., length: _Optional[int] = ..., port_first: _Optional[int] = ..., port_last: _Optional[int] = ..., gateway: _Optional[str] = ..., since: _Optional[int] = ...) -> None: ...

class BindingsReleased(_message.Message):
    __slots__ = ("bindings", "cause")
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    bindings: _containers.RepeatedCompositeFieldContainer[Unbound]
    cause: str
    def __init__(self, bindings: _Optional[_Iterable[_Union[Unbound, _Mapping]]] = ..., cause: _Optional[str] = ...) -> None: ...

class BindingsLogged(_message.Message):
    __slots__ = ("source", "holders", "gateways", "rows", "time", "holder", "network", "length", "port_first", "port_last", "number", "since", "until", "gateway")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    HOLDERS_FIELD_NUMBER: _ClassVar[int]
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    PORT_FIRST_FIELD_NUMBER: _ClassVar[int]
    PORT_LAST_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    source: str
    holders: _containers.RepeatedScalarFieldContainer[str]
    gateways: _containers.RepeatedScalarFieldContainer[str]
    rows: int
    time: int
    holder: bytes
    network: bytes
    length: bytes
    port_first: bytes
    port_last: bytes
    number: bytes
    since: bytes
    until: bytes
    gateway: bytes
    def __init__(self, source: _Optional[str] = ..., holders: _Optional[_Iterable[str]] = ..., gateways: _Optional[_Iterable[str]] = ..., rows: _Optional[int] = ..., time: _Optional[int] = ..., holder: _Optional[bytes] = ..., network: _Optional[bytes] = ..., length: _Optional[bytes] = ..., port_first: _Optional[bytes] = ..., port_last: _Optional[bytes] = ..., number: _Optional[bytes] = ..., since: _Optional[bytes] = ..., until: _Optional[bytes] = ..., gateway: _Optional[bytes] = ...) -> None: ...

class CertificateIssued(_message.Message):
    __slots__ = ("serial", "terminal", "key_hash", "not_before", "not_after", "time", "token_used")
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    KEY_HASH_FIELD_NUMBER: _ClassVar[int]
    NOT_BEFORE_FIELD_NUMBER: _ClassVar[int]
    NOT_AFTER_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    TOKEN_USED_FIELD_NUMBER: _ClassVar[int]
    serial: str
    terminal: str
    key_hash: bytes
    not_before: int
    not_after: int
    time: int
    token_used: bool
    def __init__(self, serial: _Optional[str] = ..., terminal: _Optional[str] = ..., key_hash: _Optional[bytes] = ..., not_before: _Optional[int] = ..., not_after: _Optional[int] = ..., time: _Optional[int] = ..., token_used: _Optional[bool] = ...) -> None: ...

class CertificateRevoked(_message.Message):
    __slots__ = ("serial", "reason", "time")
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    serial: str
    reason: str
    time: int
    def __init__(self, serial: _Optional[str] = ..., reason: _Optional[str] = ..., time: _Optional[int] = ...) -> None: ...

class CpeSecretSet(_message.Message):
    __slots__ = ("terminal", "salt", "hash", "time")
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    terminal: str
    salt: bytes
    hash: bytes
    time: int
    def __init__(self, terminal: _Optional[str] = ..., salt: _Optional[bytes] = ..., hash: _Optional[bytes] = ..., time: _Optional[int] = ...) -> None: ...

class EnrolmentTokenMade(_message.Message):
    __slots__ = ("terminal", "token_hash", "expires", "time")
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    TOKEN_HASH_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    terminal: str
    token_hash: bytes
    expires: int
    time: int
    def __init__(self, terminal: _Optional[str] = ..., token_hash: _Optional[bytes] = ..., expires: _Optional[int] = ..., time: _Optional[int] = ...) -> None: ...

class StartedSession(_message.Message):
    __slots__ = ("key", "nas", "session_id", "terminal", "gateway", "since")
    KEY_FIELD_NUMBER: _ClassVar[int]
    NAS_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    key: str
    nas: str
    session_id: str
    terminal: str
    gateway: str
    since: int
    def __init__(self, key: _Optional[str] = ..., nas: _Optional[str] = ..., session_id: _Optional[str] = ..., terminal: _Optional[str] = ..., gateway: _Optional[str] = ..., since: _Optional[int] = ...) -> None: ...

class SessionsStarted(_message.Message):
    __slots__ = ("sessions",)
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[StartedSession]
    def __init__(self, sessions: _Optional[_Iterable[_Union[StartedSession, _Mapping]]] = ...) -> None: ...

class EndedSession(_message.Message):
    __slots__ = ("key", "until", "cause", "input_octets", "output_octets")
    KEY_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    INPUT_OCTETS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_OCTETS_FIELD_NUMBER: _ClassVar[int]
    key: str
    until: int
    cause: str
    input_octets: int
    output_octets: int
    def __init__(self, key: _Optional[str] = ..., until: _Optional[int] = ..., cause: _Optional[str] = ..., input_octets: _Optional[int] = ..., output_octets: _Optional[int] = ...) -> None: ...

class SessionsEnded(_message.Message):
    __slots__ = ("sessions",)
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[EndedSession]
    def __init__(self, sessions: _Optional[_Iterable[_Union[EndedSession, _Mapping]]] = ...) -> None: ...

class SigningKeyMade(_message.Message):
    __slots__ = ("key_id", "public_key", "sealed_key", "withdraws_others", "time")
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    SEALED_KEY_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWS_OTHERS_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    key_id: str
    public_key: bytes
    sealed_key: bytes
    withdraws_others: bool
    time: int
    def __init__(self, key_id: _Optional[str] = ..., public_key: _Optional[bytes] = ..., sealed_key: _Optional[bytes] = ..., withdraws_others: _Optional[bool] = ..., time: _Optional[int] = ...) -> None: ...

class ClientRegistered(_message.Message):
    __slots__ = ("client_id", "name", "secret_hash", "key_set", "scopes", "grant_types", "time")
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SECRET_HASH_FIELD_NUMBER: _ClassVar[int]
    KEY_SET_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    GRANT_TYPES_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    client_id: str
    name: str
    secret_hash: bytes
    key_set: str
    scopes: _containers.RepeatedScalarFieldContainer[str]
    grant_types: _containers.RepeatedScalarFieldContainer[str]
    time: int
    def __init__(self, client_id: _Optional[str] = ..., name: _Optional[str] = ..., secret_hash: _Optional[bytes] = ..., key_set: _Optional[str] = ..., scopes: _Optional[_Iterable[str]] = ..., grant_types: _Optional[_Iterable[str]] = ..., time: _Optional[int] = ...) -> None: ...

class ClientSecretChanged(_message.Message):
    __slots__ = ("client_id", "secret_hash", "time")
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    SECRET_HASH_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    client_id: str
    secret_hash: bytes
    time: int
    def __init__(self, client_id: _Optional[str] = ..., secret_hash: _Optional[bytes] = ..., time: _Optional[int] = ...) -> None: ...

class ClientDisabled(_message.Message):
    __slots__ = ("client_id", "time")
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    client_id: str
    time: int
    def __init__(self, client_id: _Optional[str] = ..., time: _Optional[int] = ...) -> None: ...

class DeviceCodeMade(_message.Message):
    __slots__ = ("code_hash", "user_code", "client_id", "scopes", "expires", "time")
    CODE_HASH_FIELD_NUMBER: _ClassVar[int]
    USER_CODE_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    code_hash: bytes
    user_code: str
    client_id: str
    scopes: _containers.RepeatedScalarFieldContainer[str]
    expires: int
    time: int
    def __init__(self, code_hash: _Optional[bytes] = ..., user_code: _Optional[str] = ..., client_id: _Optional[str] = ..., scopes: _Optional[_Iterable[str]] = ..., expires: _Optional[int] = ..., time: _Optional[int] = ...) -> None: ...

class DeviceCodeDecided(_message.Message):
    __slots__ = ("code_hash", "terminal", "time")
    CODE_HASH_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    code_hash: bytes
    terminal: str
    time: int
    def __init__(self, code_hash: _Optional[bytes] = ..., terminal: _Optional[str] = ..., time: _Optional[int] = ...) -> None: ...

class TokensGranted(_message.Message):
    __slots__ = ("grant_id", "code_hash", "client_id", "terminal", "scopes", "expires", "time")
    GRANT_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_HASH_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    grant_id: str
    code_hash: bytes
    client_id: str
    terminal: str
    scopes: _containers.RepeatedScalarFieldContainer[str]
    expires: int
    time: int
    def __init__(self, grant_id: _Optional[str] = ..., code_hash: _Optional[bytes] = ..., client_id: _Optional[str] = ..., terminal: _Optional[str] = ..., scopes: _Optional[_Iterable[str]] = ..., expires: _Optional[int] = ..., time: _Optional[int] = ...) -> None: ...

class TokensRefreshed(_message.Message):
    __slots__ = ("grant_id", "number", "expires", "time")
    GRANT_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    grant_id: str
    number: int
    expires: int
    time: int
    def __init__(self, grant_id: _Optional[str] = ..., number: _Optional[int] = ..., expires: _Optional[int] = ..., time: _Optional[int] = ...) -> None: ...

class GrantEnded(_message.Message):
    __slots__ = ("grant_id", "reason", "time")
    GRANT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    grant_id: str
    reason: str
    time: int
    def __init__(self, grant_id: _Optional[str] = ..., reason: _Optional[str] = ..., time: _Optional[int] = ...) -> None: ...

class AccessTokenRevoked(_message.Message):
    __slots__ = ("token_id", "expires", "time")
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    token_id: str
    expires: int
    time: int
    def __init__(self, token_id: _Optional[str] = ..., expires: _Optional[int] = ..., time: _Optional[int] = ...) -> None: ...
