"""Forged sources as signals, and as incidents over the real bus."""

import ipaddress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.js.api import StreamConfig

from sixfold.api.agent.v1 import agent_pb2 as agent
from sixfold.api.subjects import REPORT_STREAM, report_subject
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.telemetry import Telemetry
from sixfold.chassis.testing import assert_eventually
from sixfold.security.config import SecuritySettings
from sixfold.security.domain.addresses import covers
from sixfold.security.domain.events import Severity
from sixfold.security.domain.incidents import Incident, Status
from sixfold.security.domain.mitigation.suggest import suggest
from sixfold.security.domain.spoofing import (
    VECTOR,
    Forged,
    Report,
    SpoofingSettings,
    common_network,
    findings,
    with_holders,
)
from sixfold.security.service import Dependencies, build

NOW = 1_700_000_000_000
SETTINGS = SpoofingSettings()


def forged(address: str, packets: int = 10, interface: str = "a0") -> Forged:
    number = int(ipaddress.ip_address(address))
    if "." in address:
        number |= 0xFFFF << 32
    return Forged(interface, number >> 64, number & ((1 << 64) - 1), packets, packets * 100)


def report(*sources: Forged, dropped: bool = True) -> Report:
    return Report("gw-1", NOW, NOW + 5_000, dropped, sources)


def test_each_source_is_a_signal_about_the_address_that_was_forged():
    found = findings(report(forged("2001:db8::1"), forged("192.0.2.66", 4, "b0")), SETTINGS)
    assert [(one.address, one.signal.opens, one.signal.side) for one in found] == [
        ("2001:db8::1", True, "source"),
        ("192.0.2.66", False, "source"),
    ]
    signal, evidence = with_holders(found[0], {"2001:db8::1": "t-1", "192.0.2.66": "t-2"})
    assert [one.code for one in signal.reasons] == ["forged-packets", "forged-holder"]
    assert "t-1" in signal.reasons[1].text
    assert (signal.severity, signal.rates.packets_per_second) == (Severity.LOW, 2.0)
    assert [(one.value, one.packets) for one in evidence.top_sources] == [("2001:db8::1", 10)]
    assert "gateway = 'gw-1'" in evidence.query


def test_many_of_one_interface_are_one_signal_about_what_holds_them_all():
    sources = [forged(f"2001:db8:1:{number:x}::1", 1_000) for number in range(200)]
    (one,) = findings(report(*sources, dropped=False), SETTINGS)
    assert one.signal.network == (0x20010DB800010000, 0, 56)
    assert (one.signal.severity, one.address, len(one.evidence.top_sources)) == (Severity.HIGH, "", 10)


@given(
    st.lists(st.tuples(st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 64) - 1)), min_size=1, max_size=9)
)
def test_the_common_network_holds_all_and_no_longer_one_does(hosts):
    network = common_network(hosts)
    assert all(covers(network, (hi, lo, 128)) for hi, lo in hosts)
    if network[2] < 128:
        halves = {(hi << 64 | lo) >> (127 - network[2]) & 1 for hi, lo in hosts}
        assert halves == {0, 1}


@pytest.mark.nats
async def test_reports_open_an_incident_that_goes_on_and_closes(messaging: Messaging, telemetry: Telemetry):
    service = build(
        SecuritySettings(incidents={"close_after_seconds": 2, "update_seconds": 0.1}),  # type: ignore[arg-type]
        Dependencies(messaging, telemetry),
    )
    await service.start()
    try:
        await messaging.ensure_stream(StreamConfig(name=REPORT_STREAM, subjects=["report.>"]))

        async def tell(packets: int, gateway: str = "gw-1") -> None:
            told = agent.SpoofedSources(
                gateway="gw-1", action=agent.SourceValidation.ACTION_DROP, packets=packets
            )
            told.since.FromDatetime(datetime.now(UTC))
            told.until.FromDatetime(datetime.now(UTC))
            told.sources.add(
                interface="a0",
                address=ipaddress.ip_address("2001:db8::66").packed,
                packets=packets,
                bytes=packets,
            )
            await messaging.publish(report_subject(gateway, "spoofed-source"), told.SerializeToString())

        def incidents():
            return list(service.ledger.state.by_id.values())

        await tell(2)
        await tell(50, gateway="gw-2")  # it speaks for another
        await tell(50)

        async def opened():
            return incidents()

        (one,) = await assert_eventually(opened, timeout=60)
        assert (one.victim, one.vector, one.side) == ("2001:db8::66/128", "spoofed-source", "source")

        async def closed():
            return incidents()[0].status is Status.CLOSED

        await assert_eventually(closed, timeout=60)
        assert len(incidents()) == 1
    finally:
        await service.stop()


def test_nothing_is_suggested_against_whom_the_address_belongs_to():
    one = Incident.__new__(Incident)
    object.__setattr__(one, "vector", VECTOR)
    object.__setattr__(one, "side", "source")
    assert suggest(one) == []
