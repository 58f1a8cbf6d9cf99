"""What an operator does to the running platform over the bus: sending dead letters back."""

import asyncio
from urllib.parse import urlsplit

from nats.js.errors import NotFoundError
from rich.console import Console

from sixfold.chassis.messaging import Messaging, MessagingError, NatsSettings, redrive
from sixfold.local.errors import LocalError
from sixfold.local.home import Home, read_endpoints
from sixfold.local.keys import seed_file
from sixfold.local.nats_server import OPERATOR
from sixfold.local.observe import streams


async def _redrive(settings: NatsSettings, consumer: str, limit: int) -> int:
    messaging = Messaging(settings)
    await messaging.start()
    try:
        return await redrive(messaging, consumer, limit=limit)
    finally:
        await messaging.stop()


def redrive_dead_letters(home: Home, consumer: str, limit: int) -> int:
    """Publish the dead letters of `consumer` to their subjects again, oldest first, with the operator's key."""
    endpoints = read_endpoints(home)
    known = {one.name for stream in streams(str(endpoints["health.nats"])) or () for one in stream.consumers}
    if known and consumer not in known:
        raise LocalError(f"There is no consumer named {consumer!r}. There are: {', '.join(sorted(known))}.")
    address = urlsplit(str(endpoints["nats"]))
    settings = NatsSettings(
        servers=(address.geturl(),),
        name="sixfold redrive",
        nkey_seed_file=seed_file(home, OPERATOR),
        connect_timeout=5.0,
    )
    try:
        done = asyncio.run(_redrive(settings, consumer, limit))
    except NotFoundError:
        done = 0  # nothing has ever died, so there is no stream of dead letters
    except MessagingError as error:
        raise LocalError(
            f"The dead letters could not be sent back: {error}. See `sixfold status`."
        ) from error
    rest = " There may be more: run it again." if done == limit else ""
    Console().print(f"{done} dead letters of {consumer} were sent back.{rest}")
    return 0
