"""The agent's first half alone: receive, decode, batch, and throw away. `python -m benchmarks.decode_only PORT`."""

import signal
import sys
import time
from types import FrameType

from sixfold.agent.batch import Batcher
from sixfold.agent.counters import Counters
from sixfold.agent.netflow.collector import Collector
from sixfold.agent.receive import Receiver, wait
from sixfold.api.flow.schema import FLOW


def main() -> None:
    stopped: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        stopped.append(number)

    signal.signal(signal.SIGTERM, stop)
    counters = Counters()
    receiver = Receiver("127.0.0.1", int(sys.argv[1]), counters=counters)
    collector, batcher = Collector(counters), Batcher(FLOW)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not stopped:
        wait([receiver], 0.05)
        datagrams = receiver.poll()
        if datagrams is not None:
            for columns in collector.decode(datagrams).flows:
                batcher.add(columns)
        for sealed in batcher.poll(time.time_ns() // 1_000_000):
            sealed.release()


if __name__ == "__main__":
    main()
