"""Settings of the DHCPv6 front."""

from ipaddress import IPv6Address, IPv6Network
from pathlib import Path

from pydantic import Field, model_validator

from sixfold.address.domain.dhcpv6.codes import SERVER_PORT
from sixfold.chassis.config import Settings


class LinkSettings(Settings):
    """Whom a pool is for. Every condition that is given must hold; without any, everybody."""

    name: str = Field(pattern=r"[A-Za-z0-9._-]{1,64}")
    pool_id: str = Field(pattern=r"[A-Za-z0-9._-]{1,64}")
    link_addresses: tuple[IPv6Network, ...] = ()
    """Of the relay next to the client."""
    interface_ids: tuple[str, ...] = ()
    """Of that relay, as text with * and ?; one that is no text is compared as hexadecimal."""
    interfaces: tuple[str, ...] = ()
    """Of this machine, where clients speak without a relay."""
    length: int = Field(default=56, ge=1, le=64)
    """Of what a client gets that does not say."""
    shortest_length: int = Field(default=0, ge=0, le=64)
    """Shortest that a client may ask for; 0: `length`."""
    longest_length: int = Field(default=0, ge=0, le=64)
    """Longest that a client may ask for; 0: `length`."""
    lease_seconds: int = Field(default=0, ge=0, le=10 * 365 * 86_400)
    """0: as the pool says."""
    holder: str = Field(default="", max_length=128)
    """Pseudonym of the terminal behind the link, where there is one alone and it is known."""

    @model_validator(mode="after")
    def _lengths(self) -> "LinkSettings":
        if not (self.shortest_length or self.length) <= self.length <= (self.longest_length or self.length):
            raise ValueError(f"length {self.length} is not between shortest_length and longest_length")
        return self


class Dhcpv6Settings(Settings):
    enabled: bool = False
    host: str = "::"
    """Address that relays speak to."""
    port: int = Field(default=SERVER_PORT, ge=0, le=65_535)
    """0: a free one."""
    interfaces: tuple[str, ...] = ()
    """Links whose clients speak without a relay: ff02::1:2 is joined there."""
    answer_source_port: bool = False
    """Answer to the port that a message came from, in place of 546 and 547: for a lab without root."""
    unicast: bool = False
    """Take messages that clients send to our address, not to ff02::1:2: for a lab."""
    holder_key_file: Path | None = None
    """32 random bytes in hexadecimal: what a device's DUID is hashed with before it is written anywhere."""
    links: tuple[LinkSettings, ...] = ()
    """The first that fits."""
    rapid_commit: bool = True
    """Whether a client may have its prefix in two messages."""
    preference: int = Field(default=255, ge=0, le=255)
    """255: clients wait for no other server."""
    dns_servers: tuple[IPv6Address, ...] = Field(default=(), max_length=8)
    domains: tuple[str, ...] = Field(default=(), max_length=8)
    together: int = Field(default=500, ge=1, le=2_000)
    """Clients whose prefixes are decided and appended together at most."""
    gather_seconds: float = Field(default=0.008, ge=0, le=0.1)
    """While many ask, an append waits so long for those who still come."""
    waiting: int = Field(default=5_000, ge=1)
    """Messages that may wait for an append; more are dropped and counted."""
    offers: int = Field(default=20_000, ge=1)
    """Advertised prefixes that are kept in mind."""
    replies: int = Field(default=10_000, ge=1)
    """Answers that are kept for a client that asks the same again."""
    receive_bytes: int = Field(default=8 * 1024 * 1024, ge=64 * 1024)
    """Buffer of the sockets, as far as the kernel allows."""

    @model_validator(mode="after")
    def _needed(self) -> "Dhcpv6Settings":
        if self.enabled and self.holder_key_file is None:
            raise ValueError("holder_key_file is needed: DUIDs are not written as they are")
        return self
