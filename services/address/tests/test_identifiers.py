"""Opaque identifiers that the centre assigns: stable, apart from each other, and refused with a reason."""

import pytest

from sixfold.address.adapters.key_files import KeyFileError, key_from
from sixfold.address.domain import pools
from sixfold.address.domain.book import Book, evolve
from sixfold.address.domain.values import PoolWish, RefusedError
from sixfold.address.identifiers_handlers import OpaqueIdentifiers
from sixfold.api.addressing.opaque_iid import is_reserved

NETWORK = "2001:db8:0:1::/64"


@pytest.fixture
def identifiers():
    book = Book()
    wish = PoolWish("home", "", "2001:db8::/40", 0, "", 48, 64, 3600, 60, "dense")
    for event in pools.create_pool(book, wish, 1_700_000_000_000):
        evolve(book, event)
    return OpaqueIdentifiers(bytes(range(32)), lambda: book)


def test_a_terminal_comes_back_to_its_address_and_is_a_stranger_elsewhere(identifiers):
    address, identifier, counter = identifiers.assign(NETWORK, "t-1", "", 0)
    assert identifiers.assign(NETWORK, "t-1", "", 0) == (address, identifier, counter)
    assert int(address) & (1 << 64) - 1 == identifier
    others = [
        ("2001:db8:0:2::/64", "t-1", "", 0),
        (NETWORK, "t-2", "", 0),
        (NETWORK, "t-1", "eth1", 0),
        (NETWORK, "t-1", "", 1),
        (NETWORK, "t-", "1", 0),
    ]
    found = {identifiers.assign(*one)[1] for one in others} | {identifier}
    assert len(found) == 6
    assert not any(is_reserved(one) for one in found)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (("2001:db8::/63", "t-1", "", 0), "PREFIX_MALFORMED"),
        (("2001:db8::1/64", "t-1", "", 0), "PREFIX_MALFORMED"),
        (("2001:db8::/129", "t-1", "", 0), "PREFIX_MALFORMED"),
        (("192.0.2.0/24", "t-1", "", 0), "PREFIX_MALFORMED"),
        (("2001:db9::/64", "t-1", "", 0), "ADDRESS_UNMANAGED"),
        ((NETWORK, "", "", 0), "TERMINAL_MALFORMED"),
        ((NETWORK, "t" * 129, "", 0), "TERMINAL_MALFORMED"),
        ((NETWORK, "t-1", "i" * 65, 0), "INTERFACE_MALFORMED"),
        ((NETWORK, "t-1", "a\0b", 0), "INTERFACE_MALFORMED"),
    ],
)
def test_what_cannot_be_is_refused(identifiers, asked, reason):
    with pytest.raises(RefusedError) as caught:
        identifiers.assign(*asked)
    assert caught.value.reason == reason


@pytest.mark.parametrize("text", [None, "secret words", "00" * 31])
def test_a_key_that_cannot_be_used_is_told_without_what_is_in_it(tmp_path, text):
    file = tmp_path / "key"
    if text is not None:
        file.write_text(text)
    with pytest.raises(KeyFileError, match="identifier_key_file") as caught:
        key_from(file, "identifier_key_file")
    assert text is None or text not in str(caught.value)
