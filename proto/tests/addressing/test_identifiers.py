"""Interface identifiers: opaque ones, FF1's own samples, identity-bearing ones and how rarely they are believed
wrongly."""

import hashlib
import random
import sys
from ipaddress import IPv6Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.api.addressing import ff1
from sixfold.api.addressing.errors import AddressingError
from sixfold.api.addressing.opaque_iid import is_reserved, opaque_iid, stable_iid
from sixfold.api.addressing.trusted_iid import (
    DEFAULT_LAYOUT,
    Identity,
    Layout,
    derive_key,
    is_usable,
    make_iid,
    read_iid,
    resolve_iid,
)

sys.path.insert(0, str(Path(__file__).parent))
from aes import aes

PREFIX = IPv6Network("2001:db8:1:2::/64")
KEY = bytes(range(32))
DAY = 86_400_000
NOW = 1_795_000_000_000


@pytest.mark.parametrize(
    ("network", "counter", "identifier"),
    [
        ("", 0, 0x41C3F7B62D49CD06),
        ("", 1, 0x82D3CF01997AFAD7),
        ("campus", 0, 0x02067B8BC02D43DB),
        ("campus", 1, 0x97A8BE6CF77F7835),
    ],
)
def test_opaque_identifiers(network, counter, identifier):
    assert opaque_iid(KEY, PREFIX, "eth0", network=network, dad_counter=counter) == identifier
    assert stable_iid(KEY, PREFIX, "eth0", network=network, dad_counter=counter) == (identifier, counter)


@pytest.mark.parametrize(
    ("identifier", "reserved"),
    [
        (0, True), (1, False),
        (0xFDFFFFFFFFFFFF7F, False), (0xFDFFFFFFFFFFFF80, True), (0xFDFFFFFFFFFFFFFF, True),
        (0xFE00000000000000, False),
        (0x02005EFFFDFFFFFF, False), (0x02005EFFFE000000, True), (0x02005EFFFEFFFFFF, True),
        (0x02005EFFFF000000, False),
    ],
)  # fmt: skip
def test_reserved_identifiers(identifier, reserved):
    assert is_reserved(identifier) is reserved


def test_a_reserved_identifier_is_passed_over(monkeypatch):
    answers = iter([0, 0xFDFFFFFFFFFFFF80, 77])
    monkeypatch.setattr("sixfold.api.addressing.opaque_iid.opaque_iid", lambda *_, **__: next(answers))
    assert stable_iid(KEY, PREFIX, "eth0") == (77, 2)


def test_a_short_key_is_refused():
    with pytest.raises(AddressingError, match="128"):
        opaque_iid(b"short", PREFIX, "eth0")


K128 = "2B7E151628AED2A6ABF7158809CF4F3C"
K192 = K128 + "EF4359D8D580AA4F"
K256 = K192 + "7F036D6F04FC6A94"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def test_the_block_function_of_these_tests_is_aes():
    plain = bytes.fromhex("00112233445566778899aabbccddeeff")
    assert aes(bytes(range(16)))(plain).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
    assert aes(bytes(range(24)))(plain).hex() == "dda97ca4864cdfe06eaf70a0ec0d7191"
    assert aes(bytes(range(32)))(plain).hex() == "8ea2b7ca516745bfeafc49904b496089"


@pytest.mark.parametrize(
    ("key", "radix", "tweak", "plain", "cipher"),
    [
        (K128, 10, "", "0123456789", "2433477484"),
        (K128, 10, "39383736353433323130", "0123456789", "6124200773"),
        (K128, 36, "3737373770717273373737", "0123456789abcdefghi", "a9tv40mll9kdu509eum"),
        (K192, 10, "", "0123456789", "2830668132"),
        (K192, 10, "39383736353433323130", "0123456789", "2496655549"),
        (K192, 36, "3737373770717273373737", "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"),
        (K256, 10, "", "0123456789", "6657667009"),
        (K256, 10, "39383736353433323130", "0123456789", "1001623463"),
        (K256, 36, "3737373770717273373737", "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
    ],
    ids=range(1, 10),
)
def test_the_samples_of_sp_800_38g(key, radix, tweak, plain, cipher):
    block, tweaked = aes(bytes.fromhex(key)), bytes.fromhex(tweak)
    numerals = [DIGITS.index(letter) for letter in plain]
    found = ff1.encrypt(block, radix, tweaked, numerals)
    assert "".join(DIGITS[numeral] for numeral in found) == cipher
    assert ff1.decrypt(block, radix, tweaked, found) == numerals


def quick(key):
    """A stand-in of AES, a pseudorandom function, which is all that FF1 needs of it."""
    return lambda data: hashlib.blake2b(data, key=key[:64], digest_size=16).digest()


@given(st.integers(0, 2**64 - 1), st.binary(max_size=40), st.sampled_from([20, 40, 64]))
def test_bits_are_numerals_of_radix_2(number, tweak, width):
    number &= (1 << width) - 1
    block = quick(b"k")
    found = ff1.encrypt_bits(block, tweak, number, width)
    bits = [int(bit) for bit in f"{number:0{width}b}"]
    assert ff1.encrypt(block, 2, tweak, bits) == [int(bit) for bit in f"{found:0{width}b}"]
    assert ff1.decrypt_bits(block, tweak, found, width) == number


@pytest.mark.parametrize(("radix", "numerals"), [(1, [0] * 30), (10, [1] * 5), (10, [10] * 8), (2, [])])
def test_texts_that_ff1_does_not_take(radix, numerals):
    with pytest.raises(ValueError):  # noqa: PT011
        ff1.encrypt(quick(b"k"), radix, b"", numerals)


def block_of_epoch(epoch):
    return quick(derive_key(KEY, PREFIX, epoch))


@given(
    st.integers(0, 2**40 - 1).filter(is_usable),
    st.integers(0, 20),
    st.integers(NOW - 300 * DAY, NOW + 300 * DAY),
)
def test_who_made_an_identifier_is_found_while_it_lives(pseudonym, days, time):
    made = make_iid(block_of_epoch(DEFAULT_LAYOUT.epoch_of(time)), PREFIX, pseudonym, time)
    assert not is_reserved(made)
    seen = time + days * DAY
    found = resolve_iid(block_of_epoch, PREFIX, made, seen, lifetime_seconds=7 * 86_400)
    if days <= 7:
        assert found == Identity(pseudonym, time - time % DAY)
    elif days > 8:
        assert found is None


def test_with_aes_it_is_the_same():
    epoch = DEFAULT_LAYOUT.epoch_of(NOW)
    block = aes(derive_key(KEY, PREFIX, epoch))
    made = make_iid(block, PREFIX, 0x12_3456_789A, NOW)
    assert read_iid(block, PREFIX, made, epoch).pseudonym == 0x12_3456_789A


def test_nothing_is_said_elsewhere_earlier_or_without_the_key():
    epoch = DEFAULT_LAYOUT.epoch_of(NOW)
    made = make_iid(block_of_epoch(epoch), PREFIX, 7, NOW)
    week = {"lifetime_seconds": 604_800}
    assert resolve_iid(block_of_epoch, IPv6Network("2001:db8:1:3::/64"), made, NOW, **week) is None
    assert resolve_iid(block_of_epoch, PREFIX, made, NOW - 2 * DAY, **week) is None
    assert resolve_iid(lambda _: None, PREFIX, made, NOW, **week) is None
    assert resolve_iid(block_of_epoch, PREFIX, 0, NOW, **week) is None


@pytest.mark.parametrize("pseudonym", [0, 2**40, -1, 0x02005EFFFE])
def test_pseudonyms_that_cannot_be(pseudonym):
    with pytest.raises(AddressingError):
        make_iid(quick(KEY), PREFIX, pseudonym, NOW)


def test_a_reserved_ciphertext_is_enciphered_again(monkeypatch):
    """The chance is 2^-39, so it is arranged: the identifier found first counts as reserved."""
    epoch = DEFAULT_LAYOUT.epoch_of(NOW)
    block = block_of_epoch(epoch)
    first = make_iid(block, PREFIX, 7, NOW)
    monkeypatch.setattr(
        "sixfold.api.addressing.trusted_iid.is_reserved",
        lambda number: number == first or is_reserved(number),
    )
    second = make_iid(block, PREFIX, 7, NOW)
    assert second != first
    assert read_iid(block, PREFIX, second, epoch).pseudonym == 7


def test_random_identifiers_are_believed_as_rarely_as_stated():
    """With 8 check bits and 16 of time one of 256 has right check bits; 6 of 65,536 values of time are accepted."""
    layout = Layout(time_bits=16, unit_seconds=3600)
    epoch = layout.epoch_of(NOW)
    block = block_of_epoch(epoch)
    source = random.Random(20260101)
    tries = 40_000
    read = [read_iid(block, PREFIX, source.getrandbits(64), epoch, layout=layout) for _ in range(tries)]
    right = [said for said in read if said is not None]
    expected = tries / 256
    assert abs(len(right) - expected) < 5 * expected**0.5
    in_time = [said for said in right if NOW - 5 * 3_600_000 <= said.unit_start_ms <= NOW]
    assert len(in_time) <= 1
    assert layout.false_accept_rate(4 * 3600) == pytest.approx(6 / 2**24)
    assert DEFAULT_LAYOUT.false_accept_rate(7 * 86_400) == pytest.approx(9 / 2**24)
