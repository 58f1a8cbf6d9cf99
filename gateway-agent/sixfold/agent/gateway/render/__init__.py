"""From a plan to the files of the programs that carry it out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sixfold.agent.gateway.plan import Plan, ValidSource
from sixfold.agent.gateway.render import jool, links, nftables, softflowd, tayga, unbound


@dataclass(frozen=True, slots=True)
class Rendered:
    """files: by name, as they lie in the folder. exporters: by metered interface, the command line of softflowd."""

    files: Mapping[str, str]
    exporters: Mapping[str, tuple[str, ...]]

    @property
    def ruleset(self) -> str:
        return self.files[nftables.FILE]


def render(plan: Plan, folder: Path, told: Sequence[ValidSource] = ()) -> Rendered:
    """All of it. folder: where the files will lie. told: valid sources beside those of the plan."""
    files = {
        nftables.FILE: nftables.ruleset(plan, told),
        links.FILE: links.batch(plan),
        links.SYSCTL_FILE: links.sysctls(plan),
    }
    if plan.nat64 is not None and plan.nat64.translator == "jool":
        files[jool.FILE] = jool.configuration(plan)
    elif plan.nat64 is not None:
        files[tayga.FILE] = tayga.configuration(plan, plan.nat64)
    if plan.dns64 is not None and plan.nat64 is not None:
        files[unbound.FILE] = unbound.configuration(plan, plan.dns64, plan.nat64, folder)
    exporters = softflowd.commands(plan.export, folder) if plan.export else {}
    if exporters:
        files[softflowd.FILE] = "".join(" ".join(command) + "\n" for command in exporters.values())
    return Rendered(files, exporters)
