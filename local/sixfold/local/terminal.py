"""What `sixfold up` shows: steps while it works, then the table of addresses."""

import time
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

_TITLES = {
    "console": "Operators' web page",
    "openapi": "Open API and portal",
    "clickhouse_http": "ClickHouse HTTP (database sixfold)",
    "nats": "NATS",
    "identity": "Identity: EST, CRL, OCSP, OAuth",
    "radius.authentication": "Identity: RADIUS authentication (UDP)",
    "radius.accounting": "Identity: RADIUS accounting (UDP)",
    "taxii": "Security: incidents by TAXII 2.1",
    "dhcpv6": "Address: DHCPv6 (UDP)",
    "agent.ipfix": "Agent: IPFIX (UDP)",
    "agent.netflow": "Agent: NetFlow v5/v9 (UDP)",
    "agent.sflow": "Agent: sFlow v5 (UDP)",
}


class Steps:
    """Prints one line per step that has changed, with the time since the start."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = time.monotonic()

    def step(self, title: str, state: str) -> None:
        good, bad = state.startswith("ready"), state.startswith("failed")
        mark = "[green]✓[/]" if good else "[red]✗[/]" if bad else "[dim]·[/]"
        elapsed = time.monotonic() - self._begun
        self._console.print(f"[dim]{elapsed:6.1f} s[/] {mark} {title}: {state}", highlight=False)

    def note(self, sentence: str) -> None:
        self._console.print(f"[yellow]![/] {sentence}", highlight=False, soft_wrap=True)


def address_table(endpoints: Mapping[str, object], secrets: Mapping[str, str]) -> Table:
    """The addresses of a platform that is ready; `secrets` are titles and the files where each lies."""
    table = Table(title="Sixfold 六合 is ready", title_justify="left", header_style="bold")
    table.add_column("What")
    table.add_column("Where", overflow="fold")
    for key, value in endpoints.items():
        if key in _TITLES or key.startswith("grpc."):
            table.add_row(_TITLES.get(key, key.replace("grpc.", "gRPC: ")), str(value))
    for title, path in secrets.items():
        table.add_row(title, path)
    return table
