"""Settings of the security centre."""

import ipaddress
from base64 import b64encode
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from sixfold.api.subjects import PARTITIONS
from sixfold.chassis.config import Settings
from sixfold.chassis.http import HttpSettings
from sixfold.chassis.messaging import NatsSettings
from sixfold.chassis.rpc import ClientSettings, RpcSettings
from sixfold.chassis.telemetry import TelemetrySettings
from sixfold.security.adapters.registry import chosen
from sixfold.security.adapters.webhooks import Door, secret_of
from sixfold.security.domain.addresses import parse_network
from sixfold.security.domain.decisions import LifeCycle
from sixfold.security.domain.detectors.volumetric import Thresholds, VolumetricSettings
from sixfold.security.domain.events import Severity
from sixfold.security.domain.intel.entries import Trust
from sixfold.security.domain.intel.lists import Layout
from sixfold.security.domain.mitigation.decisions import Rules
from sixfold.security.domain.mitigation.values import Kind
from sixfold.security.domain.spoofing import SpoofingSettings
from sixfold.security.domain.window import Lanes, WindowSettings
from sixfold.security.enforcement_handlers import EffectRules
from sixfold.security.intel_ports import FeedSource
from sixfold.security.mitigation_handlers import AutomaticRules

Positive = Annotated[float, Field(gt=0)]


class WindowOptions(Settings):
    """The sliding window in event time."""

    slot_seconds: int = Field(5, ge=1, le=60)
    slots: int = Field(60, ge=4, le=720)
    """How far back talkers can be listed and late flows still count: slots * slot_seconds."""
    hosts_per_slot: int = Field(32_768, ge=300)
    """Heaviest hosts kept in a recent slot; more are pruned, with their error stated."""
    counted_cells: int = Field(2_097_152, ge=65_536, le=2_097_152)
    """Hosts times slots that are counted exactly, for sources and for destinations; 24 bytes each."""
    settled_after_slots: int = Field(12, ge=3)
    settled_hosts_per_slot: int = Field(8_192, ge=300)
    prefix_ipv4: int = Field(24, ge=8, le=32)
    prefix_ipv6: int = Field(64, ge=16, le=128)
    light_bytes: int = Field(1_000_000, ge=0)
    """Flows of fewer bytes and packets go to one slot by chance instead of being spread; 0 spreads all."""
    light_packets: int = Field(1_000, ge=0)
    past_seconds: int = Field(86_400, ge=60)
    """A flow that ended longer ago is implausible: counted, in no window."""
    future_seconds: int = Field(60, ge=1)

    def domain(self) -> WindowSettings:
        return WindowSettings(
            slot_ms=self.slot_seconds * 1000,
            slots=self.slots,
            limit=self.hosts_per_slot,
            cells=self.counted_cells,
            settled_after=self.settled_after_slots,
            settled_limit=self.settled_hosts_per_slot,
            prefix_ipv4=self.prefix_ipv4,
            prefix_ipv6=self.prefix_ipv6,
            light_bytes=self.light_bytes,
            light_packets=self.light_packets,
            past_ms=self.past_seconds * 1000,
            future_ms=self.future_seconds * 1000,
        )


class ThresholdOptions(Settings):
    bits_per_second: Positive
    packets_per_second: Positive
    flows_per_second: Positive

    def domain(self) -> Thresholds:
        return Thresholds(self.bits_per_second, self.packets_per_second, self.flows_per_second)


class VolumetricOptions(Settings):
    """Fixed thresholds towards one host and towards one prefix."""

    host: ThresholdOptions = ThresholdOptions(
        bits_per_second=1e9, packets_per_second=100_000, flows_per_second=10_000
    )
    prefix: ThresholdOptions = ThresholdOptions(
        bits_per_second=5e9, packets_per_second=500_000, flows_per_second=50_000
    )
    window_slots: int = Field(2, ge=1, le=60)
    release: float = Field(0.7, gt=0, le=1)
    """An incident goes on down to this part of the threshold."""
    host_share: float = Field(0.5, gt=0, le=1)
    """A prefix is silent when one of its hosts in alarm makes this part of its traffic."""
    severities: tuple[float, float, float] = (2.0, 5.0, 20.0)
    """Multiples of the threshold from which an incident is medium, high, critical."""

    def domain(self) -> VolumetricSettings:
        return VolumetricSettings(
            host=self.host.domain(),
            prefix=self.prefix.domain(),
            window_slots=self.window_slots,
            release=self.release,
            host_share=self.host_share,
            severities=self.severities,
        )


class IncidentOptions(Settings):
    close_after_seconds: Positive = 60.0
    update_seconds: Positive = 30.0
    hold_after_close_seconds: float = Field(300.0, ge=0)
    false_positive_days: float = Field(7.0, gt=0, le=366)
    """How long a false positive raises the threshold of its victim and vector."""
    false_positive_margin: float = Field(1.25, ge=1, le=100)
    """How far over what was seen it is raised."""
    active_limit: int = Field(10_000, ge=1)

    def domain(self) -> LifeCycle:
        return LifeCycle(
            close_after=self.close_after_seconds,
            update_interval=self.update_seconds,
            hold_after_close=self.hold_after_close_seconds,
            raised_for=self.false_positive_days * 86_400,
            raised_margin=self.false_positive_margin,
            active_limit=self.active_limit,
        )


class FeedOptions(Settings):
    """One threat-intelligence feed."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    kind: Literal["list", "csv", "stix", "taxii"] = "list"
    source: str = Field(min_length=1)
    """A file, an http or https address; of `taxii` the address of the collection."""
    interval_seconds: float = Field(3_600.0, ge=10)
    lifetime_hours: float = Field(72.0, gt=0)
    """How long a reading is used where no newer one can be had."""
    confidence: int = Field(60, ge=1, le=100)
    """In percent, where an entry does not state its own."""
    prefix_column: str = ""
    """Of `csv`: the names in its head."""
    confidence_column: str = ""
    expires_column: str = ""
    delimiter: str = Field(",", min_length=1, max_length=1)
    username: str = ""
    secret_file: Path | None = None
    """Password of `username`; without one, a bearer token."""
    shortest_ipv4: int = Field(8, ge=1, le=32)
    shortest_ipv6: int = Field(19, ge=1, le=128)
    most_prefixes: int = Field(12_000_000, ge=1, le=50_000_000)
    growth: float = Field(4.0, gt=1)
    """How many times more prefixes than the reading before it may list."""
    shrink: float = Field(0.25, ge=0, lt=1)

    @model_validator(mode="after")
    def _check(self) -> "FeedOptions":
        if self.kind == "csv" and not self.prefix_column:
            raise ValueError(f"feed {self.name}: csv needs prefix_column")
        if self.kind == "taxii" and not self.source.startswith(("http://", "https://")):
            raise ValueError(f"feed {self.name}: the source of taxii is an http or https address")
        if "://" in self.source and not self.source.startswith(("http://", "https://")):
            raise ValueError(f"feed {self.name}: the source is a file, or an http or https address")
        return self

    def _headers(self) -> dict[str, str]:
        if self.secret_file is None:
            return {}
        secret = self.secret_file.read_text(encoding="utf-8").strip()
        if not self.username:
            return {"Authorization": f"Bearer {secret}"}
        return {"Authorization": "Basic " + b64encode(f"{self.username}:{secret}".encode()).decode()}

    def domain(self, protected: tuple[tuple[int, int, int], ...]) -> FeedSource:
        """Reads the secret's file."""
        return FeedSource(
            name=self.name,
            kind=self.kind,
            source=self.source,
            interval=self.interval_seconds,
            lifetime=self.lifetime_hours * 3_600,
            confidence=self.confidence,
            trust=Trust(
                shortest_ipv4=self.shortest_ipv4,
                shortest_ipv6=self.shortest_ipv6,
                most=self.most_prefixes,
                growth=self.growth,
                shrink=self.shrink,
                protected=protected,
            ),
            layout=Layout(
                prefix=self.prefix_column if self.kind == "csv" else "",
                confidence=self.confidence_column,
                expires=self.expires_column,
                delimiter=self.delimiter,
            ),
            headers=self._headers(),
        )


class IntelOptions(Settings):
    """Threat intelligence."""

    feeds: tuple[FeedOptions, ...] = ()
    protected: tuple[str, ...] = ()
    """Own prefixes, which no feed may list."""

    @model_validator(mode="after")
    def _check(self) -> "IntelOptions":
        names = [feed.name for feed in self.feeds]
        if len(set(names)) < len(names):
            raise ValueError("two feeds have the same name")
        for text in self.protected:
            parse_network(text)
        return self

    def domain(self) -> list[FeedSource]:
        protected = tuple(parse_network(text) for text in self.protected)
        return [feed.domain(protected) for feed in self.feeds]


class TaxiiOptions(Settings):
    """The TAXII 2.1 server for partners."""

    enabled: bool = False
    http: HttpSettings = HttpSettings()
    username: str = ""
    password_file: Path | None = None
    incidents: int = Field(1_000, ge=1, le=10_000)
    """The newest, whose objects are shown."""

    @model_validator(mode="after")
    def _check(self) -> "TaxiiOptions":
        if bool(self.username) != (self.password_file is not None):
            raise ValueError("taxii.username and taxii.password_file go together")
        if self.enabled and not self.username and not ip_address(self.http.host).is_loopback:
            raise ValueError(f"taxii on {self.http.host} needs taxii.username and taxii.password_file")
        return self


WEBHOOK_EVENTS = (
    "opened",
    "acknowledged",
    "mitigated",
    "mitigation-ended",
    "closed",
    "marked-false-positive",
)


class WebhookOptions(Settings):
    """One receiver of incidents."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    url: str = Field(pattern=r"^https?://")
    secret_file: Path
    """Holds `whsec_` and 24 to 64 bytes in base64."""
    events: tuple[
        Literal["opened", "updated", "acknowledged", "noted", "mitigated", "mitigation-ended", "closed",
                "marked-false-positive"], ...
    ] = WEBHOOK_EVENTS  # fmt: skip
    attempts: int = Field(8, ge=1, le=20)
    timeout_seconds: float = Field(10.0, gt=0, le=60)

    def domain(self) -> Door:
        """Reads the secret's file. Raises ValueError, OSError."""
        return Door(
            name=self.name,
            url=self.url,
            secret=secret_of(self.secret_file.read_text(encoding="ascii").strip()),
            events=frozenset(f"incident-{event}" for event in self.events),
            attempts=self.attempts,
            timeout=self.timeout_seconds,
        )


class ExchangeOptions(Settings):
    """Incidents told to others."""

    producer: str = Field("Sixfold security centre", min_length=1, max_length=200)
    tlp: Literal["clear", "green", "amber", "red"] = "amber"
    """Traffic light protocol of what is told in STIX."""
    taxii: TaxiiOptions = TaxiiOptions()  # pyright: ignore[reportCallIssue]
    webhooks: tuple[WebhookOptions, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "ExchangeOptions":
        names = [webhook.name for webhook in self.webhooks]
        if len(set(names)) < len(names):
            raise ValueError("two webhooks have the same name")
        return self


class SpoofingOptions(Settings):
    """Forged sources that gateways report."""

    least_packets: int = Field(5, ge=1)
    """Of one source in one report, to open an incident."""
    most_sources: int = Field(8, ge=1, le=64)
    """Sources of one access interface that have incidents of their own; more are one incident."""
    high_packets_per_second: Positive = 1_000.0
    identity: str = ""
    """host:port of the identity centre, which says who holds a forged address; empty: nobody is asked."""
    client: ClientSettings = ClientSettings(default_deadline=2.0)

    def domain(self) -> SpoofingSettings:
        return SpoofingSettings(
            least_packets=self.least_packets,
            most_sources=self.most_sources,
            high_packets_per_second=self.high_packets_per_second,
        )


class ReplicaOptions(Settings):
    """Sharing the partitions with other replicas of the centre."""

    name: str = Field("", max_length=100)
    """Its own among the replicas, the same after a restart (a pod's name); empty: a new one at every start."""
    beat_seconds: float = Field(0.75, ge=0.1, le=10)
    patience_seconds: float = Field(3.0, ge=0.5, le=60)
    """After so long without a sign of life, others take a replica's partitions."""

    @model_validator(mode="after")
    def _check(self) -> "ReplicaOptions":
        if self.patience_seconds < 2 * self.beat_seconds:
            raise ValueError("replica.patience_seconds must be at least twice replica.beat_seconds")
        return self


class AutomaticOptions(Settings):
    """Mitigations that nobody is asked about."""

    enabled: bool = False
    confidence: float = Field(0.95, gt=0, le=1)
    """An incident has to be at least so certain …"""
    severity: Literal["low", "medium", "high", "critical"] = "high"
    """… and at least so severe."""
    coverage: float = Field(0.7, gt=0, le=1)
    """Part of the incident's traffic that a suggestion has to match."""
    actions: tuple[Literal["block", "rate-limit", "divert", "mark"], ...] = ("block", "rate-limit")
    seconds: int = Field(300, ge=10)
    most_active: int = Field(20, ge=0)
    gateways: tuple[str, ...] = ()
    """Where they are enforced; empty: at every gateway."""

    def domain(self) -> AutomaticRules:
        return AutomaticRules(
            enabled=self.enabled,
            confidence=self.confidence,
            severity=Severity[self.severity.upper()],
            coverage=self.coverage,
            kinds=frozenset(Kind[one.upper().replace("-", "_")] for one in self.actions),
            seconds=self.seconds,
            most_active=self.most_active,
            gateways=self.gateways,
        )


class MitigationOptions(Settings):
    """What may be done against incidents at the gateways. docs/operators/mitigation.md explains each."""

    signing_seed_file: Path | None = None
    """NKey seed that policies are signed with; its public key stands in every agent's `policies.issuers`. None:
    mitigations are suggested and tried dry, and none can be approved.
    """
    credit: str = "127.0.0.1:50051"
    """host:port of the credit centre, which keeps the flows."""
    client: ClientSettings = ClientSettings()
    never_touch: tuple[str, ...] = ()
    """Prefixes that no policy may meet: management, name servers, peers. Gateways add their own."""
    nat64_prefixes: tuple[str, ...] = ("64:ff9b::/96",)
    """Behind these, IPv4 prefixes of never_touch are not touched, too."""
    widest_ipv4: int = Field(16, ge=1, le=32)
    """No policy is wider on both of its sides."""
    widest_ipv6: int = Field(32, ge=1, le=128)
    default_seconds: int = Field(600, ge=10)
    longest_seconds: int = Field(86_400, ge=10)
    lapse_seconds: int = Field(3_600, ge=10)
    """A proposal that nobody approves ends after so long."""
    alone_ipv4: int = Field(24, ge=1, le=32)
    """A wider policy needs a second person …"""
    alone_ipv6: int = Field(48, ge=1, le=128)
    alone_good_sources: int = Field(50, ge=0)
    """… and one that meets more sources that were there before the incident …"""
    alone_good_share: float = Field(0.2, ge=0, le=1)
    """… or of whose traffic since then more is theirs …"""
    alone_divert: bool = False
    """… and a diversion, unless this is true."""
    most_active: int = Field(500, ge=1, le=900)
    measure_seconds: float = Field(15.0, ge=1)
    collateral_seconds: float = Field(60.0, ge=5)
    over_seconds: float = Field(300.0, ge=5)
    """A mitigation that has matched next to nothing for so long is withdrawn."""
    over_packets_per_second: float = Field(5.0, ge=0)
    most_collateral: float = Field(0.0, ge=0, le=1)
    """Part of what is matched that may be good traffic before it is withdrawn; 0: it is not."""
    command_seconds: float = Field(300.0, ge=10)
    """A gateway that was away for longer refuses what was sent meanwhile, and is sent it anew."""
    automatic: AutomaticOptions = AutomaticOptions()  # pyright: ignore[reportCallIssue]

    @field_validator("never_touch", "nat64_prefixes")
    @classmethod
    def _are_prefixes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in value:
            ipaddress.ip_network(prefix)
        return value

    def rules(self) -> Rules:
        return Rules(
            never_touch=tuple(ipaddress.ip_network(one) for one in self.never_touch),
            nat64=tuple(ipaddress.ip_network(one) for one in self.nat64_prefixes),
            **{
                name: getattr(self, name)
                for name in (
                    "widest_ipv4", "widest_ipv6", "default_seconds", "longest_seconds", "lapse_seconds", "alone_ipv4",
                    "alone_ipv6", "alone_good_sources", "alone_good_share", "alone_divert", "most_active",
                )
            },
        )  # fmt: skip

    def effect(self) -> EffectRules:
        return EffectRules(
            measure=self.measure_seconds,
            collateral=self.collateral_seconds,
            over=self.over_seconds,
            little=self.over_packets_per_second,
            most_collateral=self.most_collateral,
        )


class SecuritySettings(Settings):
    nats: NatsSettings = NatsSettings()
    rpc: RpcSettings = RpcSettings()
    health: HttpSettings = HttpSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    partitions: tuple[int, ...] = tuple(range(PARTITIONS))
    """Flow partitions that this replica may watch; it shares them with the others that are there."""
    replica: ReplicaOptions = ReplicaOptions()  # pyright: ignore[reportCallIssue]
    rows_at_once: int = Field(65_536, ge=1_024, le=1_048_576)
    """Small batches are joined up to so many flows and counted in one pass."""
    look_seconds: float = Field(1.0, gt=0)
    """How long after the flows the detectors look at the latest; they look sooner where that costs little."""
    checkpoint_seconds: float = Field(15.0, gt=0)
    """How often the window is saved: what a kill may cost it."""
    window: WindowOptions = WindowOptions()  # pyright: ignore[reportCallIssue]
    volumetric: VolumetricOptions = VolumetricOptions()  # pyright: ignore[reportCallIssue]
    detectors: dict[str, dict[str, Any]] = Field(default_factory=dict[str, dict[str, Any]])
    """Parameters of detectors by the detector's name, where they are not the defaults; `enabled` = false leaves one
    out. docs/operators/detection.md lists them.
    """
    rules: tuple[Path, ...] = ()
    """Files of declared detectors (YAML); docs/contributors/detectors.md describes them."""
    incidents: IncidentOptions = IncidentOptions()  # pyright: ignore[reportCallIssue]
    intel: IntelOptions = IntelOptions()
    spoofing: SpoofingOptions = SpoofingOptions()  # pyright: ignore[reportCallIssue]
    mitigation: MitigationOptions = MitigationOptions()  # pyright: ignore[reportCallIssue]
    exchange: ExchangeOptions = ExchangeOptions()  # pyright: ignore[reportCallIssue]
    duplicate_exporters: tuple[tuple[str, ...], ...] = ()
    """Groups of exporters on one path: what several of a group export counts once."""

    @model_validator(mode="after")
    def _check(self) -> "SecuritySettings":
        Lanes(self.duplicate_exporters)
        chosen(self.detectors, rules=self.rules)
        if not self.partitions or not all(0 <= partition < PARTITIONS for partition in self.partitions):
            raise ValueError(f"partitions must be some of 0 to {PARTITIONS - 1}")
        if self.volumetric.window_slots >= self.window.slots:
            raise ValueError("volumetric.window_slots must be less than window.slots")
        return self
