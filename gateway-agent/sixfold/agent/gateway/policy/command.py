"""`sixfold-agent policy show|clear|speak`: the policies of this gateway by hand, without a centre."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from google.protobuf import json_format

from sixfold.agent.config import PolicySettings
from sixfold.agent.gateway.policy import counts, speaker
from sixfold.agent.gateway.policy.control import clear, remembered
from sixfold.agent.gateway.policy.counts import Count
from sixfold.agent.gateway.policy.divert import read_announced
from sixfold.agent.gateway.remembered import RememberedError
from sixfold.agent.gateway.system import ProgramError
from sixfold.chassis.config import ConfigError

FOLDER: Final = Path("/var/lib/sixfold-agent/policies")

Folder = Annotated[
    Path, typer.Option("--folder", help="where they are remembered: `policies` in the agent's state_dir")
]


def _fail(message: str, code: int = 1) -> typer.Exit:
    sys.stderr.write(f"sixfold-agent: {message}\n")
    return typer.Exit(code)


def show_command(folder: Folder = FOLDER) -> None:
    """Print each policy as JSON, and what it has done here so far."""
    try:
        message = remembered(folder)
    except RememberedError as error:
        raise _fail(str(error)) from error
    if message is None:
        sys.stdout.write("no policies were told to this gateway\n")
        return
    try:
        known = counts.read_counts()
    except ProgramError as error:
        known = {}
        sys.stderr.write(f"sixfold-agent: their counters cannot be read: {error}\n")
    routes = read_announced(folder).routes
    sys.stdout.write(f"generation {message.generation}\n")
    for one in message.policies:
        ended = one.expires.ToDatetime(UTC) <= datetime.now(UTC)
        count = known.get(one.policy_id.replace("-", "_"), Count())
        did = f"{count.matched_packets} packets matched, {count.acted_packets} acted on"
        did += f", {routes[one.policy_id]} routes" if one.policy_id in routes else ""
        sys.stdout.write(f"# {'ended' if ended else did}\n{json_format.MessageToJson(one)}\n")


def clear_command(
    folder: Folder = FOLDER,
    bgp: Annotated[bool, typer.Option(help="end ExaBGP, too, so that its routes are withdrawn")] = True,
) -> None:
    """End every policy here and now, whatever the centre wants; it is told. What it sends next is obeyed again."""
    try:
        if bgp:
            speaker.end(PolicySettings().bgp, folder)
        clear(folder, PolicySettings())
    except (ProgramError, OSError, ConfigError) as error:
        raise _fail(str(error)) from error
    sys.stdout.write("no policy is in force\n")


def speak_command(folder: Annotated[Path, typer.Argument(help="where the routes stand")]) -> None:
    """Run by ExaBGP: tell it what to announce."""
    speaker.speak(folder)


def policy_commands() -> typer.Typer:
    app = typer.Typer(help="What this gateway does against attacks.", no_args_is_help=True)
    app.command("show")(show_command)
    app.command("clear")(clear_command)
    app.command("speak", hidden=True)(speak_command)
    return app
