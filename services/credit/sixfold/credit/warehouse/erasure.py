"""Old logs out of the warehouse, now and not at some later merge, and what is left counted afterwards."""

from typing import Any, Final

from clickhouse_connect.driver.client import Client

from sixfold.credit.warehouse.connection import Warehouse

TABLES: Final = {"bindings": "logged", "nat_sessions": "time_received"}
"""The tables that lead from an address to a subscriber, and the column by which they are old."""


# ruff: noqa: S608 - the names are the constants above and the settings' database
async def erase(warehouse: Warehouse, before: int) -> tuple[dict[str, int], dict[str, int]]:
    """Rows older than `before` (UTC milliseconds) by table, found before and left after. Raises WarehouseError.

    Tables are cut by day or week, so most of it is whole parts that are dropped; the rest of the boundary is rewritten.
    """
    database = warehouse.settings.database
    cluster = f" ON CLUSTER '{warehouse.settings.cluster}'" if warehouse.settings.cluster else ""

    def work(client: Client) -> tuple[dict[str, int], dict[str, int]]:
        found: dict[str, int] = {}
        left: dict[str, int] = {}
        for table, column in TABLES.items():
            old = f"{column} < fromUnixTimestamp64Milli({int(before)}, 'UTC')"
            found[table] = _count(client, database, table, old)
            if found[table]:
                client.command(
                    f"ALTER TABLE `{database}`.{table}{cluster} DELETE WHERE {old} SETTINGS mutations_sync = 2"
                )
            left[table] = _count(client, database, table, old)
        return found, left

    return await warehouse.write(work)


def _count(client: Client, database: str, table: str, condition: str) -> int:
    rows: Any = client.query(f"SELECT count() FROM `{database}`.{table} WHERE {condition}").result_rows
    return int(rows[0][0])
