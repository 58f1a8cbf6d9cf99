"""The HTTP port as a component of local mode."""

from pathlib import Path

from sixfold.chassis.http import AsgiServer, HttpSettings
from sixfold.chassis.lifecycle import Lifecycle
from sixfold.local.clickhouse.app import application
from sixfold.local.clickhouse.engine import Engine
from sixfold.local.clickhouse.users import Limits, users


class ClickHouseHttp(Lifecycle):
    """ClickHouse's HTTP interface over the engine in `path`, which this process has, or will have, open.

    `analyst` (also `default`, no password) reads within `limits`; `loader` with `loader_password` reads and writes.
    """

    def __init__(
        self,
        path: Path,
        settings: HttpSettings,
        *,
        loader_password: str,
        database: str = "sixfold",
        limits: Limits | None = None,
    ) -> None:
        self.engine = Engine(path, database=database)
        app = application(self.engine, users(loader_password, limits or Limits()))
        self.server = AsgiServer("clickhouse-http", app, settings)
        super().__init__([self.engine, self.server], name="clickhouse")

    @property
    def port(self) -> int:
        return self.server.port
