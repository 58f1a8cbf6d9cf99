"""The credit centre, killed with -9 by itself at one step of its loaders: `crashing_credit.py STEP NUMBER ARGUMENTS…`.

STEP is `intent`, `insert`, `done` (each right after it happened) or `before-insert`; NUMBER counts from 1.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from sixfold.chassis.main import run_service
from sixfold.credit.__main__ import start
from sixfold.credit.config import CreditSettings
from sixfold.credit.loader.store import ProgressStore
from sixfold.credit.warehouse.connection import Warehouse


def die_at(wanted: str, number: int) -> Callable[[str], None]:
    seen: dict[str, int] = {}

    def reached(step: str) -> None:
        seen[step] = seen.get(step, 0) + 1
        if step == wanted and seen[step] == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


def main() -> None:
    step, number, *arguments = sys.argv[1:]
    reached = die_at(step, int(number))
    write, insert = ProgressStore.write, Warehouse.insert

    async def written(self: ProgressStore, progress: Any) -> None:
        await write(self, progress)
        reached("intent" if progress.intent is not None else "done")

    async def inserted(self: Warehouse, table: str, data: Any, token: str) -> None:
        if table == "flows":
            reached("before-insert")
        await insert(self, table, data, token)
        if table == "flows":
            reached("insert")

    ProgressStore.write = written
    Warehouse.insert = inserted
    run_service("credit", CreditSettings, start, arguments)


if __name__ == "__main__":
    main()
