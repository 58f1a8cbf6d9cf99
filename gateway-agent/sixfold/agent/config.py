"""Settings of the gateway-agent."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from sixfold.agent.keys import verify_key
from sixfold.agent.netflow.settings import NetflowSettings
from sixfold.api.flow.codec import MAX_ROWS
from sixfold.api.subjects import PARTITIONS, gateway_token
from sixfold.chassis.config import Settings
from sixfold.chassis.http import HttpSettings
from sixfold.chassis.messaging import NatsSettings
from sixfold.chassis.telemetry import TelemetrySettings


class ListenerSettings(Settings):
    """Where exporters send to. A port of 0 takes any free one; `false` does not listen at all."""

    host: str = "127.0.0.1"
    netflow: int | None = Field(default=2055, ge=0, le=65_535)
    ipfix: int | None = Field(default=4739, ge=0, le=65_535)
    sflow: int | None = Field(default=6343, ge=0, le=65_535)
    receive_buffer_bytes: int = Field(default=32 << 20, ge=1 << 16)

    @field_validator("netflow", "ipfix", "sflow", mode="before")
    @classmethod
    def _or_none(cls, value: Any) -> Any:
        return None if value is False or value == "false" else value


class BatchSettings(Settings):
    max_rows: int = Field(default=MAX_ROWS, ge=1, le=MAX_ROWS)
    max_age_ms: int = Field(default=250, ge=10, le=10_000)
    compression: Literal["lz4", "zstd", "none"] = "lz4"


class SpoolSettings(Settings):
    max_bytes: int = Field(default=4 << 30, ge=1 << 20)
    """What may wait on disk for the bus; past it the oldest batches are given up, and counted."""
    segment_bytes: int = Field(default=16 << 20, ge=1 << 16)
    memory_bytes: int = Field(default=64 << 20, ge=0)
    """What may wait in memory where the disk takes nothing, for each kind of batches."""
    fsync: bool = False
    """Survive also the loss of power, at the price of one fsync a batch. A killed process loses nothing either way."""


class PublishSettings(Settings):
    max_in_flight: int = Field(default=16, ge=1, le=256)
    """Batches of one kind that were sent and are not acknowledged yet, at most."""
    max_in_flight_bytes: int = Field(default=32 << 20, ge=1)
    ack_timeout: float = Field(default=10.0, gt=0)
    partitions: int = Field(default=PARTITIONS, ge=1)


class FileHook(Settings):
    """Writes each alert into a folder that another program watches, and removes it when it is cancelled."""

    kind: Literal["file"]
    folder: Path


class ExecHook(Settings):
    """Runs a program for each alert: CAP on its standard input, SIXFOLD_ALERT_… in its environment."""

    kind: Literal["exec"]
    command: tuple[str, ...] = Field(min_length=1)
    timeout: float = Field(default=10.0, gt=0)


Hook = FileHook | ExecHook


def _are_keys(value: tuple[str, ...]) -> tuple[str, ...]:
    for public in value:
        try:
            verify_key(public)
        except ValueError as error:
            raise ValueError(
                f"{public!r} is no public NKey: one begins with U and has 56 characters"
            ) from error
    return value


class CommandSettings(Settings):
    issuers: tuple[str, ...] = ()
    """Public NKeys whose commands are obeyed; none: every command is refused."""
    hooks: tuple[Annotated[Hook, Field(discriminator="kind")], ...] = ()
    """What brings an alert from here to the terminals, one after the other. None: it is kept and logged only."""

    _keys = field_validator("issuers")(_are_keys)


class TranslationSettings(Settings):
    """Whether the agent has its hand on what this gateway translates. Needs root (CAP_NET_ADMIN)."""

    enabled: bool = False
    configured_by: tuple[str, ...] = ()
    """Public NKeys whose configurations are obeyed: the address centre's."""
    sources_from: tuple[str, ...] = ()
    """Public NKeys that tell the valid sources: the identity centre's."""
    programs: bool = True
    """Start tayga, unbound and softflowd; `false` where systemd or another has them."""
    protect: tuple[str, ...] = ()
    """Prefixes that no configuration may cut off, beside those of nats.servers."""
    receive_buffer_bytes: int = Field(default=32 << 20, ge=1 << 16)
    """For the kernel's conntrack events."""
    max_sessions: int = Field(default=262_144, ge=1)
    """Sessions that are remembered with both their sides, about 0.5 KB each."""
    check_seconds: float = Field(default=300.0, gt=0)
    """How often what runs is compared with what was configured: with 20,000 valid sources that takes 3 s of CPU."""
    report_seconds: float = Field(default=5.0, gt=0)
    """How often forged sources are read and told."""

    _keys = field_validator("configured_by", "sources_from")(_are_keys)

    @field_validator("protect")
    @classmethod
    def _are_prefixes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in value:
            ipaddress.ip_network(prefix)
        return value


class BgpPeer(Settings):
    """A router that takes our routes."""

    address: str
    local_address: str
    """Ours towards it."""
    peer_as: int = Field(ge=1, le=4_294_967_295)
    port: int = Field(default=179, ge=1, le=65_535)

    @field_validator("address", "local_address")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return str(ipaddress.ip_address(value))


class BgpSettings(Settings):
    """ExaBGP, which announces diversions. Without peers nothing is announced, and diversions are refused."""

    program: str = "exabgp"
    user: str = "root"
    """Whom ExaBGP runs as; it has to read the agent's state_dir."""
    local_as: int = Field(default=64_512, ge=1, le=4_294_967_295)
    router_id: str = "192.0.2.1"
    peers: tuple[BgpPeer, ...] = ()
    next_hop_ipv4: str = "192.0.2.1"
    next_hop_ipv6: str = "100::1"
    """Of black holes: addresses that the routers lead to nowhere (RFC 5635; 100::/64, RFC 6666)."""
    communities: tuple[str, ...] = ()
    """Of black holes, beside BLACKHOLE and NO_EXPORT; such as `64500:666`."""
    most_routes: int = Field(default=1_000, ge=1)

    @field_validator("router_id", "next_hop_ipv4")
    @classmethod
    def _is_ipv4(cls, value: str) -> str:
        return str(ipaddress.IPv4Address(value))

    @field_validator("next_hop_ipv6")
    @classmethod
    def _is_ipv6(cls, value: str) -> str:
        return str(ipaddress.IPv6Address(value))

    @field_validator("communities")
    @classmethod
    def _are_communities(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if not re.fullmatch(r"\d{1,5}:\d{1,5}", one):
                raise ValueError(f"{one!r} is no community such as 64500:666")
        return value


class PolicySettings(Settings):
    """Whether the agent enforces policies against attacks. Needs root (CAP_NET_ADMIN) and nftables."""

    enabled: bool = False
    issuers: tuple[str, ...] = ()
    """Public NKeys whose policies are obeyed: the security centre's."""
    protect: tuple[str, ...] = ()
    """Prefixes that no policy may touch, beside those of nats.servers and translation.protect."""
    nat64_prefixes: tuple[str, ...] = ("64:ff9b::/96",)
    """Behind these, protected IPv4 prefixes are protected, too."""
    longest_seconds: int = Field(default=86_400, ge=1)
    """A policy that lasts longer is refused."""
    report_seconds: float = Field(default=2.0, gt=0)
    """How often counters are read, and told while there are policies."""
    bgp: BgpSettings = BgpSettings()

    _keys = field_validator("issuers")(_are_keys)

    @field_validator("protect", "nat64_prefixes")
    @classmethod
    def _are_prefixes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in value:
            ipaddress.ip_network(prefix)
        return value


class AgentSettings(Settings):
    gateway: str = "gw-1"
    state_dir: Path = Path("/var/lib/sixfold-agent")
    nats: NatsSettings = NatsSettings(name="gateway-agent")
    listeners: ListenerSettings = ListenerSettings()
    batch: BatchSettings = BatchSettings()
    spool: SpoolSettings = SpoolSettings()
    publish: PublishSettings = PublishSettings()
    commands: CommandSettings = CommandSettings()
    netflow: NetflowSettings = NetflowSettings()
    translation: TranslationSettings = TranslationSettings()
    policies: PolicySettings = PolicySettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    health: HttpSettings = HttpSettings(port=9273)
    heartbeat_seconds: float = Field(default=5.0, gt=0)
    state_seconds: float = Field(default=10.0, gt=0)
    """How often templates and sampling are saved."""
    sealed_log_bytes: int = Field(default=64 << 20, ge=1 << 16)
    """How large `sealed.log`, one line for each sealed batch, may become; one older file is kept beside it."""

    @field_validator("gateway")
    @classmethod
    def _one_token(cls, value: str) -> str:
        return gateway_token(value)
