"""ClickHouse's HTTP interface over the embedded engine, so that its clients work in local mode as against a server."""

from sixfold.local.clickhouse.component import ClickHouseHttp

__all__ = ["ClickHouseHttp"]
