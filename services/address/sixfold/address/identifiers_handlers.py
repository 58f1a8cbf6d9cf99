"""Interface identifiers of terminals by RFC 7217: stable in a network, and strangers to each other across networks."""

from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network

from sixfold.address.domain.book import Book
from sixfold.address.domain.prefix import PrefixError, parse_prefix
from sixfold.address.domain.values import RefusedError
from sixfold.api.addressing.errors import AddressingError
from sixfold.api.addressing.opaque_iid import stable_iid

LONGEST_TERMINAL = 128
LONGEST_INTERFACE = 64


class OpaqueIdentifiers:
    """`key` is the secret key of RFC 7217, one for all networks of this centre."""

    def __init__(self, key: bytes, book: Callable[[], Book]) -> None:
        self._key = key
        self._book = book

    def assign(
        self, network: str, terminal: str, interface: str, dad_counter: int
    ) -> tuple[IPv6Address, int, int]:
        """(address, interface identifier, DAD counter). Raises RefusedError."""
        prefix = self._network(network)
        if not 1 <= len(terminal.encode()) <= LONGEST_TERMINAL:
            raise RefusedError("invalid", "TERMINAL_MALFORMED", "1 to 128 characters", "terminal")
        if len(interface.encode()) > LONGEST_INTERFACE or "\0" in terminal + interface:
            raise RefusedError(
                "invalid", "INTERFACE_MALFORMED", "at most 64 characters, none of them NUL", "interface"
            )
        try:
            # The terminal and its interface are together what RFC 7217 calls Net_Iface: here the network computes.
            identifier, counter = stable_iid(
                self._key, prefix, f"{terminal}\0{interface}", dad_counter=dad_counter
            )
        except (AddressingError, OverflowError) as error:
            raise RefusedError("invalid", "COUNTER_OUT_OF_RANGE", str(error), "dad_counter") from error
        return prefix[identifier], identifier, counter

    def _network(self, text: str) -> IPv6Network:
        try:
            prefix = parse_prefix(text)
        except PrefixError as error:
            raise RefusedError("invalid", "PREFIX_MALFORMED", str(error), "network") from error
        if ":" not in text or prefix.length != 64:
            raise RefusedError("invalid", "PREFIX_MALFORMED", f"{text} is no /64 of IPv6", "network")
        if self._book().root_at(prefix.network) is None:
            raise RefusedError("unknown", "ADDRESS_UNMANAGED", f"{text} lies in no pool", "network")
        return IPv6Network((prefix.network, 64))
