# ruff: noqa: PT017 - a refusal may come or not; where it comes, it has its word
"""DHCPv6 packets: what is read out of them, and that nothing in them breaks the reader."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.address.domain.dhcpv6 import codes, writing
from sixfold.address.domain.dhcpv6.parsing import LARGEST, MalformedError, parse

from . import dhcpv6_client as client

EDGE = client.Edge(7)
SOLICIT = EDGE.solicit("::/60")
WHOLE = EDGE.message(
    client.REQUEST,
    client.association("2001:db8:1::/56", "2001:db8:2::/56", iaid=9),
    client.addresses("2001:db8::1"),
    client.option(client.RAPID),
    server=b"\0\4server",
)
RELAYED = client.through_relay(
    client.through_relay(WHOLE, "2001:db8:ff::1", "fe80::7", b"eth0/1"), "::", "fe80::8", port=1547, hops=1
)


def cause(data):
    with pytest.raises(MalformedError) as caught:
        parse(data)
    return caught.value.cause


def test_a_message_is_read_whole():
    message = parse(WHOLE).message
    assert (message.kind, message.transaction) == (codes.REQUEST, WHOLE[1:4])
    assert (message.client, message.server) == (EDGE.duid, b"\0\4server")
    (association,) = message.prefixes
    assert association.iaid == b"\0\0\0\x09"
    first, second = (int(ipaddress.IPv6Address(text)) for text in ("2001:db8:1::", "2001:db8:2::"))
    assert association.prefixes == ((first, 56), (second, 56))
    (addresses,) = message.addresses
    assert addresses.addresses == (ipaddress.IPv6Address("2001:db8::1").packed,)
    assert message.wanted == (client.DNS, client.DOMAINS)
    assert message.rapid


def test_relays_are_peeled_off_and_answers_go_back_the_same_way():
    packet = parse(RELAYED)
    assert [hop.distance for hop in packet.hops] == [1, 0]
    assert [hop.port for hop in packet.hops] == [1547, None]
    assert packet.hops[1].interface_id == b"eth0/1"
    assert packet.message == parse(WHOLE).message
    answer = writing.relayed(b"the answer", packet.hops)
    count, link, peer, interface_id, inner = client.from_relay(answer)
    assert (count, link, peer, interface_id) == (1, "::", "fe80::8", None)
    assert dict(client.options(answer[34:]))[client.RELAY_PORT] == (1547).to_bytes(2, "big")
    assert client.from_relay(inner) == (0, "2001:db8:ff::1", "fe80::7", b"eth0/1", b"the answer")


def test_what_is_written_is_read_by_others():
    network = int(ipaddress.IPv6Address("2001:db8:7::"))
    body = writing.delegation_option(
        b"\0\0\0\2", [writing.Lease(network, 48, 300, 400), writing.Lease(network, 48, 0, 90)]
    )
    told = client.read(bytes([codes.REPLY]) + b"\1\2\3" + body)
    assert told.prefixes == {2: [("2001:db8:7::/48", 300, 400), ("2001:db8:7::/48", 0, 90)]}
    assert told.times == {2: (150, 240)}
    told = client.read(b"\7\0\0\0" + writing.delegation_option(b"\0\0\0\3", (), writing.status(6, "none")))
    assert (told.prefixes, told.statuses) == ({3: []}, {3: client.NO_PREFIX})
    assert writing.domain_list(["example.net"])[4:] == b"\7example\3net\0"


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "truncated"),
        (b"\1\0\0", "truncated"),
        (b"\2\0\0\0", "unexpected-kind"),
        (b"\7\0\0\0", "unexpected-kind"),
        (client.through_relay(b"\x0d\0\0\0"), "unexpected-kind"),
        (SOLICIT[:-1], "truncated"),
        (SOLICIT + b"\0", "truncated"),
        (SOLICIT + client.option(client.CLIENT_ID, EDGE.duid), "two-client-ids"),
        (SOLICIT + client.option(client.IA_PD, bytes(11)), "bad-association"),
        (SOLICIT + client.option(client.IA_PD, bytes(12) + client.option(26, bytes(24))), "bad-prefix"),
        (SOLICIT + client.option(client.IA_PD, bytes(12) + client.option(26, b"\x81" * 25)), "bad-prefix"),
        (SOLICIT + client.option(client.IA_PD, bytes(12) + b"\0\x1a\0\x20"), "truncated"),
        (SOLICIT + client.option(client.ORO, bytes(3)), "bad-option-request"),
        (b"\1\0\0\0" + client.option(client.CLIENT_ID, bytes(131)), "bad-duid"),
        (b"\1\0\0\0" + client.option(client.CLIENT_ID), "bad-duid"),
        (SOLICIT + client.association() * 8, "too-many-associations"),
        (SOLICIT + client.option(99) * 64, "too-many-options"),
        (SOLICIT + bytes(LARGEST), "too-large"),
        (client.through_relay(b""), "truncated"),
        (client.through_relay(SOLICIT)[:33], "truncated"),
        (client.through_relay(SOLICIT) + client.option(9, SOLICIT), "two-relay-messages"),
        (client.through_relay(SOLICIT)[:34], "no-relay-message"),
        (client.through_relay(SOLICIT) + client.option(client.RELAY_PORT, b"\1"), "bad-relay-port"),
    ],
)
def test_what_is_malformed_has_its_word(data, word):
    assert cause(data) == word


def test_relays_are_bounded():
    message = SOLICIT
    for _ in range(codes.MOST_HOPS):
        message = client.through_relay(message)
    assert len(parse(message).hops) == codes.MOST_HOPS
    assert cause(client.through_relay(message)) == "too-many-relays"


@given(st.binary(max_size=600))
def test_noise_is_refused_or_read(data):
    try:
        parse(data)
    except MalformedError as error:
        assert error.cause


@given(
    st.sampled_from([SOLICIT, WHOLE, RELAYED]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
    st.integers(0, 400),
)
def test_damaged_messages_are_refused_or_read(message, damage, end):
    broken = bytearray(message)
    for place, value in damage:
        broken[place % len(broken)] = value
    for data in (bytes(broken), bytes(broken[:end])):
        try:
            packet = parse(data)
        except MalformedError as error:
            assert error.cause
        else:
            assert len(packet.hops) <= codes.MOST_HOPS
