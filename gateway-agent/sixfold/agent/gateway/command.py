"""`sixfold-agent gateway render|apply|check`: the gateway's configuration by hand, without a centre."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from google.protobuf import json_format

from sixfold.agent.gateway import remembered
from sixfold.agent.gateway.apply import ApplyError, apply, preview
from sixfold.agent.gateway.check import deviations
from sixfold.agent.gateway.parts import Wanted
from sixfold.agent.gateway.plan import Plan, PlanError, read_plan
from sixfold.agent.gateway.protect import protected_networks
from sixfold.agent.gateway.remembered import RememberedError
from sixfold.agent.gateway.render import render
from sixfold.agent.gateway.system import ProgramError
from sixfold.agent.gateway.validate import require_valid
from sixfold.api.agent.v1 import agent_pb2 as pb

FOLDER: Final = Path("/var/lib/sixfold-agent/gateway")

Config = Annotated[Path, typer.Argument(help="a GatewayConfiguration as JSON")]
Folder = Annotated[
    Path, typer.Option("--folder", help="where the files lie: `gateway` in the agent's state_dir")
]
Protect = Annotated[
    list[str] | None,
    typer.Option("--protect", metavar="PREFIX", help="must stay reachable, whatever is said"),
]
Nats = Annotated[
    list[str] | None, typer.Option("--nats", metavar="URL", help="a NATS server, protected likewise")
]
Programs = Annotated[bool, typer.Option(help="whether we start and watch tayga, unbound and softflowd")]


def _fail(message: str, code: int = 1) -> typer.Exit:
    sys.stderr.write(f"sixfold-agent: {message}\n")
    return typer.Exit(code)


def _read(
    path: Path, protect: list[str] | None, nats: list[str] | None
) -> tuple[pb.GatewayConfiguration, Plan]:
    try:
        text = path.read_text()
    except OSError as error:
        raise _fail(f"{path} cannot be read: {error.strerror}", 2) from error
    try:
        configuration = json_format.Parse(text, pb.GatewayConfiguration())
        guarded = protected_networks(nats or (), protect or ())
        return configuration, require_valid(read_plan(configuration), guarded)
    except PlanError as error:
        listed = "\n".join(f"  {problem}" for problem in error.problems)
        raise _fail(f"{path} cannot be used\n{listed}", 2) from error
    except (json_format.ParseError, ValueError) as error:
        raise _fail(f"{path} cannot be used\n  {error}", 2) from error


def render_command(
    config: Config,
    out: Annotated[
        Path | None, typer.Option("--out", help="write the files here instead of printing them")
    ] = None,
    protect: Protect = None,
    nats: Nats = None,
) -> None:
    """Print, or write, the files that a configuration makes. Nothing on this machine is changed."""
    _, plan = _read(config, protect, nats)
    rendered = render(plan, out.resolve() if out else FOLDER)
    if out is None:
        for name, text in rendered.files.items():
            sys.stdout.write(f"# --- {name}\n{text}\n")
        return
    out.mkdir(parents=True, exist_ok=True)
    for name, text in rendered.files.items():
        (out / name).write_text(text)
        sys.stdout.write(f"{out / name}\n")


def apply_command(
    config: Config,
    folder: Folder = FOLDER,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be changed")] = False,
    programs: Programs = True,
    protect: Protect = None,
    nats: Nats = None,
) -> None:
    """Put a configuration into force, and print what that changed. What fails is taken back."""
    configuration, plan = _read(config, protect, nats)
    folder = folder.resolve()
    try:
        known = remembered.configuration(folder)
        told = remembered.told_sources(remembered.sources(folder))
        wanted = Wanted(plan, render(plan, folder, told), folder, programs)
        if dry_run:
            lines = preview(wanted)
        else:
            before = remembered.plan_of(known)
            back = Wanted(before, render(before, folder, told), folder, programs) if before else None
            lines = apply(wanted, back)
            # The number stays: what a centre sends next is newer all the same.
            generation = known.generation if known else 0
            remembered.remember(
                folder, pb.ConfigureGateway(generation=generation, configuration=configuration)
            )
    except (ApplyError, ProgramError, RememberedError, PlanError, OSError) as error:
        raise _fail(str(error)) from error
    sys.stdout.write("".join(f"{line}\n" for line in lines) or "nothing to change\n")


def check_command(
    config: Annotated[
        Path | None, typer.Argument(help="a GatewayConfiguration as JSON; without it, the one in force")
    ] = None,
    folder: Folder = FOLDER,
    programs: Programs = True,
) -> None:
    """Say whether what runs is what was configured. Exit code 1 with each deviation and its remedy."""
    folder = folder.resolve()
    try:
        plan = (
            _read(config, None, None)[1] if config else remembered.plan_of(remembered.configuration(folder))
        )
        if plan is None:
            raise _fail(f"nothing was applied in {folder} yet; name a configuration", 2)
        told = remembered.told_sources(remembered.sources(folder))
        found = list(deviations(Wanted(plan, render(plan, folder, told), folder, programs)))
    except (ProgramError, RememberedError, PlanError, OSError) as error:
        raise _fail(str(error)) from error
    sys.stdout.write("".join(f"{one}\n" for one in found) or "the gateway is as configured\n")
    if found:
        raise typer.Exit(1)


def gateway_commands() -> typer.Typer:
    app = typer.Typer(help="What this gateway translates.", no_args_is_help=True)
    app.command("render")(render_command)
    app.command("apply")(apply_command)
    app.command("check")(check_command)
    return app
