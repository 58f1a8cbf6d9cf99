"""What an operator does at the address centre of the running platform, by `sixfold address`."""

import ipaddress
import json

import pytest
from typer.testing import CliRunner

from sixfold.local.__main__ import app
from sixfold.local.errors import LocalError

pytestmark = [pytest.mark.nats, pytest.mark.clickhouse]
PLAN = """
root = "2001:db8:4000::/36"
delegated_length = 56
[[levels]]
name = "province"
bits = 4
codes = { north = 1, south = 2 }
[[levels]]
name = "service"
bits = 4
codes = { fixed = 0, lte = 1 }
"""


@pytest.fixture
def address(platform):
    def run(*arguments, code=0):
        # In this process: a start of Python for each of so many commands would take most of the test's time.
        done = CliRunner().invoke(app, ["address", *map(str, arguments), "--home", str(platform.home)])
        said = str(done.exception) if isinstance(done.exception, LocalError) else done.output
        assert done.exit_code == code, said
        return said.strip()

    return run


def row(text):
    return text.splitlines()[-1].split("\t")


def test_a_pool_and_the_life_of_a_delegation(address):
    assert address(
        "pool", "create", "cli", "--prefix", "2001:db8:5000::/40", "--longest", 64, "--room", 48
    ) == ("2001:db8:5000::/40")
    assert "POOL_OVERLAPS" in address("pool", "create", "x", "--prefix", "2001:db8:5000::/48", code=1)
    assert "PREFIX_MALFORMED" in address("pool", "create", "x", "--prefix", "2001:db8::/129", code=1)
    assert address("pool", "create", "cli-lte", "--parent", "cli", "--length", 48).endswith("/48")
    address("pool", "exclude", "cli", "2001:db8:5001::/48", "--reason", "routers")
    address("pool", "reserve", "cli", "2001:db8:5002::/56", "--holder", "s-kept")
    assert address("pool", "withheld", "cli").splitlines() == [
        "2001:db8:5001::/48\texcluded\trouters",
        "2001:db8:5002::/56\ts-kept",
    ]
    assert row(address("delegate", "cli", 56, "--holder", "s-kept"))[2] == "2001:db8:5002::/56"
    wish = ("delegate", "cli", 56, "--holder", "s-cli", "--key", "cli-1", "--lease", 3600)
    number, pool, prefix, holder, state, *_ = row(address(*wish))
    assert (pool, holder, state) == ("cli", "s-cli", "active")
    assert row(address(*wish))[0] == number
    assert "KEY_REUSED" in address("delegate", "cli", 60, "--holder", "s-cli", "--key", "cli-1", code=1)
    grown = row(address("grow", number, 52))
    assert ipaddress.ip_network(prefix).subnet_of(ipaddress.ip_network(grown[2]))
    assert "VERSION_STALE" in address("renew", number, "--version", 1, code=1)
    assert row(address("renew", number, "--lease", 7200, "--version", grown[6]))[0] == number
    old, new = (line.split("\t") for line in address("renumber", number, "--overlap", 600).splitlines())
    assert (old[0], new[3], old[2] != new[2]) == (number, "s-cli", True)
    assert address("delegation", number).endswith(f"gives way to {new[0]}")
    assert row(address("lookup", new[2].split("/")[0])) == new
    address("release", new[0])
    assert "DELEGATION" in address("release", new[0], code=1)
    assert new[0] not in {
        line.split("\t")[0] for line in address("delegations", "--holder", "s-none").splitlines()
    }
    lower, upper = address("pool", "split", "cli", "cli-upper").splitlines()
    assert (lower, upper) == ("cli\t2001:db8:5000::/41", "cli-upper\t2001:db8:5080::/41")
    assert address("pool", "merge", "cli", "cli-upper") == "cli\t2001:db8:5000::/40"
    address("pool", "open", "cli", "2001:db8:5001::/48")
    assert "cli-lte\tcli" in address("pool", "list")
    assert "hd_ratio" in address("pool", "show", "cli")


def test_a_plan_files_and_what_if(address, tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    drawing = address("plan", "judge", plan)
    assert "province" in drawing
    assert "bits 36-39" in drawing
    names = address("plan", "apply", plan, "--prefix", "plan-").splitlines()
    assert address("plan", "apply", plan, "--prefix", "plan-").splitlines() == names
    said = dict(
        line.split("\t") for line in address("plan", "explain", plan, "2001:db8:4110::1").splitlines()
    )
    assert said["province"] == "north"
    plan.write_text(PLAN.replace("south = 2", "south = 99"))
    assert "error" in address("plan", "judge", plan, code=1)
    leaf = next(name for name in names if name.endswith("lte"))
    assert "fits: 100 of 100" in address("what-if", leaf, "--delegations", 100, "--length", 56)
    assert "HISTORY_TOO_SHORT" in address("forecast", leaf, code=1)
    address("advice")
    address("anomalies")
    pools = tmp_path / "pools.csv"
    address("export", pools)
    assert leaf in pools.read_text()
    netbox = tmp_path / "pools.json"
    address("export", netbox, "--format", "netbox", "--delegations")
    assert leaf in json.dumps(json.loads(netbox.read_text()))
    pools.write_text(
        "prefix,status,pool_id\n2001:db8:6000::/40,container,imported\n2001:db8::/129,container,bad\n"
    )
    said = address("import", pools, code=1)
    assert "pool\timported" in said
    assert "row 2" in said or "row 3" in said


def test_shared_ipv4(address, tmp_path):
    address("pool", "create", "cli-public", "--prefix", "198.18.0.0/24", "--shortest", 24, "--longest", 32)
    file = tmp_path / "wish.json"
    file.write_text(
        json.dumps(
            {
                "rule_id": "cli-1",
                "gateway": "gw-cli",
                "ipv4_pool_id": "cli-public",
                "subscribers": 256,
                "subscribers_per_address": 16,
                "map": {
                    "mode": "MAP_MODE_TRANSLATION",
                    "ipv6_prefix": "2001:db8:7000::/48",
                    "border": "64:ff9b::/96",
                },
            }
        )
    )
    assert "256 subscribers, 4,032 ports each" in address("rule", "allocate", file)
    assert "cli-1\tgw-cli\tmap" in address("rule", "list", "--gateway", "gw-cli")
    subscriber = row(address("rule", "describe", "198.18.0.3", "--port", 5000))
    assert subscriber[0] == "subscriber"
    told = row(address("rule", "ports", subscriber[1].split("/")[0]))
    assert told[1] == "198.18.0.3/32"
    assert any(int(one.split("-")[0]) <= 5000 <= int(one.split("-")[1]) for one in told[2].split(","))
    address("rule", "end", "cli-1")
    file.write_text('{"nonsense": 1}')
    assert "is no PutTranslationRuleRequest" in address("rule", "put", file, code=1)


def test_a_terminal_is_told_its_opaque_address(address, platform):
    terminal = platform.run("credential", "enrol", "customer of address", "SN-address-1").stdout.strip()
    address("pool", "create", "cli-iid", "--prefix", "2001:db8:8000::/48")

    def told(network, *more):
        return row(address("identifier", network, terminal, *more))

    first = told("2001:db8:8000:1::/64")
    assert first[1:] == ["opaque", "0"]
    assert ipaddress.ip_address(first[0]) in ipaddress.ip_network("2001:db8:8000:1::/64")
    assert told("2001:db8:8000:1::/64", "--opaque") == first
    others = {told("2001:db8:8000:1::/64", "--dad-counter", 1)[0], told("2001:db8:8000:2::/64")[0]}
    assert len({one[-15:] for one in others | {first[0]}}) == 3
    assert "PREFIX_MALFORMED" in address("identifier", "2001:db8:8000::/63", terminal, "--opaque", code=1)
    assert "ADDRESS_UNMANAGED" in address("identifier", "2001:dead::/64", terminal, "--opaque", code=1)
