"""Settings of the convergence centre. What belongs to which network and class is data, given here."""

from typing import Annotated

from pydantic import Field, model_validator

from sixfold.api.subjects import PARTITIONS
from sixfold.chassis.config import Settings
from sixfold.chassis.http import HttpSettings
from sixfold.chassis.messaging import NatsSettings
from sixfold.chassis.rpc import RpcSettings
from sixfold.chassis.telemetry import TelemetrySettings
from sixfold.convergence.domain.cells import SERVICE_CLASSES
from sixfold.convergence.domain.classify import Classifier, NetworkRule
from sixfold.convergence.domain.events import Network, PortRange
from sixfold.convergence.domain.minutes import Clock
from sixfold.convergence.domain.traffic import Patience

Ports = Annotated[str, Field(pattern=r"^(tcp|udp)/\d{1,5}(-\d{1,5})?$")]


class NetworkOptions(Settings):
    """What marks the traffic of one network. The longest prefix decides between networks."""

    prefixes: tuple[str, ...] = ()
    ports: tuple[Ports, ...] = ()
    """`udp/5060-5061`: traffic of these ports where no prefix or interface says otherwise."""
    interfaces: tuple[str, ...] = ()
    """`exporter address#SNMP index`, for example `192.0.2.1#7`."""

    def domain(self, network: Network) -> NetworkRule:
        return NetworkRule(
            network,
            self.prefixes,
            tuple(_ports(text) for text in self.ports),
            tuple(_interface(text) for text in self.interfaces),
        )


DEFAULT_CLASSES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("dns", ("udp/53", "tcp/53", "tcp/853", "udp/853", "udp/5353")),
    ("quic", ("udp/443", "udp/80")),
    ("web", ("tcp/80", "tcp/443", "tcp/8080", "tcp/8443", "tcp/8000", "tcp/8008")),
    ("mail", ("tcp/25", "tcp/110", "tcp/143", "tcp/465", "tcp/587", "tcp/993", "tcp/995")),
    ("vpn", ("udp/500", "udp/4500", "udp/1194", "tcp/1194", "udp/1701", "tcp/1723", "udp/51820")),
    ("iot", ("tcp/1883", "tcp/8883", "udp/5683-5684", "tcp/5683-5684", "udp/1883")),
    ("voip", ("udp/5060-5061", "tcp/5060-5061", "udp/2427", "udp/3478-3481")),
    ("iptv", ("tcp/554", "udp/554", "tcp/1935", "tcp/8554")),
    ("p2p", ("tcp/6881-6889", "udp/6881-6889", "tcp/4662", "udp/4672", "tcp/51413", "udp/51413")),
)


class ConvergenceSettings(Settings):
    nats: NatsSettings = NatsSettings()
    rpc: RpcSettings = RpcSettings()
    health: HttpSettings = HttpSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    partitions: tuple[int, ...] = tuple(range(PARTITIONS))
    """Flow partitions that this replica accounts; all of them when it is alone."""
    broadcast: NetworkOptions = NetworkOptions(prefixes=("224.0.0.0/4", "ff00::/8"))
    """Multicast, and the head-ends' prefixes."""
    telecom: NetworkOptions = NetworkOptions(ports=("udp/5060-5061", "tcp/5060-5061"))
    """Signalling ports, and the prefixes of IMS and its media (RTP)."""
    internet: NetworkOptions = NetworkOptions(prefixes=("224.0.0.0/24", "ff02::/16"))
    """Exceptions within the others, here link-local multicast; what nothing names is internet anyway."""
    classes: tuple[tuple[str, tuple[Ports, ...]], ...] = DEFAULT_CLASSES
    """Service classes by port; a port belongs to the first that names it, of a flow's two the earlier
    class wins.
    """
    lateness_seconds: int = Field(90, ge=1, le=3_600)
    """A minute is told when its gateway's flows are so far past it."""
    silent_seconds: int = Field(120, ge=1)
    """A gateway without flows for so long has its minutes told anyway."""
    revise_seconds: int = Field(60, ge=1)
    """Minutes that grew after they were told are told again this often."""
    past_seconds: int = Field(86_400, ge=60, le=86_400)
    """A flow that ended longer ago is implausible: counted, in no minute."""
    future_seconds: int = Field(60, ge=1, le=3_600)
    spread_minutes: int = Field(10, ge=1, le=60)
    """A flow is laid over at most so many minutes."""

    @model_validator(mode="after")
    def _check(self) -> "ConvergenceSettings":
        if not self.partitions or not all(0 <= partition < PARTITIONS for partition in self.partitions):
            raise ValueError(f"partitions must be some of 0 to {PARTITIONS - 1}")
        for name, _ in self.classes:
            if name not in SERVICE_CLASSES:
                raise ValueError(f"service class {name!r} is not one of {', '.join(SERVICE_CLASSES)}")
        Classifier(self.networks, self.class_rules)
        return self

    @property
    def networks(self) -> tuple[NetworkRule, ...]:
        return (
            self.telecom.domain(Network.TELECOM),
            self.broadcast.domain(Network.BROADCAST),
            self.internet.domain(Network.INTERNET),
        )

    @property
    def class_rules(self) -> tuple[tuple[str, PortRange], ...]:
        return tuple((name, _ports(text)) for name, texts in self.classes for text in texts)

    @property
    def clock(self) -> Clock:
        return Clock(self.past_seconds * 1000, self.future_seconds * 1000, self.spread_minutes)

    @property
    def patience(self) -> Patience:
        return Patience(lateness_ms=self.lateness_seconds * 1000)


def _ports(text: str) -> PortRange:
    protocol, _, numbers = text.partition("/")
    first, _, last = numbers.partition("-")
    return PortRange(protocol, int(first), int(last or first))


def _interface(text: str) -> tuple[str, int]:
    exporter, mark, index = text.partition("#")
    if not mark or not index.isdigit():
        raise ValueError(f"interface {text!r} is not written as `exporter address#SNMP index`")
    return exporter, int(index)
