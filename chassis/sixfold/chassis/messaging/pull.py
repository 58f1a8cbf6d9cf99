"""Pull requests to a durable consumer: wait long for the first message, then a bounded time for the rest of a batch.

While nothing comes, one request stands at the server for half a minute and its heartbeats tell that it still does, so
an idle consumer costs nearly nothing; and while a batch is handled, no request is open, so no message ages unseen in
this process.
"""

import asyncio
import json
from typing import Any, Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

_STATUS: Final = "Status"
_DESCRIPTION: Final = "Description"
_LINGER: Final = 30.0
_HEARTBEAT: Final = 2.0
_SLICE: Final = 1.0
_GRACE: Final = 0.5


class PullLostError(RuntimeError):
    """The consumer does not answer any more: deleted, or its server is gone."""


class Pull:
    """One worker's requests to one consumer."""

    def __init__(self, client: Client, *, stream: str, consumer: str) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._inbox = client.new_inbox()
        self._subscription: Subscription | None = None
        self._number = 0

    async def open(self) -> None:
        # What may wait here is bounded by what is asked for.
        self._subscription = await self._client.subscribe(
            f"{self._inbox}.*", pending_msgs_limit=-1, pending_bytes_limit=-1
        )

    async def close(self) -> None:
        if self._subscription is not None and not self._client.is_closed:
            try:
                await self._subscription.unsubscribe()
            except nats.errors.Error:
                return

    async def batch(self, size: int, max_wait: float, stop: asyncio.Event) -> list[Msg]:
        """1 to `size` messages, the rest within `max_wait` seconds of the first; none when `stop` is set."""
        first = await self._first(stop)
        if first is None or size == 1:
            return [] if first is None else [first]
        messages = [first]
        await self._ask(size - 1, expires=max(max_wait, 0.005))
        deadline = asyncio.get_running_loop().time() + max_wait + _GRACE
        while len(messages) < size and (left := deadline - asyncio.get_running_loop().time()) > 0:
            message = await self._next(left)
            if message is None:
                break
            if (status := self._status(message)) is None:
                messages.append(message)
            elif status != "100" and self._is_of_this_request(message):
                break
        return messages

    async def _first(self, stop: asyncio.Event) -> Msg | None:
        """The next message, or None once `stop` is set."""
        stopped = asyncio.create_task(stop.wait())
        try:
            return await self._first_before(stopped)
        finally:
            stopped.cancel()

    async def _first_before(self, stopped: "asyncio.Task[Any]") -> Msg | None:
        loop = asyncio.get_running_loop()
        asked = False
        heard = loop.time()
        connections = self._client.stats["reconnects"]
        while not stopped.done():
            if not asked and not self._pending():
                await self._ask(1, expires=_LINGER, heartbeat=_HEARTBEAT)
                asked, heard, connections = True, loop.time(), self._client.stats["reconnects"]
            message = await self._next_before(stopped)
            if message is None:
                if connections != self._client.stats["reconnects"]:
                    asked = False  # the server has forgotten our request
                elif self._client.is_connected and loop.time() - heard > 3 * _HEARTBEAT:
                    raise PullLostError("no heartbeat")
                continue
            heard = loop.time()
            status = self._status(message)
            if status is None:
                return message
            if status == "100" or not self._is_of_this_request(message):
                continue
            if status in ("404", "408"):
                asked = False
                continue
            description = (message.headers or {}).get(_DESCRIPTION, "no responders")
            raise PullLostError(f"{status} {description}")
        return None

    async def _next_before(self, stopped: "asyncio.Task[Any]") -> Msg | None:
        arriving = asyncio.create_task(self._next(_SLICE))
        try:
            await asyncio.wait((arriving, stopped), return_when=asyncio.FIRST_COMPLETED)
            return arriving.result() if arriving.done() else None
        finally:
            arriving.cancel()
            await asyncio.gather(arriving, return_exceptions=True)

    async def _ask(self, size: int, *, expires: float, heartbeat: float | None = None) -> None:
        self._number += 1
        request = {"batch": size, "expires": int(expires * 1e9)}
        if heartbeat is not None:
            request["idle_heartbeat"] = int(heartbeat * 1e9)
        await self._client.publish(
            self._subject, json.dumps(request).encode(), f"{self._inbox}.{self._number}"
        )

    async def _next(self, timeout: float) -> Msg | None:
        assert self._subscription is not None
        try:
            return await self._subscription.next_msg(timeout=timeout)
        except (nats.errors.TimeoutError, TimeoutError):
            return None

    def _pending(self) -> int:
        return 0 if self._subscription is None else self._subscription.pending_msgs

    @staticmethod
    def _status(message: Msg) -> str | None:
        return (message.headers or {}).get(_STATUS) if not message.data else None

    def _is_of_this_request(self, message: Msg) -> bool:
        return message.subject == f"{self._inbox}.{self._number}"
