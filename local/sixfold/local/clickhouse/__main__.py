"""`python -m sixfold.local.clickhouse --home DIR --port N`: the engine alone, behind its HTTP port."""

import argparse
import asyncio
import signal
from pathlib import Path

from sixfold.chassis.http import HttpSettings
from sixfold.chassis.lifecycle import Lifecycle
from sixfold.chassis.telemetry import log_to_stderr
from sixfold.local.clickhouse.component import ClickHouseHttp
from sixfold.local.clickhouse.password import loader_password


async def serve(home: Path, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    http = ClickHouseHttp(
        home / "warehouse", HttpSettings(port=port), loader_password=loader_password(home / "secrets")
    )
    await Lifecycle([http], name="clickhouse").run(stop)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sixfold.local.clickhouse", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8123)
    chosen = parser.parse_args()
    log_to_stderr()
    asyncio.run(serve(chosen.home, chosen.port))


if __name__ == "__main__":
    main()
