"""Is the running state as rendered? Each deviation with its remedy."""

from collections.abc import Iterator
from dataclasses import dataclass

from sixfold.agent.gateway import daemons, nft, parts
from sixfold.agent.gateway.parts import Wanted
from sixfold.agent.gateway.system import ProgramError

_APPLY = "`sixfold-agent gateway apply` puts it right"


@dataclass(frozen=True, slots=True)
class Deviation:
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}"


def deviations(wanted: Wanted) -> Iterator[Deviation]:
    for name in parts.files(wanted):
        yield Deviation(f"{wanted.folder / name} is not as rendered", _APPLY)
    yield from _table(wanted)
    for name, value, found in parts.kernel_settings(wanted):
        shown = "not there" if found is None else found
        yield Deviation(f"{name} is {shown}", f"`sysctl -w {name}={value}`, or {_APPLY}")
    nat64 = wanted.plan.nat64
    if nat64 is not None and (state := parts.interface_state(nat64.interface)) != "up":
        yield Deviation(f"interface {nat64.interface} is {state}", _APPLY)
    for prefix, interface in parts.missing_routes(wanted.plan):
        yield Deviation(
            f"{prefix} is not routed over {interface}",
            f"`ip route replace {prefix} dev {interface}`, or {_APPLY}",
        )
    for name in (*wanted.plan.access, *wanted.plan.ipv4_side):
        if (state := parts.interface_state(name)) != "up":
            yield Deviation(
                f"interface {name} is {state}", "connect it, or correct its name in the configuration"
            )
    if wanted.programs:
        yield from _programs(wanted)


def _table(wanted: Wanted) -> Iterator[Deviation]:
    try:
        running, should = parts.table_contents(wanted)
    except ProgramError as error:
        yield Deviation(str(error), "install nftables, and run this as root")
        return
    if running is None:
        yield Deviation("the table inet sixfold is not loaded", _APPLY)
        return
    lines = [line for line in nft.difference(running, should) if not line.startswith(("---", "+++", " "))]
    for line in lines[:20]:
        yield Deviation(f"nftables: {'missing' if line[0] == '+' else 'not ours'}: {line[1:]}", _APPLY)
    if len(lines) > 20:
        yield Deviation(f"nftables: {len(lines) - 20} more differences", _APPLY)


def _programs(wanted: Wanted) -> Iterator[Deviation]:
    for one in parts.programs(wanted):
        state = daemons.state(one)
        if state == "stopped":
            yield Deviation(f"{one.name} does not run", f"see its log; {_APPLY}")
        elif state == "outdated":
            yield Deviation(f"{one.name} runs with another configuration", _APPLY)
    for path, name in parts.strays(wanted):
        yield Deviation(f"{name} ({path}) runs, and nothing asks for it", _APPLY)
