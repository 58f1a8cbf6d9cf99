"""What a configuration may say, and what is refused with where and why."""

import copy
from typing import Any

import pytest

from sixfold.agent.gateway.plan import PlanError, read_plan
from sixfold.agent.gateway.validate import Protected, require_valid

from .gateway_configuration import DOCUMENT, configuration


def problems(configuration_: Any, *protected: Protected) -> set[tuple[str, str]]:
    """(where, cause) of all that is wrong."""
    try:
        require_valid(read_plan(configuration_), protected)
    except PlanError as error:
        return {(one.where, one.cause) for one in error.problems}
    return set()


def changed(path: str, value: Any) -> Any:
    """The configuration with the field at `a.0.b` set."""
    document = copy.deepcopy(DOCUMENT)
    at: Any = document
    *parents, last = path.split(".")
    for part in parents:
        at = at[int(part)] if part.isdecimal() else at[part]
    at[int(last) if last.isdecimal() else last] = value
    return configuration(**document)


def test_one_of_everything_is_valid() -> None:
    assert problems(configuration()) == set()


@pytest.mark.parametrize(
    ("path", "value", "where", "cause"),
    [
        ("nat64.prefix", "2001:db8:64::/97", "nat64.prefix", "malformed-prefix"),
        ("nat64.prefix", "2001:db8::/129", "nat64.prefix", "malformed-prefix"),
        ("nat64.prefix", "2001:db8:0:0:100::/96", "nat64.prefix", "malformed-prefix"),
        ("nat64.prefix", "198.51.100.0/24", "nat64.prefix", "wrong-family"),
        ("nat64.ipv4Pool", ["203.0.114.0/28"], "nat64.ipv4Pool", "not-in-pool"),
        ("nat64.innerIpv4", "100.127.0.0/29", "nat64.innerIpv4", "too-small"),
        ("nat64.innerIpv4", "203.0.113.0/24", "nat64.ipv4Pool", "overlap"),
        ("nat64.innerIpv6", "2001:db8:b::/48", "portSets[1].subscriberPrefix", "overlap"),
        ("accessInterfaces", ["a0", 'b0"; flush ruleset'], "accessInterfaces[1]", "malformed-interface"),
        ("accessInterfaces", ["a0", "b0", "w0"], "ipv4Interfaces", "two-roles"),
        ("ipv4Interfaces", [], "ipv4Interfaces", "missing"),
        ("portSets.1.slot", 1, "portSets[1].slot", "slot-taken"),
        ("portSets.1.slot", 3, "staticMappings[0].slot", "slot-taken"),
        ("portSets.1.slot", 0, "portSets[1].slot", "slot-out-of-range"),
        ("portSets.1.slot", 9_000, "portSets[1].slot", "slot-out-of-range"),
        ("portSets.1.subscriberPrefix", "2001:db8:a:80::/60", "portSets[1].subscriberPrefix", "overlap"),
        ("portSets.1.ranges", [], "portSets[1].ranges", "no-ports"),
        ("portSets.1.ranges", [{"first": 0, "last": 10}], "portSets[1].ranges", "malformed-range"),
        ("portSets.1.ranges", [{"first": 10, "last": 9}], "portSets[1].ranges", "malformed-range"),
        ("portSets.1.ranges", [{"first": 2047, "last": 2100}], "portSets[1].ranges", "overlap"),
        ("portSets.1.publicAddress", "2001:db8::1", "portSets[1].publicAddress", "wrong-family"),
        ("staticMappings.0.publicAddress", "203.0.113.2", "staticMappings[0]", ""),
        ("staticMappings.0.protocol", 1, "staticMappings[0].protocol", "malformed-mapping"),
        ("staticMappings.0.serverAddress", "2001:db8:64::1", "staticMappings[0].serverAddress", "overlap"),
        ("staticMappings.1.publicAddress", "203.0.113.1", "staticMappings[1]", "overlap"),
        ("dns64.forwarders", ["198.51.100.53@0"], "dns64.forwarders[0]", "malformed-port"),
        ("dns64.stubZones.0.name", 'x"\nserver:', "dns64.stubZones[0].name", "malformed-zone"),
        ("flowExport.port", 70_000, "flowExport.port", "malformed-port"),
        ("flowExport.host", "a b", "flowExport.host", "malformed-host"),
        ("sourceValidation.valid.0.interface", "w0", "sourceValidation.valid[0].interface", "not-access"),
        ("managementPrefixes", ["100.127.4.0/24"], "nat64.innerIpv4", "cuts-management"),
        ("managementPrefixes", ["2001:db8:a::/64"], "portSets[0].subscriberPrefix", "cuts-management"),
        ("managementPrefixes", ["203.0.113.4/30"], "staticMappings[0].publicAddress", "cuts-management"),
        ("managementPrefixes", ["2001:db8:64::/100"], "nat64.prefix", "cuts-management"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(path: str, value: Any, where: str, cause: str) -> None:
    found = problems(changed(path, value))
    if cause:
        assert (where, cause) in found
    else:
        assert found == set()  # port 80 is not in that subscriber's set


def test_nats_behind_an_access_interface_is_not_cut_off() -> None:
    import ipaddress

    nats = Protected(ipaddress.ip_network("2001:db8:ff::4222/128"), "a0", "the NATS server nats")
    assert problems(configuration(), nats) == {("sourceValidation", "cuts-management")}
    counting = configuration(sourceValidation={"action": "ACTION_COUNT"})
    assert problems(counting, nats) == set()
    valid = [*DOCUMENT["sourceValidation"]["valid"], {"prefix": "2001:db8:ff::/64", "interface": "a0"}]
    assert problems(changed("sourceValidation.valid", valid), nats) == set()


def test_all_that_is_wrong_is_told_at_once() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["nat64"]["prefix"] = "nonsense"
    document["portSets"][0]["ranges"] = []
    document["flowExport"]["port"] = 0
    found = problems(configuration(**document))
    assert {where for where, _ in found} == {"nat64.prefix", "portSets[0].ranges", "flowExport.port"}
