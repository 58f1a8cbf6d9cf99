"""Pools and delegations as other systems write them: CSV, and the JSON of NetBox (`/api/ipam/prefixes/`, 4.x).

A pool is a prefix with the status `container`, a delegation one with `active` (or `deprecated` in quarantine). What
NetBox has no field for stands in `custom_fields` under our own names, so that an import gives back what was exported.
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sixfold.address.domain.prefix import Prefix, PrefixError, parse_prefix
from sixfold.address.domain.values import Delegation, Pool, PoolWish

LARGEST_TEXT: Final = 64 << 20
MOST_ROWS: Final = 200_000
COLUMNS: Final[tuple[str, ...]] = (
    "prefix", "status", "pool_id", "parent_id", "holder", "purpose", "shortest_length", "longest_length",
    "lease_seconds", "quarantine_seconds", "strategy", "expires",
)  # fmt: skip
CONTAINER, ACTIVE, RESTING = "container", "active", "deprecated"


@dataclass(frozen=True, slots=True)
class Fault:
    """`row` counts from 1, without the head of a CSV file."""

    row: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class HeldPrefix:
    """A delegation to be taken over as it is. `pool_id` empty: the innermost pool that holds the prefix."""

    prefix: Prefix
    pool_id: str
    holder: str


@dataclass(frozen=True, slots=True)
class Imported:
    """Pools with parents first."""

    pools: tuple[PoolWish, ...]
    held: tuple[HeldPrefix, ...]
    faults: tuple[Fault, ...]


class ExchangeError(ValueError):
    """Text that is no CSV with our columns, or no JSON of NetBox."""


def rows_of(pools: Iterable[Pool], delegations: Iterable[Delegation]) -> Iterable[dict[str, Any]]:
    for pool in pools:
        yield {
            "prefix": str(pool.prefix),
            "status": CONTAINER,
            "pool_id": pool.pool_id,
            "parent_id": pool.parent_id,
            "holder": "",
            "purpose": pool.purpose,
            "shortest_length": Prefix(pool.prefix.network, pool.shortest).family_length,
            "longest_length": Prefix(pool.prefix.network, pool.longest).family_length,
            "lease_seconds": pool.lease_seconds,
            "quarantine_seconds": pool.quarantine_seconds,
            "strategy": pool.strategy,
            "expires": "",
        }
    for one in delegations:
        yield dict.fromkeys(COLUMNS, "") | {
            "prefix": str(one.prefix),
            "status": ACTIVE if one.is_active else RESTING,
            "pool_id": one.pool_id,
            "holder": one.holder,
            "expires": one.expires or "",
        }


def to_csv(rows: Iterable[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer: csv.DictWriter[str] = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def to_netbox(rows: Iterable[dict[str, Any]]) -> str:
    results = [
        {
            "prefix": row["prefix"],
            "status": {"value": row["status"], "label": str(row["status"]).capitalize()},
            "is_pool": row["status"] == CONTAINER,
            "description": row["purpose"],
            "custom_fields": {key: row[key] for key in COLUMNS if key not in ("prefix", "status", "purpose")},
        }
        for row in rows
    ]
    return json.dumps({"count": len(results), "next": None, "previous": None, "results": results}, indent=1)


def from_csv(text: str) -> Imported:
    """Columns by name, in any order; only `prefix` must be there. Raises ExchangeError."""
    _bounded(text)
    try:
        reader = csv.DictReader(io.StringIO(text), strict=True)
        if not reader.fieldnames or "prefix" not in reader.fieldnames:
            raise ExchangeError(f"no column `prefix`; the columns are {', '.join(COLUMNS)}")
        return _read(
            [{key: value or "" for key, value in row.items() if isinstance(key, str)} for row in reader]
        )
    except csv.Error as error:
        raise ExchangeError(f"no CSV: {error}") from error


def from_netbox(text: str) -> Imported:
    """A page of NetBox's answer, or a list of prefixes. Raises ExchangeError."""
    _bounded(text)
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ExchangeError(f"no JSON: {error}") from error
    results = said.get("results") if isinstance(said, dict) else said
    if not isinstance(results, list):
        raise ExchangeError("no list of prefixes, and no `results` in it")
    return _read([_flat(one) for one in results])


def _flat(one: Any) -> dict[str, str]:
    """A prefix of NetBox as one row; what is no object is a row without a prefix, and so a fault with its number."""
    if not isinstance(one, dict):
        return {}
    status = one.get("status")
    row = {"prefix": one.get("prefix", ""), "purpose": one.get("description", "")}
    row["status"] = status.get("value", "") if isinstance(status, dict) else status or ""
    own = one.get("custom_fields")
    row |= {key: own[key] for key in COLUMNS if key in own} if isinstance(own, dict) else {}
    return {key: "" if value is None else str(value) for key, value in row.items()}


def _bounded(text: str) -> None:
    if len(text) > LARGEST_TEXT:
        raise ExchangeError(f"{len(text):,} characters; at most {LARGEST_TEXT:,} at once")


def _read(rows: Sequence[dict[str, str]]) -> Imported:
    if len(rows) > MOST_ROWS:
        raise ExchangeError(f"{len(rows):,} rows; at most {MOST_ROWS:,} at once")
    pools: list[tuple[Prefix, PoolWish]] = []
    held: list[HeldPrefix] = []
    faults: list[Fault] = []
    for number, row in enumerate(rows, 1):
        try:
            prefix = parse_prefix(row.get("prefix", ""))
            if row.get("status", "") == CONTAINER:
                pools.append((prefix, _pool(prefix, row)))
            elif row.get("status", "") in (ACTIVE, ""):
                held.append(HeldPrefix(prefix, row.get("pool_id", ""), row.get("holder", "") or "imported"))
        except PrefixError as error:
            faults.append(Fault(number, "PREFIX_MALFORMED", str(error)))
        except ValueError as error:
            faults.append(Fault(number, "NUMBER_MALFORMED", str(error)))
    pools.sort(key=lambda one: (one[0].length, one[0].network))
    return Imported(tuple(_with_parents(pools)), tuple(held), tuple(faults))


def _pool(prefix: Prefix, row: dict[str, str]) -> PoolWish:
    name = row.get("pool_id", "") or str(prefix).replace("/", "_").replace(":", "-")
    return PoolWish(
        pool_id=name,
        parent_id=row.get("parent_id", ""),
        prefix=str(prefix),
        length=0,
        purpose=row.get("purpose", "")[:256],
        shortest_length=int(row.get("shortest_length") or 0),
        longest_length=int(row.get("longest_length") or 0),
        lease_seconds=int(row.get("lease_seconds") or 0),
        quarantine_seconds=int(row.get("quarantine_seconds") or 0),
        strategy="sparse" if row.get("strategy") == "sparse" else "dense",
    )


def _with_parents(pools: Sequence[tuple[Prefix, PoolWish]]) -> Iterable[PoolWish]:
    """Parents where the file names none: the innermost container around it."""
    around: dict[Prefix, str] = {}
    for prefix, wish in pools:
        parent = wish.parent_id
        if not parent:
            holders = [one for one in around if one.holds(prefix) and one != prefix]
            parent = around[max(holders, key=lambda one: one.length)] if holders else ""
        around[prefix] = wish.pool_id
        yield replace(wish, parent_id=parent)
