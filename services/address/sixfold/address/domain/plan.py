"""An address plan: what the bits of a prefix mean, level by level (nation, province, operator, city, service …).

A plan is judged before anybody lives by it: codes that do not fit, borders inside of a hexadecimal digit, and levels
without room to grow are found here, not by the first city that needs a seventeenth code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sixfold.address.domain.prefix import BITS, Prefix, PrefixError, parse_address, parse_prefix

Severity = Literal["error", "warning", "advice"]
NIBBLE: Final = 4
SUBNET: Final = 64
SPARE: Final = 0.75
"""Share of a level's codes in use over which a plan has no room to grow."""


@dataclass(frozen=True, slots=True)
class Level:
    """`bits` of the address after the levels before it; `codes`: what each value stands for."""

    name: str
    bits: int
    codes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """`root` holds every address of the plan; `delegated` is the length that one customer gets."""

    root: str
    levels: tuple[Level, ...]
    delegated: int


@dataclass(frozen=True, slots=True)
class Finding:
    severity: Severity
    reason: str
    level: str
    detail: str


@dataclass(frozen=True, slots=True)
class Span:
    """Where a level lies: bits `first` up to, not including, `end`."""

    level: Level
    first: int
    end: int


def spans(plan: Plan, root: Prefix) -> list[Span]:
    found: list[Span] = []
    at = root.length
    for level in plan.levels:
        found.append(Span(level, at, at + level.bits))
        at += level.bits
    return found


def judged(plan: Plan) -> list[Finding]:
    """What is wrong with the plan (errors: it cannot be lived by), what will hurt, and what could be better."""
    try:
        root = parse_prefix(plan.root)
    except PrefixError as error:
        return [Finding("error", "PREFIX_MALFORMED", "", str(error))]
    if root.is_ipv4:
        return [Finding("error", "FAMILY_UNSUPPORTED", "", "a plan of meanings is made for IPv6")]
    found: list[Finding] = []
    if not plan.levels:
        found.append(Finding("error", "LEVELS_MISSING", "", "a plan has at least one level"))
    names = [level.name for level in plan.levels]
    found += [
        Finding("error", "LEVEL_REPEATED", name, f"the level {name!r} stands in the plan twice")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    for span in spans(plan, root):
        found += _judged_level(span)
    end = root.length + sum(level.bits for level in plan.levels)
    found += _judged_end(plan, root, end)
    return found


def _judged_level(span: Span) -> list[Finding]:
    level, found = span.level, list[Finding]()
    if not 1 <= level.bits <= SUBNET:
        return [
            Finding(
                "error", "BITS_OUT_OF_RANGE", level.name, f"{level.bits} bits; 1 to {SUBNET} are possible"
            )
        ]
    room = 1 << level.bits
    for code, value in level.codes.items():
        if not 0 <= value < room:
            detail = f"{code!r} has the value {value}, and {level.bits} bits hold 0 to {room - 1}"
            found.append(Finding("error", "CODE_OUT_OF_RANGE", level.name, detail))
    by_value: dict[int, list[str]] = {}
    for code, value in level.codes.items():
        by_value.setdefault(value, []).append(code)
    for value, codes in by_value.items():
        if len(codes) > 1:
            found.append(
                Finding(
                    "error",
                    "CODE_REPEATED",
                    level.name,
                    f"{', '.join(sorted(codes))} all have the value {value}",
                )
            )
    if span.end % NIBBLE:
        detail = (
            f"ends at bit {span.end}, inside of a hexadecimal digit: nobody can read it off an address, and its"
            " reverse DNS zone cannot be delegated alone"
        )
        found.append(Finding("warning", "NOT_ON_A_NIBBLE", level.name, detail))
    if len(level.codes) > SPARE * room and level.bits < SUBNET:
        detail = f"{len(level.codes)} of {room} codes are given already; one bit more doubles them"
        found.append(Finding("warning", "NO_ROOM_TO_GROW", level.name, detail))
    elif level.codes and level.bits > NIBBLE and len(level.codes) <= room >> (NIBBLE + 1):
        detail = (
            f"{len(level.codes)} codes in {level.bits} bits: {NIBBLE} bits less would do, with room to double"
        )
        found.append(Finding("advice", "BITS_TO_SPARE", level.name, detail))
    return found


def _judged_end(plan: Plan, root: Prefix, end: int) -> list[Finding]:
    if not root.length < plan.delegated <= SUBNET:
        detail = f"/{plan.delegated} is not between the root /{root.length} and /{SUBNET}"
        return [Finding("error", "LENGTH_OUT_OF_RANGE", "", detail)]
    if end > plan.delegated:
        detail = f"the levels end at bit {end}, after the delegated /{plan.delegated} begins"
        return [Finding("error", "LEVELS_TOO_LONG", "", detail)]
    customers = 1 << (plan.delegated - end)
    if customers < 256:
        detail = f"the last level holds {customers} delegations of /{plan.delegated}"
        return [Finding("warning", "FEW_DELEGATIONS", plan.levels[-1].name if plan.levels else "", detail)]
    return []


def prefix_of(plan: Plan, codes: Mapping[str, str]) -> Prefix:
    """The prefix of `codes` (level name to code), which name the first levels without a gap.

    Raises PrefixError where a code is not the plan's or a level before it is missing.
    """
    root = parse_prefix(plan.root)
    network, length, ended = root.network, root.length, False
    unknown = set(codes) - {level.name for level in plan.levels}
    if unknown:
        raise PrefixError(f"the plan has no level {', '.join(sorted(unknown))}")
    for span in spans(plan, root):
        code = codes.get(span.level.name)
        if code is None:
            ended = True
            continue
        if ended:
            raise PrefixError(f"{span.level.name} is given, and a level before it is not")
        if code not in span.level.codes:
            raise PrefixError(f"{code!r} is no code of {span.level.name}")
        network |= span.level.codes[code] << (BITS - span.end)
        length = span.end
    return Prefix(network, length)


def explained(plan: Plan, address: str) -> dict[str, str]:
    """What an address says by the plan: level to code, `unassigned (0x…)` where the plan gives none.

    Raises PrefixError for an address outside of the plan's root.
    """
    number, root = parse_address(address), parse_prefix(plan.root)
    if number >> (BITS - root.length) != root.network >> (BITS - root.length):
        raise PrefixError(f"{address} is not in {root}")
    found: dict[str, str] = {}
    for span in spans(plan, root):
        value = (number >> (BITS - span.end)) & ((1 << span.level.bits) - 1)
        code = next((name for name, one in span.level.codes.items() if one == value), None)
        found[span.level.name] = code if code is not None else f"unassigned ({value:#x})"
    return found


def drawn(plan: Plan) -> str:
    """The plan as lines of text: a ruler of bits, each level with its borders, codes and example prefixes."""
    root = parse_prefix(plan.root)
    rows = [("root", 0, root.length, str(root))]
    rows += [(span.level.name, span.first, span.end, _codes(span.level)) for span in spans(plan, root)]
    end = rows[-1][2]
    if plan.delegated > end:
        rows.append(
            (
                "customer",
                end,
                plan.delegated,
                f"{1 << (plan.delegated - end):,} delegations of /{plan.delegated}",
            )
        )
    if plan.delegated < SUBNET:
        rows.append(
            ("subnet", plan.delegated, SUBNET, f"{1 << (SUBNET - plan.delegated):,} networks of /64 each")
        )
    wide = max(len(name) for name, *_ in rows)
    lines = [f"{'':{wide}}  {_ruler()}"]
    for name, first, stop, text in rows:
        bar = "." * first + "#" * (stop - first) + "." * max(0, SUBNET - stop)
        lines.append(f"{name:{wide}}  {bar}  bits {first}-{stop - 1}  {text}")
    return "\n".join(lines)


def _ruler() -> str:
    return "".join("|" if bit % 16 == 0 else ":" if bit % NIBBLE == 0 else " " for bit in range(SUBNET))


def _codes(level: Level, most: int = 6) -> str:
    shown = [
        f"{name}={value:x}" for name, value in sorted(level.codes.items(), key=lambda one: one[1])[:most]
    ]
    rest = len(level.codes) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def pools(plan: Plan) -> Sequence[tuple[tuple[str, ...], Prefix]]:
    """Every prefix that the plan names, parents first: (codes from the first level, prefix); at most 65,536."""
    root = parse_prefix(plan.root)
    found: list[tuple[tuple[str, ...], Prefix]] = []
    level_before: list[tuple[tuple[str, ...], Prefix]] = [((), root)]
    for span in spans(plan, root):
        level_now = [
            ((*path, code), Prefix(parent.network | value << (BITS - span.end), span.end))
            for path, parent in level_before
            for code, value in sorted(span.level.codes.items(), key=lambda one: one[1])
        ]
        if len(found) + len(level_now) > 65_536:
            raise PrefixError(f"the plan names over 65,536 prefixes down to {span.level.name}")
        found += level_now
        level_before = level_now
    return found
