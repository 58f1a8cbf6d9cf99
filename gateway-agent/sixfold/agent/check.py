"""What would keep an agent with these settings from working on this machine, without starting it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from sixfold.agent.config import AgentSettings, ExecHook, PolicySettings
from sixfold.agent.receive import Receiver


def warnings(settings: AgentSettings) -> Iterator[str]:
    """What works, but not as well as it could; each with its remedy."""
    wanted, granted = settings.listeners.receive_buffer_bytes, _kernel_limit()
    if granted is not None and granted < wanted:
        yield (
            f"net.core.rmem_max is {granted}, listeners.receive_buffer_bytes {wanted}: "
            f"run `sysctl -w net.core.rmem_max={wanted}`, or the agent with CAP_NET_ADMIN"
        )
    if not settings.commands.issuers:
        yield "commands.issuers is empty: every command will be refused"
    if not settings.commands.hooks:
        yield "commands.hooks is empty: alerts will be kept and logged, but handed to nobody"
    chosen = settings.translation
    if chosen.enabled and not chosen.configured_by:
        yield "translation.configured_by is empty: every configuration of this gateway will be refused"
    if chosen.enabled and not chosen.sources_from:
        yield "translation.sources_from is empty: valid sources are those of the configuration alone"
    if settings.policies.enabled and not settings.policies.issuers:
        yield "policies.issuers is empty: every policy will be refused"
    folder = _existing(settings.state_dir)
    free = shutil.disk_usage(folder).free
    if free < settings.spool.max_bytes:
        yield (
            f"{free >> 20} MiB are free under {folder}, spool.max_bytes is {settings.spool.max_bytes >> 20} MiB: "
            "free some, or lower it"
        )


def problems(settings: AgentSettings) -> list[str]:
    """What stops it. A port that the running agent itself has counts, too."""
    found = []
    folder = _existing(settings.state_dir)
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        found.append(f"cannot use state_dir {settings.state_dir}: {folder} is no folder that we may write")
    for protocol in ("netflow", "ipfix", "sflow"):
        port = getattr(settings.listeners, protocol)
        if port is None:
            continue
        try:
            Receiver(settings.listeners.host, port, 1 << 16, slots=1).close()
        except OSError as error:
            found.append(
                f"cannot listen for {protocol} on {settings.listeners.host}:{port}: {error.strerror}; "
                f"stop what has the port, or set listeners.{protocol}"
            )
    programs = [hook.command[0] for hook in settings.commands.hooks if isinstance(hook, ExecHook)]
    found += [
        f"the hook {one} is no program that we may run" for one in programs if shutil.which(one) is None
    ]
    if settings.translation.enabled:
        found += _translation_problems(settings.translation.programs)
    if settings.policies.enabled:
        found += _policy_problems(settings.policies)
    seed = settings.nats.nkey_seed_file
    if seed is not None and not os.access(seed, os.R_OK):
        found.append(f"cannot read nats.nkey_seed_file {seed}")
    return found


def _translation_problems(programs: bool) -> Iterator[str]:
    if os.geteuid() != 0:
        yield "translation.enabled needs root: nftables, conntrack and interfaces are not for others"
    needed = ("nft", "ip", "conntrack", "unshare", *(("tayga", "unbound", "softflowd") if programs else ()))
    missing = [one for one in needed if shutil.which(one) is None]
    if missing:
        yield f"translation.enabled needs {', '.join(missing)}: install the packages"
    if programs and not Path("/dev/net/tun").exists():
        yield "translation.enabled needs /dev/net/tun: load the module tun"


def _policy_problems(settings: PolicySettings) -> Iterator[str]:
    if os.geteuid() != 0:
        yield "policies.enabled needs root: nftables is not for others"
    programs = ("nft", "ip", *((settings.bgp.program,) if settings.bgp.peers else ()))
    if missing := [one for one in programs if shutil.which(one) is None]:
        yield f"policies.enabled needs {', '.join(missing)}: install the packages"


def _kernel_limit() -> int | None:
    """net.core.rmem_max in bytes, or None where it cannot be read."""
    try:
        return int(Path("/proc/sys/net/core/rmem_max").read_text())
    except (OSError, ValueError):
        return None


def _existing(path: Path) -> Path:
    """The path, or the first above it that exists."""
    return path if path.exists() or path == path.parent else _existing(path.parent)
