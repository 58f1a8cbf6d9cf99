"""Format-preserving encryption FF1 (NIST SP 800-38G, algorithms 7 and 8) over a block function that is handed in.

The block function is AES under a key that only its owner knows: 16 bytes in, 16 bytes out. FF1 uses it forwards only.
Numerals are numbers below `radix`, the most significant first.
"""

from collections.abc import Callable, Sequence
from typing import Final

BlockFunction = Callable[[bytes], bytes]
_ROUNDS: Final = 10
_SMALLEST_DOMAIN: Final = 1_000_000
LONGEST_TWEAK: Final = 256


def encrypt(block: BlockFunction, radix: int, tweak: bytes, numerals: Sequence[int]) -> list[int]:
    """Raises ValueError for a text that is too short for its radix to be safe."""
    half, rest = _halves(radix, tweak, numerals)
    a, b = _number(radix, numerals[:half]), _number(radix, numerals[half:])
    step = _round_function(block, radix, tweak, len(numerals))
    for round_number in range(_ROUNDS):
        width = half if round_number % 2 == 0 else rest
        a, b = b, (a + step(round_number, b)) % radix**width
    return _numerals(radix, a, half) + _numerals(radix, b, rest)


def decrypt(block: BlockFunction, radix: int, tweak: bytes, numerals: Sequence[int]) -> list[int]:
    """The way back of `encrypt`."""
    half, rest = _halves(radix, tweak, numerals)
    a, b = _number(radix, numerals[:half]), _number(radix, numerals[half:])
    step = _round_function(block, radix, tweak, len(numerals))
    for round_number in reversed(range(_ROUNDS)):
        width = half if round_number % 2 == 0 else rest
        a, b = (b - step(round_number, a)) % radix**width, a
    return _numerals(radix, a, half) + _numerals(radix, b, rest)


def encrypt_bits(block: BlockFunction, tweak: bytes, number: int, width: int) -> int:
    """FF1 of radix 2 over the bits of a number, without taking it apart; `width` is even."""
    half, mask = _half(width)
    a, b = number >> half, number & mask
    step = _round_function(block, 2, tweak, width)
    for round_number in range(_ROUNDS):
        a, b = b, (a + step(round_number, b)) & mask
    return a << half | b


def decrypt_bits(block: BlockFunction, tweak: bytes, number: int, width: int) -> int:
    """The way back of `encrypt_bits`."""
    half, mask = _half(width)
    a, b = number >> half, number & mask
    step = _round_function(block, 2, tweak, width)
    for round_number in reversed(range(_ROUNDS)):
        a, b = (b - step(round_number, a)) & mask, a
    return a << half | b


def _half(width: int) -> tuple[int, int]:
    if width % 2 or 1 << width < _SMALLEST_DOMAIN:
        raise ValueError(f"{width} bits: an even number from 20 on is needed")
    return width // 2, (1 << width // 2) - 1


def _halves(radix: int, tweak: bytes, numerals: Sequence[int]) -> tuple[int, int]:
    if not 2 <= radix <= 1 << 16:
        raise ValueError(f"radix {radix} is not in 2 to 65536")
    if len(tweak) > LONGEST_TWEAK:
        raise ValueError(f"a tweak of {len(tweak)} bytes, at most {LONGEST_TWEAK}")
    if len(numerals) < 2 or radix ** len(numerals) < _SMALLEST_DOMAIN:
        raise ValueError(f"{len(numerals)} numerals of radix {radix} are too few to be safe")
    if any(not 0 <= numeral < radix for numeral in numerals):
        raise ValueError(f"a numeral is not below {radix}")
    return len(numerals) // 2, len(numerals) - len(numerals) // 2


def _round_function(block: BlockFunction, radix: int, tweak: bytes, count: int) -> Callable[[int, int], int]:
    """Steps 2 to 6.v: the number y for a round and the half that is fed in."""
    half = count // 2
    width = ((radix ** (count - half) - 1).bit_length() + 7) // 8
    length = 4 * ((width + 3) // 4) + 4
    head = block(
        bytes((1, 2, 1))
        + radix.to_bytes(3, "big")
        + bytes((10, half % 256))
        + count.to_bytes(4, "big")
        + len(tweak).to_bytes(4, "big")
    )
    padded = tweak + bytes((-len(tweak) - width - 1) % 16)

    def step(round_number: int, fed: int) -> int:
        data = padded + bytes((round_number,)) + fed.to_bytes(width, "big")
        mixed = head
        for at in range(0, len(data), 16):
            mixed = block(_xor(mixed, data[at : at + 16]))
        stream = mixed
        for more in range(1, (length + 15) // 16):
            stream += block(_xor(mixed, more.to_bytes(16, "big")))
        return int.from_bytes(stream[:length], "big")

    return step


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(16, "big")


def _number(radix: int, numerals: Sequence[int]) -> int:
    number = 0
    for numeral in numerals:
        number = number * radix + numeral
    return number


def _numerals(radix: int, number: int, width: int) -> list[int]:
    found = [0] * width
    for at in reversed(range(width)):
        number, found[at] = divmod(number, radix)
    return found
