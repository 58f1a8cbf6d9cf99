"""The command line: run, replay, meter, simulate, status, config, check, gateway, policy."""

import asyncio
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from sixfold.agent.gateway.command import gateway_commands
from sixfold.agent.gateway.policy.command import policy_commands
from sixfold.agent.meter.command import meter_command
from sixfold.agent.replay import replay_command
from sixfold.agent.simulate.command import simulate_command
from sixfold.chassis.config import ConfigError, rows
from sixfold.chassis.lifecycle import LifecycleError

Config = Annotated[Path | None, typer.Option("--config", help="settings file (TOML)")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="one setting, over all others")
]


def _overrides(pairs: list[str] | None) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for pair in pairs or ():
        name, separator, value = pair.partition("=")
        if not separator:
            raise ConfigError(f"--set {pair}: expected NAME=VALUE")
        chosen[name] = value
    return chosen


def _fail(message: str, code: int = 1) -> typer.Exit:
    sys.stderr.write(f"sixfold-agent: {message}\n")
    return typer.Exit(code)


def run(config: Config = None, override: Set = None) -> None:
    """Collect, until SIGTERM or Ctrl-C."""
    from sixfold.agent.gateway.remembered import RememberedError
    from sixfold.agent.run import load_settings, serve
    from sixfold.agent.state import StateHeldError

    try:
        settings = load_settings(config, _overrides(override)).settings
    except ConfigError as error:
        raise _fail(f"these settings cannot be used\n{error}", 2) from error
    try:
        asyncio.run(serve(settings))
    except (StateHeldError, RememberedError, LifecycleError, OSError) as error:
        raise _fail(str(error)) from error


def show_config(config: Config = None, override: Set = None) -> None:
    """Every setting, its value and where that comes from."""
    from sixfold.agent.run import load_settings

    try:
        loaded = load_settings(config, _overrides(override))
    except ConfigError as error:
        raise _fail(f"these settings cannot be used\n{error}", 2) from error
    table = Table()
    for column in ("setting", "value", "origin"):
        table.add_column(column, overflow="fold")
    for row in rows(loaded):
        table.add_row(*row)
    Console().print(table, markup=False)


def check(config: Config = None, override: Set = None) -> None:
    """Say whether the settings are valid and the machine lets the agent work."""
    from sixfold.agent.check import problems, warnings
    from sixfold.agent.run import load_settings

    try:
        settings = load_settings(config, _overrides(override)).settings
    except ConfigError as error:
        raise _fail(f"these settings cannot be used\n{error}", 2) from error
    for warning in warnings(settings):
        sys.stdout.write(f"warning: {warning}\n")
    found = problems(settings)
    for problem in found:
        sys.stdout.write(f"error: {problem}\n")
    if found:
        raise typer.Exit(1)
    sys.stdout.write("settings are valid\n")


def status(
    address: Annotated[str, typer.Option(help="the agent's health port")] = "127.0.0.1:9273",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """What the running agent has taken, lost and still holds."""
    from prometheus_client.parser import text_string_to_metric_families

    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=3) as answer:
            text = answer.read().decode()
    except (urllib.error.URLError, OSError) as error:
        raise _fail(
            f"no agent answers at {address} ({error}); is it running, and is this its health.port?"
        ) from error
    values = [
        (
            sample.name,
            ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items())),
            sample.value,
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("agent_") and not sample.name.endswith("_created")
    ]
    if as_json:
        sys.stdout.write(
            json.dumps([dict(zip(("name", "labels", "value"), one, strict=True)) for one in values]) + "\n"
        )
        return
    table = Table()
    for column, side in (("counter", "left"), ("of", "left"), ("value", "right")):
        table.add_column(column, justify=side, overflow="fold")  # type: ignore[arg-type]
    for name, labels, value in values:
        table.add_row(name.removeprefix("agent_").removesuffix("_total"), labels, f"{value:,.0f}")
    Console().print(table, markup=False)


def application() -> typer.Typer:
    app = typer.Typer(
        name="sixfold-agent",
        help="The agent on a translating gateway.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.command("run")(run)
    app.command("status")(status)
    app.command("config")(show_config)
    app.command("check")(check)
    app.command("replay")(replay_command)
    app.command("meter")(meter_command)
    app.command("simulate")(simulate_command)
    app.add_typer(gateway_commands(), name="gateway")
    app.add_typer(policy_commands(), name="policy")
    return app
