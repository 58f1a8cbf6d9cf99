"""Translation rules as the ledger holds them: prefixes as text, times in UTC milliseconds, 0 for never."""

from dataclasses import dataclass

from sixfold.api.addressing.deterministic_nat import Assignment
from sixfold.api.addressing.map_rule import Mode
from sixfold.api.addressing.port_set import DEFAULT_OFFSET


@dataclass(frozen=True, slots=True)
class MapSpec:
    mode: Mode
    ipv6_prefix: str
    ipv4_prefix: str
    ea_length: int
    psid_offset: int = DEFAULT_OFFSET
    psid_length: int = 0
    psid: int = 0
    border: str = ""
    forwarding: bool = False


@dataclass(frozen=True, slots=True)
class DeterministicNatSpec:
    inside_prefix: str
    outside_prefix: str
    subscriber_length: int = 0
    dynamic_factor: int = 0
    maximum_ports: int = 0
    assignment: Assignment = Assignment.SEQUENTIAL
    reserved_ports: str = "0-1023"


@dataclass(frozen=True, slots=True)
class Lw4o6Spec:
    ipv6_prefix: str
    public_address: str
    border: str
    psid_offset: int = DEFAULT_OFFSET
    psid_length: int = 0
    psid: int = 0


@dataclass(frozen=True, slots=True)
class Nat64Spec:
    prefix: str
    ipv4_prefixes: tuple[str, ...]


Spec = MapSpec | DeterministicNatSpec | Lw4o6Spec | Nat64Spec


@dataclass(frozen=True, slots=True)
class TranslationRulePut:
    """Exactly one of the four kinds is not None."""

    rule_id: str
    gateway: str
    valid_from: int
    valid_until: int
    map: MapSpec | None
    deterministic_nat: DeterministicNatSpec | None
    lw4o6: Lw4o6Spec | None
    nat64: Nat64Spec | None
    ipv4_delegation_id: int
    ipv6_delegation_id: int
    time: int

    @property
    def spec(self) -> Spec:
        for spec in (self.map, self.deterministic_nat, self.lw4o6, self.nat64):
            if spec is not None:
                return spec
        raise ValueError(f"rule {self.rule_id} has no kind")


@dataclass(frozen=True, slots=True)
class TranslationRuleEnded:
    """At or before `valid_from`: the rule never was in force."""

    rule_id: str
    valid_until: int
    time: int


@dataclass(frozen=True, slots=True)
class TranslationRulesForgotten:
    """Ended longer ago than rules are kept."""

    rule_ids: tuple[str, ...]
    time: int


TranslationEvent = TranslationRulePut | TranslationRuleEnded | TranslationRulesForgotten
TRANSLATION_EVENTS = (TranslationRulePut, TranslationRuleEnded, TranslationRulesForgotten)


def rule_put(
    rule_id: str,
    gateway: str,
    spec: Spec,
    *,
    valid_from: int,
    valid_until: int,
    time: int,
    delegations: tuple[int, int] = (0, 0),
) -> TranslationRulePut:
    """`delegations`: of IPv4 and of IPv6, 0 for none."""
    return TranslationRulePut(
        rule_id,
        gateway,
        valid_from,
        valid_until,
        spec if isinstance(spec, MapSpec) else None,
        spec if isinstance(spec, DeterministicNatSpec) else None,
        spec if isinstance(spec, Lw4o6Spec) else None,
        spec if isinstance(spec, Nat64Spec) else None,
        *delegations,
        time,
    )
