"""A labelled attack as flows, and how its columns are made."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sixfold.api.flow.schema import ADDRESS, FLOW
from sixfold.security.domain.addresses import covers, parse_network

Columns = dict[str, npt.NDArray[Any]]
Network = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Case:
    """One attack. `hosts`: whom a right signal is about. `expected`: detectors that should see it."""

    name: str
    columns: Columns
    hosts: tuple[Network, ...]
    expected: frozenset[str]
    begins: int
    ends: int
    source: str = ""

    @property
    def flows(self) -> int:
        return len(self.columns["time_end"])

    def concerns(self, network: Network) -> bool:
        return any(covers(network, host) or covers(host, network) for host in self.hosts)

    def at(self, begins: int, name: str | None = None) -> "Case":
        """The same at another time."""
        by = begins - self.begins
        columns = dict(self.columns)
        for column in ("time_start", "time_end", "time_received"):
            columns[column] = columns[column] + by
        return replace(self, name=name or self.name, columns=columns, begins=begins, ends=self.ends + by)


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    return tuple(parse_network(text) for text in texts)


def addresses(
    first: str, offsets: npt.NDArray[Any] | Sequence[int] | int = 0, count: int = 1
) -> npt.NDArray[np.uint8]:
    """`first` and what lies so far behind it, `(n, 16)`."""
    address = ipaddress.ip_address(first)
    number = int(address) if address.version == 6 else 0xFFFF << 32 | int(address)
    many = [offsets] * count if isinstance(offsets, int) else [int(one) for one in offsets]
    octets = b"".join((number + one).to_bytes(16, "big") for one in many)
    return np.frombuffer(octets, np.uint8).reshape(-1, 16)


def flows(count: int, **values: Any) -> Columns:
    """Columns of FLOW: arrays, single values or addresses as text; what is left out is zero."""
    made: Columns = {}
    for column in FLOW.columns:
        given = values.get(column.name)
        if column.kind == ADDRESS:
            if given is None:
                made[column.name] = np.zeros((count, 16), np.uint8)
            else:
                made[column.name] = (
                    addresses(given, 0, count) if isinstance(given, str) else np.asarray(given)
                )
        else:
            filled: npt.NDArray[Any] = np.zeros(count, column.dtype)
            if given is not None:
                filled[:] = given
            made[column.name] = filled
    if "sampling_rate" not in values:
        made["sampling_rate"][:] = 1
    made["time_received"] = made["time_end"].copy()
    if "exporter" not in values:
        made["exporter"] = addresses("192.0.2.254", 0, count)
    return made


def joined(parts: Sequence[Mapping[str, npt.NDArray[Any]]]) -> Columns:
    return {column.name: np.concatenate([part[column.name] for part in parts]) for column in FLOW.columns}


def chosen(columns: Mapping[str, npt.NDArray[Any]], rows: Any) -> Columns:
    return {name: values[rows] for name, values in columns.items()}
