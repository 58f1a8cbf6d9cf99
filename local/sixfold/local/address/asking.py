"""How the commands of `sixfold address` ask the centre, and how they show what it says."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from sixfold.local.centres import call
from sixfold.local.errors import LocalError
from sixfold.local.home import DEFAULT_HOME, home_at

HomeOption = Annotated[
    Path, typer.Option("--home", help="The folder of the platform: its state, keys and logs.")
]
HOME = DEFAULT_HOME


def pools(home: Path, rpc: str, request: Any) -> Any:
    """One call of AddressService."""
    from sixfold.api.address.v1.address_pb2_grpc import AddressServiceStub

    return call(home_at(home), "address", AddressServiceStub, lambda stub: getattr(stub, rpc)(request))


def planning(home: Path, rpc: str, request: Any) -> Any:
    """One call of PlanningService."""
    from sixfold.api.address.v1.planning_pb2_grpc import PlanningServiceStub

    return call(home_at(home), "address", PlanningServiceStub, lambda stub: getattr(stub, rpc)(request))


def translation(home: Path, rpc: str, request: Any) -> Any:
    """One call of TranslationService."""
    from sixfold.api.address.v1.translation_pb2_grpc import TranslationServiceStub

    return call(home_at(home), "address", TranslationServiceStub, lambda stub: getattr(stub, rpc)(request))


def say(text: str) -> None:
    """As it is: rich would make spaces of tabs."""
    typer.echo(text)


def show(columns: Sequence[str], rows: Iterable[Sequence[object]], *, none: str) -> None:
    """A table; `none` is said where there are no rows. What is no terminal gets tab-separated lines, whole."""
    console, found = Console(), [[str(cell) for cell in row] for row in rows]
    if not console.is_terminal:
        for row in found:
            say("\t".join(row))
        return
    if not found:
        say(none)
        return
    table = Table(header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in found:
        table.add_row(*row)
    console.print(table, markup=False)


def moment(message: Any, field: str) -> str:
    """A timestamp of a message, `-` where it is absent."""
    if not message.HasField(field):
        return "-"
    return f"{getattr(message, field).ToDatetime():%Y-%m-%dT%H:%M:%SZ}"


def instant(text: str) -> Any:
    """A protobuf timestamp out of `2026-01-31T12:00:00+08:00`; empty: now. Raises LocalError."""
    from google.protobuf.timestamp_pb2 import Timestamp

    stamp = Timestamp()
    try:
        read = datetime.fromisoformat(text) if text else datetime.now(UTC)
    except ValueError as error:
        raise LocalError(f"{text!r} is no time; write 2026-01-31T12:00:00+08:00.") from error
    if read.tzinfo is None:
        raise LocalError(f"{text!r} has no time zone: end it with Z or +08:00.")
    stamp.FromDatetime(read)
    return stamp


def content(file: Path) -> bytes:
    """Raises LocalError."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise LocalError(f"{file} cannot be read: {error.strerror}.") from error
