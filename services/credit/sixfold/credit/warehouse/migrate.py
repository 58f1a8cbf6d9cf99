"""The schema: numbered SQL files, applied once and in order, checked against drift, by clickhouse-migrations."""

from importlib.resources import as_file, files
from typing import Final

from clickhouse_connect.driver.client import Client
from clickhouse_migrations.connection import ClickhouseConnectConnection
from clickhouse_migrations.exceptions import MigrationException
from clickhouse_migrations.migration import Migration, MigrationStorage
from clickhouse_migrations.migrator import Migrator

from sixfold.credit.config import WarehouseSettings
from sixfold.credit.warehouse.connection import WarehouseRefusedError

WINDOW: Final = 10_000
"""Blocks that a table remembers by their token."""


def variables(settings: WarehouseSettings) -> dict[str, str]:
    """What differs between the embedded engine, one server and a cluster."""
    if settings.cluster:
        place = "('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')"
        merge_tree, summing = f"ReplicatedMergeTree{place}", f"ReplicatedSummingMergeTree{place}"
        on_cluster, window = f"ON CLUSTER '{settings.cluster}'", f"replicated_deduplication_window = {WINDOW}"
    else:
        merge_tree, summing = "MergeTree", "SummingMergeTree"
        on_cluster, window = "", f"non_replicated_deduplication_window = {WINDOW}"
    return {
        "MERGE_TREE": merge_tree,
        "SUMMING_MERGE_TREE": summing,
        "ON_CLUSTER": on_cluster,
        "DEDUPLICATION": window,
        "FLOW_DAYS": str(settings.flow_days),
        "NAT_DAYS": str(settings.nat_days),
        "ROLLUP_DAYS": str(settings.rollup_days),
    }


def migrations() -> list[Migration]:
    """Every migration that this release has."""
    with as_file(files("sixfold.credit") / "migrations") as folder:
        return MigrationStorage(folder).migrations()


def migrate(
    client: Client, settings: WarehouseSettings, *, to_version: int | None = None, dry_run: bool = False
) -> list[str]:
    """Bring the database to `to_version` (default: the newest). Returns the names of what was, or would be, applied.

    Raises WarehouseRefusedError where an applied migration was changed afterwards or one cannot be applied.
    """
    cluster = f" ON CLUSTER '{settings.cluster}'" if settings.cluster else ""
    if not dry_run:
        client.command(f"CREATE DATABASE IF NOT EXISTS {settings.database}{cluster}")
    connection = ClickhouseConnectConnection(client)
    client.command(f"USE {settings.database}") if settings.dsn.get_secret_value().startswith(
        "chdb:"
    ) else None
    migrator = Migrator(connection, dry_run)
    try:
        migrator.init_schema(settings.cluster or None)
        done = migrator.apply_migration(
            migrations(), multi_statement=True, to_version=to_version, variables=variables(settings)
        )
    except MigrationException as error:
        raise WarehouseRefusedError(f"the warehouse's schema: {error}") from error
    return [f"{migration.version:04d}" for migration in done]
