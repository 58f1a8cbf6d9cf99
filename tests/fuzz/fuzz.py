"""Mutated datagrams through every decoder: no exception escapes, and memory stays bounded.

    python tests/fuzz/fuzz.py [--datagrams 1000000] [--seed 1]

Seeds are the captures in ../shared/data, or a few messages made here where those are absent. What makes a decoder
raise is written to fuzz-failure-*.bin, with the exception, and the exit code is 1.
"""

import argparse
import importlib
import random
import resource
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from sixfold.agent.capture.udp import CaptureError, udp_datagrams
from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams
from sixfold.agent.decoded import Decoded
from sixfold.agent.netflow.collector import Collector
from sixfold.api.flow.codec import record_batch
from sixfold.api.flow.schema import FLOW, NAT_SESSION

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "data" / "netflow"
BATCH = 256
_EDGES = (0, 1, 2, 3, 4, 5, 7, 8, 0x7F, 0x80, 0xFE, 0xFF)
_WORDS = (0, 1, 2, 3, 4, 255, 256, 257, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF)


@dataclass(frozen=True)
class Decoder:
    """A collector and seeds of the datagrams that it is for."""

    name: str
    make: Callable[[Counters], Callable[[Datagrams], Decoded]]
    seeds: list[bytes]


@dataclass
class Result:
    datagrams: int = 0
    flows: int = 0
    nat_sessions: int = 0
    counters: Counters = field(default_factory=Counters)
    failures: list[tuple[str, bytes, str]] = field(default_factory=list)
    start_rss: int = 0
    peak_rss: int = 0
    """KiB."""


def seeds() -> list[bytes]:
    """The payloads of all captures, longest 4,000 bytes; made ones where there are none."""
    found: set[bytes] = set()
    files = sorted((*CAPTURES.rglob("*.dat"), *CAPTURES.rglob("*.pcap")))
    for file in files:
        try:
            for udp in udp_datagrams(file):
                found.update(bytes(udp.payload(row))[:4000] for row in range(min(len(udp), 200)))
        except CaptureError:
            continue
    return sorted(found) or _made()


def _made() -> list[bytes]:
    fields = struct.pack(">14H", 8, 4, 12, 4, 7, 2, 11, 2, 1, 4, 2, 4, 96, 65_535)
    sets = struct.pack(">HHHH", 2, 8 + len(fields), 256, 7) + fields
    sets += struct.pack(">HH", 256, 4 + 22) + bytes(20) + b"\1a"
    ipfix = struct.pack(">HHIII", 10, 16 + len(sets), int(time.time()), 0, 1) + sets
    v9 = struct.pack(">HHIIII", 9, 1, 1, int(time.time()), 0, 1) + struct.pack(
        ">HHHHHHHH", 0, 16, 256, 2, 8, 4, 12, 4
    )
    return [ipfix, v9, struct.pack(">HHIIIIHH", 5, 1, 1, int(time.time()), 0, 0, 0, 0) + bytes(48)]


def mutate(rng: random.Random, seed: bytes, others: list[bytes]) -> bytes:
    """One to four changes: bytes, words, lengths, cuts, copies, joins, or nothing but the order."""
    data = bytearray(seed)
    for _ in range(rng.randint(0, 4)):
        if not data:
            return rng.randbytes(rng.randint(0, 64))
        at = rng.randrange(len(data))
        kind = rng.randrange(8)
        if kind == 0:
            data[at] = rng.choice(_EDGES)
        elif kind == 1:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            at &= ~1
            data[at : at + 2] = struct.pack(">H", rng.choice(_WORDS))
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            del data[at : at + rng.randint(1, 16)]
        elif kind == 5:
            data[at:at] = data[at : at + rng.randint(1, 64)]
        elif kind == 6:
            data[at : at + 4] = rng.randbytes(4)
        else:
            other = rng.choice(others)
            data[at:] = other[min(at, len(other)) :]
    return bytes(data[:65_000])


def decoders() -> Iterator[Decoder]:
    """NetFlow and IPFIX, and sFlow where this installation has it."""
    every = seeds()
    flows = [seed for seed in every if seed[:2] in (b"\0\5", b"\0\x09", b"\0\x0a")]
    yield Decoder("netflow", lambda counters: Collector(counters).decode, flows or every)
    try:
        sflow = importlib.import_module("sixfold.agent.sflow.collector")
    except ModuleNotFoundError:
        return
    samples = [seed for seed in every if seed[:4] == b"\0\0\0\5"]
    if samples:
        yield Decoder("sflow", lambda counters: sflow.SflowCollector(counters).decode, samples)


def run(
    decoder: Decoder, total: int, seed: int, progress: Callable[[int], None] = lambda _n: None, keep: int = 5
) -> Result:
    """Feed `total` mutated datagrams to one decoder that lives all the time; stop after `keep` failures."""
    rng = random.Random(seed)
    result = Result(start_rss=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    decode = decoder.make(result.counters)
    now = int(time.time() * 1000)
    while result.datagrams < total and len(result.failures) < keep:
        batch = [
            (mutate(rng, rng.choice(decoder.seeds), decoder.seeds), *_source(rng), now)
            for _ in range(min(BATCH, total - result.datagrams))
        ]
        now += 50
        try:
            decoded = decode(Datagrams.of(batch))
            _check(decoded, result)
        except Exception:
            result.failures.append(
                (
                    decoder.name,
                    b"".join(struct.pack(">I", len(p)) + p for p, *_ in batch),
                    traceback.format_exc(),
                )
            )
            decode = decoder.make(result.counters)
        result.datagrams += len(batch)
        progress(len(batch))
    result.peak_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return result


def _source(rng: random.Random) -> tuple[str, int]:
    return f"10.0.{rng.randrange(4)}.{rng.randrange(8)}", 4000 + rng.randrange(3)


def _check(decoded: Decoded, result: Result) -> None:
    """What comes out must be encodable."""
    for columns in decoded.flows:
        result.flows += record_batch(FLOW, columns).num_rows
    for columns in decoded.nat_sessions:
        result.nat_sessions += record_batch(NAT_SESSION, columns).num_rows


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--datagrams", type=int, default=1_000_000, help="in all, over the decoders")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    console = Console()
    chosen = list(decoders())
    results: list[tuple[Decoder, Result]] = []
    begun = time.monotonic()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as progress:
        for decoder in chosen:
            share = -(-arguments.datagrams // len(chosen))
            task = progress.add_task(f"{decoder.name} ({len(decoder.seeds)} seeds)", total=share)
            results.append(
                (decoder, run(decoder, share, arguments.seed, lambda n, task=task: progress.advance(task, n)))
            )
    for decoder, result in results:
        _report(console, decoder, result)
    failures = [failure for _, result in results for failure in result.failures]
    for number, (name, batch, error) in enumerate(failures):
        file = Path(f"fuzz-failure-{name}-{arguments.seed}-{number}.bin")
        file.write_bytes(batch)
        console.print(f"[red]{file}[/red] makes {name} raise:\n{error}")
    total = sum(result.datagrams for _, result in results)
    console.print(f"{total:,} datagrams in {time.monotonic() - begun:.0f} s, {len(failures)} failures")
    return 1 if failures else 0


def _report(console: Console, decoder: Decoder, result: Result) -> None:
    table = Table(
        "counter", "n", title=f"{decoder.name}: {result.flows:,} flows, {result.nat_sessions:,} NAT sessions"
    )
    sums: dict[str, int] = {}
    for name, n in result.counters.snapshot().items():
        plain = name if "cause=" in name or "reason=" in name else name.partition("{")[0]
        sums[plain] = sums.get(plain, 0) + n
    for name, n in sorted(sums.items()):
        table.add_row(name, f"{n:,}")
    table.add_row("peak RSS", f"{result.peak_rss >> 10} MiB (at the start {result.start_rss >> 10} MiB)")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
