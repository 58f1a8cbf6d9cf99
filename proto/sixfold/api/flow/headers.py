"""Headers of a flow or NAT-session batch on the bus.

`Nats-Msg-Id` is `<kind>:<gateway>:<epoch>:<sequence>`. `epoch` is chosen once per agent state directory and stays over
restarts and kills; a new one begins where the agent cannot know which numbers it gave (after a loss of power, or for
what it holds in memory because the disk takes nothing). `sequence` grows by one per sealed batch of that kind, from 1.
`floor` is the lowest sequence that the agent still holds unacknowledged when it sends this one: what is below was
acknowledged by the stream, or given up, and is not sent any more. It says nothing of what a reader has read.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sixfold.api.flow.codec import BatchMalformedError


@dataclass(frozen=True, slots=True)
class BatchHeaders:
    schema: str
    gateway: str
    exporter: str
    """Address of the one exporter in the batch, or `*` where there are several (see the column)."""
    epoch: str
    sequence: int
    floor: int
    count: int
    time_first: int
    time_last: int
    traceparent: str = ""

    @property
    def batch_id(self) -> str:
        kind = self.schema.partition("/")[0]
        return f"{kind}:{self.gateway}:{self.epoch}:{self.sequence}"

    def to_nats(self) -> dict[str, str]:
        headers = {
            "Nats-Msg-Id": self.batch_id,
            "Sixfold-Schema": self.schema,
            "Sixfold-Gateway": self.gateway,
            "Sixfold-Exporter": self.exporter,
            "Sixfold-Epoch": self.epoch,
            "Sixfold-Sequence": str(self.sequence),
            "Sixfold-Floor": str(self.floor),
            "Sixfold-Count": str(self.count),
            "Sixfold-Time-First": str(self.time_first),
            "Sixfold-Time-Last": str(self.time_last),
        }
        if self.traceparent:
            headers["traceparent"] = self.traceparent
        return headers

    @classmethod
    def from_nats(cls, headers: Mapping[str, str] | None) -> "BatchHeaders":
        """Raises BatchMalformedError naming the header that is absent or no number."""
        values = headers or {}
        try:
            return cls(
                schema=values["Sixfold-Schema"],
                gateway=values["Sixfold-Gateway"],
                exporter=values.get("Sixfold-Exporter", "*"),
                epoch=values["Sixfold-Epoch"],
                sequence=int(values["Sixfold-Sequence"]),
                floor=int(values.get("Sixfold-Floor", "0")),
                count=int(values["Sixfold-Count"]),
                time_first=int(values.get("Sixfold-Time-First", "0")),
                time_last=int(values.get("Sixfold-Time-Last", "0")),
                traceparent=values.get("traceparent", ""),
            )
        except KeyError as error:
            raise BatchMalformedError(f"batch header {error.args[0]} is absent") from error
        except ValueError as error:
            raise BatchMalformedError(f"batch header is no number: {error}") from error
