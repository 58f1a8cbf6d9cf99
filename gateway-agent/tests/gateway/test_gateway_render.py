"""The files that a configuration makes; nftables' own reading of them is in tests/scenario."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from sixfold.agent.gateway.plan import ValidSource, read_plan
from sixfold.agent.gateway.render import nftables, render
from sixfold.agent.gateway.validate import require_valid

from .gateway_configuration import DOCUMENT, configuration

FOLDER = Path("/var/lib/sixfold-agent/gateway")


def files(**changes: object) -> dict[str, str]:
    plan = require_valid(read_plan(configuration(**changes)))
    return dict(render(plan, FOLDER).files)


def test_tayga_knows_slots_and_no_subscribers() -> None:
    text = files()["tayga.conf"]
    assert text.splitlines()[:5] == [
        "tun-device nat64",
        "ipv4-addr 100.127.63.254",
        "ipv6-addr fd64:6978:666f:6c64::ffff",
        "prefix 2001:db8:64::/96",
        "map 100.127.0.1 fd64:6978:666f:6c64::1",
    ]
    assert text.count("map ") == 256
    more = [{**one, "slot": one["slot"] + 100} for one in DOCUMENT["portSets"]]
    assert files(portSets=more)["tayga.conf"] == text


def test_the_ruleset_has_what_each_part_asks_for() -> None:
    text = files()["nftables.conf"]
    for line in (
        "2001:db8:a::/56 : fd64:6978:666f:6c64::1,",
        "100.127.0.1 : 203.0.113.1 . 1024-2047,",
        "10.1.0.0/24 : 203.0.113.2 . 1024-65535,",
        "numgen random mod 2 map { 0 : 203.0.113.1 . 2048-2055, 1 : 203.0.113.1 . 3072-3079 }",
        "203.0.113.5 . 6 . 80 : 100.127.0.3 . 8080,",
        "203.0.113.6 : 100.127.0.5,",
        "fd64:6978:666f:6c64::3 : 2001:db8:5::80,",
        '"a0" . 2001:db8:a::/56,',
    ):
        assert line in text
    counting = files(sourceValidation={"action": "ACTION_COUNT"})["nftables.conf"]
    assert "add @forged6 { iifname . ip6 saddr }\n    return" in counting
    assert "forged" not in files(sourceValidation={})["nftables.conf"]


def test_valid_sources_are_joined_and_only_those_of_access_interfaces_count() -> None:
    import ipaddress

    plan = read_plan(configuration())
    told = [
        ValidSource("a0", ipaddress.ip_network("2001:db8:a:1::/64")),
        ValidSource("b0", ipaddress.ip_network("2001:db8:b::/57")),
        ValidSource("b0", ipaddress.ip_network("2001:db8:b:80::/57")),
        ValidSource("gone0", ipaddress.ip_network("2001:db8:c::/56")),
    ]
    text = nftables.ruleset(plan, told)
    assert '"a0" . 2001:db8:a:1::/64' not in text  # in its /56
    assert '"b0" . 2001:db8:b::/56,' in text
    assert "gone0" not in text


def test_jool_has_the_same_port_sets_and_servers() -> None:
    document = dict(DOCUMENT["nat64"], translator="TRANSLATOR_JOOL")
    made = files(nat64=document)
    assert "tayga.conf" not in made
    jool = json.loads(made["jool.json"])
    assert jool["global"]["pool6"] == "2001:db8:64::/96"
    assert {(one["mark"], one["port range"]) for one in jool["pool4"]} == {
        (1, "1024-2047"),
        (2, "2048-2055"),
        (2, "3072-3079"),
    }
    assert jool["bib"] == [
        {"protocol": "TCP", "ipv6 address": "2001:db8:5::80#8080", "ipv4 address": "203.0.113.5#80"}
    ]


def test_unbound_itself_takes_its_file(tmp_path: Path) -> None:
    if shutil.which("unbound-checkconf") is None:
        pytest.skip("not installed: unbound")
    plan = read_plan(configuration())
    file = tmp_path / "unbound.conf"
    file.write_text(render(plan, tmp_path).files["unbound.conf"])
    done = subprocess.run(["unbound-checkconf", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
