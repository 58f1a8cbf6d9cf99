"""Order of start and stop, failed starts, dead tasks."""

import asyncio

import pytest

from sixfold.chassis.lifecycle import Background, Lifecycle, LifecycleError


class Part:
    def __init__(self, name: str, log: list[str], *, fails: bool = False, hangs: bool = False) -> None:
        self.name, self.log, self.fails, self.hangs = name, log, fails, hangs

    async def start(self) -> None:
        if self.fails:
            raise OSError("no disk")
        self.log.append(f"+{self.name}")

    async def stop(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        self.log.append(f"-{self.name}")


async def test_starts_in_order_and_stops_in_reverse() -> None:
    log: list[str] = []
    life = Lifecycle([Part("a", log), Part("b", log)])
    assert life.unready() == ["a", "b"]
    await life.start()
    assert life.ready
    await life.stop()
    assert log == ["+a", "+b", "-b", "-a"]


async def test_a_failed_start_stops_what_runs_and_names_the_culprit() -> None:
    log: list[str] = []
    with pytest.raises(LifecycleError, match="b did not start: no disk"):
        await Lifecycle([Part("a", log), Part("b", log, fails=True)]).start()
    assert log == ["+a", "-a"]


async def test_a_part_that_does_not_stop_is_left_behind() -> None:
    log: list[str] = []
    life = Lifecycle([Part("a", log), Part("b", log, hangs=True)], drain_timeout=0.01)
    await life.start()
    await life.stop()
    assert log == ["+a", "+b", "-a"]


async def test_a_dead_background_task_stops_the_daemon() -> None:
    log: list[str] = []

    async def die() -> None:
        raise ValueError("out of luck")

    with pytest.raises(LifecycleError, match="worker ended: out of luck"):
        await Lifecycle([Part("a", log), Lifecycle([Background("worker", die)])]).run(asyncio.Event())
    assert log == ["+a", "-a"]


async def test_runs_until_told_to_stop() -> None:
    log: list[str] = []
    stop = asyncio.Event()

    async def forever() -> None:
        stop.set()
        await asyncio.Event().wait()

    await Lifecycle([Part("a", log), Background("worker", forever)]).run(stop)
    assert log == ["+a", "-a"]
