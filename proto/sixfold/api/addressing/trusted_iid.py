"""Identity-bearing interface identifiers: pseudonym, coarse time and check bits, enciphered over 64 bits by FF1.

Plaintext, the most significant first: pseudonym (40) | time (8) | check (16, zero). The time counts units since the
epoch began. The key is one per prefix and epoch and belongs to the trace desk alone; without it the identifier looks
like any random one. See docs/operators/identity-bearing-addresses.md.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Final

from sixfold.api.addressing.errors import AddressingError
from sixfold.api.addressing.ff1 import BlockFunction, decrypt_bits, encrypt_bits
from sixfold.api.addressing.opaque_iid import is_reserved

PSEUDONYM_BITS: Final = 40
MASTER_KEY_BYTES: Final = 32
_UNUSABLE_PSEUDONYMS: Final = (0, 0x02005EFFFE)
"""Nobody; and the one whose plaintext would be a reserved identifier, over which a cycle walk must not go."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the 24 bits beside the pseudonym are used, and how long a unit of time is. An epoch lasts at most
    2 ** time_bits units, and begins at a multiple of that since 1970."""

    time_bits: int = 8
    unit_seconds: int = 86_400

    def __post_init__(self) -> None:
        if not 1 <= self.time_bits <= 16:
            raise AddressingError("time_bits", f"{self.time_bits} is not in 1 to 16: 8 check bits at least")
        if self.unit_seconds < 1:
            raise AddressingError("unit_seconds", "is less than a second")

    @property
    def check_bits(self) -> int:
        return 64 - PSEUDONYM_BITS - self.time_bits

    @property
    def epoch_seconds(self) -> int:
        return self.unit_seconds << self.time_bits

    def epoch_of(self, time_ms: int) -> int:
        """Number of the epoch of a time in UTC milliseconds since 1970."""
        return time_ms // (1000 * self.epoch_seconds)

    def unit_of(self, time_ms: int) -> int:
        """Units since the epoch began."""
        return time_ms // (1000 * self.unit_seconds) & ((1 << self.time_bits) - 1)

    def epochs_for(self, time_ms: int, lifetime_seconds: int) -> tuple[int, ...]:
        """Epochs in which an address may have been made that was seen at a time, the newest first."""
        oldest = self.epoch_of(max(0, time_ms - 1000 * lifetime_seconds))
        return tuple(range(self.epoch_of(time_ms), oldest - 1, -1))

    def false_accept_rate(self, lifetime_seconds: int) -> float:
        """Probability that a random identifier resolves to some pseudonym at one time of observation: units of time
        that are accepted, out of 2 ** 24 values of time and check. Over all keys that are tried; a pseudonym that is
        then not enrolled refuses most of these too."""
        units = lifetime_seconds // self.unit_seconds + 2
        return min(1.0, units / (1 << (64 - PSEUDONYM_BITS)))


DEFAULT_LAYOUT: Final = Layout()


@dataclass(frozen=True, slots=True)
class Identity:
    """What an identifier says. `unit_start_ms` is the beginning of the unit of time in which it was made."""

    pseudonym: int
    unit_start_ms: int


def is_usable(pseudonym: int) -> bool:
    """Whether a number may be given out as a pseudonym: 40 bits, and not one of two that cannot be enciphered."""
    return 0 <= pseudonym < 1 << PSEUDONYM_BITS and pseudonym not in _UNUSABLE_PSEUDONYMS


def derive_key(master: bytes, prefix: IPv6Network, epoch: int) -> bytes:
    """The AES-256 key of one /64 and epoch. HMAC-SHA256 as the PRF of a key derivation (NIST SP 800-108)."""
    if len(master) < MASTER_KEY_BYTES:
        raise AddressingError("master", f"{8 * len(master)} bits, at least {8 * MASTER_KEY_BYTES}")
    label = b"sixfold trusted iid v1\x00" + tweak_of(prefix, epoch)
    return hmac.digest(master, label, hashlib.sha256)


def tweak_of(prefix: IPv6Network, epoch: int) -> bytes:
    """16 bytes: the 64 bits of the prefix and the epoch's number, so that no identifier is valid elsewhere."""
    if prefix.prefixlen != 64:
        raise AddressingError("prefix", f"{prefix} is no /64")
    return prefix.network_address.packed[:8] + epoch.to_bytes(8, "big")


def make_iid(
    block: BlockFunction,
    prefix: IPv6Network,
    pseudonym: int,
    time_ms: int,
    *,
    layout: Layout = DEFAULT_LAYOUT,
) -> int:
    """The identifier of a pseudonym from `time_ms` on, under AES with the key of that prefix and epoch. It is never a
    reserved one (RFC 5453). Raises AddressingError."""
    if not is_usable(pseudonym):
        raise AddressingError("pseudonym", f"{pseudonym:#x} is none of {PSEUDONYM_BITS} bits that is in use")
    if time_ms < 0:
        raise AddressingError("time", "is before 1970")
    tweak = tweak_of(prefix, layout.epoch_of(time_ms))
    plain = (pseudonym << layout.time_bits | layout.unit_of(time_ms)) << layout.check_bits
    identifier = encrypt_bits(block, tweak, plain, 64)
    while is_reserved(identifier):
        identifier = encrypt_bits(block, tweak, identifier, 64)
    return identifier


def read_iid(
    block: BlockFunction,
    prefix: IPv6Network,
    identifier: int,
    epoch: int,
    *,
    layout: Layout = DEFAULT_LAYOUT,
) -> Identity | None:
    """What an identifier says under the key of one epoch; None where its check bits are wrong. The time is not judged
    yet: see `resolve_iid`."""
    if is_reserved(identifier):
        return None
    tweak = tweak_of(prefix, epoch)
    plain = decrypt_bits(block, tweak, identifier, 64)
    while is_reserved(plain):
        plain = decrypt_bits(block, tweak, plain, 64)
    if plain & ((1 << layout.check_bits) - 1):
        return None
    pseudonym = plain >> (64 - PSEUDONYM_BITS)
    if not is_usable(pseudonym):
        return None
    unit = plain >> layout.check_bits & ((1 << layout.time_bits) - 1)
    start = (epoch << layout.time_bits) + unit
    return Identity(pseudonym, start * layout.unit_seconds * 1000)


def resolve_iid(
    block_of_epoch: Callable[[int], BlockFunction | None],
    prefix: IPv6Network,
    identifier: int,
    time_ms: int,
    *,
    lifetime_seconds: int,
    layout: Layout = DEFAULT_LAYOUT,
) -> Identity | None:
    """Who made the identifier that was seen at `time_ms`, when an address lives at most `lifetime_seconds`; None for a
    random or foreign one, one that is too old, one from later than it was seen, or more than one reading.

    `block_of_epoch` gives AES under the key of that prefix and epoch, None where the key has been erased.
    """
    found: list[Identity] = []
    for epoch in layout.epochs_for(time_ms, lifetime_seconds):
        block = block_of_epoch(epoch)
        said = read_iid(block, prefix, identifier, epoch, layout=layout) if block is not None else None
        if said is not None and _was_alive(said, time_ms, lifetime_seconds, layout):
            found.append(said)
    return found[0] if len(found) == 1 else None


def _was_alive(said: Identity, time_ms: int, lifetime_seconds: int, layout: Layout) -> bool:
    latest = said.unit_start_ms + 1000 * (layout.unit_seconds + lifetime_seconds)
    return said.unit_start_ms <= time_ms < latest
