"""Start in order, stop in reverse, also after a failed start; a background task that dies stops the daemon."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, runtime_checkable

log = logging.getLogger(__name__)


@runtime_checkable
class Component(Protocol):
    """Inert until started. `stop` is called once after a successful `start`.

    It may have `ready`, a bool or a method that returns one, and `task`, whose end is a failure.
    """

    @property
    def name(self) -> str: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class LifecycleError(RuntimeError):
    """A component failed to start or died. The cause is chained."""


class Background:
    """A coroutine as a component. Its end, by error or return, is a failure unless it was stopped."""

    def __init__(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self.name = name
        self._run = run
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.task = asyncio.create_task(self._body(), name=self.name)

    async def _body(self) -> None:
        await self._run()

    async def stop(self) -> None:
        if self.task is None:
            return
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class Aside:
    """A component whose readiness is not its owner's, such as a consumer of a stream that may not be there yet.

    Its death is the owner's all the same.
    """

    def __init__(self, component: Component) -> None:
        self.name = component.name
        self._component = component

    @property
    def task(self) -> asyncio.Task[None] | None:
        return getattr(self._component, "task", None)

    async def start(self) -> None:
        await self._component.start()

    async def stop(self) -> None:
        await self._component.stop()


class Lifecycle:
    """Components that stand and fall together; itself a component, so groups nest."""

    def __init__(
        self, components: Sequence[Component], *, name: str = "lifecycle", drain_timeout: float = 15.0
    ) -> None:
        self.name = name
        self._components = tuple(components)
        self._started: list[Component] = []
        self._drain_timeout = drain_timeout
        self._stopped = asyncio.Event()

    async def start(self) -> None:
        """Start each in order; when one fails, stop those that run and raise LifecycleError."""
        for component in self._components:
            try:
                await component.start()
            except BaseException as error:
                await self.stop()
                if isinstance(error, asyncio.CancelledError):
                    raise
                raise LifecycleError(f"{component.name} did not start: {error}") from error
            self._started.append(component)

    async def stop(self) -> None:
        """Stop in reverse; one that does not stop within the drain timeout is left behind with a log line."""
        while self._started:
            component = self._started.pop()
            try:
                await asyncio.wait_for(component.stop(), self._drain_timeout)
            except TimeoutError:
                log.error("%s did not stop within %.0f s", component.name, self._drain_timeout)
            except Exception:
                log.exception("%s failed to stop", component.name)

    @property
    def ready(self) -> bool:
        return not self.unready()

    def unready(self) -> list[str]:
        """Names of the components that are not started, dead, or say that they are not ready."""
        return [name for name, state in self.states().items() if state != "ready"]

    def states(self) -> dict[str, str]:
        """Each component by name: `ready`, `stopped` (not started yet, or not any more), `waiting` or `ended`.

        What is in a nested lifecycle has its name in front: `address/rpc`.
        """
        found: dict[str, str] = {}
        for component in self._components:
            if component not in self._started:
                states = {component.name: "stopped"}
            elif isinstance(component, Lifecycle):
                states = {f"{component.name}/{name}": state for name, state in component.states().items()}
            elif _dead(component):
                states = {component.name: "ended"}
            else:
                states = {component.name: "ready" if _is_ready(component) else "waiting"}
            # Of two with one name, the one that is not ready is the one to tell.
            found |= {name: state for name, state in states.items() if found.get(name, "ready") == "ready"}
        return found

    def tasks(self) -> list[asyncio.Task[None]]:
        """The background tasks of everything that is started."""
        found: list[asyncio.Task[None]] = []
        for component in self._started:
            if isinstance(component, Lifecycle):
                found += component.tasks()
            else:
                task = getattr(component, "task", None)
                found += [task] if isinstance(task, asyncio.Task) else []
        return found

    async def run(self, stop: asyncio.Event) -> None:
        """Start, wait until `stop` is set or a background task ends, stop. Raises LifecycleError on such an end."""
        await self.start()
        waiter = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([waiter, *self.tasks()], return_when=asyncio.FIRST_COMPLETED)
            dead = [task for task in done if task is not waiter]
            if dead and not stop.is_set():
                task = dead[0]
                cause = None if task.cancelled() else task.exception()
                raise LifecycleError(f"{task.get_name()} ended: {cause or 'without an error'}") from cause
        finally:
            waiter.cancel()
            await self.stop()


def _is_ready(component: Component) -> bool:
    said = getattr(component, "ready", True)
    return bool(said() if callable(said) else said)


def _dead(component: Component) -> bool:
    task = getattr(component, "task", None)
    return isinstance(task, asyncio.Task) and task.done()
