"""`sixfold run`: one service as a pod runs it, or all of them in this process."""

import asyncio
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sixfold.chassis.collector import SparingCollector
from sixfold.chassis.config import ConfigError, Settings, load, rows
from sixfold.chassis.http import HealthServer, HttpSettings
from sixfold.chassis.lifecycle import Component, Lifecycle, LifecycleError
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.telemetry import Telemetry, log_to_stderr, setup
from sixfold.local.errors import LocalError
from sixfold.local.home import Home
from sixfold.local.services import CONFIGURABLE, SERVICES, build, load_settings, require_known

ALL_FILE = "all.toml"


class AllSettings(Settings):
    """What only the process that holds all services needs."""

    health: HttpSettings = HttpSettings(port=26005)
    clickhouse: HttpSettings = HttpSettings(port=26002)
    log_level: str = "INFO"


def run_service(service: str, config: Path | None, *, check: bool) -> int:
    """Run until SIGTERM or SIGINT; with `check` only read the settings."""
    require_known(service, (*SERVICES, "all"))
    if service == "all":
        return run_all(config, check=check)
    sys.argv = [f"sixfold run {service}"]
    sys.argv += ["--config", str(config)] if config is not None else []
    sys.argv += ["--check"] if check else []
    runpy.run_module(f"sixfold.{service}", run_name="__main__")
    return 0


def run_all(folder: Path | None, *, check: bool) -> int:
    """Every service of `folder` (one TOML file each, and all.toml) in this process."""
    if folder is None or not folder.is_dir():
        raise LocalError(
            "`sixfold run all` needs --config FOLDER, with one <service>.toml each; `sixfold up` writes it."
        )
    try:
        own = load(AllSettings, file=folder / ALL_FILE, environment_prefix="SIXFOLD_ALL_").settings
    except ConfigError as error:
        raise LocalError(f"The settings in {folder / ALL_FILE} cannot be used:\n{error}") from error
    settings = {name: load_settings(name, folder / f"{name}.toml", alone=False).settings for name in SERVICES}
    if check:
        return 0
    log_to_stderr(own.log_level)
    try:
        asyncio.run(_serve(own, settings, folder))
    except LifecycleError as error:
        raise LocalError(str(error)) from error
    return 0


def _clickhouse(own: AllSettings, credit: Any, folder: Path) -> Component | None:
    """ClickHouse's HTTP port over the credit centre's engine, where that is the embedded one."""
    dsn = credit.warehouse.dsn.get_secret_value()
    if not dsn.startswith("chdb://"):
        return None
    from sixfold.local.clickhouse import ClickHouseHttp
    from sixfold.local.clickhouse.password import loader_password

    return ClickHouseHttp(
        Path(dsn.removeprefix("chdb://")),
        own.clickhouse,
        loader_password=loader_password(folder.parent / "secrets"),
        database=credit.warehouse.database,
    )


async def _serve(own: AllSettings, settings: dict[str, Settings], folder: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    telemetries: list[Telemetry] = []
    parts: list[Component] = []
    for name, one in settings.items():
        telemetry = setup(one.telemetry, service=name)  # pyright: ignore[reportAttributeAccessIssue]
        telemetries.append(telemetry)
        messaging = Messaging(one.nats, telemetry=telemetry) if hasattr(one, "nats") else None  # pyright: ignore
        service = build(name, one, {"messaging": messaging, "telemetry": telemetry})
        parts += [Lifecycle([part for part in (messaging, service) if part is not None], name=name)]
        if name == "credit" and (http := _clickhouse(own, one, folder)) is not None:
            parts.append(http)
    inner = Lifecycle(parts, name="centres")
    health = HealthServer(own.health, inner, [telemetry.registry for telemetry in telemetries])
    try:
        await Lifecycle([health, inner, SparingCollector()], name="all", drain_timeout=25).run(stop)
    finally:
        for telemetry in telemetries:
            telemetry.shutdown()


def show_settings(home: Home, service: str) -> int:
    """Every setting of `service` as it would run in `home`, with its origin."""
    require_known(service, CONFIGURABLE)
    file = home.config / f"{service}.toml"
    loaded = load_settings(service, file if file.exists() else None, alone=False)
    table = Table(
        title=f"{service} ({file if file.exists() else 'defaults: nothing written in this home yet'})"
    )
    for column in ("setting", "value", "origin"):
        table.add_column(column, overflow="fold")
    for name, value, origin in rows(loaded):
        table.add_row(name, value, origin.replace(str(file), "").strip())
    Console().print(table, markup=False)
    return 0
