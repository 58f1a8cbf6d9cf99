"""What a rendered configuration is made of in the running system: files, table, interface, routes, programs.

Each part can say how it deviates and be put right by itself, again and again; `apply` and `check` go through them.
"""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sixfold.agent.gateway import daemons, nft
from sixfold.agent.gateway.daemons import Daemon
from sixfold.agent.gateway.plan import Plan, ValidSource
from sixfold.agent.gateway.render import Rendered, links, nftables, softflowd, tayga, unbound
from sixfold.agent.gateway.system import ProgramError, run

log = logging.getLogger(__name__)
TAYGA_PID: Final = "tayga.pid"
_CARRIER_WITHIN: Final = 5.0
_SETS: Final = nftables.FORGED_SETS


@dataclass(frozen=True, slots=True)
class Wanted:
    """A plan, what it is rendered to and where its files lie. programs: whether we start tayga and the others."""

    plan: Plan
    rendered: Rendered
    folder: Path
    programs: bool = True


def files(wanted: Wanted) -> list[str]:
    """Names of files that are not as rendered, and of those that are too many."""
    ours = {
        nftables.FILE,
        links.FILE,
        links.SYSCTL_FILE,
        tayga.FILE,
        unbound.FILE,
        softflowd.FILE,
        "jool.json",
    }
    found = [name for name, text in wanted.rendered.files.items() if _read(wanted.folder / name) != text]
    return found + sorted(
        name for name in ours - set(wanted.rendered.files) if (wanted.folder / name).exists()
    )


def write_files(wanted: Wanted) -> list[str]:
    """Make them so; what was changed."""
    names = files(wanted)
    wanted.folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = wanted.folder / name
        text = wanted.rendered.files.get(name)
        if text is None:
            path.unlink()
            continue
        fresh = path.with_suffix(path.suffix + ".new")
        fresh.write_text(text)
        fresh.replace(path)
    return [f"{wanted.folder / name}" for name in names]


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def table_contents(wanted: Wanted) -> tuple[nft.Content | None, nft.Content]:
    """(what runs, what should run). Raises ProgramError, also for a ruleset that nft refuses."""
    family, table = nftables.FAMILY, nftables.TABLE
    should = nft.content(nft.would_be(wanted.rendered.ruleset, family, table), _SETS)
    objects = nft.listing(family, table)
    return None if objects is None else nft.content(objects, _SETS), should


def load_table(wanted: Wanted) -> list[str]:
    """One transaction, if anything differs; the difference. Where only elements differ, counters are kept."""
    running, should = table_contents(wanted)
    lines = nft.difference(running, should)
    if not lines:
        return []
    if running is not None and running.structure == should.structure:
        try:
            nft.change_elements(nftables.FAMILY, nftables.TABLE, running, should)
            return lines
        except ProgramError as error:
            # An interval that takes the place of others can be too much for one transaction.
            log.info("the table is replaced as a whole: %s", error)
    nft.load(nftables.replacing(wanted.rendered.ruleset))
    return lines


def change_sources(plan: Plan, before: Sequence[ValidSource], after: Sequence[ValidSource]) -> list[str]:
    """One transaction from these valid sources to those, without a look at the rest. Raises ProgramError."""
    old, new = nftables.source_elements(plan, before), nftables.source_elements(plan, after)
    lines = []
    for verb, some, others in (("delete", old, new), ("add", new, old)):
        for name, elements in some.items():
            if fresh := sorted(elements - others[name]):
                target = f"{nftables.FAMILY} {nftables.TABLE} {name}"
                lines.append(f"{verb} element {target} {{ {', '.join(fresh)} }}")
    if lines:
        nft.load("\n".join(lines) + "\n")
    return lines


def kernel_settings(wanted: Wanted) -> list[tuple[str, str, str | None]]:
    """(name, wanted, found) of those that differ; found is None where the kernel has none."""
    found = []
    for name, value in links.wanted_sysctls(wanted.plan).items():
        text = _read(_sysctl(name))
        if text is None or text.strip() != value:
            found.append((name, value, None if text is None else text.strip()))
    return found


def set_kernel_settings(wanted: Wanted) -> list[str]:
    changed = []
    for name, value, _ in kernel_settings(wanted):
        try:
            _sysctl(name).write_text(value)
        except OSError as error:
            raise ProgramError(f"sysctl {name}={value}: {error.strerror}") from error
        changed.append(f"sysctl {name}={value}")
    return changed


def _sysctl(name: str) -> Path:
    return Path("/proc/sys") / name.replace(".", "/")


def interface_state(name: str) -> str:
    """`up`, `down` or `missing`. (/sys may show another namespace than ours.)"""
    try:
        found = json.loads(run(["ip", "-json", "link", "show", "dev", name]) or "[]")
    except ProgramError:
        return "missing"
    return "up" if "UP" in found[0]["flags"] else "down"


def missing_routes(plan: Plan) -> list[tuple[str, str]]:
    """(prefix, interface)"""
    missing = []
    for prefix, interface in links.routes(plan):
        command = ["ip", "-json", "-6" if ":" in prefix else "-4", "route", "show", "exact", prefix]
        try:
            routes = json.loads(run(command) or "[]")
        except ProgramError:
            routes = []
        if not any(route.get("dev") == interface for route in routes):
            missing.append((prefix, interface))
    return missing


def make_links(wanted: Wanted) -> list[str]:
    """The translating interface and its routes; what was done."""
    plan = wanted.plan
    if plan.nat64 is None:
        return []
    done = []
    name = plan.nat64.interface
    state = interface_state(name)
    if state == "missing":
        run(["tayga", "--mktun", "-c", str(wanted.folder / tayga.FILE)])
        done.append(f"interface {name} made")
    missing = missing_routes(plan)
    if missing or state != "up":
        run(["ip", "-batch", str(wanted.folder / links.FILE)])
        done += [f"route {prefix} over {interface}" for prefix, interface in missing]
    return done


def programs(wanted: Wanted) -> list[Daemon]:
    """Those that the plan needs, tayga first."""
    folder, rendered = wanted.folder, wanted.rendered
    found = []
    if tayga.FILE in rendered.files:
        pid = folder / TAYGA_PID
        command = ("tayga", "-c", str(folder / tayga.FILE), "-p", str(pid))
        found.append(Daemon("tayga", command, pid, rendered.files[tayga.FILE]))
    if unbound.FILE in rendered.files:
        pid = folder / unbound.PID_FILE
        command = ("unbound", "-c", str(folder / unbound.FILE))
        found.append(Daemon("unbound", command, pid, rendered.files[unbound.FILE]))
    for interface, command in rendered.exporters.items():
        pid = folder / softflowd.pid_file(interface)
        found.append(Daemon(f"softflowd on {interface}", command, pid, ""))
    return found


def strays(wanted: Wanted) -> list[tuple[Path, str]]:
    """Programs that an earlier configuration started and this one does not want: (pid file, program)."""
    kept = {one.pid_file for one in programs(wanted)}
    found = [
        (wanted.folder / TAYGA_PID, "tayga"),
        (wanted.folder / unbound.PID_FILE, "unbound"),
        *((path, "softflowd") for path in sorted(wanted.folder.glob("softflowd-*.pid"))),
    ]
    return [(path, name) for path, name in found if path not in kept and daemons.running_pid(path, name)]


def run_programs(wanted: Wanted) -> list[str]:
    """Have those run that should, and no others; what was done. Raises ProgramError."""
    if not wanted.programs:
        return []
    done = [f"{name} stopped" for path, name in strays(wanted) if daemons.stop(path, name)]
    done += [daemons.ensure(one) for one in programs(wanted)]
    if wanted.plan.nat64 is not None:
        _await_carrier(wanted.plan.nat64.interface)
    return [line for line in done if line]


def _await_carrier(name: str) -> None:
    """The kernel routes over the interface a moment after tayga has opened it."""
    deadline = time.monotonic() + _CARRIER_WITHIN
    while json.loads(run(["ip", "-json", "link", "show", "dev", name]))[0]["operstate"] == "DOWN":
        if time.monotonic() > deadline:
            raise ProgramError(f"interface {name} has no carrier: tayga does not hold it")
        time.sleep(0.02)


def end_sessions(before: Plan, after: Plan) -> list[str]:
    """End the sessions of port sets that are gone or others now: the kernel would keep their ports for as long as
    they live, and a rule that says whose ports they are would be wrong. Raises ProgramError.
    """
    kept = set(after.port_sets) if before.nat64 == after.nat64 else set()
    ended = []
    for one in before.port_sets:
        if one in kept:
            continue
        if one.subscriber.version == 4:
            _end("ipv4", "--src", str(one.subscriber))
        elif before.nat64 is not None:
            _end("ipv4", "--src", str(before.nat64.ipv4_of(one.slot)))
            _end("ipv6", "--reply-dst", str(before.nat64.ipv6_of(one.slot)))
        ended.append(f"sessions of {one.subscriber} ended")
    return ended


def _end(family: str, option: str, value: str) -> None:
    try:
        run(["conntrack", "-D", "-f", family, option, value])
    except ProgramError as error:
        if "0 flow entries have been deleted" not in str(error):
            raise


def tear_down(plan: Plan, folder: Path) -> None:
    """Nothing of ours: no table, no program, no interface."""
    family, table = nftables.FAMILY, nftables.TABLE
    nft.load(f"table {family} {table}\ndelete table {family} {table}\n")
    for path in sorted(folder.glob("*.pid")):
        daemons.stop(path, path.stem.partition("-")[0])
    if plan.nat64 is not None and interface_state(plan.nat64.interface) != "missing":
        run(["ip", "link", "delete", "dev", plan.nat64.interface])
    for name in (nftables.FILE, links.FILE, links.SYSCTL_FILE, tayga.FILE, unbound.FILE, softflowd.FILE):
        (folder / name).unlink(missing_ok=True)
