"""Policies become one transaction that nft takes, and routes that ExaBGP takes."""

import os
import shutil
from datetime import timedelta
from typing import Any

import pytest

from sixfold.agent.config import BgpPeer, BgpSettings
from sixfold.agent.gateway import nft
from sixfold.agent.gateway.policy.divert import routes
from sixfold.agent.gateway.policy.read import PolicyError, read_policies, require_ending, require_harmless
from sixfold.agent.gateway.policy.render import FAMILY, TABLE, transaction
from sixfold.agent.gateway.protect import protected_networks
from sixfold.agent.gateway.validate import Protected
from sixfold.api.addressing.policy import Network, sides

from .policies import NOW, policy, told

ANY = {
    "block": policy("m1"),
    "rate": policy(
        "m2",
        match={
            "sources": ["192.0.2.0/24", "2001:db8::/32"],
            "protocols": [6],
            "tcpFlagsMask": 18,
            "tcpFlags": 2,
        },
        action={"kind": "KIND_RATE_LIMIT", "packetsPerSecond": 100, "per": "PER_SOURCE"},
    ),
    "bytes": policy("m3", action={"kind": "KIND_RATE_LIMIT", "bytesPerSecond": 1_000_000}),
    "per-destination": policy(
        "m4", action={"kind": "KIND_RATE_LIMIT", "bytesPerSecond": 1_000, "per": "PER_DESTINATION"}
    ),
    "mark": policy("m5", action={"kind": "KIND_MARK", "dscp": 8}),
    "ports": policy(
        "m6",
        match={
            "destinations": ["2001:db8:1::/48", "203.0.113.0/24"],
            "protocols": [6, 17],
            "sourcePorts": [{"first": 53, "last": 53}, {"first": 1000, "last": 2000}],
            "destinationPorts": [{"first": 80, "last": 80}],
            "lengths": [{"first": 1000, "last": 1500}],
        },
    ),
}
GUARDS = [
    Protected(network, "w0", "x")
    for network in sides(policy(match={"sources": ["10.0.0.5/32"]}).match).sources
]


def test_the_transaction_says_what_is_matched_and_what_is_done() -> None:
    text = transaction(read_policies(told(*ANY.values())), GUARDS, NOW)
    lines = text.splitlines()
    chain = [line.partition(" policies ")[2] for line in lines if line.startswith("add rule")]
    assert chain[:3] == [
        "ip daddr 10.0.0.5/32 accept",
        'iifname "w0" ip saddr 10.0.0.5/32 accept',
        'ip daddr @m5_d4 meta l4proto { 17 } counter name "m5_matched" ip dscp set 8 counter name "m5_acted"',
    ]
    assert (
        'ip daddr @m1_d4 meta l4proto { 17 } counter name "m1_matched" counter name "m1_acted" drop' in chain
    )
    assert any(
        "update @m2_m6 { ip6 saddr & ffff:ffff:ffff:ffff:: limit rate over 100/second" in one for one in chain
    )
    assert f"add element inet {TABLE} m1_d4 {{ 203.0.113.7/32 timeout 300000ms }}" in lines


def test_what_has_expired_is_left_out() -> None:
    text = transaction(read_policies(told(policy("m1"), policy("m2", expires=NOW))), [], NOW)
    assert "m1_d4" in text
    assert "m2" not in text


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("nft") is None, reason="needs root and nft")
@pytest.mark.parametrize("name", ANY)
def test_nft_takes_it_twice_over(name: str) -> None:
    policies = read_policies(told(ANY[name]))
    text = transaction(policies, GUARDS, NOW)
    objects = nft.would_be(text + text, FAMILY, TABLE)
    assert {"counter", "set", "rule", "chain"} <= {kind for one in objects for kind in one}


@pytest.mark.parametrize(
    ("parts", "cause"),
    [
        ({"match": {"destinations": ["0.0.0.0/0"]}}, "matches-all"),
        ({"match": {"destinations": ["::/0"]}}, "matches-all"),
        ({"match": {"sources": ["0.0.0.0/1", "128.0.0.0/1"]}}, "matches-all"),
        ({"match": {"protocols": [6]}}, "matches-all"),
        ({"match": {"destinations": ["203.0.113.7/24"]}}, "malformed-prefix"),
        ({"match": {"destinations": ["x"]}}, "malformed-prefix"),
        ({"match": {"sources": ["::1/128"], "destinations": ["192.0.2.1/32"]}}, "no-family"),
        ({"match": {"destinations": ["192.0.2.1/32"], "sourcePorts": [{"first": 1, "last": 2}]}}, "no-ports"),
        ({"match": {"destinations": ["192.0.2.1/32"], "tcpFlagsMask": 2, "protocols": [17]}}, "not-tcp"),
        ({"match": {"destinations": ["192.0.2.1/32"], "lengths": [{"first": 9, "last": 2}]}}, "out-of-range"),
        ({"action": {"kind": "KIND_UNSPECIFIED"}}, "unknown-action"),
        ({"action": {"kind": "KIND_RATE_LIMIT"}}, "no-rate"),
        ({"action": {"kind": "KIND_MARK", "dscp": 64}}, "out-of-range"),
        ({"action": {"kind": "KIND_DIVERT", "route": "ROUTE_BLACKHOLE"}}, "blackhole-is-whole"),
        ({"action": {"kind": "KIND_DIVERT"}}, "unknown-route"),
        ({"action": {"kind": "KIND_DIVERT", "route": "ROUTE_FLOWSPEC", "redirect": "a; b"}}, "malformed"),
        ({"policyId": "m1; flush ruleset"}, "malformed"),
    ],
)
def test_what_cannot_be_enforced_is_refused_with_its_cause(parts: dict[str, Any], cause: str) -> None:
    with pytest.raises(PolicyError, match=rf"\({cause}\)") as refused:
        read_policies(told(policy(**parts)))
    assert refused.value.cause == "invalid-policy"


def test_too_many_and_the_same_twice_are_refused() -> None:
    with pytest.raises(PolicyError, match="at most 1000"):
        read_policies(told(*(policy(f"m{at}") for at in range(1_001))))
    with pytest.raises(PolicyError, match="stands twice"):
        read_policies(told(policy("m1"), policy("m1")))
    endless = policy("m1")
    endless.ClearField("expires")
    with pytest.raises(PolicyError, match="every policy ends"):
        read_policies(told(endless))
    with pytest.raises(PolicyError) as refused:
        require_ending(read_policies(told(policy("m1"))), NOW, timedelta(minutes=4))
    assert refused.value.cause == "too-long"


@pytest.mark.parametrize(
    ("match", "cut"),
    [
        ({"destinations": ["10.0.0.5/32"]}, True),
        ({"destinations": ["10.0.0.0/8"]}, True),
        ({"sources": ["10.0.0.4/31"]}, True),
        ({"sources": ["64:ff9b::a00:5/128"]}, True),
        ({"destinations": ["2001:db8:64::a00:0/120"]}, True),
        ({"destinations": ["2001:db8:ffff::1/128"]}, True),
        ({"destinations": ["203.0.113.7/32"]}, False),
        ({"sources": ["64:ff9b::a00:6/128"]}, False),
    ],
)
def test_management_and_the_bus_are_never_cut(match: dict[str, Any], cut: bool) -> None:
    never = [one.network for one in protected_networks(["nats://10.0.0.5:4222"], ["2001:db8:ffff::/48"])]
    nat64: list[Network] = list(sides(policy(match={"sources": ["2001:db8:64::/96"]}).match).sources)
    message = told(policy(match=match))
    if not cut:
        require_harmless(message, never, nat64)
        return
    with pytest.raises(PolicyError, match="m1: ") as refused:
        require_harmless(message, never, nat64)
    assert refused.value.cause == "cuts-management"


def test_diversions_are_told_in_the_words_of_exabgp() -> None:
    settings = BgpSettings(
        peers=(BgpPeer(address="192.0.2.2", local_address="192.0.2.1", peer_as=64512),),
        communities=("64512:666",),
    )
    hole = {"kind": "KIND_DIVERT", "route": "ROUTE_BLACKHOLE"}
    spec = {"kind": "KIND_DIVERT", "route": "ROUTE_FLOWSPEC"}
    policies = told(
        policy("m1", match={"destinations": ["203.0.113.7/32", "2001:db8::7/128"]}, action=hole),
        policy(
            "m2",
            match={"destinations": ["203.0.113.7/32"], "protocols": [6], "tcpFlagsMask": 18, "tcpFlags": 2,
                   "destinationPorts": [{"first": 80, "last": 80}, {"first": 100, "last": 200}]},
            action=spec | {"redirect": "64512:7"},
        ),
        policy("m3", match={"destinations": ["2001:db8::7/128"], "protocols": [17]},
               action=spec | {"bytesPerSecond": 1000}),
        policy("m4", expires=NOW, match={"destinations": ["203.0.113.9/32"]}, action=hole),
    )  # fmt: skip
    assert [(one.policy_id, one.what) for one in routes(read_policies(policies), settings, NOW)] == [
        ("m1", "route 203.0.113.7/32 next-hop 192.0.2.1 community [ 65535:666 65535:65281 64512:666 ]"),
        ("m1", "route 2001:db8::7/128 next-hop 100::1 community [ 65535:666 65535:65281 64512:666 ]"),
        (
            "m2",
            "flow route { match { destination 203.0.113.7/32; protocol [ =6 ]; destination-port [ =80 >=100&<=200 ]; "
            "tcp-flags [ =syn&!ack ]; } then { redirect 64512:7; } }",
        ),
        (
            "m3",
            "flow route { match { destination 2001:db8::7/128; next-header [ =17 ]; } then { rate-limit 1000; } }",
        ),
    ]
