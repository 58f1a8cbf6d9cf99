import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from sixfold.api.agent.v1 import agent_pb2 as _agent_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListGatewaysRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListGatewaysResponse(_message.Message):
    __slots__ = ("gateways",)
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    gateways: _containers.RepeatedCompositeFieldContainer[Gateway]
    def __init__(self, gateways: _Optional[_Iterable[_Union[Gateway, _Mapping]]] = ...) -> None: ...

class Gateway(_message.Message):
    __slots__ = ("gateway", "heartbeat")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    heartbeat: _agent_pb2.Heartbeat
    def __init__(self, gateway: _Optional[str] = ..., heartbeat: _Optional[_Union[_agent_pb2.Heartbeat, _Mapping]] = ...) -> None: ...

class GetIpv6ShareRequest(_message.Message):
    __slots__ = ("start_time", "end_time", "gateway")
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    gateway: str
    def __init__(self, start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., gateway: _Optional[str] = ...) -> None: ...

class GetIpv6ShareResponse(_message.Message):
    __slots__ = ("shares",)
    SHARES_FIELD_NUMBER: _ClassVar[int]
    shares: _containers.RepeatedCompositeFieldContainer[Ipv6Share]
    def __init__(self, shares: _Optional[_Iterable[_Union[Ipv6Share, _Mapping]]] = ...) -> None: ...

class Ipv6Share(_message.Message):
    __slots__ = ("gateway", "hour", "bytes_ipv4", "bytes_ipv6", "flows_ipv4", "flows_ipv6")
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    HOUR_FIELD_NUMBER: _ClassVar[int]
    BYTES_IPV4_FIELD_NUMBER: _ClassVar[int]
    BYTES_IPV6_FIELD_NUMBER: _ClassVar[int]
    FLOWS_IPV4_FIELD_NUMBER: _ClassVar[int]
    FLOWS_IPV6_FIELD_NUMBER: _ClassVar[int]
    gateway: str
    hour: _timestamp_pb2.Timestamp
    bytes_ipv4: int
    bytes_ipv6: int
    flows_ipv4: int
    flows_ipv6: int
    def __init__(self, gateway: _Optional[str] = ..., hour: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., bytes_ipv4: _Optional[int] = ..., bytes_ipv6: _Optional[int] = ..., flows_ipv4: _Optional[int] = ..., flows_ipv6: _Optional[int] = ...) -> None: ...

class GetLoaderStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetLoaderStatusResponse(_message.Message):
    __slots__ = ("loaders",)
    LOADERS_FIELD_NUMBER: _ClassVar[int]
    loaders: _containers.RepeatedCompositeFieldContainer[LoaderStatus]
    def __init__(self, loaders: _Optional[_Iterable[_Union[LoaderStatus, _Mapping]]] = ...) -> None: ...

class LoaderStatus(_message.Message):
    __slots__ = ("name", "ready", "trouble", "stored_rows", "stored_batches")
    NAME_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    STORED_ROWS_FIELD_NUMBER: _ClassVar[int]
    STORED_BATCHES_FIELD_NUMBER: _ClassVar[int]
    name: str
    ready: bool
    trouble: str
    stored_rows: int
    stored_batches: int
    def __init__(self, name: _Optional[str] = ..., ready: _Optional[bool] = ..., trouble: _Optional[str] = ..., stored_rows: _Optional[int] = ..., stored_batches: _Optional[int] = ...) -> None: ...

class QueryFlowsRequest(_message.Message):
    __slots__ = ("query", "start_time", "end_time", "host", "limit")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    query: str
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    host: str
    limit: int
    def __init__(self, query: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., host: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class QueryFlowsResponse(_message.Message):
    __slots__ = ("arrow",)
    ARROW_FIELD_NUMBER: _ClassVar[int]
    arrow: bytes
    def __init__(self, arrow: _Optional[bytes] = ...) -> None: ...

class SumFlowsRequest(_message.Message):
    __slots__ = ("match", "start_time", "end_time", "split_time", "gateways")
    MATCH_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    SPLIT_TIME_FIELD_NUMBER: _ClassVar[int]
    GATEWAYS_FIELD_NUMBER: _ClassVar[int]
    match: _agent_pb2.PolicyMatch
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    split_time: _timestamp_pb2.Timestamp
    gateways: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, match: _Optional[_Union[_agent_pb2.PolicyMatch, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., split_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., gateways: _Optional[_Iterable[str]] = ...) -> None: ...

class SumFlowsResponse(_message.Message):
    __slots__ = ("flows", "bytes", "packets", "sources", "destinations", "before_flows", "before_bytes", "before_sources", "known_flows", "known_bytes", "known_sources")
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    PACKETS_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    DESTINATIONS_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FLOWS_FIELD_NUMBER: _ClassVar[int]
    BEFORE_BYTES_FIELD_NUMBER: _ClassVar[int]
    BEFORE_SOURCES_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FLOWS_FIELD_NUMBER: _ClassVar[int]
    KNOWN_BYTES_FIELD_NUMBER: _ClassVar[int]
    KNOWN_SOURCES_FIELD_NUMBER: _ClassVar[int]
    flows: int
    bytes: int
    packets: int
    sources: int
    destinations: int
    before_flows: int
    before_bytes: int
    before_sources: int
    known_flows: int
    known_bytes: int
    known_sources: int
    def __init__(self, flows: _Optional[int] = ..., bytes: _Optional[int] = ..., packets: _Optional[int] = ..., sources: _Optional[int] = ..., destinations: _Optional[int] = ..., before_flows: _Optional[int] = ..., before_bytes: _Optional[int] = ..., before_sources: _Optional[int] = ..., known_flows: _Optional[int] = ..., known_bytes: _Optional[int] = ..., known_sources: _Optional[int] = ...) -> None: ...
