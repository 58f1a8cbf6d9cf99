"""Flows per second and core through the security centre's window and detectors, and through convergence's accounts.

One thread (POLARS_MAX_THREADS=1), CPU time, batches of 65,536 flows that arrive at 1 M flows/s of event time;
destinations and
sources uniformly random over the hosts (the worst case: nothing repeats) or Zipf-like (what traffic looks like), a
tenth
of the flows towards one victim. The floor is one plain Polars group-by of the same destinations.
"""

import multiprocessing
import os
import time
from typing import Any

BATCH = 65_536


def main(*, quick: bool = False) -> None:
    from benchmarks.report import report

    os.environ["POLARS_MAX_THREADS"] = "1"
    shapes = [
        (hosts, spread, 2.0) for hosts in (10_000, 1_000_000, 10_000_000) for spread in ("zipf", "uniform")
    ]
    shapes.append((1_000_000, "zipf", 30.0))
    # A process for each, so that memory is the row's own.
    context = multiprocessing.get_context("spawn")
    with context.Pool(1, maxtasksperchild=1) as pool:
        rows = pool.starmap(_measure, [(*shape, 16 if quick else 96) for shape in shapes], chunksize=1)
    report(
        "detection",
        "window + detectors, one core",
        rows,
        ["1 M flows/s/core through all detectors; memory bounded at 10 M hosts"],
    )


def _measure(hosts: int, distribution: str, duration: float, batches: int) -> dict[str, Any]:
    import resource

    import numpy as np
    import polars as pl

    from sixfold.convergence.config import ConvergenceSettings
    from sixfold.convergence.domain.classify import Classifier
    from sixfold.convergence.domain.minutes import Clock, by_minute
    from sixfold.security.domain import addresses
    from sixfold.security.domain.detectors.volumetric import Volumetric, VolumetricSettings
    from sixfold.security.domain.window import Window, WindowSettings

    random = np.random.default_rng(7)
    window, detector = Window(WindowSettings()), Volumetric(VolumetricSettings())
    settings = ConvergenceSettings()
    classifier = Classifier(settings.networks, settings.class_rules)

    def chosen() -> Any:
        if distribution == "uniform":
            return random.integers(0, hosts, BATCH)
        return np.minimum((hosts ** random.random(BATCH)).astype(np.int64), hosts - 1)

    def address(number: Any) -> Any:
        packed = np.zeros((BATCH, 16), np.uint8)
        packed[:, 10:12] = 255
        packed[:, 12:] = (number * 2_654_435_761 % (1 << 32)).astype(">u4").view(np.uint8).reshape(-1, 4)
        return packed

    now = 1_800_000_000_000
    spent = {"window": 0.0, "floor": 0.0, "accounts": 0.0}
    grown: set[int] = set()
    signals = 0
    for number in range(batches):
        now += 65
        destination = chosen()
        destination[random.random(BATCH) < 0.1] = 7
        end = now - random.integers(0, 2_000, BATCH)
        columns = {
            "time_start": end - random.exponential(duration * 1_000, BATCH).astype(np.int64),
            "time_end": end,
            "exporter": address(np.ones(BATCH, np.int64)),
            "src_address": address(chosen()),
            "dst_address": address(destination),
            "src_port": random.integers(1_024, 65_535, BATCH).astype(np.uint16),
            "dst_port": random.choice(np.array([53, 80, 443, 8_080], np.uint16), BATCH),
            "protocol": random.choice(np.array([6, 17], np.uint8), BATCH),
            "bytes": random.integers(64, 150_000, BATCH).astype(np.uint64),
            "packets": random.integers(1, 100, BATCH).astype(np.uint64),
        }
        begin = time.process_time()
        grown |= set(window.add(columns, now).slots)
        if number % 4 == 3:  # a call of the bus brings several batches: the detectors look once
            signals += len(detector.detect(window, sorted(grown)))
            grown.clear()
        middle = time.process_time()
        by_minute(columns, classifier.codes(columns), now, Clock())
        after = time.process_time()
        hi, lo = addresses.words(columns["dst_address"])
        pl.DataFrame({"hi": hi, "lo": lo, "bytes": columns["bytes"], "packets": columns["packets"]}).group_by(
            "hi", "lo"
        ).agg(pl.col("bytes", "packets").sum(), pl.len())
        spent["floor"] += time.process_time() - after
        spent["window"] += middle - begin
        spent["accounts"] += after - middle
    flows = batches * BATCH / 1e6
    return {
        "hosts": hosts,
        "distribution": distribution,
        "mean duration s": duration,
        "M flows/s window + detectors": flows / spent["window"],
        "M flows/s plain group-by": flows / spent["floor"],
        "M flows/s convergence": flows / spent["accounts"],
        "rows held": window.hosts,
        "signals": signals,
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


if __name__ == "__main__":
    main()
