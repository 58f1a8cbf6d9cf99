"""The collector looks less often while a service runs, and as before afterwards."""

import gc

from sixfold.chassis.collector import SparingCollector


async def test_what_stands_is_left_alone_until_the_stop():
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    collector = SparingCollector()
    await collector.start()
    try:
        assert gc.get_threshold()[0] > before[0]
        assert gc.get_freeze_count() > frozen
        # Cycles that are made afterwards are found all the same.
        cycle = []
        cycle.append(cycle)
        del cycle
        assert gc.collect() >= 1
    finally:
        await collector.stop()
    assert gc.get_threshold() == before
    await collector.stop()
