"""The `sixfold` command. Every subcommand imports what it needs when it runs, so that `--help` is quick."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sixfold.local import aaa, audit, credential, mitigation, register, security, token, trace_desk
from sixfold.local.address import command as address
from sixfold.local.errors import LocalError
from sixfold.local.home import DEFAULT_HOME, home_at
from sixfold.local.ports import DEFAULT_BASE

app = typer.Typer(
    name="sixfold",
    help="Sixfold: six centres around an IPv4/IPv6 exchange, on one machine or one centre at a time.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(aaa.app, name="aaa")
app.add_typer(address.app, name="address")
app.add_typer(trace_desk.app, name="trace")
app.add_typer(audit.app, name="audit")
app.add_typer(credential.app, name="credential")
app.add_typer(mitigation.app, name="mitigation")
app.add_typer(register.app, name="register")
app.add_typer(security.app, name="security")
app.add_typer(token.app, name="token")

HomeOption = Annotated[
    Path, typer.Option("--home", help="The folder of the platform: its state, keys and logs.")
]


@app.command()
def up(
    home: HomeOption = DEFAULT_HOME,
    port_base: Annotated[
        int, typer.Option(help="The first of the platform's ports; all are on 127.0.0.1.")
    ] = DEFAULT_BASE,
    sample: Annotated[
        bool, typer.Option("--sample/--no-sample", help="Sample traffic of about 2,000 flows/s.")
    ] = True,
    enforce: Annotated[
        bool,
        typer.Option(
            "--enforce/--no-enforce", help="Let the agent enforce mitigations with nftables here; needs root."
        ),
    ] = False,
) -> None:
    """Start NATS, all centres, an agent and sample traffic; Ctrl-C stops them in order."""
    from rich.console import Console

    from sixfold.local.up import up as run_platform

    raise typer.Exit(run_platform(home, port_base, sample=sample, enforce=enforce, console=Console()))


@app.command()
def run(
    service: Annotated[str, typer.Argument(help="A centre, incubator, console, or `all`.")],
    config: Annotated[
        Path | None, typer.Option(help="Its TOML file; for `all`, the folder that holds one per service.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only check the settings.")] = False,
) -> None:
    """Run one service, as a pod does, or all of them in this process."""
    from sixfold.local.run import run_service

    raise typer.Exit(run_service(service, config, check=check))


@app.command()
def status(
    home: HomeOption = DEFAULT_HOME,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every process, its readiness, streams, consumers' lag, the spool and the four losses."""
    from sixfold.local.status import show

    raise typer.Exit(show(home_at(home), as_json=as_json))


@app.command()
def sql(
    statement: Annotated[str, typer.Argument(help='One statement, e.g. "SELECT count() FROM flows".')],
    home: HomeOption = DEFAULT_HOME,
    output: Annotated[
        str, typer.Option("--format", help="table, or any ClickHouse format (CSV, JSONEachRow …).")
    ] = "table",
) -> None:
    """Ask the warehouse over its HTTP port, as the read-only analyst."""
    from sixfold.local.sql import ask

    raise typer.Exit(ask(home_at(home), statement, output))


@app.command()
def doctor(
    home: HomeOption = DEFAULT_HOME,
    port_base: Annotated[int, typer.Option(help="The ports that `up` would use.")] = DEFAULT_BASE,
) -> None:
    """Check this machine; every line says what to do if it is not well."""
    from sixfold.local.doctor import examine

    raise typer.Exit(examine(home_at(home), port_base))


@app.command()
def config(
    service: Annotated[str, typer.Argument(help="A centre, incubator, console or agent.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Show every setting of a service and where its value comes from (file < environment < flag)."""
    from sixfold.local.run import show_settings

    raise typer.Exit(show_settings(home_at(home), service))


@app.command()
def redrive(
    consumer: Annotated[str, typer.Argument(help="The durable consumer whose dead letters go back.")],
    home: HomeOption = DEFAULT_HOME,
    limit: Annotated[int, typer.Option(min=1, help="At most this many messages.")] = 1000,
) -> None:
    """Send the dead letters of a consumer through it once more."""
    from sixfold.local.operate import redrive_dead_letters

    raise typer.Exit(redrive_dead_letters(home_at(home), consumer, limit))


@app.command()
def spans(
    identity: Annotated[str, typer.Argument(help="A trace id (32 hex digits) or the id of a batch.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Show the spans of one trace, from a batch's arrival in the agent to its insert."""
    from sixfold.local.spans import show_trace

    raise typer.Exit(show_trace(home_at(home), identity))


@app.command(hidden=True)
def sample(home: HomeOption = DEFAULT_HOME) -> None:
    """The sample traffic of `up`: the region's homes at the centres, then its flows."""
    from sixfold.local.simulate import sample_traffic

    raise typer.Exit(sample_traffic(home_at(home)))


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    help="Export believable traffic of a region as true IPFIX (options: `sixfold simulate --help`).",
)
def simulate(context: typer.Context, home: HomeOption = DEFAULT_HOME) -> None:
    from sixfold.local.simulate import simulate_traffic

    raise typer.Exit(simulate_traffic(context.args, home_at(home)))


def main() -> None:
    """Run the command line; errors that a user can act on are one sentence and exit code 1."""
    try:
        app()
    except LocalError as error:
        from rich.console import Console

        Console(stderr=True).print(f"[red]error:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
