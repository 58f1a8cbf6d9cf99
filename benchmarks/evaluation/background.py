"""Benign traffic, and the attacks that the simulator labels: rows of `sixfold simulate` as columns of flows."""

from collections.abc import Iterator

import numpy as np

from benchmarks.evaluation.cases import Case, Columns, addresses, flows, networks
from sixfold.agent.simulate.attacks import Attack, describe, parse_attack
from sixfold.agent.simulate.region import Region
from sixfold.agent.simulate.rows import NAT44, NAT64, Rows
from sixfold.agent.simulate.simulator import Simulation, Simulator

EXPECTED = {
    "syn-flood": {"floods"},
    "udp-flood": {"floods"},
    "udp-amplification": {"reflection"},
    "dns-amplification": {"reflection"},
    "port-scan": {"scans"},
    "horizontal-scan": {"scans", "scan-patterns"},
    "brute-force": {"brute-force"},
}


def simulation(
    start_ms: int, seconds: float, rate: float, step_ms: int, seed: int, attacks: tuple[Attack, ...] = ()
):
    """Some thousands of homes at a curve of the day; `rate` flows a second at the busiest hour."""
    return Simulation(
        region=Region(subscribers=max(int(rate * 20), 500)),
        start_ms=start_ms,
        duration_s=seconds,
        rate=rate,
        seed=seed,
        attacks=attacks,
        step_ms=step_ms,
    )


def steps(made: Simulation) -> Iterator[tuple[int, Columns]]:
    """(the time when the step is over, flows that were exported in it)."""
    for step in Simulator(made).steps():
        yield step.end_ms, columns_of(step.rows)


def columns_of(rows: Rows) -> Columns:
    """As an exporter at the gateway tells them."""
    count, out = len(rows), rows["egress"] == 1
    translated = np.isin(rows["kind"], (NAT64, NAT44)) & out
    public = np.zeros((count, 16), np.uint8)
    public[:, 10:12] = 0xFF
    public[:, 12:] = rows["public"].astype(">u4").view(np.uint8).reshape(-1, 4)
    public[~translated] = 0
    return flows(
        count,
        time_start=rows["start"],
        time_end=rows["end"],
        src_address=rows["src"],
        dst_address=rows["dst"],
        src_port=rows["sport"],
        dst_port=rows["dport"],
        protocol=rows["protocol"],
        bytes=rows["octets"],
        packets=rows["packets"],
        tcp_flags=rows["flags"],
        icmp_type_code=rows["icmp"],
        input_interface=np.where(out, 20, 10),
        output_interface=np.where(out, 10, 20),
        post_nat_src_address=public,
        post_nat_src_port=np.where(translated, rows["public_port"], 0),
        exporter=addresses("192.0.2.1", rows["gateway"]),
    )


def labelled(texts: list[str], start_ms: int) -> tuple[tuple[Attack, ...], list[Case]]:
    """The simulator's attacks and their labels as cases without flows of their own: those come with the background."""
    attacks = tuple(parse_attack(text) for text in texts)
    cases: list[Case] = []
    for attack in attacks:
        label = describe(attack, start_ms)
        hosts = [str(one) for one in (label["target"], label["source"]) if one]
        cases.append(
            Case(
                name=f"simulated {attack.kind}, {attack.rate:g} flows/s",
                columns=flows(0),
                hosts=networks(hosts),
                expected=frozenset(EXPECTED[attack.kind]),
                begins=start_ms + attack.start_ms,
                ends=start_ms + attack.start_ms + attack.duration_ms,
                source="label of the simulator",
            )
        )
    return attacks, cases
