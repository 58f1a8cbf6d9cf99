"""Rules out of YAML: checked strictly, every fault named by file, rule and field."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sixfold.security.domain import addresses
from sixfold.security.domain.detector import Detector
from sixfold.security.domain.events import Severity
from sixfold.security.domain.kinds import ACK, FIN, PSH, RST, SYN, URG
from sixfold.security.domain.rules import By, Count, Match, Rule, RuleSettings, detector_of

LARGEST: Final = 1 << 20
MOST: Final = 200
_FLAGS: Final = {"fin": FIN, "syn": SYN, "rst": RST, "psh": PSH, "ack": ACK, "urg": URG}
Flag = Literal["fin", "syn", "rst", "psh", "ack", "urg"]
Values = list[int]


class RuleError(ValueError):
    """A file of rules cannot be used; the text says where and why."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Between(_Model):
    at_least: float = Field(default=0.0, ge=0, strict=False)
    at_most: float = Field(default=float("inf"), ge=0, strict=False)


class _Match(_Model):
    protocol: Values = []
    src_port: Values = []
    dst_port: Values = []
    icmp_type_code: Values = []
    ip_tos: Values = []
    src_as: Values = []
    dst_as: Values = []
    tcp_flags_set: list[Flag] = []
    tcp_flags_unset: list[Flag] = []
    src_prefix: list[str] = []
    dst_prefix: list[str] = []
    packets: _Between = _Between()
    packet_bytes: _Between = _Between()

    @field_validator("protocol", "src_port", "dst_port", "icmp_type_code", "ip_tos")
    @classmethod
    def _fits(cls, values: Values) -> Values:
        if any(not 0 <= one <= 65_535 for one in values):
            raise ValueError("0 to 65535")
        return values

    @field_validator("src_prefix", "dst_prefix")
    @classmethod
    def _is_prefix(cls, values: list[str]) -> list[str]:
        for one in values:
            addresses.parse_network(one)
        return values

    def domain(self) -> Match:
        named = ("protocol", "src_port", "dst_port", "icmp_type_code", "ip_tos", "src_as", "dst_as")
        return Match(
            values=tuple((name, tuple(values)) for name in named if (values := getattr(self, name))),
            flags_set=sum(_FLAGS[one] for one in set(self.tcp_flags_set)),
            flags_unset=sum(_FLAGS[one] for one in set(self.tcp_flags_unset)),
            source=tuple(addresses.parse_network(one) for one in self.src_prefix),
            destination=tuple(addresses.parse_network(one) for one in self.dst_prefix),
            packets=(self.packets.at_least, self.packets.at_most),
            packet_bytes=(self.packet_bytes.at_least, self.packet_bytes.at_most),
        )


class _Rule(_Model):
    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=48)
    title: str = Field(min_length=1, max_length=120)
    source: str = Field(min_length=1, max_length=300)
    misses: str = Field(default="what the match leaves out", max_length=300)
    match: _Match
    by: By
    count: Count
    at_least: float = Field(gt=0, strict=False)
    seconds: float = Field(default=60.0, ge=1, le=3_600, strict=False)
    vector: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=48)
    technique: str = Field(default="", pattern=r"^(T\d{4}(\.\d{3})?)?$")
    severity: Literal["low", "medium", "high", "critical"] | None = None
    confidence: float = Field(default=0.6, gt=0, lt=1, strict=False)

    def domain(self) -> Rule:
        return Rule(
            name=self.name,
            title=self.title,
            source=self.source,
            misses=self.misses,
            match=self.match.domain(),
            by=self.by,
            count=self.count,
            vector=self.vector,
            technique=self.technique,
            severity=None if self.severity is None else Severity[self.severity.upper()],
            confidence=self.confidence,
            parameters=RuleSettings(at_least=self.at_least, seconds=self.seconds),
        )


class _File(_Model):
    rules: list[Any] = Field(max_length=MOST)


def read_rules(files: Sequence[Path]) -> list[Detector]:
    """One detector for each rule. Raises RuleError."""
    rules: dict[str, Path] = {}
    detectors: list[Detector] = []
    for file in files:
        for rule in _read(file):
            if rule.name in rules:
                raise RuleError(f"{file}: rule {rule.name}: there is one of that name in {rules[rule.name]}")
            rules[rule.name] = file
            detectors.append(detector_of(rule))
    return detectors


def _read(file: Path) -> list[Rule]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise RuleError(f"{file}: cannot be read: {error}") from error
    if len(text) > LARGEST:
        raise RuleError(f"{file}: larger than {LARGEST:,} characters")
    try:
        told = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise RuleError(f"{file}: no YAML: {' '.join(str(error).split())[:200]}") from error
    try:
        listed = _File.model_validate(told)
    except ValidationError as error:
        raise RuleError(
            f"{file}: a mapping with `rules`, a list of at most {MOST}: {_first(error)}"
        ) from error
    return [_rule(file, number, one) for number, one in enumerate(listed.rules, 1)]


def _rule(file: Path, number: int, told: Any) -> Rule:
    name = told.get("name") if isinstance(told, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    try:
        return _Rule.model_validate(told).domain()
    except ValidationError as error:
        called = name if isinstance(name, str) and re.fullmatch(r"[\w-]{1,48}", name) else f"number {number}"
        raise RuleError(f"{file}: rule {called}: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    place = ".".join(str(part) for part in found["loc"])
    return f"{place}: {found['msg']}" if place else found["msg"]
