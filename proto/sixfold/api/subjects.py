"""Names of NATS subjects and streams. One place, so that publishers, consumers and permissions agree.

A gateway id is one subject token: `[A-Za-z0-9_-]{1,64}`.
"""

import re
import zlib
from collections.abc import Mapping
from typing import Final, Literal

Centre = Literal["security", "emergency", "identity", "address", "convergence", "credit"]
CENTRES: Final[tuple[Centre, ...]] = (
    "security",
    "emergency",
    "identity",
    "address",
    "convergence",
    "credit",
)

PARTITIONS: Final = 4
FLOW_STREAM: Final = "FLOWS"
NAT_STREAM: Final = "NAT"
EXPORTER_STREAM: Final = "EXPORTERS"
COMMAND_STREAM: Final = "COMMANDS"
RECEIPT_STREAM: Final = "RECEIPTS"
COMMAND_CENTRES: Final[Mapping[str, Centre]] = {
    "alert": "emergency",
    "configuration": "address",
    "sources": "identity",
    "policy": "security",
}
"""The kinds of commands, and the centre that may send each."""
HEARTBEAT_STREAM: Final = "HEARTBEATS"
REPORT_STREAM: Final = "REPORTS"
DEAD_LETTER_STREAM: Final = "DEAD"

_GATEWAY = re.compile(r"[A-Za-z0-9_-]{1,64}")


def gateway_token(gateway: str) -> str:
    """Return `gateway` if it can be one subject token; raise ValueError otherwise."""
    if not _GATEWAY.fullmatch(gateway):
        raise ValueError(f"gateway id {gateway!r} is not 1 to 64 of letters, digits, '-' and '_'")
    return gateway


def partition_of(gateway: str, partitions: int = PARTITIONS) -> int:
    """The partition that all batches of one gateway go to; stable over processes and releases."""
    return zlib.crc32(gateway.encode()) % partitions


def flow_subject(gateway: str, partitions: int = PARTITIONS) -> str:
    return f"flow.{partition_of(gateway, partitions)}.{gateway_token(gateway)}"


def nat_subject(gateway: str, partitions: int = PARTITIONS) -> str:
    return f"nat.{partition_of(gateway, partitions)}.{gateway_token(gateway)}"


def counter_subject(gateway: str) -> str:
    """Interface counter samples (sFlow) of the exporters behind one gateway."""
    return f"counter.{gateway_token(gateway)}"


def heartbeat_subject(gateway: str) -> str:
    return f"heartbeat.{gateway_token(gateway)}"


def command_subject(gateway: str, kind: str) -> str:
    """`command.<gateway>.<kind>`, for example `command.gw-1.alert`."""
    return f"command.{gateway_token(gateway)}.{kind}"


def receipt_subject(gateway: str) -> str:
    return f"receipt.{gateway_token(gateway)}"


def report_subject(gateway: str, kind: str) -> str:
    """`report.<gateway>.<kind>`: what an agent has seen on its gateway, for example `spoofed-source`."""
    return f"report.{gateway_token(gateway)}.{kind}"


def event_subject(centre: str, event_type: str, version: int = 1) -> str:
    """`event.<centre>.<type>.v<version>`: a fact that a centre has appended to its ledger."""
    return f"event.{centre}.{event_type}.v{version}"


def ledger_stream(centre: str) -> str:
    return f"LEDGER_{centre.upper()}"


def dead_letter_subject(consumer: str) -> str:
    return f"dead.{consumer}"
