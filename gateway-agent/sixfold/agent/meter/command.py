"""`meter IFACE|FILE`: the command line of the packet meter."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from sixfold.agent.capture import CaptureError, packets
from sixfold.agent.datagrams import address_text
from sixfold.agent.export.messages import Exporter
from sixfold.agent.export.stopping import until_signalled
from sixfold.agent.export.target import Sender, Target, TargetError, parse_target
from sixfold.agent.meter.flows import Ended, Meter, Metered, Timeouts
from sixfold.agent.meter.records import SAMPLING, TEMPLATES, export, sampling_record
from sixfold.agent.meter.ring import InterfaceError, open_ring
from sixfold.agent.packets import dissect

_TEMPLATE_EVERY: Final = 60.0
_PRINTED: Final = 100_000
Take = Callable[[Ended], None]


def meter_capture(path: Path, meter: Meter, take: Take) -> None:
    """All packets of a capture; every flow has ended when this returns. CaptureError if it is none."""
    for batch in packets(path, tally=meter.metered.declined):
        headers = dissect(batch.data, batch.offsets, batch.captured, batch.wire, batch.link_type)
        for ended in meter.feed(headers, batch.time_ns):
            take(ended)
    for ended in meter.flush():
        take(ended)


def meter_interface(
    interface: str, meter: Meter, take: Take, *, stop: Callable[[], bool], promiscuous: bool = False
) -> int:
    """Watch an interface until `stop()`; returns how many packets the kernel dropped. InterfaceError if it cannot."""
    dropped = 0
    with open_ring(interface, promiscuous=promiscuous) as ring:
        while not stop():
            caught = ring.catch(wait=0.25)
            finished = [] if caught is None else meter.feed(caught.headers, caught.time_ns)
            for ended in (*finished, *meter.tick(time.time_ns())):
                take(ended)
        dropped += ring.statistics()[1]
    for ended in meter.flush():
        take(ended)
    return dropped


class IpfixOutput:
    """Sends flows on as IPFIX; templates and the sampling record (1 in 1) first and again every minute."""

    def __init__(self, target: Target, sender: Sender, *, domain: int = 1) -> None:
        self._target, self._sender = target, sender
        self._exporter = Exporter(domain, TEMPLATES)
        self._due = 0.0

    def take(self, ended: Ended) -> None:
        now = int(time.time())
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _TEMPLATE_EVERY
            sampling = sampling_record(self._exporter.domain, 1, 0)
            self._sender.send(self._target, [self._exporter.definitions(now)])
            self._sender.send(self._target, self._exporter.messages(SAMPLING, sampling, now))
        self._sender.send(self._target, export(self._exporter, ended, now))


class TableOutput:
    """Keeps the flows for a table, the largest first; past 100,000 only the largest stay."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, tuple[str, ...]]] = []

    def take(self, ended: Ended) -> None:
        for row in range(len(ended["bytes"])):
            self._rows.append((int(ended["bytes"][row]), _texts(ended, row)))
        if len(self._rows) > 2 * _PRINTED:
            self._rows = sorted(self._rows, reverse=True)[:_PRINTED]

    def table(self, most: int) -> Table:
        table = Table(box=None, header_style="bold")
        for name in (
            "start (UTC)",
            "seconds",
            "proto",
            "source",
            "destination",
            "flags",
            "packets",
            "octets",
        ):
            table.add_column(name, justify="right" if name in ("seconds", "packets", "octets") else "left")
        for _, texts in sorted(self._rows, reverse=True)[:most]:
            table.add_row(*texts)
        return table

    def __len__(self) -> int:
        return len(self._rows)


_PROTOCOLS: Final = {
    1: "ICMP",
    2: "IGMP",
    6: "TCP",
    17: "UDP",
    47: "GRE",
    50: "ESP",
    58: "ICMPv6",
    132: "SCTP",
}


def _texts(ended: Ended, row: int) -> tuple[str, ...]:
    start = np.datetime64(int(ended["time_start"][row]), "ms")
    protocol = int(ended["protocol"][row])
    flags = int(ended["tcp_flags"][row])
    kind = int(ended["icmp_type_code"][row])
    return (
        str(start).replace("T", " "),
        f"{(int(ended['time_end'][row]) - int(ended['time_start'][row])) / 1000:.3f}",
        _PROTOCOLS.get(protocol, str(protocol)),
        _endpoint(ended["src_address"][row].tobytes(), int(ended["src_port"][row])),
        _endpoint(ended["dst_address"][row].tobytes(), int(ended["dst_port"][row])),
        f"type {kind >> 8} code {kind & 255}"
        if protocol in (1, 58)
        else "".join(letter if flags >> bit & 1 else "." for bit, letter in _FLAGS),
        str(int(ended["packets"][row])),
        str(int(ended["bytes"][row])),
    )


_FLAGS: Final = ((7, "C"), (6, "E"), (5, "U"), (4, "A"), (3, "P"), (2, "R"), (1, "S"), (0, "F"))


def _endpoint(address: bytes, port: int) -> str:
    text = address_text(address)
    if not port:
        return text
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"


def meter_command(
    source: Annotated[str, typer.Argument(help="an interface, or a pcap or pcapng file")],
    target: Annotated[str, typer.Option(help="the IPFIX collector, host:port")] = "127.0.0.1:4739",
    show: Annotated[bool, typer.Option("--print", help="print the flows as a table, export none")] = False,
    top: Annotated[int, typer.Option(min=1, help="how many flows the table shows, largest first")] = 50,
    active: Annotated[float, typer.Option(min=1, help="seconds after which a long flow is exported")] = 60.0,
    inactive: Annotated[float, typer.Option(min=1, help="seconds without a packet that end a flow")] = 15.0,
    max_flows: Annotated[int, typer.Option(min=1024, help="flows under way at most")] = 262_144,
    duration: Annotated[float | None, typer.Option(min=0.1, help="stop after so many seconds")] = None,
    promiscuous: Annotated[bool, typer.Option(help="also packets that are not for this machine")] = False,
    domain: Annotated[int, typer.Option(min=0, help="observation domain of the export")] = 1,
    rate: Annotated[float, typer.Option(min=1, help="datagrams sent a second at most")] = 20_000.0,
    allow_remote: Annotated[bool, typer.Option(help="allow a target that is not this machine")] = False,
) -> None:
    """Make flows of an interface's or a capture's packets, and export them as IPFIX."""
    console = Console(stderr=True)
    meter = Meter(Timeouts(active=active, inactive=inactive), max_flows=max_flows)
    sender, table = Sender(rate=rate), TableOutput()
    try:
        where = parse_target(target, default_port=4739, allow_remote=allow_remote)
        take = table.take if show else IpfixOutput(where, sender, domain=domain).take
        dropped = 0
        path = Path(source)
        if path.exists():
            meter_capture(path, meter, take)
        else:
            with until_signalled(duration) as stop:
                dropped = meter_interface(source, meter, take, stop=stop, promiscuous=promiscuous)
    except (TargetError, CaptureError, InterfaceError) as error:
        console.print(f"[red]{error}[/red]", highlight=False)
        raise typer.Exit(2) from error
    finally:
        sender.close()
    if show:
        output = Console()
        # Into a file or a pipe addresses are not folded.
        (output if output.is_terminal else Console(width=180)).print(table.table(top))
    _report(console, meter.metered, sender, dropped)


def _report(console: Console, metered: Metered, sender: Sender, dropped: int) -> None:
    console.print(
        f"{metered.flows} flows of {metered.packets} packets, {metered.octets} octets; "
        f"{sender.sent} datagrams sent",
        highlight=False,
    )
    for cause, count in sorted(metered.declined.items()):
        console.print(f"declined {count} packets: {cause}", highlight=False)
    if metered.no_room:
        console.print(f"[yellow]{metered.no_room} flows ended early: raise --max-flows[/yellow]")
    if dropped:
        console.print(f"[yellow]the kernel dropped {dropped} packets: the meter was too slow[/yellow]")
    if sender.refused:
        console.print(f"[yellow]{sender.refused} datagrams refused: does the collector listen?[/yellow]")
