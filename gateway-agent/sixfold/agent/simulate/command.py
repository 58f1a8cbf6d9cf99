"""`simulate`: the command line of the simulator."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from sixfold.agent.export.stopping import until_signalled
from sixfold.agent.export.target import Sender, Target, TargetError, parse_target
from sixfold.agent.replay import LINE_RATE, parse_speed
from sixfold.agent.simulate.attacks import PATTERNS, AttackError, parse_attack
from sixfold.agent.simulate.region import Region
from sixfold.agent.simulate.simulator import Simulation, Simulator, Step
from sixfold.agent.simulate.truth import Truth

_BURSTS: Final = 20
"""A step's datagrams leave in so many portions, evenly over the step."""


def exporter_address(gateway: int) -> str:
    """The loopback address that a gateway's datagrams come from, where the target is 127.0.0.0/8."""
    return f"127.64.0.{gateway + 1}"


def run(
    simulation: Simulation,
    target: Target,
    sender: Sender,
    truth: Truth,
    *,
    speed: float = 1.0,
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Send a simulation's datagrams, `speed` times as fast as its clock, or LINE_RATE."""
    started = clock()
    simulated = simulation.start_ms
    for step in Simulator(simulation).steps():
        truth.add(step)
        length = (step.end_ms - simulated) / 1000
        due = started + (simulated - simulation.start_ms) / 1000 / speed
        for at, portion in _portions(step):
            if speed != LINE_RATE:
                wait = due + at * length / speed - clock()
                if wait > 0.001:
                    sleep(wait)
            for gateway, datagrams in _by_gateway(portion):
                sender.send(target, datagrams, exporter_address(gateway))
            if stop():
                return
        simulated = step.end_ms


def _portions(step: Step) -> Iterator[tuple[float, list[tuple[int, bytes]]]]:
    """(share of the step gone by, datagrams)."""
    size = max(1, -(-len(step.datagrams) // _BURSTS))
    for first in range(0, len(step.datagrams), size):
        yield first / len(step.datagrams), step.datagrams[first : first + size]


def _by_gateway(datagrams: list[tuple[int, bytes]]) -> Iterator[tuple[int, list[bytes]]]:
    first = 0
    for place in range(1, len(datagrams) + 1):
        if place == len(datagrams) or datagrams[place][0] != datagrams[first][0]:
            yield datagrams[first][0], [data for _, data in datagrams[first:place]]
            first = place


def _start(text: str | None) -> int:
    if text is None:
        return int(time.time()) * 1000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no ISO 8601 time") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def simulate_command(
    target: Annotated[str, typer.Option(help="the IPFIX collector, host:port")] = "127.0.0.1:4739",
    rate: Annotated[float, typer.Option(min=0, help="flow records a second at the busiest hour")] = 1_000.0,
    duration: Annotated[
        float | None, typer.Option(min=0.1, help="simulated seconds; none: until stopped")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="the same seed and start give the same datagrams")] = 1,
    start: Annotated[
        str | None, typer.Option(help="ISO 8601 time of the first flow (UTC); none: now")
    ] = None,
    speed: Annotated[
        str, typer.Option(help="'1' real time, 'x60' an hour a minute, 'line' no waiting")
    ] = "1",
    attack: Annotated[
        list[str] | None,
        typer.Option(
            help="KIND@START+DURATION:RATE[,target=…,port=…,gateway=…,sources=…]; kinds: "
            + ", ".join(PATTERNS)
        ),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="write what was true to this .jsonl or .csv file")
    ] = None,
    sampling: Annotated[int, typer.Option(min=1, max=1_000_000, help="look at one packet in N")] = 1,
    gateways: Annotated[int, typer.Option(min=1, max=64, help="exporters")] = 3,
    subscribers: Annotated[int, typer.Option(min=1, help="homes, over all gateways")] = 10_000,
    iot_devices: Annotated[int, typer.Option(min=1, help="things, over all homes")] = 2_000,
    channels: Annotated[int, typer.Option(min=1, help="television channels")] = 60,
    template_refresh: Annotated[float, typer.Option(min=1, help="seconds between templates")] = 60.0,
    flat: Annotated[bool, typer.Option(help="the busiest hour all day")] = False,
    utc_offset: Annotated[float, typer.Option(help="hours the region's clock is ahead of UTC")] = 8.0,
    allow_remote: Annotated[bool, typer.Option(help="allow a target that is not this machine")] = False,
) -> None:
    """Export a whole region's believable traffic as IPFIX: homes behind NAT64, television, things, attacks."""
    console = Console(stderr=True)
    factor = parse_speed(speed)
    try:
        where = parse_target(target, default_port=4739, allow_remote=allow_remote)
        simulation = Simulation(
            region=Region(
                gateways=gateways, subscribers=subscribers, iot_devices=iot_devices, channels=channels
            ),
            start_ms=_start(start),
            duration_s=duration,
            rate=rate,
            seed=seed,
            attacks=tuple(parse_attack(text) for text in attack or ()),
            sampling=sampling,
            flat=flat,
            utc_offset=utc_offset,
            template_refresh_s=template_refresh,
        )
        record = Truth(simulation, truth)
    except (AttackError, TargetError, ValueError, OSError) as error:
        console.print(f"[red]{error}[/red]", highlight=False)
        raise typer.Exit(2) from error
    sender = Sender()
    try:
        with until_signalled() as stop:
            run(simulation, where, sender, record, speed=factor, stop=stop)
    finally:
        record.close()
        sender.close()
    told = ", ".join(f"{count} {name}" for name, count in record.exported.items())
    console.print(
        f"sent {sender.sent} datagrams ({sender.sent_bytes} octets): {told} records", highlight=False
    )
    if sender.refused:
        console.print(f"[yellow]{sender.refused} refused: does the collector listen at {where}?[/yellow]")
