"""`sixfold address plan …`, and what is asked about pools: outlook, advice, what-if, anomalies, files."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from sixfold.local.address.asking import HOME, HomeOption, content, moment, planning, say, show
from sixfold.local.errors import LocalError

app = typer.Typer()
plans = typer.Typer(
    help="Plans that give meaning to bits: judge, apply, explain an address.", no_args_is_help=True
)
PlanFile = Annotated[
    Path, typer.Argument(help="TOML: root, delegated_length, [[levels]] of name, bits, codes.")
]
Pool = Annotated[str, typer.Argument(help="The pool's name.")]
FORMATS: Final = {"csv": "EXCHANGE_FORMAT_CSV", "netbox": "EXCHANGE_FORMAT_NETBOX_JSON"}
FormatOption = Annotated[str, typer.Option("--format", help="csv, or netbox (JSON).")]


def _plan(file: Path) -> Any:
    from google.protobuf import json_format

    from sixfold.api.address.v1 import planning_pb2 as pb

    try:
        return json_format.ParseDict(tomllib.loads(content(file).decode()), pb.Plan())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, json_format.ParseError) as error:
        raise LocalError(f"{file} is no plan: {error}.") from error


def _format(name: str) -> Any:
    from sixfold.api.address.v1 import planning_pb2 as pb

    if name not in FORMATS:
        raise typer.BadParameter(f"one of {', '.join(FORMATS)}", param_hint="--format")
    return pb.ExchangeFormat.Value(FORMATS[name])


@plans.command()
def judge(file: PlanFile, home: HomeOption = HOME) -> None:
    """What is wrong with a plan, and its drawing. Exit code 1 where it cannot be applied."""
    from sixfold.api.address.v1 import planning_pb2 as pb

    answer = planning(home, "JudgePlan", pb.JudgePlanRequest(plan=_plan(file)))
    if answer.drawing:
        say(answer.drawing)
    for one in answer.findings:
        severity = pb.Severity.Name(one.severity).removeprefix("SEVERITY_").lower()
        say(f"{severity}\t{one.reason}\t{one.level}\t{one.detail}")
    if any(one.severity == pb.SEVERITY_ERROR for one in answer.findings):
        raise typer.Exit(1)


@plans.command("apply")
def apply_plan(
    file: PlanFile,
    before: Annotated[str, typer.Option("--prefix", help="Put before the names of pools.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only name them.")] = False,
    home: HomeOption = HOME,
) -> None:
    """Make the pools that a plan names; again makes none twice."""
    from sixfold.api.address.v1 import planning_pb2 as pb

    request = pb.ApplyPlanRequest(plan=_plan(file), dry_run=dry_run, pool_id_prefix=before)
    for name in planning(home, "ApplyPlan", request).pool_ids:
        say(name)


@plans.command()
def explain(
    file: PlanFile,
    address: Annotated[str, typer.Argument(help="IPv6.")],
    home: HomeOption = HOME,
) -> None:
    """What an address says by a plan."""
    from sixfold.api.address.v1 import planning_pb2 as pb

    answer = planning(home, "ExplainAddress", pb.ExplainAddressRequest(plan=_plan(file), address=address))
    for one in answer.meanings:
        say(f"{one.level}\t{one.code}")


@app.command()
def forecast(
    pool: Pool,
    days: Annotated[float, typer.Option(min=0, help="How far ahead.")] = 30,
    home: HomeOption = HOME,
) -> None:
    """When a pool will be full, with an interval that holds four of five outcomes."""
    from sixfold.api.address.v1 import planning_pb2 as pb

    one = planning(home, "GetForecast", pb.GetForecastRequest(pool_id=pool, horizon_days=days)).forecast
    say(f"used {one.used_share:.2%}, {one.growth_per_day:+.3%} a day, by {one.points} samples")
    say(f"in {days:g} days {one.expected_share:.2%} ({one.low_share:.2%} to {one.high_share:.2%})")
    say(
        f"full {moment(one, 'full')} (between {moment(one, 'full_earliest')} and {moment(one, 'full_latest')};"
        " - is beyond ten years)"
    )


@app.command()
def advice(
    pool: Annotated[str, typer.Argument(help="None: every pool.")] = "",
    home: HomeOption = HOME,
) -> None:
    """What to do about pools, most urgent first."""
    from sixfold.api.address.v1 import planning_pb2 as pb

    answer = planning(home, "ListAdvice", pb.ListAdviceRequest(pool_id=pool))
    rows = [
        (
            pb.Urgency.Name(one.urgency).removeprefix("URGENCY_").lower(),
            one.pool_id,
            one.reason,
            one.detail,
            one.remedy,
        )
        for one in answer.advice
    ]
    show(("When", "Pool", "Reason", "What", "Remedy"), rows, none="Nothing is to be done.")


@app.command("what-if")
def what_if(
    pool: Pool,
    delegations: Annotated[int, typer.Option(min=0, help="So many at once …")] = 0,
    length: Annotated[int, typer.Option(min=1, max=128, help="… of this length …")] = 56,
    a_day: Annotated[float, typer.Option("--a-day", help="… and so many more each day than now.")] = 0.0,
    home: HomeOption = HOME,
) -> None:
    """What a pool would be after a wish; nothing is done."""
    from sixfold.api.address.v1 import planning_pb2 as pb

    request = pb.WhatIfRequest(pool_id=pool, delegations=delegations, length=length, more_per_day=a_day)
    answer = planning(home, "WhatIf", request)
    say(f"{'fits' if answer.fits else 'does not fit'}: {answer.fitting:,} of {delegations:,}")
    say(f"used {answer.used_share:.2%}, HD-ratio {answer.hd_ratio:.3f}, full {moment(answer, 'full')}")


@app.command()
def anomalies(
    pool: Annotated[str, typer.Argument(help="None: every pool.")] = "",
    home: HomeOption = HOME,
) -> None:
    """Hoarding, churn and leaks, the newest first."""
    from sixfold.api.address.v1 import planning_pb2 as pb

    answer = planning(home, "ListAnomalies", pb.ListAnomaliesRequest(pool_id=pool))
    rows = [(moment(one, "time"), one.pool_id, one.kind, one.detail) for one in answer.anomalies]
    show(("When", "Pool", "Kind", "What"), rows, none="Nothing was out of the ordinary.")


@app.command("export")
def export_pools(
    file: Annotated[Path, typer.Argument(help="Where to.")],
    form: FormatOption = "csv",
    delegations: Annotated[bool, typer.Option("--delegations", help="With every delegation.")] = False,
    home: HomeOption = HOME,
) -> None:
    """Write every pool into a file."""
    from sixfold.api.address.v1 import planning_pb2 as pb
    from sixfold.api.address.v1.planning_pb2_grpc import PlanningServiceStub
    from sixfold.local.centres import call
    from sixfold.local.home import home_at

    request = pb.ExportPoolsRequest(format=_format(form), with_delegations=delegations)

    async def written(stub: Any) -> int:
        size = 0
        with file.open("wb") as target:
            async for part in stub.ExportPools(request):
                size += target.write(part.piece)
        return size

    try:
        size = call(home_at(home), "address", PlanningServiceStub, written)
    except OSError as error:
        raise LocalError(f"{file} cannot be written: {error.strerror}.") from error
    say(f"{size:,} bytes in {file}")


@app.command("import")
def import_pools(
    file: Annotated[Path, typer.Argument(help="CSV, or NetBox's JSON of /api/ipam/prefixes/.")],
    form: FormatOption = "csv",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be made.")] = False,
    home: HomeOption = HOME,
) -> None:
    """Make the pools of a file. Exit code 1 where a row is at fault."""
    from sixfold.api.address.v1 import planning_pb2 as pb

    request = pb.ImportPoolsRequest(format=_format(form), file=content(file), dry_run=dry_run)
    answer = planning(home, "ImportPools", request)
    for name in answer.pool_ids:
        say(f"pool\t{name}")
    for prefix in answer.prefixes_in_use:
        say(f"in use, not taken over\t{prefix}")
    for fault in answer.faults:
        say(f"row {fault.row}\t{fault.reason}\t{fault.detail}")
    if answer.faults:
        raise typer.Exit(1)
