"""`task eval`: every detector over captures in benign background and over days of labelled simulation.

Prints precision, recall, time to detect and false alarms a day, writes bench-results/evaluation.json and with `--write`
docs/operators/detection-results.md. The captures are looked for in `--captures`, SIXFOLD_ATTACK_CAPTURES or beside the
repository; without them their part is left out, and said so.
"""

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evaluation import background, captures, scenarios
from benchmarks.evaluation.cases import Case, joined
from benchmarks.evaluation.pages import page
from benchmarks.evaluation.replay import Outcome, replay, steps_of
from benchmarks.report import report
from sixfold.security.adapters.registry import known
from sixfold.security.domain.intel.entries import Reading, Trust
from sixfold.security.domain.intel.lists import Layout
from sixfold.security.domain.intel.lists import read as read_list
from sixfold.security.domain.intel.prefixes import Listed

ROOT = Path(__file__).resolve().parents[2]
BEGINS = 1_798_761_600_000
"""A Friday, 2027-01-01."""
BACKGROUNDS = ((50, 1_500), (500, 600), (3_000, 240))
"""Flows a second and seconds of the background that captures are put into."""
LEAD_MS = 120_000
DAYS_RATE = 8.0
SIMULATED = (
    ("syn-flood", 300, 60, ""), ("syn-flood", 3_000, 60, ""), ("udp-flood", 20, 60, ""), ("udp-flood", 200, 60, ""),
    ("udp-amplification", 50, 60, ""), ("udp-amplification", 500, 60, ""), ("dns-amplification", 50, 60, ""),
    ("dns-amplification", 500, 60, ""), ("port-scan", 1, 180, ""), ("port-scan", 50, 60, ""),
    ("horizontal-scan", 1, 120, ""), ("horizontal-scan", 50, 60, ""), ("brute-force", 0.5, 300, ""),
    ("brute-force", 5, 120, ""),
)  # fmt: skip
"""Kind, flows a second, seconds, further options."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="task eval --", description=__doc__)
    parser.add_argument("--captures", type=Path, default=_captures(), help="folder of captures and flow logs")
    parser.add_argument(
        "--days", type=float, default=3.0, help="days of simulation, at least 2.5 for all scenarios"
    )
    parser.add_argument(
        "--step", type=float, default=30.0, help="seconds between two looks in the simulation"
    )
    parser.add_argument("--write", action="store_true", help="write docs/operators/detection-results.md")
    parser.add_argument("--told", action="store_true", help="print every incident")
    arguments = parser.parse_args()
    began = time.monotonic()
    runs: list[tuple[str, list[Case], Outcome]] = []
    try:
        runs += in_background(captures.read(arguments.captures))
    except FileNotFoundError as error:
        print(f"without captures: {error}; give it with --captures or SIXFOLD_ATTACK_CAPTURES")
    runs.append(("simulation", *simulated(arguments.days, int(arguments.step * 1000))))
    rows, missed, by_case = scored(runs)
    report("evaluation", "detectors", rows)
    report("evaluation-cases", "attacks", by_case)
    for line in missed:
        print(f"  missed: {line}")
    false = [(name, told) for name, _, outcome in runs for told in outcome.told if told.case is None]
    for name, told in false[:60] if not arguments.told else false:
        print(f"  false in {name}: {told.detector} {told.vector}: {told.text}")
    took = time.monotonic() - began
    if arguments.write:
        days, count = runs[-1][2].days, sum(outcome.flows for _, _, outcome in runs)
        text = page(rows, by_case, missed, [told for _, told in false], days=days, flows=count)
        (ROOT / "docs" / "operators" / "detection-results.md").write_text(text, encoding="utf-8")
    print(f"{took:,.0f} s")


def _captures() -> Path:
    return Path(os.environ.get("SIXFOLD_ATTACK_CAPTURES", ROOT.parent / "shared" / "data" / "attacks"))


def in_background(cases: Sequence[Case]) -> list[tuple[str, list[Case], Outcome]]:
    """Each capture alone, in each background in which it finds room."""
    runs: list[tuple[str, list[Case], Outcome]] = []
    for rate, seconds in BACKGROUNDS:
        made = background.simulation(BEGINS - 60_000, seconds + 60, rate, 1_000, seed=11)
        parts = [columns for _, columns in background.steps(made)]
        benign = joined(parts)
        for case in cases:
            # A log of an hour is cut to what finds room: its head says what it is.
            moved = _cut(
                case.at(BEGINS + LEAD_MS, f"{case.name} in {rate} flows/s"), BEGINS + seconds * 1000 - 10_000
            )
            end = min(BEGINS + seconds * 1000, moved.ends + 90_000)
            runs.append((moved.name, [moved], replay(steps_of(benign, BEGINS, end, 1_000), [moved])))
            print(f"{moved.name}: {len(runs[-1][2].told)} incidents", flush=True)
    return runs


def _cut(case: Case, until: int) -> Case:
    kept = case.columns["time_end"] <= until
    columns = {name: values[kept] for name, values in case.columns.items()}
    return Case(
        case.name, columns, case.hosts, case.expected, case.begins, min(case.ends, until), case.source
    )


def simulated(days: float, step_ms: int) -> tuple[list[Case], Outcome]:
    """Days of benign traffic with the simulator's attacks and the scenarios in them, from the second day on."""
    texts: list[str] = []
    for number, (kind, rate, seconds, options) in enumerate(SIMULATED):
        target = "2001:db8:1:10::bad" if kind == "horizontal-scan" else f"203.0.113.{100 + number}"
        start = (30 * 60 + 30 * number) * 60
        texts.append(f"{kind}@{start}+{seconds}:{rate},target={target}{options}")
    attacks, labelled = background.labelled(texts, BEGINS)
    made = background.simulation(BEGINS, days * 86_400, DAYS_RATE, step_ms, 12, attacks)
    apart = min(int((days * 86_400 - 38 * 3_600) * 1000 / 72), 1_800_000)
    cases = [*labelled, *scenarios.made(BEGINS + 38 * 3_600_000 + 600_000, apart, np.random.default_rng(13))]
    reading = Reading(Trust(), 60)
    read_list([scenarios.LISTED.encode()], Layout(), reading)
    listed = Listed({"evaluation": reading.finished(None)})
    return cases, replay(background.steps(made), cases, listed=listed)


def scored(
    runs: Sequence[tuple[str, list[Case], Outcome]],
) -> tuple[list[dict[str, Any]], list[str], list[dict[str, Any]]]:
    """By detector; what was missed; and by attack who told it."""
    rows: list[dict[str, Any]] = []
    missed: list[str] = []
    by_case: list[dict[str, Any]] = []
    alone = runs[-1][2]
    for name in known():
        wanted = [(case, outcome) for _, cases, outcome in runs for case in cases if name in case.expected]
        right = [
            told for _, _, outcome in runs for told in outcome.told if told.detector == name and told.case
        ]
        wrong = [
            told for _, _, outcome in runs for told in outcome.told if told.detector == name and not told.case
        ]
        delays: list[float] = []
        for case, outcome in wanted:
            first = [told.first for told in outcome.told if told.detector == name and told.case == case.name]
            if first:
                delays.append((min(first) - case.begins) / 1000)
            else:
                missed.append(f"{name}: {case.name}")
        days = max(alone.days, 1e-9)
        rows.append(
            {
                "detector": name,
                "attacks": len(wanted),
                "found": len(delays),
                "recall": round(len(delays) / len(wanted), 3) if wanted else "",
                "precision": round(len(right) / (len(right) + len(wrong)), 3) if right or wrong else "",
                "seconds to detect": round(statistics.median(delays), 1) if delays else "",
                "slowest": round(max(delays), 1) if delays else "",
                "false alarms": len(wrong),
                "false a day": round(sum(told in alone.told for told in wrong) / days, 2),
            }
        )
    for _, cases, outcome in runs:
        for case in cases:
            told = sorted({one.detector for one in outcome.told if one.case == case.name})
            by_case.append(
                {
                    "attack": case.name,
                    "wanted": ", ".join(sorted(case.expected)),
                    "told by": ", ".join(told),
                    "source": case.source,
                }
            )
    return rows, missed, by_case


if __name__ == "__main__":
    main()
