"""The simulator: repeatable to the byte, true IPFIX, believable addresses, NAT without overlap, the truth beside it."""

import csv
import hashlib
import ipaddress
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner

from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams, address_text
from sixfold.agent.export.target import Sender, Target
from sixfold.agent.netflow.collector import Collector
from sixfold.agent.simulate import AttackError, Region, Simulation, Simulator, parse_attack, simulate_command
from sixfold.agent.simulate.attacks import PATTERNS
from sixfold.agent.simulate.command import exporter_address, run
from sixfold.agent.simulate.day import CURVES, HOUR_MS, level
from sixfold.agent.simulate.simulator import Step
from sixfold.agent.simulate.truth import Truth

START = 1_790_000_000_000
SMALL = Region(gateways=2, subscribers=400, iot_devices=50, channels=6)
RESERVED = [
    ipaddress.ip_network(text)
    for text in (
        "2001:db8::/32", "64:ff9b::/96", "ff3e:20:2001:db8::/96", "10.0.0.0/8", "100.64.0.0/10", "198.18.0.0/15",
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",
    )
]  # fmt: skip


def simulation(**changes) -> Simulation:
    return Simulation(
        **{"region": SMALL, "start_ms": START, "duration_s": 20, "rate": 500, "flat": True} | changes
    )


def decode(steps: list[Step]) -> tuple[list[dict], list[dict], dict[str, int]]:
    counters = Counters()
    collector = Collector(counters)
    flows, sessions = [], []
    for step in steps:
        decoded = collector.decode(
            Datagrams.of(
                [(data, exporter_address(gateway), 4739, step.end_ms) for gateway, data in step.datagrams]
            )
        )
        flows += [{name: values.copy() for name, values in group.items()} for group in decoded.flows]
        sessions += [
            {name: values.copy() for name, values in group.items()} for group in decoded.nat_sessions
        ]
    return flows, sessions, counters.snapshot()


def digest(settings: Simulation) -> str:
    total = hashlib.sha256()
    for step in Simulator(settings).steps():
        for gateway, data in step.datagrams:
            total.update(bytes([gateway]) + data)
    return total.hexdigest()


def test_the_same_seed_and_start_give_the_same_datagrams_byte_for_byte() -> None:
    attack = (parse_attack("syn-flood@2+5:300"),)
    assert digest(simulation(attacks=attack)) == digest(simulation(attacks=attack))
    assert digest(simulation(seed=2)) != digest(simulation())
    assert digest(simulation(start_ms=START + 1000)) != digest(simulation())


def test_a_collector_reads_every_record_and_finds_no_gap() -> None:
    steps = list(Simulator(simulation()).steps())
    flows, sessions, counters = decode(steps)
    made = Counter()
    for step in steps:
        made.update(step.records)
    assert (
        sum(len(group["bytes"]) for group in flows) == made["flow"] == sum(len(step.rows) for step in steps)
    )
    assert sum(len(group["event"]) for group in sessions) == made["nat-session"] + made["port-block"]
    assert sum(int(group["bytes"].sum()) for group in flows) == sum(
        int(step.rows["octets"].sum()) for step in steps
    )
    assert not [name for name in counters if "malformed" in name or "gap" in name or "without" in name]
    assert all((group["sampling_rate"] == 1).all() for group in flows)
    assert all((group["time_start"] <= group["time_end"]).all() for group in flows)
    assert all((group["bytes"] >= group["packets"] * 40).all() for group in flows)


def test_every_address_is_reserved_for_documentation_tests_or_private_use() -> None:
    attacks = tuple(parse_attack(f"{kind}@0+5:50") for kind in PATTERNS)
    attacks += (parse_attack("syn-flood@0+5:50,target=2001:db8:ff00:1::1"),)
    flows, sessions, _ = decode(list(Simulator(simulation(attacks=attacks, duration_s=8)).steps()))
    found = {
        group[name][row].tobytes()
        for group in [*flows, *sessions]
        for name in ("src_address", "dst_address", "post_nat_src_address", "post_nat_dst_address")
        if name in group
        for row in range(len(group[name]))
    }
    found.discard(bytes(16))
    for packed in found:
        address = ipaddress.ip_address(address_text(packed))
        assert any(address.version == network.version and address in network for network in RESERVED), address


def test_sessions_are_created_before_they_are_deleted_and_share_no_public_port() -> None:
    _, sessions, _ = decode(list(Simulator(simulation(duration_s=60, rate=2_000)).steps()))
    owner: dict[tuple[bytes, int], set[bytes]] = defaultdict(set)
    open_sessions: dict[tuple, int] = {}
    deleted = 0
    for group in sessions:
        for row in range(len(group["event"])):
            event = int(group["event"][row])
            public = group["post_nat_src_address"][row].tobytes()
            inside = group["src_address"][row].tobytes()
            if event == 16:
                first, last = int(group["port_block_start"][row]), int(group["port_block_end"][row])
                assert 1_024 <= first < last <= 65_535
                assert last - first == 1_007
                continue
            port = int(group["post_nat_src_port"][row])
            home = inside[:7] + bytes([inside[7] & 0xF0]) if inside[:4] == b"\x20\x01\x0d\xb8" else inside
            owner[public, port].add(home)
            peer = group["dst_address"][row].tobytes()
            key = (public, port, inside, peer, int(group["protocol"][row]), int(group["src_port"][row]))
            if event in (4, 6):
                open_sessions[key] = int(group["time"][row])
            else:
                assert event in (5, 7)
                assert open_sessions[key] <= int(group["time"][row])
                deleted += 1
    assert deleted > 100
    # Whoever asks for (public address, port) is told of one home, whatever the time.
    assert {len(homes) for homes in owner.values()} == {1}


def test_sampling_is_told_and_the_corrected_sums_come_near_the_truth() -> None:
    steps = list(Simulator(simulation(sampling=50, rate=3_000, duration_s=30)).steps())
    flows, _, _ = decode(steps)
    assert all((group["sampling_rate"] == 50).all() for group in flows)
    packets = sum(int(group["packets"].sum()) for group in flows)
    true = sum(int(step.rows["packets"].sum()) for step in steps)
    assert packets == pytest.approx(true, rel=0.05)
    assert sum(len(group["bytes"]) for group in flows) < sum(len(step.rows) for step in steps) / 2


def test_the_rate_is_kept_and_the_day_has_its_curve() -> None:
    busy = sum(step.records["flow"] for step in Simulator(simulation(rate=2_000, duration_s=60)).steps())
    assert busy / 60 == pytest.approx(2_000, rel=0.15)
    # 04:00 in the region (UTC+8) is 20:00 UTC.
    night = START - START % (24 * HOUR_MS) + 20 * HOUR_MS
    quiet = simulation(rate=2_000, duration_s=60, flat=False, start_ms=night)
    assert sum(step.records["flow"] for step in Simulator(quiet).steps()) < busy * 0.45
    assert all(max(points) == 1.0 and len(points) == 24 for points in CURVES.values())
    assert level("home", night, 8.0) == CURVES["home"][4]


def test_sizes_have_a_heavy_tail() -> None:
    steps = list(Simulator(simulation(rate=5_000, duration_s=20)).steps())
    octets = np.sort(np.concatenate([step.rows["octets"] for step in steps]))[::-1].astype(float)
    assert octets[: len(octets) // 100].sum() > octets.sum() / 2
    assert np.median(octets) < 20_000


def test_all_services_and_both_families_appear() -> None:
    steps = list(Simulator(simulation(rate=3_000, duration_s=30)).steps())
    rows = np.concatenate([step.rows for step in steps])
    assert set(rows["kind"].tolist()) == {0, 1, 2, 3}
    assert len(set(rows["service"].tolist())) == 12
    assert set(rows["gateway"].tolist()) == {0, 1}
    groups = rows[(rows["dst"][:, 0] == 0xFF)]
    assert len(groups)
    assert (groups["end"] - groups["start"] == 60_000).all()


def test_templates_come_first_and_again() -> None:
    steps = list(Simulator(simulation(duration_s=25, template_refresh_s=10)).steps())
    with_templates = [
        place for place, step in enumerate(steps) if any(data[16:18] == b"\0\2" for _, data in step.datagrams)
    ]
    assert with_templates == [0, 10, 20]
    assert steps[0].datagrams[0][1][16:18] == b"\0\2"


@pytest.mark.parametrize("kind", sorted(PATTERNS))
def test_an_attack_has_its_rate_its_time_and_its_label(kind: str, tmp_path: Path) -> None:
    settings = simulation(rate=0, duration_s=12, attacks=(parse_attack(f"{kind}@3+4:200"),))
    truth = Truth(settings, tmp_path / "truth.jsonl")
    steps = list(Simulator(settings).steps())
    for step in steps:
        truth.add(step)
    truth.close()
    rows = np.concatenate([step.rows[step.rows["attack"] == 1] for step in steps])
    assert len(rows) == 800
    assert START + 3_000 <= rows["start"].min() <= rows["start"].max() < START + 7_000
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    (label,) = [line for line in lines if line["kind"] == "attack"]
    (total,) = [line for line in lines if line["kind"] == "attack-total"]
    assert (label["attack"], label["start"], label["end"]) == (kind, START + 3_000, START + 7_000)
    assert (total["flows"], total["octets"]) == (800, int(rows["octets"].sum()))
    end = "src" if label["source"] else "dst"
    told = label["source"] or label["target"]
    assert {address_text(address.tobytes()) for address in rows[end]} == {told}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("syn-flood", "is not KIND@START"),
        ("teardrop@1+2:3", "there are: brute-force"),
        ("syn-flood@1+2:3,colour=red", "unknown colour"),
        ("syn-flood@x+2:3", "is no time"),
        ("syn-flood@1+2:0", "above 0"),
        ("syn-flood@1+2:3,target=8.8.8.8", "not an address for documentation"),
        ("syn-flood@1+2:3,port=70000", "out of range"),
    ],
)
def test_an_attack_that_cannot_be_is_refused(text: str, words: str) -> None:
    with pytest.raises(AttackError, match=words):
        parse_attack(text)


def test_times_and_rates_of_attacks_have_units() -> None:
    attack = parse_attack("dns-amplification@1m+1h:2.5k,gateway=1,sources=10")
    assert (attack.start_ms, attack.duration_ms, attack.rate) == (60_000, 3_600_000, 2_500.0)
    assert (attack.gateway, attack.sources) == (1, 10)


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_the_truth_adds_up(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"truth.{suffix}"
    settings = simulation(duration_s=130, rate=200, attacks=(parse_attack("port-scan@10+20:20"),))
    truth = Truth(settings, path)
    octets = flows = 0
    for step in Simulator(settings).steps():
        truth.add(step)
        flows += len(step.rows)
        octets += int(step.rows["octets"].sum())
    truth.close()
    text = path.read_text()
    lines = (
        list(csv.DictReader(text.splitlines()))
        if suffix == "csv"
        else [json.loads(x) for x in text.splitlines()]
    )
    minutes = [line for line in lines if line["kind"] == "minute"]
    (total,) = [line for line in lines if line["kind"] == "total"]
    assert sum(int(line["flows"]) for line in minutes) == int(total["flows"]) == flows
    assert sum(int(line["octets"]) for line in minutes) == int(total["octets"]) == octets
    assert len({(line["minute"], line["gateway"], line["service"]) for line in minutes}) == len(minutes)


def test_datagrams_leave_evenly_over_simulated_time() -> None:
    now, sent = 50.0, []

    class Recorder(Sender):
        def send(self, target, datagrams, source=""):
            sent.extend((now, source) for _ in datagrams)

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    settings = simulation(duration_s=10)
    run(
        settings,
        Target("127.0.0.1", 9),
        Recorder(),
        Truth(settings, None),
        speed=2.0,
        clock=lambda: now,
        sleep=sleep,
    )
    moments = [moment for moment, _ in sent]
    assert moments == sorted(moments)
    assert 4.5 < moments[-1] - 50.0 <= 5.0
    assert len({round(moment, 3) for moment in moments}) > 100
    assert {source for _, source in sent} == {"127.64.0.1", "127.64.0.2"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target", "192.0.2.1:4739"], "--allow-remote"),
        (["--attack", "nonsense"], "is not KIND@START"),
        (["--subscribers", "9000000"], "subscribers must be"),
        (["--start", "yesterday"], "ISO 8601"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(arguments: list[str], words: str) -> None:
    app = Typer()
    app.command()(simulate_command)
    answer = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert answer.exit_code == 2
    assert words in answer.output
