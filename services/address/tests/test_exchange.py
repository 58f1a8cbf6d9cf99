"""What other systems write and read: CSV and NetBox, there and back, and every fault with its row."""

import json

import pytest

from sixfold.address.adapters.exchange import (
    ExchangeError,
    from_csv,
    from_netbox,
    rows_of,
    to_csv,
    to_netbox,
)
from sixfold.address.domain.prefix import parse_prefix
from sixfold.address.domain.values import Delegation, Pool

POOLS = (
    Pool("region", "", parse_prefix("2001:db8::/32"), "the region", 40, 64, 0, 60, "dense", 1),
    Pool("homes", "region", parse_prefix("2001:db8::/40"), 'homes, "all"', 56, 60, 3600, 60, "sparse", 1),
    Pool("shared", "", parse_prefix("192.0.2.0/24"), "", 120, 128, 0, 0, "dense", 1),
)
HELD = (Delegation(1, "homes", parse_prefix("2001:db8:0:100::/56"), "t-1", "k", 0),)


@pytest.mark.parametrize(("written", "read"), [(to_csv, from_csv), (to_netbox, from_netbox)])
def test_what_is_exported_comes_back(written, read) -> None:
    found = read(written(rows_of(POOLS, HELD)))
    assert found.faults == ()
    by_name = {pool.pool_id: pool for pool in found.pools}
    assert by_name.keys() == {"region", "homes", "shared"}
    homes = by_name["homes"]
    assert (homes.parent_id, homes.prefix, homes.purpose) == ("region", "2001:db8::/40", 'homes, "all"')
    assert (homes.shortest_length, homes.longest_length, homes.lease_seconds, homes.strategy) == (
        56,
        60,
        3600,
        "sparse",
    )
    assert [(str(one.prefix), one.pool_id, one.holder) for one in found.held] == [
        ("2001:db8:0:100::/56", "homes", "t-1")
    ]


def test_netbox_alone_gives_pools_their_parents() -> None:
    said = [
        {"prefix": "2001:db8:1::/48", "status": {"value": "container"}, "description": "inner"},
        {"prefix": "2001:db8::/32", "status": "container"},
        {"prefix": "2001:db8:1:1::/64", "status": "active"},
        {"prefix": "2001:db8:9::/48", "status": "reserved"},
    ]
    found = from_netbox(json.dumps(said))
    assert [(pool.prefix, pool.parent_id) for pool in found.pools] == [
        ("2001:db8::/32", ""),
        ("2001:db8:1::/48", "2001-db8--_32"),
    ]
    assert [(str(one.prefix), one.holder) for one in found.held] == [("2001:db8:1:1::/64", "imported")]


def test_faults_tell_their_row() -> None:
    lines = (
        "prefix,status,lease_seconds",
        "2001:db8::/129,container,",
        "2001:db8::/32,container,soon",
        ",active,",
        "10.0.0.1/8,,",
    )
    text = "\n".join(lines)
    assert [(fault.row, fault.reason) for fault in from_csv(text).faults] == [
        (1, "PREFIX_MALFORMED"),
        (2, "NUMBER_MALFORMED"),
        (3, "PREFIX_MALFORMED"),
        (4, "PREFIX_MALFORMED"),
    ]
    assert [fault.row for fault in from_netbox('[1, {"prefix": null}, {"prefix": "::/0"}]').faults] == [
        1,
        2,
        3,
    ]


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (from_csv, ""),
        (from_csv, "a,b\n1,2\n"),
        (from_csv, 'prefix\n"never closed\n'),
        (from_netbox, "{"),
        (from_netbox, "{}"),
        (from_netbox, "[" * 100_000),
    ],
)
def test_what_is_none_of_both_is_told(read, text: str) -> None:
    with pytest.raises(ExchangeError):
        read(text)
