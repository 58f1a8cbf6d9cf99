"""What the platform costs at rest, and how long it takes to stand."""

import tempfile
import time
from pathlib import Path

from benchmarks.platform import up
from benchmarks.process import children, cpu_seconds, resident_bytes
from benchmarks.report import report


def main(*, quick: bool = False) -> None:
    seconds = 10 if quick else 60
    with tempfile.TemporaryDirectory(prefix="sixfold-bench-") as folder:
        home = Path(folder) / "home"
        rows = []
        for start in ("first start", "second start"):
            with up(home) as platform:
                time.sleep(5)
                before, then = cpu_seconds(platform.pid), time.monotonic()
                time.sleep(seconds)
                used = (cpu_seconds(platform.pid) - before) / (time.monotonic() - then)
                rows.append(
                    {
                        "": start,
                        "seconds to ready": platform.seconds_to_ready,
                        "CPU % of a core": used * 100,
                        "memory MiB": resident_bytes(platform.pid) >> 20,
                        "processes": len(children(platform.pid)),
                    }
                )
    report("idle", "At rest", rows, ["under 1 GiB, under 5 % of a core, second start under 10 s"])
