"""CPU seconds per million flows of the security centre's window and detectors, and of convergence's accounts.

From the batch's bytes on, as the centres do it: only the columns that they read are decoded. CPU time of all threads
(POLARS_MAX_THREADS=1), batches of 65,536 flows between IPv6 hosts that arrive at 350 k flows/s of event time, detectors
once a second of it; destinations and sources uniformly random over the hosts (the worst case: nothing repeats) or
Zipf-like (what traffic looks like), a tenth of the flows towards one victim. The floor is one plain Polars group-by of
the same destinations, decoded already.
"""

import multiprocessing
import os
import time
from typing import Any

BATCH = 65_536
RATE = 350_000
WARM_UP = 8


def main(*, quick: bool = False) -> None:
    from benchmarks.report import report

    os.environ["POLARS_MAX_THREADS"] = "1"
    shapes = [
        (hosts, spread, 2.0)
        for hosts in (10_000, 65_536, 1_000_000, 10_000_000)
        for spread in ("zipf", "uniform")
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
        ["security at most 0.25 and convergence 0.12 CPU s/M at 65,536 hosts; memory bounded at 10 M hosts"],
    )


def _measure(hosts: int, distribution: str, duration: float, batches: int) -> dict[str, Any]:
    import resource

    import numpy as np
    import polars as pl

    from sixfold.api.flow.codec import decode, encode
    from sixfold.api.flow.schema import FLOW
    from sixfold.convergence.config import ConvergenceSettings
    from sixfold.convergence.domain.classify import Classifier, columns_needed
    from sixfold.convergence.domain.minutes import MEASURED, Clock, by_minute
    from sixfold.security.domain import addresses
    from sixfold.security.domain.detectors.volumetric import Volumetric, VolumetricSettings
    from sixfold.security.domain.window import Window, WindowSettings

    random = np.random.default_rng(7)
    window, detector = Window(WindowSettings()), Volumetric(VolumetricSettings())
    settings = ConvergenceSettings()  # pyright: ignore[reportCallIssue]
    classifier = Classifier(settings.networks, settings.class_rules)
    accounted = columns_needed(settings.networks) | set(MEASURED)

    def chosen() -> Any:
        if distribution == "uniform":
            return random.integers(0, hosts, BATCH)
        return np.minimum((hosts ** random.random(BATCH)).astype(np.int64), hosts - 1)

    def address(number: Any) -> Any:
        """Hosts of 2001:db8::/32, 256 to a /64."""
        packed = np.zeros((BATCH, 4), ">u4")
        packed[:, 0], packed[:, 1] = 0x20010DB8, number >> 8
        packed[:, 3] = number * 2_654_435_761 % (1 << 32)
        return packed.view(np.uint8).reshape(BATCH, 16)

    now = 1_800_000_000_000
    spent = {"window": 0.0, "floor": 0.0, "accounts": 0.0}
    grown: set[int] = set()
    signals = 0
    for number in range(WARM_UP + batches):
        if number == WARM_UP:
            spent = dict.fromkeys(spent, 0.0)
        now += 1_000 * BATCH // RATE
        destination = chosen()
        destination[random.random(BATCH) < 0.1] = 7
        end = now - random.integers(0, 2_000, BATCH)
        data = encode(
            FLOW,
            {
                "time_start": end - random.exponential(duration * 1_000, BATCH).astype(np.int64),
                "time_end": end,
                "time_received": np.full(BATCH, now),
                "exporter": address(np.ones(BATCH, np.int64)),
                "src_address": address(chosen()),
                "dst_address": address(destination),
                "src_port": random.integers(1_024, 65_535, BATCH).astype(np.uint16),
                "dst_port": random.choice(np.array([53, 80, 443, 8_080], np.uint16), BATCH),
                "protocol": random.choice(np.array([6, 17], np.uint8), BATCH),
                "bytes": random.integers(64, 150_000, BATCH).astype(np.uint64),
                "packets": random.integers(1, 100, BATCH).astype(np.uint64),
                "sampling_rate": np.ones(BATCH, np.uint32),
            },
        )
        begin = time.process_time()
        grown |= set(window.add(decode(FLOW.version, data, window.columns), now).slots)
        if number % (RATE // BATCH) == 0:
            signals += len(detector.detect(window, sorted(grown)))
            grown.clear()
        middle = time.process_time()
        columns = decode(FLOW.version, data, accounted)
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
        "security CPU s/M": spent["window"] / flows,
        "convergence CPU s/M": spent["accounts"] / flows,
        "plain group-by CPU s/M": spent["floor"] / flows,
        "rows held": window.hosts,
        "signals": signals,
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


if __name__ == "__main__":
    main()
