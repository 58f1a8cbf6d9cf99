"""One call of a centre of a running platform."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sixfold.local.errors import LocalError
from sixfold.local.home import Home, read_endpoints

R = TypeVar("R")


def call(home: Home, centre: str, stub: Callable[[Any], Any], ask: Callable[[Any], Awaitable[R]]) -> R:
    """What `ask` gets from the centre's stub; the centre's refusal as a LocalError."""
    # The supervisor of `up` imports this module by way of others.
    import grpc

    from sixfold.chassis.rpc import connect, reason_of

    target = str(read_endpoints(home)[f"grpc.{centre}"])

    async def made() -> R:
        async with connect(target) as channel:
            return await ask(stub(channel))

    try:
        return asyncio.run(made())
    except grpc.aio.AioRpcError as error:
        raise LocalError(f"Refused ({reason_of(error)}): {error.details()}") from error
