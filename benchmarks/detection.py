"""CPU seconds per million flows of the security centre with all its detectors, and of convergence's accounts.

From the batch's bytes on, as the centres do it: only the columns that they read are decoded. CPU time of all threads
(POLARS_MAX_THREADS=1), batches of 65,536 flows between IPv6 hosts that arrive at 350 k flows/s of event time, detectors
once a second of it; destinations and sources uniformly random over the hosts (the worst case: nothing repeats) or
Zipf-like (what traffic looks like), a tenth of the flows towards one victim. The floor is one plain Polars group-by of
the same destinations, decoded already. The second table says what each detector alone adds.
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
        measured = pool.starmap(_measure, [(*shape, 16 if quick else 96) for shape in shapes], chunksize=1)
    goals = ["1 M flows/s on one core through all detectors together; memory bounded at 10 M hosts"]
    report("detection", "window and all detectors, one core", [row for row, _ in measured], goals)
    each = {(row["hosts"], row["distribution"], row["mean duration s"]): parts for row, parts in measured}
    shapes = [(65_536, "zipf", 2.0), (10_000_000, "uniform", 2.0)]
    names = sorted(each[shapes[0]], key=lambda name: -each[shapes[0]][name])
    rows = [
        {
            "detector": name,
            **{f"{hosts:,} {how}, CPU s/M": each[hosts, how, lasts][name] for hosts, how, lasts in shapes},
        }
        for name in names
    ]
    report("detectors", "what each adds", rows)


def _measure(
    hosts: int, distribution: str, duration: float, batches: int
) -> tuple[dict[str, Any], dict[str, float]]:
    import resource

    import numpy as np
    import polars as pl

    from sixfold.api.flow.codec import decode, encode
    from sixfold.api.flow.schema import FLOW
    from sixfold.convergence.config import ConvergenceSettings
    from sixfold.convergence.domain.classify import Classifier, columns_needed
    from sixfold.convergence.domain.minutes import MEASURED, Clock, by_minute
    from sixfold.security.domain import addresses
    from sixfold.security.domain.detectors import BUILT_IN
    from sixfold.security.domain.engine import Engine, Entry, started
    from sixfold.security.domain.window import Window, WindowSettings

    random = np.random.default_rng(7)
    parts: dict[str, float] = {}

    class Timed:
        """A detector at work whose CPU time is taken."""

        def __init__(self, name: str, running: Any) -> None:
            self._name, self._running = name, running

        def add(self, flows: Any) -> None:
            self._took(lambda: self._running.add(flows))

        def look(self, look: Any) -> Any:
            return self._took(lambda: self._running.look(look))

        def _took(self, work: Any) -> Any:
            began = time.process_time()
            try:
                return work()
            finally:
                parts[self._name] = parts.get(self._name, 0.0) + time.process_time() - began

    entries = [started(detector) for detector in BUILT_IN]
    timed: Any = [Entry(one.detector, Timed(one.detector.name, one.running)) for one in entries]  # pyright: ignore[reportArgumentType]
    engine = Engine(Window(WindowSettings()), timed)
    window = engine.window
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
            parts.clear()
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
                "tcp_flags": random.choice(
                    np.array([2, 16, 24, 27], np.uint16), BATCH, p=[0.1, 0.1, 0.2, 0.6]
                ),
            },
        )
        begin = time.process_time()
        columns = decode(FLOW.version, data, engine.columns)
        absent = engine.columns - columns.keys()
        columns = {**columns, **{name: np.zeros(BATCH, FLOW.column(name).dtype) for name in absent}}
        grown |= set(engine.add(columns, now).slots)
        if number % (RATE // BATCH) == 0:
            signals += sum(len(found) for found in engine.look(sorted(grown), now).values())
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
    row = {
        "hosts": hosts,
        "distribution": distribution,
        "mean duration s": duration,
        "flows/s on a core": round(1e6 * flows / spent["window"]),
        "security CPU s/M": spent["window"] / flows,
        "convergence CPU s/M": spent["accounts"] / flows,
        "plain group-by CPU s/M": spent["floor"] / flows,
        "rows held": window.hosts,
        "signals": signals,
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    return row, {name: seconds / flows for name, seconds in parts.items()}


if __name__ == "__main__":
    main()
