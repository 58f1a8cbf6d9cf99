"""`sixfold sql`: one statement to the warehouse's HTTP port, as any other client would send it."""

import re
import sys
from collections.abc import Sequence
from ipaddress import IPv6Address
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from sixfold.local.errors import LocalError
from sixfold.local.home import Home, read_endpoints

_MOST_ROWS = 500
_WIDEST = 10_000


def client(home: Home) -> Any:
    """A clickhouse-connect HTTP client of the platform on `home`; the caller closes it."""
    from clickhouse_connect import get_client
    from clickhouse_connect.driver.exceptions import ClickHouseError

    endpoints = read_endpoints(home)
    address = urlsplit(str(endpoints["clickhouse_http"]))
    try:
        return get_client(
            host=address.hostname,
            port=address.port,
            username="analyst",
            database=str(endpoints["database"]),
            connect_timeout=5,
            send_receive_timeout=120,
        )
    except ClickHouseError as error:
        raise LocalError(
            f"The warehouse does not answer on {address.netloc}: {_first_line(error)}. See `sixfold status`."
        ) from error


def _first_line(error: Exception) -> str:
    """What the engine said, without what the client wraps around it."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return re.sub(r"^Received ClickHouse exception.*?DB::Exception: | \(for url \S+\)$", "", line)


def _cell(value: Any) -> str:
    if isinstance(value, IPv6Address) and value.ipv4_mapped is not None:
        return str(value.ipv4_mapped)  # as the warehouse's views and every other tool write it
    return "NULL" if value is None else value.hex() if isinstance(value, bytes) else str(value)


def _upright(title: str, names: Sequence[str], row: Sequence[Any]) -> Table:
    """One row, a line for each column: for what is wider than the screen."""
    table = Table(title=title, title_justify="left", show_header=False)
    for name, value in zip(names, row, strict=True):
        table.add_row(name, _cell(value))
    return table


def ask(home: Home, statement: str, output: str) -> int:
    """Print the answer as a table, or in a ClickHouse format as the engine writes it."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    connection = client(home)
    try:
        if output != "table":
            with connection.raw_stream(statement, fmt=output) as stream:
                while data := stream.read(1 << 16):
                    sys.stdout.buffer.write(data)
            sys.stdout.flush()
            return 0
        result = connection.query(statement)
    except ClickHouseError as error:
        said = _first_line(error)
        hint = "\nThe tables are listed by `sixfold sql 'SHOW TABLES'`." if "UNKNOWN" in said else ""
        raise LocalError(said + hint) from error
    finally:
        connection.close()
    rows = result.result_rows
    table = Table(header_style="bold")
    for name, kind in zip(result.column_names, result.column_types, strict=True):
        numeric = kind.base_type.startswith(("Int", "UInt", "Float", "Decimal"))
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows[:_MOST_ROWS]:
        table.add_row(*map(_cell, row))
    screen = Console()
    wide = screen.measure(table, options=screen.options.update(max_width=_WIDEST)).maximum
    if not screen.is_terminal:
        Console(width=max(wide, screen.width)).print(table, markup=False)
    elif wide <= screen.width:
        screen.print(table, markup=False)
    else:
        for number, row in enumerate(rows[:_MOST_ROWS], 1):
            screen.print(_upright(f"row {number}", result.column_names, row), markup=False)
    if len(rows) > _MOST_ROWS:
        screen.print(f"… {len(rows) - _MOST_ROWS:,} more rows; use --format CSV to have them all.")
    return 0
