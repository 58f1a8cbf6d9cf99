import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Network(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NETWORK_UNSPECIFIED: _ClassVar[Network]
    NETWORK_TELECOM: _ClassVar[Network]
    NETWORK_BROADCAST: _ClassVar[Network]
    NETWORK_INTERNET: _ClassVar[Network]
NETWORK_UNSPECIFIED: Network
NETWORK_TELECOM: Network
NETWORK_BROADCAST: Network
NETWORK_INTERNET: Network

class TrafficCell(_message.Message):
    __slots__ = ("network", "service_class", "family", "bytes", "packets", "flows")
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    SERVICE_CLASS_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    PACKETS_FIELD_NUMBER: _ClassVar[int]
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    network: Network
    service_class: str
    family: int
    bytes: int
    packets: int
    flows: int
    def __init__(self, network: _Optional[_Union[Network, str]] = ..., service_class: _Optional[str] = ..., family: _Optional[int] = ..., bytes: _Optional[int] = ..., packets: _Optional[int] = ..., flows: _Optional[int] = ...) -> None: ...

class MinutePart(_message.Message):
    __slots__ = ("minute", "cells")
    MINUTE_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    minute: _timestamp_pb2.Timestamp
    cells: _containers.RepeatedCompositeFieldContainer[TrafficCell]
    def __init__(self, minute: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cells: _Optional[_Iterable[_Union[TrafficCell, _Mapping]]] = ...) -> None: ...

class BatchRange(_message.Message):
    __slots__ = ("epoch", "first", "last")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    first: int
    last: int
    def __init__(self, epoch: _Optional[str] = ..., first: _Optional[int] = ..., last: _Optional[int] = ...) -> None: ...

class TrafficRecorded(_message.Message):
    __slots__ = ("gateway", "batches", "minutes", "watermark", "implausible_flows")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    MINUTES_FIELD_NUMBER: _ClassVar[int]
    WATERMARK_FIELD_NUMBER: _ClassVar[int]
    IMPLAUSIBLE_FLOWS_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    batches: _containers.RepeatedCompositeFieldContainer[BatchRange]
    minutes: _containers.RepeatedCompositeFieldContainer[MinutePart]
    watermark: _timestamp_pb2.Timestamp
    implausible_flows: int
    def __init__(self, gateway: _Optional[str] = ..., batches: _Optional[_Iterable[_Union[BatchRange, _Mapping]]] = ..., minutes: _Optional[_Iterable[_Union[MinutePart, _Mapping]]] = ..., watermark: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., implausible_flows: _Optional[int] = ...) -> None: ...

class TrafficMinuteClosed(_message.Message):
    __slots__ = ("gateway", "minute", "cells")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    MINUTE_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    minute: _timestamp_pb2.Timestamp
    cells: _containers.RepeatedCompositeFieldContainer[TrafficCell]
    def __init__(self, gateway: _Optional[str] = ..., minute: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cells: _Optional[_Iterable[_Union[TrafficCell, _Mapping]]] = ...) -> None: ...

class TrafficMinuteRevised(_message.Message):
    __slots__ = ("gateway", "minute", "cells", "revision")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    MINUTE_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    minute: _timestamp_pb2.Timestamp
    cells: _containers.RepeatedCompositeFieldContainer[TrafficCell]
    revision: int
    def __init__(self, gateway: _Optional[str] = ..., minute: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cells: _Optional[_Iterable[_Union[TrafficCell, _Mapping]]] = ..., revision: _Optional[int] = ...) -> None: ...

class ServiceRegistered(_message.Message):
    __slots__ = ("service_id", "name", "network", "service_class", "prefixes", "ports", "provider", "time", "idempotency_key")
    SERVICE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    SERVICE_CLASS_FIELD_NUMBER: _ClassVar[int]
    PREFIXES_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    service_id: str
    name: str
    network: Network
    service_class: str
    prefixes: _containers.RepeatedScalarFieldContainer[str]
    ports: _containers.RepeatedCompositeFieldContainer[PortRange]
    provider: str
    time: _timestamp_pb2.Timestamp
    idempotency_key: str
    def __init__(self, service_id: _Optional[str] = ..., name: _Optional[str] = ..., network: _Optional[_Union[Network, str]] = ..., service_class: _Optional[str] = ..., prefixes: _Optional[_Iterable[str]] = ..., ports: _Optional[_Iterable[_Union[PortRange, _Mapping]]] = ..., provider: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class PortRange(_message.Message):
    __slots__ = ("protocol", "first", "last")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    protocol: str
    first: int
    last: int
    def __init__(self, protocol: _Optional[str] = ..., first: _Optional[int] = ..., last: _Optional[int] = ...) -> None: ...
