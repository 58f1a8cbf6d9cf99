"""RADIUS datagrams: what is forged, cut, repeated or senseless is refused with its cause, and nothing escapes."""

import contextlib
import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad import packet as radius

from sixfold.identity.aaa.packets import PacketRefusedError, dictionary, read_access, read_accounting, record

KNOWN = dictionary()
SECRET = b"a shared secret of a test"


def access(**more):
    made = radius.AuthPacket(secret=SECRET, dict=KNOWN, message_authenticator=more.pop("signed", True))
    made.AddAttribute("User-Name", "t-1")
    made["User-Password"] = made.PwCrypt("correct horse battery")
    return made.RequestPacket()


def accounting(status=1, secret=SECRET, **attributes):
    made = radius.AcctPacket(secret=secret, dict=KNOWN)
    values = {"User-Name": "t-1", "Acct-Session-Id": "a", "Acct-Status-Type": status, **attributes}
    for name, value in values.items():
        made.AddAttribute(name.replace("_", "-"), value)
    return made.RequestPacket()


def cause(read, data):
    with pytest.raises(PacketRefusedError) as caught:
        read(data, SECRET, KNOWN)
    return caught.value.cause


def test_an_access_request_needs_a_right_message_authenticator():
    assert read_access(access(), SECRET, KNOWN)["User-Name"] == ["t-1"]
    assert cause(read_access, access(signed=False)) == "message-authenticator-missing"
    forged = bytearray(access())
    forged[-1] ^= 1
    assert cause(read_access, bytes(forged)) == "message-authenticator-wrong"


def test_an_accounting_request_needs_a_right_authenticator():
    assert cause(read_accounting, accounting(secret=b"another secret altogether")) == "authenticator-wrong"
    assert cause(read_accounting, access()) == "code-unexpected"


def test_what_it_tells_is_read():
    data = accounting(
        2,
        Delegated_IPv6_Prefix="2001:db8:7::/56",
        Framed_IP_Address="192.0.2.9",
        Acct_Session_Time=60,
        Acct_Delay_Time=5,
        Acct_Input_Octets=1,
        Acct_Input_Gigawords=2,
        Acct_Terminate_Cause=4,
    )
    told = record(read_accounting(data, SECRET, KNOWN), nas="bng", gateway="gw", now=100_000)
    assert (told.kind, told.time, told.began, told.cause) == ("stop", 95_000, 35_000, "idle-timeout")
    assert [str(one) for one in told.prefixes] == ["192.0.2.9/32", "2001:db8:7::/56"]
    assert told.input_octets == (2 << 32) + 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", "malformed"), (b"\1\2\0\x14" + bytes(15), "malformed"), (bytes(5000), "too-long")],
)
def test_what_is_no_packet_is_refused(data, expected):
    assert cause(read_access, data) == expected


@pytest.mark.parametrize(
    "attributes", [{"status": 99}, {"Acct_Session_Id": ["a", "b"]}, {"User_Name": "x" * 200}]
)
def test_senseless_records_are_refused(attributes):
    made = read_accounting(accounting(**attributes), SECRET, KNOWN)
    with pytest.raises(PacketRefusedError):
        record(made, nas="bng", gateway="gw", now=1)


@given(st.binary(max_size=200))
def test_any_attributes_under_a_right_authenticator_are_a_record_or_a_refusal(attributes):
    header = struct.pack("!BBH", 4, 7, 20 + len(attributes))
    data = header + hashlib.md5(header + bytes(16) + attributes + SECRET).digest() + attributes
    with contextlib.suppress(PacketRefusedError):
        record(read_accounting(data, SECRET, KNOWN), nas="bng", gateway="gw", now=1)


@given(st.binary(max_size=300))
def test_no_bytes_escape(data):
    for read in (read_access, read_accounting):
        with pytest.raises(PacketRefusedError):
            read(data, SECRET, KNOWN)
