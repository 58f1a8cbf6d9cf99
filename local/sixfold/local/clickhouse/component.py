"""The HTTP port as a component of local mode."""

from pathlib import Path

from sixfold.chassis.http import AsgiServer, HttpSettings
from sixfold.chassis.lifecycle import Lifecycle
from sixfold.local.clickhouse.app import application
from sixfold.local.clickhouse.engine import Sessions
from sixfold.local.clickhouse.users import users


class _Sessions:
    name = "clickhouse-sessions"

    def __init__(self, by_user: dict[str, Sessions]) -> None:
        self._by_user = by_user

    async def start(self) -> None:
        for sessions in self._by_user.values():
            await sessions.start()

    async def stop(self) -> None:
        for sessions in self._by_user.values():
            await sessions.stop()


class ClickHouseHttp(Lifecycle):
    """ClickHouse's HTTP interface over the engine in `path`, which this process has, or will have, open.

    `analyst` (also `default`, no password) reads within limits; `loader` with `loader_password` reads and writes.
    """

    def __init__(
        self,
        path: Path,
        settings: HttpSettings,
        *,
        loader_password: str,
        database: str = "sixfold",
        readers: int = 2,
    ) -> None:
        known = users(loader_password)
        sessions = {
            user.name: Sessions(
                path, size=1 if user.writes else readers, lasting=user.lasting(), database=database
            )
            for user in {id(user): user for user in known.values()}.values()
        }
        self.server = AsgiServer("clickhouse-http", application(known, sessions, name="sixfold"), settings)
        super().__init__([_Sessions(sessions), self.server], name="clickhouse")

    @property
    def port(self) -> int:
        return self.server.port
