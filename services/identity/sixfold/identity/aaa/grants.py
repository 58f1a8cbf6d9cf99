"""What an admitted terminal is told: how long, how often to tell, and the addresses that are its own for good."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sixfold.identity.domain.accounting import KEYS
from sixfold.identity.domain.registry import Registry
from sixfold.identity.domain.values import Binding

_IPV4: Final = 96
_LAN: Final = 64
Attribute = tuple[str, str | int]


@dataclass(frozen=True, slots=True)
class Grants:
    """`session_seconds` 0: no Session-Timeout is told."""

    session_seconds: int
    interim_seconds: int

    def of(self, registry: Registry, terminal: str) -> Iterator[Attribute]:
        """Names and values of the reply. What sessions have brought is the access server's, and not told."""
        if self.session_seconds:
            yield "Session-Timeout", self.session_seconds
        yield "Acct-Interim-Interval", self.interim_seconds
        for number in sorted(registry.bindings_of.get(terminal, ())):
            binding = registry.bindings[number]
            name = _attribute(binding)
            if name and not binding.key.startswith(KEYS):
                value = str(binding.prefix)
                yield name, value.removesuffix("/32") if name == "Framed-IP-Address" else value


def _attribute(binding: Binding) -> str:
    length = binding.prefix.length
    if binding.prefix.network >> 32 == 0xFFFF and length >= _IPV4:
        return "Framed-IP-Address" if length == 128 and not binding.is_shared else ""
    return "Framed-IPv6-Prefix" if length == _LAN else "Delegated-IPv6-Prefix" if length < _LAN else ""
