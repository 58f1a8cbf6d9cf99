"""BindingLogService: binding logs of other authorities into the ledger, a batch as one event."""

# ruff: noqa: N802 - the methods have the names of the contract

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from sixfold.api.identity.v1 import bindings_pb2 as pb
from sixfold.api.identity.v1 import bindings_pb2_grpc
from sixfold.chassis.rpc import InvalidArgument
from sixfold.identity.domain.binding_log import (
    KINDS,
    MAX_ROWS,
    ColumnsMalformedError,
    LogColumns,
    judge,
    logged,
    read_columns,
)
from sixfold.identity.domain.events import BindingsLogged
from sixfold.identity.domain.registry import Registry
from sixfold.identity.handlers import utc_milliseconds
from sixfold.identity.ports import Clock, Meter, RegistryLedger

_SOURCE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class BindingLog:
    """Judges rows against the register and appends what can be true."""

    def __init__(self, ledger: RegistryLedger, meter: Meter, clock: Clock = utc_milliseconds) -> None:
        self._ledger = ledger
        self._meter = meter
        self._clock = clock

    async def log(
        self, source: str, batch: str, columns: LogColumns, holders: Sequence[str], gateways: Sequence[str]
    ) -> tuple[int, dict[str, int], bool]:
        """(rows logged, rows refused by cause, whether the batch was there before). Raises ColumnsMalformedError."""
        now, registry = self._clock(), self._ledger.state

        def known(pseudonym: str) -> bool:
            return pseudonym in registry.terminals or pseudonym in registry.subscribers

        good, refused = await asyncio.to_thread(judge, columns, holders, len(gateways), known, now)
        fresh = False

        def decide(_: Registry) -> tuple[Sequence[BindingsLogged], list[Any]]:
            nonlocal fresh
            fresh = True
            events = [logged(source, good, holders, gateways, now)] if len(good) else []
            return events, [len(good), refused]

        # The first answer is what the key gives again.
        rows, causes = await self._ledger.transact(decide, key=f"log:{source}:{batch}")
        self._meter.answered("log-binding", "done" if fresh else "repeated", rows)
        for cause, number in causes.items():
            self._meter.answered("log-binding", cause, number)
        return rows, causes, not fresh


class BindingLogServicer(bindings_pb2_grpc.BindingLogServiceServicer):
    def __init__(self, log: Callable[..., Any]) -> None:
        self._log = log

    async def LogBindings(self, request: pb.LogBindingsRequest, context: Any) -> pb.LogBindingsResponse:
        if not _SOURCE.fullmatch(request.source):
            raise InvalidArgument("source", "1 to 64 of letters, digits, '-' and '_'", "SOURCE_MALFORMED")
        if not 1 <= len(request.batch) <= 128:
            raise InvalidArgument("batch", "1 to 128 characters", "BATCH_MALFORMED")
        try:
            columns = read_columns({name: getattr(request.columns, name) for name in KINDS})
            if len(columns) > MAX_ROWS:
                raise InvalidArgument("columns", f"at most {MAX_ROWS} rows", "BATCH_TOO_LARGE")
            rows, refused, repeated = await self._log(
                request.source, request.batch, columns, request.holders, request.gateways
            )
        except ColumnsMalformedError as error:
            raise InvalidArgument("columns", str(error), "COLUMNS_MALFORMED") from error
        return pb.LogBindingsResponse(logged=rows, refused=refused, repeated_call=repeated)
