"""`sixfold up`: the whole platform on one machine, from nothing to ready, until Ctrl-C."""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rich.console import Console

from sixfold.api.subjects import CENTRES
from sixfold.local import nats_server
from sixfold.local.child import Program
from sixfold.local.errors import LocalError
from sixfold.local.home import Home, home_at, owned, prepare, write_atomically
from sixfold.local.keys import ensure_token, seed_file
from sixfold.local.ports import HOST, Ports, require_free
from sixfold.local.services import CONFIGURABLE
from sixfold.local.settings_files import GATEWAY, RADIUS_KEY, write_settings
from sixfold.local.supervisor import Stage, Supervisor
from sixfold.local.terminal import Steps, address_table

_GIB: Final = 1024**3
LEAST_FREE: Final = 2 * _GIB
PREFIX: Final = "SIXFOLD_"


def flow_stream_bytes(home: Home) -> int:
    """What the bus may hold of flows for slow readers: an eighth of the disk, at most 8 GiB; LocalError under 2 GiB."""
    free = shutil.disk_usage(home.root).free
    if free < LEAST_FREE:
        raise LocalError(
            f"Only {free / _GIB:.1f} GiB are free under {home.root}; the platform needs {LEAST_FREE // _GIB}. "
            "Free some, or choose another disk with --home DIR."
        )
    used = sum(path.stat().st_size for path in home.nats.rglob("*") if path.is_file())
    return min((free + used) // 8, 8 * _GIB)


def environment_of(child: str, ours: Mapping[str, str]) -> dict[str, str]:
    """What a child sees of our environment.

    Settings are SIXFOLD_<SERVICE>_…. LocalError for a variable that is no service's: it would change nothing, silently.
    """
    plain = {name: value for name, value in ours.items() if not name.startswith(PREFIX)}
    settings = {name: value for name, value in ours.items() if name.startswith(PREFIX)}
    owners = tuple(f"{PREFIX}{service.upper()}_" for service in (*CONFIGURABLE, "all"))
    if strays := [name for name in settings if not name.startswith(owners)]:
        raise LocalError(
            f"The environment variable {strays[0]} names no service. Write {PREFIX}<SERVICE>_<SETTING>, for example "
            f"{PREFIX}CREDIT_LOADER__LINGER=0.5; the services are {', '.join(CONFIGURABLE)}."
        )
    if child == "agent":
        settings = {name: value for name, value in settings.items() if name.startswith(f"{PREFIX}AGENT_")}
    elif child != "centres":
        settings = {}
    return {**plain, **settings, "PYTHONUNBUFFERED": "1"}


def stages(home: Home, ports: Ports, *, sample: bool) -> list[Stage]:
    """What runs, in the order in which it starts."""
    python = (sys.executable, "-m")
    nats = Program(
        "nats",
        "NATS",
        (str(nats_server.binary()), "--config", str(home.config / "nats.conf")),
        f"http://{ports.address('nats.monitor')}/healthz",
    )
    centres = Program(
        "centres",
        "The six centres, open API, console and ClickHouse",
        (*python, "sixfold.local", "run", "all", "--config", str(home.config)),
        f"http://{ports.address('centres.health')}/readyz",
        environment_of("centres", os.environ),
        stop_timeout=30.0,
    )
    agent = Program(
        "agent",
        "Gateway-agent",
        (*python, "sixfold.agent", "run", "--config", str(home.config / "agent.toml")),
        f"http://{ports.address('agent.health')}/readyz",
        environment_of("agent", os.environ),
    )
    simulator = Program(
        "sample",
        "Sample traffic",
        (*python, "sixfold.local", "sample", "--home", str(home.root)),
        None,
        environment_of("sample", os.environ),
        stop_timeout=5.0,
    )
    return [Stage([nats]), Stage([centres, agent]), *([Stage([simulator])] if sample else [])]


def endpoints(home: Home, ports: Ports, pids: Mapping[str, int]) -> dict[str, object]:
    """What HOME/endpoints.json holds; every value can be handed to a client as it is."""
    return {
        "console": f"http://{ports.address('console')}",
        "openapi": f"http://{ports.address('openapi')}",
        "clickhouse_http": f"http://{ports.address('clickhouse_http')}",
        "database": "sixfold",
        "nats": f"nats://{ports.address('nats')}",
        **{f"grpc.{centre}": ports.address(f"grpc.{centre}") for centre in CENTRES},
        "identity": f"http://{ports.address('identity')}",
        "radius.authentication": ports.address("radius.authentication"),
        "radius.accounting": ports.address("radius.accounting"),
        "radius.disconnect": f"{HOST}:{ports.radius_disconnect}",
        "taxii": f"http://{ports.address('taxii')}/taxii2/",
        "dhcpv6": ports.dhcpv6,
        "agent.ipfix": ports.address("agent.ipfix"),
        "agent.netflow": ports.address("agent.netflow"),
        "agent.sflow": ports.address("agent.sflow"),
        "health.centres": f"http://{ports.address('centres.health')}",
        "health.agent": f"http://{ports.address('agent.health')}",
        "health.nats": f"http://{ports.address('nats.monitor')}",
        "gateway": GATEWAY,
        "home": str(home.root),
        "pids": {"supervisor": os.getpid(), **pids},
    }


def _secrets(home: Home) -> dict[str, str]:
    return {
        "Open API key (file)": str(home.secrets / "openapi.key"),
        "RADIUS shared secret (file)": str(home.secrets / RADIUS_KEY),
        "NATS operator seed (file)": str(seed_file(home, nats_server.OPERATOR)),
    }


def _write(home: Home, document: Mapping[str, object]) -> None:
    write_atomically(home.endpoints, json.dumps(document, indent=2) + "\n")


def write_configuration(home: Home, ports: Ports, *, enforce: bool = False) -> None:
    """Write everything that the children read: keys at the first time, settings at every start."""
    identities = nats_server.users(home, [GATEWAY])
    ensure_token(home, "openapi.key", "sfk")
    write_atomically(
        home.config / "nats.conf",
        nats_server.configuration(home, ports, identities),
    )
    write_settings(home, ports, flow_bytes=flow_stream_bytes(home), enforce=enforce)


async def _run(home: Home, ports: Ports, console: Console, *, sample: bool) -> int:
    stop, hurry = asyncio.Event(), asyncio.Event()

    def asked() -> None:
        if stop.is_set():
            hurry.set()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, asked)
    progress = Steps(console)
    supervisor = Supervisor(
        stages(home, ports, sample=sample),
        logs=home.logs,
        progress=progress,
        changed=lambda: _write(home, endpoints(home, ports, supervisor.pids)),
    )
    starting = asyncio.create_task(supervisor.start())
    stopped = asyncio.create_task(stop.wait())
    failure: LocalError | None = None
    try:
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            document = endpoints(home, ports, supervisor.pids)
            _write(home, document)
            console.print(address_table(document, _secrets(home)))
            console.print(
                'Stop with Ctrl-C. In another terminal: `sixfold status`, `sixfold sql "…"`.', markup=False
            )
            await stopped
        console.print("Stopping (Ctrl-C again to stop at once) …", markup=False)
    except LocalError as error:
        failure = error
    finally:
        starting.cancel()
        home.endpoints.unlink(missing_ok=True)
        await supervisor.stop(hurry)
        stopped.cancel()
    if failure is not None:
        raise failure
    console.print("Stopped.")
    return 0


def enforcement(enforce: bool) -> str:
    """Whether mitigations take effect on this machine, in one line. LocalError where it was asked for and cannot be."""
    if not enforce:
        return (
            "Mitigations are decided and sent; the agent answers that it enforces none (policies.enabled is false). "
            "`sixfold up --enforce` as root lets it."
        )
    if os.geteuid() != 0:
        raise LocalError("--enforce needs root: nftables is not for others. Run without it, or as root.")
    if shutil.which("nft") is None:
        raise LocalError("--enforce needs nft: install the package nftables.")
    return "Mitigations are enforced on this machine, in the nftables table inet sixfold_policy."


def up(root: Path, port_base: int, *, sample: bool, enforce: bool = False, console: Console) -> int:
    """Run the platform until SIGINT or SIGTERM; 0 after a stop that was asked for, LocalError otherwise."""
    home, ports = home_at(root), Ports(port_base)
    line = enforcement(enforce)
    prepare(home)
    with owned(home):
        home.endpoints.unlink(missing_ok=True)
        require_free(ports)
        write_configuration(home, ports, enforce=enforce)
        console.print(line, markup=False, highlight=False, soft_wrap=True)
        return asyncio.run(_run(home, ports, console, sample=sample))
