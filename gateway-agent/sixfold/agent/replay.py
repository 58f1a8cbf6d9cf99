"""Datagrams out of captures, sent again: at the speed they came, N times as fast, or as fast as it goes.

The payloads are sent as they are: export times and sequence numbers in them are those of the capture.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from sixfold.agent.capture import CaptureError, Udp, export_protocol, udp_datagrams
from sixfold.agent.capture.files import map_file
from sixfold.agent.export.target import Sender, Target, TargetError, parse_target

LINE_RATE: Final = float("inf")
_MAX_SOURCES: Final = 254 * 254


@dataclass(frozen=True, slots=True)
class Targets:
    """Where each protocol goes. A datagram of another kind is left out and counted."""

    netflow: Target
    ipfix: Target
    sflow: Target

    def of(self, protocol: str) -> Target:
        return getattr(self, protocol)


@dataclass(slots=True)
class Replayed:
    """What was sent, by protocol, and what was left out, by cause."""

    sent: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    octets: int = 0
    exporters: int = 0
    seconds: float = 0.0


class _Sources:
    """Each exporter of the capture gets a loopback address of its own: 127.77.x.y in order of appearance."""

    def __init__(self, apart: bool) -> None:
        self._apart = apart
        self._known: dict[tuple[bytes, int], str] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, address: bytes, port: int) -> str:
        key = (address, port if not self._apart else 0)
        if key not in self._known:
            number = len(self._known) % _MAX_SOURCES
            self._known[key] = f"127.77.{number // 254 + 1}.{number % 254 + 1}" if self._apart else ""
        return self._known[key]


def replay(
    files: Sequence[Path],
    targets: Targets,
    *,
    speed: float = 1.0,
    apart: bool = False,
    loops: int = 1,
    advance: Callable[[int], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Replayed:
    """Send the datagrams of `files` one file after the other, `loops` times over.

    speed: 1.0 keeps the capture's own gaps, 2.0 halves them, LINE_RATE leaves none. apart: exporters keep apart
    by source address (127.77.x.y; IPv4 targets only). advance: told of each batch's datagrams, for a progress bar.
    Raises CaptureError for a file that is no capture.
    """
    result, sender, sources = Replayed(), Sender(), _Sources(apart)
    begin = clock()
    try:
        for _ in range(loops):
            for file in files:
                started, first = clock(), None
                for udp in udp_datagrams(file, tally=result.left_out):
                    if len(udp) and first is None:
                        first = int(udp.time_ns[0])
                    origin = started - (first or 0) / 1e9 / speed
                    _send(udp, targets, sender, sources, result, speed, origin, clock, sleep)
                    advance(len(udp))
    finally:
        sender.close()
    result.refused, result.octets, result.exporters = sender.refused, sender.sent_bytes, len(sources)
    result.seconds = clock() - begin
    return result


def _send(
    udp: Udp,
    targets: Targets,
    sender: Sender,
    sources: _Sources,
    result: Replayed,
    speed: float,
    origin: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    due = udp.time_ns / 1e9 / speed + origin if speed != LINE_RATE else None
    for row in range(len(udp)):
        payload = udp.payload(row)
        protocol = export_protocol(payload)
        if protocol is None:
            result.left_out["no-flow-export"] += 1
            continue
        if due is not None:
            wait = float(due[row]) - clock()
            if wait > 0.0005:
                sleep(wait)
        source = sources.of(udp.src_address[row].tobytes(), int(udp.src_port[row]))
        sender.send(targets.of(protocol), (payload,), source)
        result.sent[protocol] += 1


def parse_speed(text: str) -> float:
    """`line`, `2`, `x2` or `×0.5`. typer.BadParameter otherwise."""
    if text in ("line", "max"):
        return LINE_RATE
    try:
        speed = float(text.lstrip("x×"))
    except ValueError:
        speed = 0.0
    if not 0 < speed < LINE_RATE:
        raise typer.BadParameter(f"{text!r} is neither a factor above 0 nor 'line'")
    return speed


def replay_command(
    files: Annotated[list[Path], typer.Argument(help="pcap, pcapng, or raw datagrams (.dat)")],
    host: Annotated[str, typer.Option(help="where the collector listens")] = "127.0.0.1",
    netflow_port: Annotated[int, typer.Option(min=1, max=65535, help="for NetFlow v5 and v9")] = 2055,
    ipfix_port: Annotated[int, typer.Option(min=1, max=65535, help="for IPFIX")] = 4739,
    sflow_port: Annotated[int, typer.Option(min=1, max=65535, help="for sFlow")] = 6343,
    speed: Annotated[str, typer.Option(help="'1', 'x10', '0.5', or 'line' for as fast as it goes")] = "1",
    exporters_apart: Annotated[
        bool, typer.Option(help="give each exporter of the capture a source address 127.77.x.y of its own")
    ] = True,
    loops: Annotated[int, typer.Option(min=1, help="how many times over")] = 1,
    allow_remote: Annotated[bool, typer.Option(help="allow a target that is not this machine")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress bar")] = False,
) -> None:
    """Send the flow datagrams of captures to a collector again."""
    console = Console(stderr=True)
    factor = parse_speed(speed)
    try:
        targets = Targets(
            *(
                parse_target(
                    host if ":" not in host else f"[{host.strip('[]')}]",
                    default_port=port,
                    allow_remote=allow_remote,
                )
                for port in (netflow_port, ipfix_port, sflow_port)
            )
        )
        for file in files:
            map_file(file)
    except (TargetError, CaptureError) as error:
        console.print(f"[red]{error}[/red]", highlight=False)
        raise typer.Exit(2) from error
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=quiet) as bar:
        total = sum(_count(file) for file in files) * loops
        task = bar.add_task("replaying", total=total)
        try:
            result = replay(
                files, targets, speed=factor, apart=exporters_apart, loops=loops,
                advance=lambda n: bar.advance(task, n),
            )  # fmt: skip
        except CaptureError as error:
            console.print(f"[red]{error}[/red]", highlight=False)
            raise typer.Exit(2) from error
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    _report(console, result)
    if not sum(result.sent.values()):
        raise typer.Exit(1)


def _count(file: Path) -> int:
    try:
        return sum(len(udp) for udp in udp_datagrams(file))
    except CaptureError:
        return 0


def _report(console: Console, result: Replayed) -> None:
    sent = ", ".join(f"{count} {name}" for name, count in sorted(result.sent.items())) or "nothing"
    console.print(
        f"sent {sent}; {result.octets} octets from {result.exporters} exporters in {result.seconds:.2f} s",
        highlight=False,
    )
    for cause, count in sorted(result.left_out.items()):
        console.print(f"left out {count}: {cause}", highlight=False)
    if result.refused:
        console.print(f"[yellow]{result.refused} not delivered: does the collector listen?[/yellow]")
