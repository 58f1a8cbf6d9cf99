"""The load: a generator of valid IPFIX in C that outruns every collector, compiled where it is used."""

import json
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent.parent / "shared" / "load" / "gen.c"


@dataclass(frozen=True, slots=True)
class Sent:
    flows: int
    datagrams: int
    seconds: float


@cache
def binary() -> str:
    if not SOURCE.exists():
        raise SystemExit(f"the load generator {SOURCE} is not there: the benchmarks need it")
    target = Path(tempfile.mkdtemp(prefix="sixfold-bench-")) / "gen"
    subprocess.run(["gcc", "-O2", "-o", str(target), str(SOURCE)], check=True)
    return str(target)


def send(
    port: int,
    rate: int,
    seconds: float,
    *,
    core: int = 0,
    hosts: int = 65_536,
    exporters: int = 1,
    pool: int = 2_048,
    family: str = "-4",
    segments: int = 1,
) -> Sent:
    """Send IPFIX to 127.0.0.1:`port` at `rate` flows/s (0: as fast as possible).

    segments: so many datagrams the kernel takes in one call. With one and less than 200 us between two the generator
    waits by spinning, which takes a whole core from what is measured beside it; with 8 it sleeps.
    """
    # Past about 275 k datagrams/s the kernel takes many in one call only.
    if rate == 0 or rate > 4_000_000:
        segments = 16
    command = [binary(), "-r", str(rate), "-t", str(seconds), "-p", str(port), "-d", "127.0.0.1", family]
    command += ["-c", str(core), "-n", str(hosts), "-e", str(exporters), "-k", str(pool), "-g", str(segments)]
    printed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return Sent(printed["flows"], printed["datagrams"], printed["seconds"])
