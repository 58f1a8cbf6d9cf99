"""`sixfold audit …`: the trail of the trace desk, exported and verified."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sixfold.local.command_line import HomeOption
from sixfold.local.errors import LocalError
from sixfold.local.home import DEFAULT_HOME, home_at

app = typer.Typer(help="The audit trail of the trace desk.", no_args_is_help=True)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="An export.")],
    key: Annotated[str, typer.Option(help="The log's public key, or a file that holds it.")],
    checkpoint: Annotated[Path | None, typer.Option(help="A checkpoint that was kept earlier.")] = None,
) -> None:
    """Check every record; names the one that was edited. Needs no platform (also installed as `sixfold-audit`)."""
    from sixfold.identity.audit.verify import TamperedError, told, verify_file
    from sixfold.identity.domain.checkpoint import NoteError

    try:
        result = verify_file(file, key, checkpoint)
    except TamperedError as error:
        raise LocalError(f"TAMPERED: {error}") from error
    except (NoteError, OSError, UnicodeDecodeError) as error:
        raise LocalError(f"{file} cannot be checked: {error}") from error
    Console().print(told(result), highlight=False, soft_wrap=True)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to.")],
    officer: Annotated[str, typer.Option("--officer", help="Who exports.")] = "auditor",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Write the whole trail into a file."""
    from sixfold.api.identity.v1 import audit_pb2, trace_pb2
    from sixfold.api.identity.v1.audit_pb2_grpc import AuditServiceStub
    from sixfold.local.officers import call, signed

    request = audit_pb2.ExportAuditRequest(
        signed=signed(home_at(home), officer, "ExportAudit", trace_pb2.ReadStatement())
    )

    async def read(stub: Any) -> list[str]:
        return [line async for piece in stub.ExportAudit(request) for line in piece.lines]

    lines = call(home_at(home), AuditServiceStub, read)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    Console().print(
        f"{len(lines) - 1} records; check them with "
        f"`sixfold audit verify {file} --key {home_at(home).secrets / 'audit.pub'}`",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def checkpoint(home: HomeOption = DEFAULT_HOME) -> None:
    """The newest signed checkpoint; who keeps it can prove later what was changed."""
    from sixfold.api.identity.v1 import audit_pb2
    from sixfold.api.identity.v1.audit_pb2_grpc import AuditServiceStub
    from sixfold.local.officers import call

    async def read(stub: Any) -> str:
        return (await stub.GetCheckpoint(audit_pb2.GetCheckpointRequest())).checkpoint

    typer.echo(call(home_at(home), AuditServiceStub, read), nl=False)
