import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Command(_message.Message):
    __slots__ = ("id", "gateway", "issued", "expires", "deliver_alert", "cancel_alert", "configure_gateway", "set_valid_sources", "set_policies")
    ID_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    ISSUED_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    DELIVER_ALERT_FIELD_NUMBER: _ClassVar[int]
    CANCEL_ALERT_FIELD_NUMBER: _ClassVar[int]
    CONFIGURE_GATEWAY_FIELD_NUMBER: _ClassVar[int]
    SET_VALID_SOURCES_FIELD_NUMBER: _ClassVar[int]
    SET_POLICIES_FIELD_NUMBER: _ClassVar[int]
    id: str
    gateway: str
    issued: _timestamp_pb2.Timestamp
    expires: _timestamp_pb2.Timestamp
    deliver_alert: DeliverAlert
    cancel_alert: CancelAlert
    configure_gateway: ConfigureGateway
    set_valid_sources: SetValidSources
    set_policies: SetPolicies
    def __init__(self, id: _Optional[str] = ..., gateway: _Optional[str] = ..., issued: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deliver_alert: _Optional[_Union[DeliverAlert, _Mapping]] = ..., cancel_alert: _Optional[_Union[CancelAlert, _Mapping]] = ..., configure_gateway: _Optional[_Union[ConfigureGateway, _Mapping]] = ..., set_valid_sources: _Optional[_Union[SetValidSources, _Mapping]] = ..., set_policies: _Optional[_Union[SetPolicies, _Mapping]] = ...) -> None: ...

class SignedCommand(_message.Message):
    __slots__ = ("command", "signature", "issuer")
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    command: bytes
    signature: bytes
    issuer: str
    def __init__(self, command: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., issuer: _Optional[str] = ...) -> None: ...

class DeliverAlert(_message.Message):
    __slots__ = ("alert_id", "cap", "expires", "headline", "severity", "language")
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    CAP_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    HEADLINE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    cap: bytes
    expires: _timestamp_pb2.Timestamp
    headline: str
    severity: str
    language: str
    def __init__(self, alert_id: _Optional[str] = ..., cap: _Optional[bytes] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., headline: _Optional[str] = ..., severity: _Optional[str] = ..., language: _Optional[str] = ...) -> None: ...

class CancelAlert(_message.Message):
    __slots__ = ("alert_id",)
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    def __init__(self, alert_id: _Optional[str] = ...) -> None: ...

class ConfigureGateway(_message.Message):
    __slots__ = ("generation", "configuration")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    generation: int
    configuration: GatewayConfiguration
    def __init__(self, generation: _Optional[int] = ..., configuration: _Optional[_Union[GatewayConfiguration, _Mapping]] = ...) -> None: ...

class SetValidSources(_message.Message):
    __slots__ = ("generation", "base_generation", "sources", "removed")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    BASE_GENERATION_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    generation: int
    base_generation: int
    sources: _containers.RepeatedCompositeFieldContainer[ValidSource]
    removed: _containers.RepeatedCompositeFieldContainer[ValidSource]
    def __init__(self, generation: _Optional[int] = ..., base_generation: _Optional[int] = ..., sources: _Optional[_Iterable[_Union[ValidSource, _Mapping]]] = ..., removed: _Optional[_Iterable[_Union[ValidSource, _Mapping]]] = ...) -> None: ...

class ValidSource(_message.Message):
    __slots__ = ("prefix", "interface")
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    INTERFACE_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    interface: str
    def __init__(self, prefix: _Optional[str] = ..., interface: _Optional[str] = ...) -> None: ...

class GatewayConfiguration(_message.Message):
    __slots__ = ("access_interfaces", "ipv4_interfaces", "management_prefixes", "nat64", "port_sets", "static_mappings", "dns64", "flow_export", "source_validation")
    ACCESS_INTERFACES_FIELD_NUMBER: _ClassVar[int]
    IPV4_INTERFACES_FIELD_NUMBER: _ClassVar[int]
    MANAGEMENT_PREFIXES_FIELD_NUMBER: _ClassVar[int]
    NAT64_FIELD_NUMBER: _ClassVar[int]
    PORT_SETS_FIELD_NUMBER: _ClassVar[int]
    STATIC_MAPPINGS_FIELD_NUMBER: _ClassVar[int]
    DNS64_FIELD_NUMBER: _ClassVar[int]
    FLOW_EXPORT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_VALIDATION_FIELD_NUMBER: _ClassVar[int]
    access_interfaces: _containers.RepeatedScalarFieldContainer[str]
    ipv4_interfaces: _containers.RepeatedScalarFieldContainer[str]
    management_prefixes: _containers.RepeatedScalarFieldContainer[str]
    nat64: Nat64
    port_sets: _containers.RepeatedCompositeFieldContainer[PortSet]
    static_mappings: _containers.RepeatedCompositeFieldContainer[StaticMapping]
    dns64: Dns64
    flow_export: FlowExport
    source_validation: SourceValidation
    def __init__(self, access_interfaces: _Optional[_Iterable[str]] = ..., ipv4_interfaces: _Optional[_Iterable[str]] = ..., management_prefixes: _Optional[_Iterable[str]] = ..., nat64: _Optional[_Union[Nat64, _Mapping]] = ..., port_sets: _Optional[_Iterable[_Union[PortSet, _Mapping]]] = ..., static_mappings: _Optional[_Iterable[_Union[StaticMapping, _Mapping]]] = ..., dns64: _Optional[_Union[Dns64, _Mapping]] = ..., flow_export: _Optional[_Union[FlowExport, _Mapping]] = ..., source_validation: _Optional[_Union[SourceValidation, _Mapping]] = ...) -> None: ...

class Nat64(_message.Message):
    __slots__ = ("translator", "prefix", "ipv4_pool", "inner_ipv4", "inner_ipv6", "interface")
    class Translator(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        TRANSLATOR_UNSPECIFIED: _ClassVar[Nat64.Translator]
        TRANSLATOR_TAYGA: _ClassVar[Nat64.Translator]
        TRANSLATOR_JOOL: _ClassVar[Nat64.Translator]
    TRANSLATOR_UNSPECIFIED: Nat64.Translator
    TRANSLATOR_TAYGA: Nat64.Translator
    TRANSLATOR_JOOL: Nat64.Translator
    TRANSLATOR_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    IPV4_POOL_FIELD_NUMBER: _ClassVar[int]
    INNER_IPV4_FIELD_NUMBER: _ClassVar[int]
    INNER_IPV6_FIELD_NUMBER: _ClassVar[int]
    INTERFACE_FIELD_NUMBER: _ClassVar[int]
    translator: Nat64.Translator
    prefix: str
    ipv4_pool: _containers.RepeatedScalarFieldContainer[str]
    inner_ipv4: str
    inner_ipv6: str
    interface: str
    def __init__(self, translator: _Optional[_Union[Nat64.Translator, str]] = ..., prefix: _Optional[str] = ..., ipv4_pool: _Optional[_Iterable[str]] = ..., inner_ipv4: _Optional[str] = ..., inner_ipv6: _Optional[str] = ..., interface: _Optional[str] = ...) -> None: ...

class PortSet(_message.Message):
    __slots__ = ("slot", "subscriber_prefix", "public_address", "ranges")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBER_PREFIX_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    slot: int
    subscriber_prefix: str
    public_address: str
    ranges: _containers.RepeatedCompositeFieldContainer[PortRange]
    def __init__(self, slot: _Optional[int] = ..., subscriber_prefix: _Optional[str] = ..., public_address: _Optional[str] = ..., ranges: _Optional[_Iterable[_Union[PortRange, _Mapping]]] = ...) -> None: ...

class PortRange(_message.Message):
    __slots__ = ("first", "last")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    first: int
    last: int
    def __init__(self, first: _Optional[int] = ..., last: _Optional[int] = ...) -> None: ...

class StaticMapping(_message.Message):
    __slots__ = ("public_address", "protocol", "public_port", "server_address", "server_port", "slot")
    PUBLIC_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_PORT_FIELD_NUMBER: _ClassVar[int]
    SERVER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SERVER_PORT_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    public_address: str
    protocol: int
    public_port: int
    server_address: str
    server_port: int
    slot: int
    def __init__(self, public_address: _Optional[str] = ..., protocol: _Optional[int] = ..., public_port: _Optional[int] = ..., server_address: _Optional[str] = ..., server_port: _Optional[int] = ..., slot: _Optional[int] = ...) -> None: ...

class Dns64(_message.Message):
    __slots__ = ("listen", "forwarders", "stub_zones", "clients")
    LISTEN_FIELD_NUMBER: _ClassVar[int]
    FORWARDERS_FIELD_NUMBER: _ClassVar[int]
    STUB_ZONES_FIELD_NUMBER: _ClassVar[int]
    CLIENTS_FIELD_NUMBER: _ClassVar[int]
    listen: _containers.RepeatedScalarFieldContainer[str]
    forwarders: _containers.RepeatedScalarFieldContainer[str]
    stub_zones: _containers.RepeatedCompositeFieldContainer[StubZone]
    clients: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, listen: _Optional[_Iterable[str]] = ..., forwarders: _Optional[_Iterable[str]] = ..., stub_zones: _Optional[_Iterable[_Union[StubZone, _Mapping]]] = ..., clients: _Optional[_Iterable[str]] = ...) -> None: ...

class StubZone(_message.Message):
    __slots__ = ("name", "servers")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SERVERS_FIELD_NUMBER: _ClassVar[int]
    name: str
    servers: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., servers: _Optional[_Iterable[str]] = ...) -> None: ...

class FlowExport(_message.Message):
    __slots__ = ("host", "port", "interfaces", "maximum_lifetime_seconds")
    HOST_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    INTERFACES_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_LIFETIME_SECONDS_FIELD_NUMBER: _ClassVar[int]
    host: str
    port: int
    interfaces: _containers.RepeatedScalarFieldContainer[str]
    maximum_lifetime_seconds: int
    def __init__(self, host: _Optional[str] = ..., port: _Optional[int] = ..., interfaces: _Optional[_Iterable[str]] = ..., maximum_lifetime_seconds: _Optional[int] = ...) -> None: ...

class SourceValidation(_message.Message):
    __slots__ = ("action", "valid")
    class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ACTION_UNSPECIFIED: _ClassVar[SourceValidation.Action]
        ACTION_COUNT: _ClassVar[SourceValidation.Action]
        ACTION_DROP: _ClassVar[SourceValidation.Action]
    ACTION_UNSPECIFIED: SourceValidation.Action
    ACTION_COUNT: SourceValidation.Action
    ACTION_DROP: SourceValidation.Action
    ACTION_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    action: SourceValidation.Action
    valid: _containers.RepeatedCompositeFieldContainer[ValidSource]
    def __init__(self, action: _Optional[_Union[SourceValidation.Action, str]] = ..., valid: _Optional[_Iterable[_Union[ValidSource, _Mapping]]] = ...) -> None: ...

class SetPolicies(_message.Message):
    __slots__ = ("generation", "policies")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    generation: int
    policies: _containers.RepeatedCompositeFieldContainer[Policy]
    def __init__(self, generation: _Optional[int] = ..., policies: _Optional[_Iterable[_Union[Policy, _Mapping]]] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ("policy_id", "match", "action", "expires")
    POLICY_ID_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    policy_id: str
    match: PolicyMatch
    action: PolicyAction
    expires: _timestamp_pb2.Timestamp
    def __init__(self, policy_id: _Optional[str] = ..., match: _Optional[_Union[PolicyMatch, _Mapping]] = ..., action: _Optional[_Union[PolicyAction, _Mapping]] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PolicyMatch(_message.Message):
    __slots__ = ("sources", "destinations", "protocols", "source_ports", "destination_ports", "tcp_flags_mask", "tcp_flags", "lengths")
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    DESTINATIONS_FIELD_NUMBER: _ClassVar[int]
    PROTOCOLS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_PORTS_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_PORTS_FIELD_NUMBER: _ClassVar[int]
    TCP_FLAGS_MASK_FIELD_NUMBER: _ClassVar[int]
    TCP_FLAGS_FIELD_NUMBER: _ClassVar[int]
    LENGTHS_FIELD_NUMBER: _ClassVar[int]
    sources: _containers.RepeatedScalarFieldContainer[str]
    destinations: _containers.RepeatedScalarFieldContainer[str]
    protocols: _containers.RepeatedScalarFieldContainer[int]
    source_ports: _containers.RepeatedCompositeFieldContainer[PortRange]
    destination_ports: _containers.RepeatedCompositeFieldContainer[PortRange]
    tcp_flags_mask: int
    tcp_flags: int
    lengths: _containers.RepeatedCompositeFieldContainer[LengthRange]
    def __init__(self, sources: _Optional[_Iterable[str]] = ..., destinations: _Optional[_Iterable[str]] = ..., protocols: _Optional[_Iterable[int]] = ..., source_ports: _Optional[_Iterable[_Union[PortRange, _Mapping]]] = ..., destination_ports: _Optional[_Iterable[_Union[PortRange, _Mapping]]] = ..., tcp_flags_mask: _Optional[int] = ..., tcp_flags: _Optional[int] = ..., lengths: _Optional[_Iterable[_Union[LengthRange, _Mapping]]] = ...) -> None: ...

class LengthRange(_message.Message):
    __slots__ = ("first", "last")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    first: int
    last: int
    def __init__(self, first: _Optional[int] = ..., last: _Optional[int] = ...) -> None: ...

class PolicyAction(_message.Message):
    __slots__ = ("kind", "packets_per_second", "bytes_per_second", "per", "dscp", "route", "redirect")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[PolicyAction.Kind]
        KIND_BLOCK: _ClassVar[PolicyAction.Kind]
        KIND_RATE_LIMIT: _ClassVar[PolicyAction.Kind]
        KIND_DIVERT: _ClassVar[PolicyAction.Kind]
        KIND_MARK: _ClassVar[PolicyAction.Kind]
    KIND_UNSPECIFIED: PolicyAction.Kind
    KIND_BLOCK: PolicyAction.Kind
    KIND_RATE_LIMIT: PolicyAction.Kind
    KIND_DIVERT: PolicyAction.Kind
    KIND_MARK: PolicyAction.Kind
    class Per(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        PER_UNSPECIFIED: _ClassVar[PolicyAction.Per]
        PER_SOURCE: _ClassVar[PolicyAction.Per]
        PER_DESTINATION: _ClassVar[PolicyAction.Per]
    PER_UNSPECIFIED: PolicyAction.Per
    PER_SOURCE: PolicyAction.Per
    PER_DESTINATION: PolicyAction.Per
    class Route(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ROUTE_UNSPECIFIED: _ClassVar[PolicyAction.Route]
        ROUTE_BLACKHOLE: _ClassVar[PolicyAction.Route]
        ROUTE_FLOWSPEC: _ClassVar[PolicyAction.Route]
    ROUTE_UNSPECIFIED: PolicyAction.Route
    ROUTE_BLACKHOLE: PolicyAction.Route
    ROUTE_FLOWSPEC: PolicyAction.Route
    KIND_FIELD_NUMBER: _ClassVar[int]
    PACKETS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    BYTES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    PER_FIELD_NUMBER: _ClassVar[int]
    DSCP_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    REDIRECT_FIELD_NUMBER: _ClassVar[int]
    kind: PolicyAction.Kind
    packets_per_second: int
    bytes_per_second: int
    per: PolicyAction.Per
    dscp: int
    route: PolicyAction.Route
    redirect: str
    def __init__(self, kind: _Optional[_Union[PolicyAction.Kind, str]] = ..., packets_per_second: _Optional[int] = ..., bytes_per_second: _Optional[int] = ..., per: _Optional[_Union[PolicyAction.Per, str]] = ..., dscp: _Optional[int] = ..., route: _Optional[_Union[PolicyAction.Route, str]] = ..., redirect: _Optional[str] = ...) -> None: ...

class PolicyReport(_message.Message):
    __slots__ = ("gateway", "time", "generation", "policies", "troubles")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    TROUBLES_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    time: _timestamp_pb2.Timestamp
    generation: int
    policies: _containers.RepeatedCompositeFieldContainer[PolicyCount]
    troubles: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, gateway: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., generation: _Optional[int] = ..., policies: _Optional[_Iterable[_Union[PolicyCount, _Mapping]]] = ..., troubles: _Optional[_Iterable[str]] = ...) -> None: ...

class PolicyCount(_message.Message):
    __slots__ = ("policy_id", "matched_packets", "matched_bytes", "acted_packets", "acted_bytes", "routes", "ended")
    POLICY_ID_FIELD_NUMBER: _ClassVar[int]
    MATCHED_PACKETS_FIELD_NUMBER: _ClassVar[int]
    MATCHED_BYTES_FIELD_NUMBER: _ClassVar[int]
    ACTED_PACKETS_FIELD_NUMBER: _ClassVar[int]
    ACTED_BYTES_FIELD_NUMBER: _ClassVar[int]
    ROUTES_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    policy_id: str
    matched_packets: int
    matched_bytes: int
    acted_packets: int
    acted_bytes: int
    routes: int
    ended: bool
    def __init__(self, policy_id: _Optional[str] = ..., matched_packets: _Optional[int] = ..., matched_bytes: _Optional[int] = ..., acted_packets: _Optional[int] = ..., acted_bytes: _Optional[int] = ..., routes: _Optional[int] = ..., ended: _Optional[bool] = ...) -> None: ...

class SpoofedSources(_message.Message):
    __slots__ = ("gateway", "since", "until", "action", "packets", "bytes", "sources")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    PACKETS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    action: SourceValidation.Action
    packets: int
    bytes: int
    sources: _containers.RepeatedCompositeFieldContainer[SpoofedSource]
    def __init__(self, gateway: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., action: _Optional[_Union[SourceValidation.Action, str]] = ..., packets: _Optional[int] = ..., bytes: _Optional[int] = ..., sources: _Optional[_Iterable[_Union[SpoofedSource, _Mapping]]] = ...) -> None: ...

class SpoofedSource(_message.Message):
    __slots__ = ("interface", "address", "packets", "bytes")
    INTERFACE_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PACKETS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    interface: str
    address: bytes
    packets: int
    bytes: int
    def __init__(self, interface: _Optional[str] = ..., address: _Optional[bytes] = ..., packets: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("command_id", "alert_id", "gateway", "outcome", "cause", "time", "generation")
    class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OUTCOME_UNSPECIFIED: _ClassVar[Receipt.Outcome]
        OUTCOME_DELIVERED: _ClassVar[Receipt.Outcome]
        OUTCOME_REFUSED: _ClassVar[Receipt.Outcome]
        OUTCOME_DUPLICATE: _ClassVar[Receipt.Outcome]
        OUTCOME_EXPIRED: _ClassVar[Receipt.Outcome]
        OUTCOME_APPLIED: _ClassVar[Receipt.Outcome]
        OUTCOME_FAILED: _ClassVar[Receipt.Outcome]
    OUTCOME_UNSPECIFIED: Receipt.Outcome
    OUTCOME_DELIVERED: Receipt.Outcome
    OUTCOME_REFUSED: Receipt.Outcome
    OUTCOME_DUPLICATE: Receipt.Outcome
    OUTCOME_EXPIRED: Receipt.Outcome
    OUTCOME_APPLIED: Receipt.Outcome
    OUTCOME_FAILED: Receipt.Outcome
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    command_id: str
    alert_id: str
    gateway: str
    outcome: Receipt.Outcome
    cause: str
    time: _timestamp_pb2.Timestamp
    generation: int
    def __init__(self, command_id: _Optional[str] = ..., alert_id: _Optional[str] = ..., gateway: _Optional[str] = ..., outcome: _Optional[_Union[Receipt.Outcome, str]] = ..., cause: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., generation: _Optional[int] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("gateway", "agent_version", "time", "started", "epoch", "flow_schema", "listeners", "spool", "counters", "troubles", "exporters", "templates", "configuration_generation", "sources_generation")
    class CountersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FLOW_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    LISTENERS_FIELD_NUMBER: _ClassVar[int]
    SPOOL_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    TROUBLES_FIELD_NUMBER: _ClassVar[int]
    EXPORTERS_FIELD_NUMBER: _ClassVar[int]
    TEMPLATES_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_GENERATION_FIELD_NUMBER: _ClassVar[int]
    SOURCES_GENERATION_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    agent_version: str
    time: _timestamp_pb2.Timestamp
    started: _timestamp_pb2.Timestamp
    epoch: str
    flow_schema: str
    listeners: _containers.RepeatedCompositeFieldContainer[Listener]
    spool: Spool
    counters: _containers.ScalarMap[str, int]
    troubles: _containers.RepeatedScalarFieldContainer[str]
    exporters: int
    templates: int
    configuration_generation: int
    sources_generation: int
    def __init__(self, gateway: _Optional[str] = ..., agent_version: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., epoch: _Optional[str] = ..., flow_schema: _Optional[str] = ..., listeners: _Optional[_Iterable[_Union[Listener, _Mapping]]] = ..., spool: _Optional[_Union[Spool, _Mapping]] = ..., counters: _Optional[_Mapping[str, int]] = ..., troubles: _Optional[_Iterable[str]] = ..., exporters: _Optional[int] = ..., templates: _Optional[int] = ..., configuration_generation: _Optional[int] = ..., sources_generation: _Optional[int] = ...) -> None: ...

class Listener(_message.Message):
    __slots__ = ("protocol", "address", "port", "datagrams", "kernel_drops", "receive_buffer_bytes")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    DATAGRAMS_FIELD_NUMBER: _ClassVar[int]
    KERNEL_DROPS_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_BUFFER_BYTES_FIELD_NUMBER: _ClassVar[int]
    protocol: str
    address: str
    port: int
    datagrams: int
    kernel_drops: int
    receive_buffer_bytes: int
    def __init__(self, protocol: _Optional[str] = ..., address: _Optional[str] = ..., port: _Optional[int] = ..., datagrams: _Optional[int] = ..., kernel_drops: _Optional[int] = ..., receive_buffer_bytes: _Optional[int] = ...) -> None: ...

class Spool(_message.Message):
    __slots__ = ("batches", "bytes", "limit_bytes", "dropped_batches", "dropped_flows")
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    LIMIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_BATCHES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FLOWS_FIELD_NUMBER: _ClassVar[int]
    batches: int
    bytes: int
    limit_bytes: int
    dropped_batches: int
    dropped_flows: int
    def __init__(self, batches: _Optional[int] = ..., bytes: _Optional[int] = ..., limit_bytes: _Optional[int] = ..., dropped_batches: _Optional[int] = ..., dropped_flows: _Optional[int] = ...) -> None: ...
