"""Detectors that are declared, and plugins: what they see, and what is wrong with them in words."""

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import yaml

from sixfold.security.adapters.registry import DetectorError, chosen, known, origin_of
from sixfold.security.adapters.rules import RuleError, read_rules
from sixfold.security.config import SecuritySettings
from sixfold.security.domain.detectors import volumetric

from .flow_columns import after_restart, engine_of, fed, seen

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "rules.yaml"
GOOD: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())["rules"][0]


def asking(number: int, **more: Any) -> dict[str, Any]:
    return {
        "src_address": "198.51.100.66", "dst_address": f"203.0.113.{number}", "dst_port": 23, "tcp_flags": 2,
        "packets": 1, "bytes": 60, **more,
    }  # fmt: skip


def written(folder: Path, *rules: Any) -> Path:
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump({"rules": list(rules)}))
    return file


def test_the_example_sees_what_it_says() -> None:
    telnet, resolver = read_rules([EXAMPLE])
    (signal,) = seen(telnet, [asking(number) for number in range(60)])
    assert (signal.detector, signal.vector, signal.side) == ("rule-telnet-sweep", "telnet-sweep", "source")
    assert signal.technique == "T1595.001"
    assert "Telnet asked of many hosts" in signal.reasons[0].text
    assert ("dst_port", (23, 2323)) in signal.match
    assert not seen(telnet, [asking(number) for number in range(10)])
    assert not seen(telnet, [asking(number, tcp_flags=18) for number in range(60)])
    assert not seen(telnet, [asking(number, dst_port=22) for number in range(60)])
    large = asking(1, protocol=17, src_port=53, dst_port=999, packets=200_000, bytes=280_000_000)
    assert [one.vector for one in seen(resolver, [large])] == ["open-resolver"]
    assert not seen(resolver, [{**large, "bytes": 20_000_000}])


@pytest.mark.parametrize(
    ("by", "count", "rows", "network"),
    [
        (
            "destination",
            "hosts",
            [asking(7, src_address=f"198.18.0.{n}") for n in range(60)],
            "203.0.113.7/32",
        ),
        ("destination-prefix", "flows", [asking(n % 200) for n in range(90)], "203.0.113.0/24"),
        ("source", "packets", [asking(1, packets=50)], "198.51.100.66/32"),
        (
            "source-prefix",
            "ports",
            [asking(1, src_port=9, dst_port=23 if n % 2 else 2_323) for n in range(9)],
            None,
        ),
    ],
)
def test_by_whom_and_what_is_counted(
    tmp_path: Path, by: str, count: str, rows: list[dict[str, Any]], network: str | None
) -> None:
    from sixfold.security.domain import addresses

    (detector,) = read_rules([written(tmp_path, {**GOOD, "by": by, "count": count})])
    found = [addresses.network_text(*one.network) for one in seen(detector, rows)]
    assert found == ([network] if network else [])


def test_prefixes_and_sizes_match(tmp_path: Path) -> None:
    match = {
        **GOOD["match"],
        "src_prefix": ["198.51.100.0/24"],
        "dst_prefix": ["203.0.113.0/25"],
        "packets": {"at_most": 3},
    }
    (detector,) = read_rules([written(tmp_path, {**GOOD, "match": match})])
    assert seen(detector, [asking(number) for number in range(60)])
    assert not seen(detector, [asking(number, src_address="198.51.101.1") for number in range(60)])
    assert not seen(detector, [asking(128 + number) for number in range(60)])
    assert not seen(detector, [asking(number, packets=9) for number in range(60)])


def test_what_was_counted_outlives_a_restart() -> None:
    (detector, _) = read_rules([EXAMPLE])
    engine = engine_of(detector)
    assert not fed(engine, [asking(number) for number in range(20)])
    assert fed(after_restart(detector, engine), [asking(number) for number in range(20, 60)])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "Telnet Sweep"}, "rule number 1: name: String should match"),
        ({"by": "everybody"}, "rule telnet-sweep: by: Input should be"),
        ({"at_least": 0}, "rule telnet-sweep: at_least: Input should be greater than 0"),
        ({"at_most": 3}, "rule telnet-sweep: at_most: Extra inputs are not permitted"),
        ({"technique": "T99"}, "rule telnet-sweep: technique"),
        ({"match": {"dst_port": [70_000]}}, "match.dst_port: Value error, 0 to 65535"),
        ({"match": {"dst_port": ["23"]}}, "match.dst_port.0: Input should be a valid integer"),
        ({"match": {"dst_prefix": ["203.0.113.1/24"]}}, "has host bits set"),
        ({"match": {"tcp_flags_set": ["sin"]}}, "match.tcp_flags_set.0"),
        ({"seconds": 86_400}, "less than or equal to 3600"),
    ],
)
def test_a_fault_is_named_by_file_rule_and_field(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    file = written(tmp_path, {**GOOD, **change})
    with pytest.raises(RuleError) as caught:
        read_rules([file])
    assert str(caught.value).startswith(str(file))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text", ["rules: [", "- a", "rules: 3", "{}", "rules: [1]", "\x00", "&a [*a]", "rules: &a [*a]"]
)
def test_what_is_no_file_of_rules_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "rules.yaml").write_text(text)
    with pytest.raises(RuleError):
        read_rules([tmp_path / "rules.yaml"])


def test_names_stand_once_and_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="there is one of that name"):
        read_rules([written(tmp_path, GOOD, GOOD)])
    with pytest.raises(ValueError, match=r"cannot be read"):
        SecuritySettings(rules=(tmp_path / "none.yaml",))


def test_rules_take_their_place_among_the_detectors() -> None:
    entries = {
        one.detector.name: one for one in chosen({"rule-telnet-sweep": {"at_least": 7}}, rules=[EXAMPLE])
    }
    assert entries["rule-telnet-sweep"].detector.parameters.at_least == 7
    assert "rule-open-resolver" in entries
    off = chosen({"rule-telnet-sweep": {"enabled": False}}, rules=[EXAMPLE])
    assert "rule-telnet-sweep" not in {one.detector.name for one in off}


def test_a_plugin_of_an_installed_distribution_is_one_of_them(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "partner_plugin.py").write_text(
        "from dataclasses import replace\n"
        "from sixfold.security.domain.detectors.volumetric import DETECTOR as BASE\n"
        "DETECTOR = replace(BASE, name='partner-own')\n"
        "TWICE = BASE\nNONE = 3\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    def point(what: str) -> EntryPoint:
        return EntryPoint("x", f"partner_plugin:{what}", "sixfold.security.detectors")

    found = known([point("DETECTOR")])
    assert found["partner-own"].parameters == volumetric.DETECTOR.parameters
    assert (origin_of("partner-own"), origin_of("volumetric"), origin_of("rule-x")) == (
        "plugin",
        "built-in",
        "rule",
    )
    for what, said in (("NONE", "no Detector"), ("TWICE", "already"), ("MISSING", "cannot be loaded")):
        with pytest.raises(DetectorError, match=said):
            known([point(what)])
