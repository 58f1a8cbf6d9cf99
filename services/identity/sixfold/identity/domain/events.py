"""Facts of the identity centre, as its ledger holds them. Pseudonyms only; times in UTC milliseconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SubscriberEnrolled:
    subscriber: str
    kind: str
    time: int


@dataclass(frozen=True, slots=True)
class TerminalEnrolled:
    terminal: str
    subscriber: str
    terminal_class: str
    time: int


@dataclass(frozen=True, slots=True)
class LifecycleChanged:
    pseudonym: str
    state: str
    reason: str
    time: int


@dataclass(frozen=True, slots=True)
class Bound:
    binding_id: int
    terminal: str
    network: bytes
    length: int
    port_first: int
    port_last: int
    gateway: str
    since: int
    key: str


@dataclass(frozen=True, slots=True)
class AddressesBound:
    bindings: tuple[Bound, ...]


@dataclass(frozen=True, slots=True)
class Unbound:
    """The end of a binding, with the binding once more: its end can be told from this event alone."""

    binding_id: int
    until: int
    terminal: str = ""
    network: bytes = b""
    length: int = 0
    port_first: int = 0
    port_last: int = 0
    gateway: str = ""
    since: int = 0


@dataclass(frozen=True, slots=True)
class BindingsReleased:
    bindings: tuple[Unbound, ...]
    cause: str


@dataclass(frozen=True, slots=True)
class BindingsLogged:
    """Rows of another authority's binding log, in columns (bindings.proto); the register does not hold them."""

    source: str
    holders: tuple[str, ...]
    gateways: tuple[str, ...]
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


@dataclass(frozen=True, slots=True)
class CertificateIssued:
    serial: str
    terminal: str
    key_hash: bytes
    not_before: int
    not_after: int
    time: int
    token_used: bool = False


@dataclass(frozen=True, slots=True)
class CertificateRevoked:
    serial: str
    reason: str
    time: int


@dataclass(frozen=True, slots=True)
class CpeSecretSet:
    terminal: str
    salt: bytes
    hash: bytes
    time: int


@dataclass(frozen=True, slots=True)
class EnrolmentTokenMade:
    terminal: str
    token_hash: bytes
    expires: int
    time: int


@dataclass(frozen=True, slots=True)
class StartedSession:
    key: str
    nas: str
    session_id: str
    terminal: str
    gateway: str
    since: int


@dataclass(frozen=True, slots=True)
class SessionsStarted:
    sessions: tuple[StartedSession, ...]


@dataclass(frozen=True, slots=True)
class EndedSession:
    """Octets as the access server counted them."""

    key: str
    until: int
    cause: str
    input_octets: int = 0
    output_octets: int = 0


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    sessions: tuple[EndedSession, ...]


@dataclass(frozen=True, slots=True)
class SigningKeyMade:
    """`sealed_key`: the private key, under a key that the ledger does not have."""

    key_id: str
    public_key: bytes
    sealed_key: bytes
    withdraws_others: bool
    time: int


@dataclass(frozen=True, slots=True)
class ClientRegistered:
    client_id: str
    name: str
    secret_hash: bytes
    key_set: str
    scopes: tuple[str, ...]
    grant_types: tuple[str, ...]
    time: int


@dataclass(frozen=True, slots=True)
class ClientSecretChanged:
    client_id: str
    secret_hash: bytes
    time: int


@dataclass(frozen=True, slots=True)
class ClientDisabled:
    client_id: str
    time: int


@dataclass(frozen=True, slots=True)
class DeviceCodeMade:
    code_hash: bytes
    user_code: str
    client_id: str
    scopes: tuple[str, ...]
    expires: int
    time: int


@dataclass(frozen=True, slots=True)
class DeviceCodeDecided:
    """No terminal: denied."""

    code_hash: bytes
    terminal: str
    time: int


@dataclass(frozen=True, slots=True)
class TokensGranted:
    grant_id: str
    code_hash: bytes
    client_id: str
    terminal: str
    scopes: tuple[str, ...]
    expires: int
    time: int


@dataclass(frozen=True, slots=True)
class TokensRefreshed:
    grant_id: str
    number: int
    expires: int
    time: int


@dataclass(frozen=True, slots=True)
class GrantEnded:
    grant_id: str
    reason: str
    time: int


@dataclass(frozen=True, slots=True)
class AccessTokenRevoked:
    token_id: str
    expires: int
    time: int


SessionEvent = SessionsStarted | SessionsEnded
OAuthEvent = (
    SigningKeyMade
    | ClientRegistered
    | ClientSecretChanged
    | ClientDisabled
    | DeviceCodeMade
    | DeviceCodeDecided
    | TokensGranted
    | TokensRefreshed
    | GrantEnded
    | AccessTokenRevoked
)
CredentialEvent = CertificateIssued | CertificateRevoked | CpeSecretSet | EnrolmentTokenMade
Event = (
    SubscriberEnrolled
    | TerminalEnrolled
    | LifecycleChanged
    | AddressesBound
    | BindingsReleased
    | BindingsLogged
    | CredentialEvent
    | SessionEvent
    | OAuthEvent
)
EVENTS = (
    SubscriberEnrolled,
    TerminalEnrolled,
    LifecycleChanged,
    AddressesBound,
    BindingsReleased,
    BindingsLogged,
    CertificateIssued,
    CertificateRevoked,
    CpeSecretSet,
    EnrolmentTokenMade,
    SessionsStarted,
    SessionsEnded,
    SigningKeyMade,
    ClientRegistered,
    ClientSecretChanged,
    ClientDisabled,
    DeviceCodeMade,
    DeviceCodeDecided,
    TokensGranted,
    TokensRefreshed,
    GrantEnded,
    AccessTokenRevoked,
)
