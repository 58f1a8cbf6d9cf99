"""Health of the agent, told every few seconds: what it has, what it lost, what is wrong and what to do about it."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from sixfold.agent.collect import Source
from sixfold.agent.counters import Counters
from sixfold.agent.receive import ReceiverStatus
from sixfold.agent.spool import Spool
from sixfold.api.agent.v1 import agent_pb2 as pb
from sixfold.api.flow.schema import FLOW

MAX_COUNTERS = 2_000


def troubles(
    statuses: Sequence[ReceiverStatus], spool: Spool, counters: Counters, bus: Sequence[str]
) -> list[str]:
    """One sentence a trouble, with its remedy; empty when all is well."""
    found = [status.remedy for status in statuses if status.remedy]
    found += bus
    waiting = spool.status()
    if waiting.bytes > waiting.limit_bytes // 2:
        found.append(
            f"the spool holds {waiting.bytes >> 20} of {waiting.limit_bytes >> 20} MiB; "
            "bring the bus back, or raise spool.max_bytes before the oldest batches are given up"
        )
    if waiting.held_batches:
        found.append(
            f"the disk of state_dir takes no batches; {waiting.held_batches} are in memory only, lost if the agent "
            "is killed: free some space, or give it another disk"
        )
    if waiting.dropped_batches:
        found.append(f"{waiting.dropped_batches} batches ({waiting.dropped_rows} rows) were given up")
    if lost := counters.total("sets_without_template"):
        found.append(
            f"{lost} data sets came without their template; let the exporters send templates more often"
        )
    if unknown := counters.total("flows_unknown_sampling"):
        found.append(
            f"{unknown} flows have no known sampling rate; let the exporter send it, or set netflow.sampling"
        )
    return found


def within(counters: Counters, most: int) -> dict[str, int]:
    """The counters, at most so many: those of the names with the most label sets are summed up by name."""
    found = counters.snapshot()
    while len(found) > most:
        names = Counter(name.partition("{")[0] for name in found)
        largest, _ = names.most_common(1)[0]
        found = {name: n for name, n in found.items() if name.partition("{")[0] != largest}
        found[largest] = counters.total(largest)
    return found


def heartbeat(
    *,
    gateway: str,
    epoch: str,
    started: datetime,
    sources: Sequence[Source],
    spool: Spool,
    counters: Counters,
    bus: Sequence[str],
    known: Callable[[], tuple[int, int]],
    generations: tuple[int, int] = (0, 0),
) -> pb.Heartbeat:
    """known: (exporters, templates). generations: of the configuration and of the valid sources."""
    statuses = [source.receiver.status() for source in sources]
    waiting = spool.status()
    snapshot = counters.snapshot()
    exporters, templates = known()
    beat = pb.Heartbeat(
        gateway=gateway,
        agent_version=version("sixfold-agent"),
        epoch=epoch,
        flow_schema=FLOW.version,
        counters=within(counters, MAX_COUNTERS),
        troubles=troubles(statuses, spool, counters, bus),
        exporters=exporters,
        templates=templates,
        configuration_generation=generations[0],
        sources_generation=generations[1],
        spool=pb.Spool(
            batches=waiting.batches,
            bytes=waiting.bytes,
            limit_bytes=waiting.limit_bytes,
            dropped_batches=waiting.dropped_batches,
            dropped_flows=waiting.dropped_rows,
        ),
        listeners=[
            pb.Listener(
                protocol=source.protocol,
                address=status.host,
                port=status.port,
                datagrams=snapshot.get(f'datagrams_received{{port="{status.port}"}}', 0),
                kernel_drops=status.drops,
                receive_buffer_bytes=status.size,
            )
            for source, status in zip(sources, statuses, strict=True)
        ],
    )
    beat.time.FromDatetime(datetime.now(UTC))
    beat.started.FromDatetime(started)
    return beat
