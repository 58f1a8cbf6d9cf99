import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEVERITY_UNSPECIFIED: _ClassVar[Severity]
    SEVERITY_ADVICE: _ClassVar[Severity]
    SEVERITY_WARNING: _ClassVar[Severity]
    SEVERITY_ERROR: _ClassVar[Severity]

class Urgency(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    URGENCY_UNSPECIFIED: _ClassVar[Urgency]
    URGENCY_LATER: _ClassVar[Urgency]
    URGENCY_SOON: _ClassVar[Urgency]
    URGENCY_NOW: _ClassVar[Urgency]

class ExchangeFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXCHANGE_FORMAT_UNSPECIFIED: _ClassVar[ExchangeFormat]
    EXCHANGE_FORMAT_CSV: _ClassVar[ExchangeFormat]
    EXCHANGE_FORMAT_NETBOX_JSON: _ClassVar[ExchangeFormat]
SEVERITY_UNSPECIFIED: Severity
SEVERITY_ADVICE: Severity
SEVERITY_WARNING: Severity
SEVERITY_ERROR: Severity
URGENCY_UNSPECIFIED: Urgency
URGENCY_LATER: Urgency
URGENCY_SOON: Urgency
URGENCY_NOW: Urgency
EXCHANGE_FORMAT_UNSPECIFIED: ExchangeFormat
EXCHANGE_FORMAT_CSV: ExchangeFormat
EXCHANGE_FORMAT_NETBOX_JSON: ExchangeFormat

class PlanLevel(_message.Message):
    __slots__ = ("name", "bits", "codes")
    class CodesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    BITS_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    name: str
    bits: int
    codes: _containers.ScalarMap[str, int]
    def __init__(self, name: _Optional[str] = ..., bits: _Optional[int] = ..., codes: _Optional[_Mapping[str, int]] = ...) -> None: ...

class Plan(_message.Message):
    __slots__ = ("root", "levels", "delegated_length")
    ROOT_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    DELEGATED_LENGTH_FIELD_NUMBER: _ClassVar[int]
    root: str
    levels: _containers.RepeatedCompositeFieldContainer[PlanLevel]
    delegated_length: int
    def __init__(self, root: _Optional[str] = ..., levels: _Optional[_Iterable[_Union[PlanLevel, _Mapping]]] = ..., delegated_length: _Optional[int] = ...) -> None: ...

class PlanFinding(_message.Message):
    __slots__ = ("severity", "reason", "level", "detail")
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    severity: Severity
    reason: str
    level: str
    detail: str
    def __init__(self, severity: _Optional[_Union[Severity, str]] = ..., reason: _Optional[str] = ..., level: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class JudgePlanRequest(_message.Message):
    __slots__ = ("plan",)
    PLAN_FIELD_NUMBER: _ClassVar[int]
    plan: Plan
    def __init__(self, plan: _Optional[_Union[Plan, _Mapping]] = ...) -> None: ...

class JudgePlanResponse(_message.Message):
    __slots__ = ("findings", "drawing", "named_prefixes")
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    DRAWING_FIELD_NUMBER: _ClassVar[int]
    NAMED_PREFIXES_FIELD_NUMBER: _ClassVar[int]
    findings: _containers.RepeatedCompositeFieldContainer[PlanFinding]
    drawing: str
    named_prefixes: int
    def __init__(self, findings: _Optional[_Iterable[_Union[PlanFinding, _Mapping]]] = ..., drawing: _Optional[str] = ..., named_prefixes: _Optional[int] = ...) -> None: ...

class ApplyPlanRequest(_message.Message):
    __slots__ = ("plan", "dry_run", "pool_id_prefix")
    PLAN_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    POOL_ID_PREFIX_FIELD_NUMBER: _ClassVar[int]
    plan: Plan
    dry_run: bool
    pool_id_prefix: str
    def __init__(self, plan: _Optional[_Union[Plan, _Mapping]] = ..., dry_run: _Optional[bool] = ..., pool_id_prefix: _Optional[str] = ...) -> None: ...

class ApplyPlanResponse(_message.Message):
    __slots__ = ("pool_ids",)
    POOL_IDS_FIELD_NUMBER: _ClassVar[int]
    pool_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, pool_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ExplainAddressRequest(_message.Message):
    __slots__ = ("plan", "address")
    PLAN_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    plan: Plan
    address: str
    def __init__(self, plan: _Optional[_Union[Plan, _Mapping]] = ..., address: _Optional[str] = ...) -> None: ...

class ExplainAddressResponse(_message.Message):
    __slots__ = ("meanings",)
    MEANINGS_FIELD_NUMBER: _ClassVar[int]
    meanings: _containers.RepeatedCompositeFieldContainer[AddressMeaning]
    def __init__(self, meanings: _Optional[_Iterable[_Union[AddressMeaning, _Mapping]]] = ...) -> None: ...

class AddressMeaning(_message.Message):
    __slots__ = ("level", "code")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    level: str
    code: str
    def __init__(self, level: _Optional[str] = ..., code: _Optional[str] = ...) -> None: ...

class GetForecastRequest(_message.Message):
    __slots__ = ("pool_id", "horizon_days")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    HORIZON_DAYS_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    horizon_days: float
    def __init__(self, pool_id: _Optional[str] = ..., horizon_days: _Optional[float] = ...) -> None: ...

class Forecast(_message.Message):
    __slots__ = ("pool_id", "used_share", "growth_per_day", "expected_share", "low_share", "high_share", "full", "full_earliest", "full_latest", "points")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    USED_SHARE_FIELD_NUMBER: _ClassVar[int]
    GROWTH_PER_DAY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_SHARE_FIELD_NUMBER: _ClassVar[int]
    LOW_SHARE_FIELD_NUMBER: _ClassVar[int]
    HIGH_SHARE_FIELD_NUMBER: _ClassVar[int]
    FULL_FIELD_NUMBER: _ClassVar[int]
    FULL_EARLIEST_FIELD_NUMBER: _ClassVar[int]
    FULL_LATEST_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    used_share: float
    growth_per_day: float
    expected_share: float
    low_share: float
    high_share: float
    full: _timestamp_pb2.Timestamp
    full_earliest: _timestamp_pb2.Timestamp
    full_latest: _timestamp_pb2.Timestamp
    points: int
    def __init__(self, pool_id: _Optional[str] = ..., used_share: _Optional[float] = ..., growth_per_day: _Optional[float] = ..., expected_share: _Optional[float] = ..., low_share: _Optional[float] = ..., high_share: _Optional[float] = ..., full: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., full_earliest: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., full_latest: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., points: _Optional[int] = ...) -> None: ...

class GetForecastResponse(_message.Message):
    __slots__ = ("forecast",)
    FORECAST_FIELD_NUMBER: _ClassVar[int]
    forecast: Forecast
    def __init__(self, forecast: _Optional[_Union[Forecast, _Mapping]] = ...) -> None: ...

class Advice(_message.Message):
    __slots__ = ("pool_id", "urgency", "reason", "detail", "remedy")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    URGENCY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    urgency: Urgency
    reason: str
    detail: str
    remedy: str
    def __init__(self, pool_id: _Optional[str] = ..., urgency: _Optional[_Union[Urgency, str]] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ..., remedy: _Optional[str] = ...) -> None: ...

class ListAdviceRequest(_message.Message):
    __slots__ = ("pool_id",)
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    def __init__(self, pool_id: _Optional[str] = ...) -> None: ...

class ListAdviceResponse(_message.Message):
    __slots__ = ("advice",)
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    advice: _containers.RepeatedCompositeFieldContainer[Advice]
    def __init__(self, advice: _Optional[_Iterable[_Union[Advice, _Mapping]]] = ...) -> None: ...

class WhatIfRequest(_message.Message):
    __slots__ = ("pool_id", "delegations", "length", "more_per_day")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    DELEGATIONS_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    MORE_PER_DAY_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    delegations: int
    length: int
    more_per_day: float
    def __init__(self, pool_id: _Optional[str] = ..., delegations: _Optional[int] = ..., length: _Optional[int] = ..., more_per_day: _Optional[float] = ...) -> None: ...

class WhatIfResponse(_message.Message):
    __slots__ = ("fits", "fitting", "used_share", "hd_ratio", "full")
    FITS_FIELD_NUMBER: _ClassVar[int]
    FITTING_FIELD_NUMBER: _ClassVar[int]
    USED_SHARE_FIELD_NUMBER: _ClassVar[int]
    HD_RATIO_FIELD_NUMBER: _ClassVar[int]
    FULL_FIELD_NUMBER: _ClassVar[int]
    fits: bool
    fitting: int
    used_share: float
    hd_ratio: float
    full: _timestamp_pb2.Timestamp
    def __init__(self, fits: _Optional[bool] = ..., fitting: _Optional[int] = ..., used_share: _Optional[float] = ..., hd_ratio: _Optional[float] = ..., full: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Anomaly(_message.Message):
    __slots__ = ("pool_id", "kind", "detail", "measure", "usual", "time")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    USUAL_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    kind: str
    detail: str
    measure: float
    usual: float
    time: _timestamp_pb2.Timestamp
    def __init__(self, pool_id: _Optional[str] = ..., kind: _Optional[str] = ..., detail: _Optional[str] = ..., measure: _Optional[float] = ..., usual: _Optional[float] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListAnomaliesRequest(_message.Message):
    __slots__ = ("pool_id",)
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    def __init__(self, pool_id: _Optional[str] = ...) -> None: ...

class ListAnomaliesResponse(_message.Message):
    __slots__ = ("anomalies",)
    ANOMALIES_FIELD_NUMBER: _ClassVar[int]
    anomalies: _containers.RepeatedCompositeFieldContainer[Anomaly]
    def __init__(self, anomalies: _Optional[_Iterable[_Union[Anomaly, _Mapping]]] = ...) -> None: ...

class ExportPoolsRequest(_message.Message):
    __slots__ = ("format", "with_delegations")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    WITH_DELEGATIONS_FIELD_NUMBER: _ClassVar[int]
    format: ExchangeFormat
    with_delegations: bool
    def __init__(self, format: _Optional[_Union[ExchangeFormat, str]] = ..., with_delegations: _Optional[bool] = ...) -> None: ...

class ExportPoolsResponse(_message.Message):
    __slots__ = ("piece",)
    PIECE_FIELD_NUMBER: _ClassVar[int]
    piece: bytes
    def __init__(self, piece: _Optional[bytes] = ...) -> None: ...

class ImportPoolsRequest(_message.Message):
    __slots__ = ("format", "file", "dry_run")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    format: ExchangeFormat
    file: bytes
    dry_run: bool
    def __init__(self, format: _Optional[_Union[ExchangeFormat, str]] = ..., file: _Optional[bytes] = ..., dry_run: _Optional[bool] = ...) -> None: ...

class ImportFault(_message.Message):
    __slots__ = ("row", "reason", "detail")
    ROW_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    row: int
    reason: str
    detail: str
    def __init__(self, row: _Optional[int] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class ImportPoolsResponse(_message.Message):
    __slots__ = ("pool_ids", "prefixes_in_use", "faults")
    POOL_IDS_FIELD_NUMBER: _ClassVar[int]
    PREFIXES_IN_USE_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    pool_ids: _containers.RepeatedScalarFieldContainer[str]
    prefixes_in_use: _containers.RepeatedScalarFieldContainer[str]
    faults: _containers.RepeatedCompositeFieldContainer[ImportFault]
    def __init__(self, pool_ids: _Optional[_Iterable[str]] = ..., prefixes_in_use: _Optional[_Iterable[str]] = ..., faults: _Optional[_Iterable[_Union[ImportFault, _Mapping]]] = ...) -> None: ...
