import pytest

from sixfold.address.domain.prefix import Prefix, PrefixError, from_packed, parse_address, parse_prefix


@pytest.mark.parametrize(
    "text", ["2001:db8::/32", "ff00::/8", "192.0.2.0/24", "0.0.0.0/0", "2001:db8::1/128"]
)
def test_text_and_bytes_round_trip(text):
    prefix = parse_prefix(text)
    assert str(prefix) == text
    assert from_packed(prefix.packed, prefix.length) == prefix


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2001:db8::/129", "129"),
        ("192.0.2.0/33", "33"),
        ("2001:db8::1/64", "host bits"),
        ("2001:db8::", "no /length"),
        ("::/0", "covers ::ffff:0:0/96"),
        ("::ffff:0:0/97", "write IPv4 prefixes as IPv4"),
        ("fe80::%eth0/64", "zone"),
        ("", "no /length"),
        ("x/1", "not appear"),
    ],
)
def test_what_is_no_prefix_is_told(text, why):
    with pytest.raises(PrefixError, match=why):
        parse_prefix(text)


def test_families_share_one_space_without_meeting():
    four, six = parse_prefix("192.0.2.0/24"), parse_prefix("2001:db8::/32")
    assert four.length == 120
    assert four.is_ipv4
    assert four.family_length == 24
    assert not six.is_ipv4
    assert not four.overlaps(six)
    assert four.holds(Prefix(parse_address("192.0.2.7"), 128))
