"""How many stored flows a choice of packets meets: vetted SQL, with numbers and addresses as bound parameters."""

from collections.abc import Sequence
from ipaddress import IPv6Address
from typing import Any, Final

from sixfold.api.addressing.policy import Match, Network, Range, sides

MAX_PREFIXES: Final = 256
"""Of one side: each row is held against each of them."""
_RANGE: Final = (
    "arrayExists((one, other) -> {column} BETWEEN one AND other, "
    "{{{name}_first:Array({kind})}}, {{{name}_last:Array({kind})}})"
)
_LENGTH: Final = "intDiv(bytes, greatest(packets, 1))"


def sums(
    match: Match, start: int, end: int, split: int, gateways: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """(statement, parameters). Times in milliseconds. Raises ValueError for what is no prefix, or too many."""
    chosen = sides(match)
    for one in (chosen.sources, chosen.destinations):
        if len(one) > MAX_PREFIXES:
            raise ValueError(f"{len(one)} prefixes on one side, at most {MAX_PREFIXES}")
    where = ["time_received >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')"]
    where += ["time_received < fromUnixTimestamp64Milli({end:Int64}, 'UTC')"]
    values: dict[str, Any] = {"start": start, "end": end, "split": split}
    for column, networks in (("src_address", chosen.sources), ("dst_address", chosen.destinations)):
        if networks:
            where.append(_RANGE.format(column=column, name=column, kind="IPv6"))
            values[f"{column}_first"] = [_mapped(one, one.network_address) for one in networks]
            values[f"{column}_last"] = [_mapped(one, one.broadcast_address) for one in networks]
    for column, name, ranges in (
        ("src_port", "src_port", match.source_ports),
        ("dst_port", "dst_port", match.destination_ports),
        (_LENGTH, "length", match.lengths),
    ):
        if ranges:
            where.append(_RANGE.format(column=column, name=name, kind="UInt64"))
            values |= _bounds(name, ranges)
    if match.protocols:
        where.append("has({protocols:Array(UInt8)}, protocol)")
        values["protocols"] = list(match.protocols)
    if match.tcp_flags_mask:
        where.append("bitAnd(tcp_flags, {mask:UInt16}) = {flags:UInt16}")
        values |= {"mask": match.tcp_flags_mask, "flags": match.tcp_flags}
    if gateways:
        where.append("has({gateways:Array(String)}, gateway)")
        values["gateways"] = list(gateways)
    return _QUESTION.replace("$WHERE", " AND ".join(where)), values


def _mapped(network: Network, address: Any) -> str:
    return str(IPv6Address((0xFFFF << 32) | int(address)) if network.version == 4 else address)


def _bounds(name: str, ranges: Sequence[Range]) -> dict[str, list[int]]:
    return {f"{name}_first": [one.first for one in ranges], f"{name}_last": [one.last for one in ranges]}


_QUESTION: Final = """
SELECT sum(n) AS flows, sum(b) AS bytes, sum(p) AS packets, count() AS sources, uniqExactMerge(d) AS destinations,
       sum(before_n) AS before_flows, sum(before_b) AS before_bytes, countIf(before_n > 0) AS before_sources,
       sumIf(n - before_n, before_n > 0) AS known_flows, sumIf(b - before_b, before_n > 0) AS known_bytes,
       countIf(before_n > 0 AND n > before_n) AS known_sources
FROM
(
    SELECT src_address, count() AS n, sum(f.bytes) AS b, sum(f.packets) AS p, uniqExactState(dst_address) AS d,
           countIf(time_received < fromUnixTimestamp64Milli({split:Int64}, 'UTC')) AS before_n,
           sumIf(f.bytes, time_received < fromUnixTimestamp64Milli({split:Int64}, 'UTC')) AS before_b
    FROM {database:Identifier}.flows AS f
    WHERE $WHERE
    GROUP BY src_address
)
"""
