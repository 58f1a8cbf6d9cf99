"""What the gateway was last told, in its folder, over restarts: two files, each written as one step."""

from pathlib import Path
from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message

from sixfold.agent.gateway.plan import Plan, PlanError, Reader, ValidSource, read_plan, valid_source
from sixfold.api.agent.v1 import agent_pb2 as pb

CONFIGURATION: Final = "configuration.binpb"
SOURCES: Final = "sources.binpb"
M = TypeVar("M", bound=Message)


class RememberedError(RuntimeError):
    """A file that we wrote cannot be read; names it."""


def configuration(folder: Path) -> pb.ConfigureGateway | None:
    """Raises RememberedError."""
    return _read(folder / CONFIGURATION, pb.ConfigureGateway)


def sources(folder: Path) -> pb.SetValidSources:
    """All of them; generation 0 where none were told. Raises RememberedError."""
    return _read(folder / SOURCES, pb.SetValidSources) or pb.SetValidSources()


def remember(folder: Path, message: pb.ConfigureGateway | pb.SetValidSources) -> None:
    name = CONFIGURATION if isinstance(message, pb.ConfigureGateway) else SOURCES
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"{name}.new"
    fresh.write_bytes(message.SerializeToString())
    fresh.replace(folder / name)


def plan_of(message: pb.ConfigureGateway | None) -> Plan | None:
    """Of a configuration that was valid when it was remembered; None where another version finds it is not."""
    try:
        return None if message is None else read_plan(message.configuration)
    except PlanError:
        return None


def told_sources(message: pb.SetValidSources) -> tuple[ValidSource, ...]:
    """Raises PlanError."""
    reader = Reader()
    found = [valid_source(reader, f"sources[{at}]", one) for at, one in enumerate(message.sources)]
    if reader.problems:
        raise PlanError(reader.problems)
    return tuple(one for one in found if one is not None)


def merged(known: pb.SetValidSources, told: pb.SetValidSources) -> pb.SetValidSources:
    """The complete set after a command that adds to and takes from the known one."""
    now = {(one.prefix, one.interface) for one in known.sources}
    now -= {(one.prefix, one.interface) for one in told.removed}
    now |= {(one.prefix, one.interface) for one in told.sources}
    every = (pb.ValidSource(prefix=prefix, interface=interface) for prefix, interface in sorted(now))
    return pb.SetValidSources(generation=told.generation, sources=every)


def _read(path: Path, type_: type[M]) -> M | None:
    try:
        return type_.FromString(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, DecodeError) as error:
        raise RememberedError(
            f"{path} cannot be read ({error}); remove it, and have it sent again"
        ) from error
