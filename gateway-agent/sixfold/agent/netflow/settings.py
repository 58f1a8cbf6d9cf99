"""Bounds and rules of the NetFlow and IPFIX collector."""

import ipaddress

from pydantic import Field, field_validator

from sixfold.chassis.config import Settings


class NetflowSettings(Settings):
    exporters: tuple[str, ...] = ()
    """Addresses and networks whose datagrams are read; the others are counted and dropped. Empty: all."""
    max_sessions: int = Field(default=8192, ge=4, le=1 << 20)
    """Exporting processes (address, port, version, domain) known at a time; the one heard longest ago leaves."""
    max_templates: int = Field(default=32_768, ge=1)
    """Templates of all exporters together."""
    max_templates_per_session: int = Field(default=512, ge=1, le=65_280)
    max_fields: int = Field(default=512, ge=1, le=16_384)
    """Fields of one template; a template with more is refused."""
    parked_bytes: int = Field(default=32 << 20, ge=0)
    """Memory for sets that wait for their template, all exporters together."""
    parked_bytes_per_session: int = Field(default=1 << 20, ge=0)
    parked_seconds: float = Field(default=120.0, ge=0)
    """How long a set waits for its template."""
    borrow_after_seconds: float = Field(default=2.0, ge=0)
    """After so long a set is decoded by the template that all other processes of its exporter (same address,
    version, domain) have under its number, if they agree: some exporters send templates from another port."""
    clock_tolerance_seconds: float = Field(default=86_400.0, gt=0)
    """A message whose export time is farther from its arrival has its times moved by the difference."""
    sampling: dict[str, int] = Field(default_factory=dict)
    """Exporter address to N of its 1-in-N sampling, for exporters that do not say it themselves."""
    state_seconds: float = Field(default=86_400.0, ge=0)
    """Templates and sampling kept over a restart are forgotten when they are older."""

    @field_validator("exporters")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ipaddress.ip_network(network)
        return networks

    @field_validator("sampling")
    @classmethod
    def _are_rates(cls, rates: dict[str, int]) -> dict[str, int]:
        for address, rate in rates.items():
            ipaddress.ip_address(address)
            if not 0 < rate < 1 << 32:
                raise ValueError(f"the sampling rate of {address} is 1 in {rate}")
        return rates
