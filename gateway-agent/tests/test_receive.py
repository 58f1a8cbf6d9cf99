import socket
from collections.abc import Iterator

import numpy as np
import pytest

from sixfold.agent.counters import Counters
from sixfold.agent.datagrams import Datagrams, address_bytes, address_text
from sixfold.agent.receive import Receiver, wait


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def receiver(counters: Counters) -> Iterator[Receiver]:
    opened = Receiver("127.0.0.1", 0, 4 << 20, counters=counters)
    yield opened
    opened.close()


def send(port: int, *payloads: bytes, host: str = "127.0.0.1") -> int:
    """Send from one socket; its port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        for payload in payloads:
            sender.sendto(payload, (host, port))
        return int(sender.getsockname()[1])


def receive(receiver: Receiver, n: int) -> list[tuple[bytes, str, int]]:
    """Poll until n datagrams are there: (payload, address, port)."""
    found: list[tuple[bytes, str, int]] = []
    for _ in range(200):
        wait([receiver], 1.0)
        datagrams = receiver.poll()
        if datagrams is None:
            continue
        for row in range(len(datagrams)):
            payload = datagrams.data[row, : datagrams.lengths[row]].tobytes()
            found.append(
                (payload, address_text(datagrams.addresses[row].tobytes()), int(datagrams.ports[row]))
            )
        if len(found) >= n:
            return found
    raise AssertionError(f"{len(found)} of {n} datagrams came")


def test_datagrams_come_with_sender_and_length(receiver: Receiver, counters: Counters) -> None:
    port = send(receiver.port, b"one", b"", b"three")
    assert receive(receiver, 3) == [(text, "127.0.0.1", port) for text in (b"one", b"", b"three")]
    assert receiver.poll() is None
    assert counters.snapshot()[f'datagrams_received{{port="{receiver.port}"}}'] == 3


def test_any_datagram_that_udp_can_carry_is_whole(receiver: Receiver, counters: Counters) -> None:
    payloads = [bytes([n % 251]) * n for n in (100, 2048, 2049, 9000, 65_507, 10)]
    send(receiver.port, *payloads)
    assert [payload for payload, *_ in receive(receiver, 6)] == payloads
    port = send(receiver.port, *payloads)
    assert receive(receiver, 6) == [(payload, "127.0.0.1", port) for payload in payloads]
    snapshot = counters.snapshot()
    assert not any(name.startswith("datagrams_truncated") for name in snapshot)
    assert any(name.startswith("receive_slot_growths") for name in snapshot)


def test_dual_stack_socket_maps_ipv4(counters: Counters) -> None:
    receiver = Receiver("::", 0, 1 << 20, counters=counters)
    try:
        send(receiver.port, b"four")
        send(receiver.port, b"six", host="::1")
        assert {(payload, address) for payload, address, _ in receive(receiver, 2)} == {
            (b"four", "127.0.0.1"),
            (b"six", "::1"),
        }
    finally:
        receiver.close()


def test_a_large_batch_is_handed_over_in_parts(counters: Counters) -> None:
    receiver = Receiver("127.0.0.1", 0, 8 << 20, counters=counters, max_bytes=100_000)
    try:
        payloads = [bytes([n]) * 40_000 for n in range(7)]
        send(receiver.port, *payloads)
        sizes = []
        found: list[bytes] = []
        while len(found) < 7:
            wait([receiver], 1.0)
            datagrams = receiver.poll()
            assert datagrams is not None
            sizes.append(int(datagrams.lengths.sum()))
            found += [datagrams.data[i, : datagrams.lengths[i]].tobytes() for i in range(len(datagrams))]
        assert found == payloads
        assert max(sizes) <= 100_000
    finally:
        receiver.close()


def test_kernel_drops_are_counted_with_a_remedy(counters: Counters) -> None:
    receiver = Receiver("127.0.0.1", 0, 64 << 10, counters=counters)
    try:
        send(receiver.port, *[bytes(1400)] * 1000)
        status = receiver.status()
        assert status.drops > 0
        assert counters.snapshot()[f'kernel_drops{{port="{receiver.port}"}}'] == status.drops
        assert "net.core.rmem_max" in status.remedy
        got = 0
        while (datagrams := receiver.poll()) is not None:
            got += len(datagrams)
        assert got + status.drops == 1000
    finally:
        receiver.close()


def test_a_port_in_use_is_refused(receiver: Receiver) -> None:
    with pytest.raises(OSError, match="in use"):
        Receiver("127.0.0.1", receiver.port)


def test_naps_are_short_and_none_after_a_full_batch(counters: Counters) -> None:
    receiver = Receiver("127.0.0.1", 0, 4 << 20, counters=counters, slots=4)
    try:
        send(receiver.port, *[b"x"] * 6)
        assert len(receive(receiver, 4)) >= 4
        assert receiver.nap <= 0.02
    finally:
        receiver.close()


def test_addresses_as_text_and_bytes() -> None:
    for text in ("192.0.2.1", "2001:db8::1", "::", "::1"):
        assert address_text(address_bytes(text)) == text
    assert address_bytes("fe80::1%eth0") == address_bytes("fe80::1")
    assert address_bytes("192.0.2.1")[10:12] == b"\xff\xff"


def test_datagrams_of_payloads() -> None:
    datagrams = Datagrams.of([(b"abc", "192.0.2.1", 7, 1), (b"", "2001:db8::1", 8, 2)])
    assert len(datagrams) == 2
    assert datagrams.lengths.tolist() == [3, 0]
    assert datagrams.select(np.array([1])).ports.tolist() == [8]
    assert len(Datagrams.of([])) == 0
