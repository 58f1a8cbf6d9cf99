"""The kinds of batches that are loaded: from which stream, into which table."""

from dataclasses import dataclass
from typing import Final

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from sixfold.api.flow.schema import FLOW, INTERFACE_COUNTER, NAT_SESSION, BatchSchema
from sixfold.api.subjects import EXPORTER_STREAM, FLOW_STREAM, NAT_STREAM


@dataclass(frozen=True, slots=True)
class Kind:
    schema: BatchSchema
    stream: str
    prefix: str
    """First token of the subjects."""
    table: str
    share: int
    """Its stream may hold this part of 16 of the bytes that the flow stream may hold."""
    partitioned: bool = True

    def subject(self, partition: int) -> str:
        return f"{self.prefix}.{partition}.*" if self.partitioned else f"{self.prefix}.>"


KINDS: Final = (
    Kind(FLOW, FLOW_STREAM, "flow", "flows", 16),
    Kind(NAT_SESSION, NAT_STREAM, "nat", "nat_sessions", 4),
    Kind(INTERFACE_COUNTER, EXPORTER_STREAM, "counter", "interface_counters", 1, partitioned=False),
)


def stream_config(kind: Kind, max_bytes: int, retention: RetentionPolicy) -> StreamConfig:
    """Full means refused, never forgotten: see docs/adr/0003."""
    return StreamConfig(
        name=kind.stream,
        subjects=[f"{kind.prefix}.>"],
        description=f"batches of the schema {kind.schema.name}, until every reader has them",
        retention=retention,
        discard=DiscardPolicy.NEW,
        storage=StorageType.FILE,
        max_bytes=max_bytes * kind.share // 16,
        duplicate_window=120,
        allow_direct=True,
    )
