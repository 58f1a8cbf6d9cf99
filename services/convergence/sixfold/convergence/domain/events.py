"""Facts of the convergence ledger and the values they are made of. Field names are those of the protos."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Network(Enum):
    TELECOM = 1
    BROADCAST = 2
    INTERNET = 3


@dataclass(frozen=True, slots=True)
class TrafficCell:
    """Traffic of one network, service class and IP family (4 or 6)."""

    network: Network
    service_class: str
    family: int
    bytes: int
    packets: int
    flows: int


@dataclass(frozen=True, slots=True)
class MinutePart:
    """What one minute of one gateway has grown by."""

    minute: datetime
    cells: tuple[TrafficCell, ...]


@dataclass(frozen=True, slots=True)
class BatchRange:
    """Sequences `first` to `last` of an epoch, both included."""

    epoch: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class PortRange:
    """Ports `first` to `last`, both included, of `tcp` or `udp`."""

    protocol: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class TrafficRecorded:
    """Batches of one gateway and what they hold: the totals include each batch exactly once because one
    event says both.
    """

    gateway: str
    batches: tuple[BatchRange, ...]
    minutes: tuple[MinutePart, ...]
    watermark: datetime
    implausible_flows: int


@dataclass(frozen=True, slots=True)
class TrafficMinuteClosed:
    gateway: str
    minute: datetime
    cells: tuple[TrafficCell, ...]


@dataclass(frozen=True, slots=True)
class TrafficMinuteRevised:
    gateway: str
    minute: datetime
    cells: tuple[TrafficCell, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class ServiceRegistered:
    service_id: str
    name: str
    network: Network
    service_class: str
    prefixes: tuple[str, ...]
    ports: tuple[PortRange, ...]
    provider: str
    time: datetime
    idempotency_key: str


TrafficEvent = TrafficRecorded | TrafficMinuteClosed | TrafficMinuteRevised
ConvergenceEvent = TrafficEvent | ServiceRegistered
EVENTS: tuple[type, ...] = (TrafficRecorded, TrafficMinuteClosed, TrafficMinuteRevised, ServiceRegistered)
