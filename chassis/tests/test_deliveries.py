"""When a command is sent (again), and heartbeats over the real bus."""

import pytest

from sixfold.api.agent.v1.agent_pb2 import Heartbeat, Receipt
from sixfold.chassis.deliveries import FIRST_PAUSE, LONGEST_PAUSE, Delivery, HeartbeatListener
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.testing import assert_eventually


def receipt(outcome: Receipt.Outcome, generation: int, cause: str = "") -> Receipt:
    return Receipt(outcome=outcome, generation=generation, cause=cause)


def test_what_is_new_goes_at_once_and_what_is_in_force_never() -> None:
    one = Delivery()
    assert not one.is_due(1, 1.0), "what it has is not known yet"
    assert one.was_heard(0, 5, 1.0)
    assert not one.is_due(0, 1.0)
    assert one.is_due(1, 1.0)
    one.was_sent(1, 1.0)
    assert not one.is_due(1, 1.0)
    assert one.is_due(2, 1.0)
    one.was_heard(2, 5, 2.0)
    assert not one.is_due(2, 3.0)


def test_an_agent_that_does_not_have_it_is_sent_it_again_ever_more_rarely() -> None:
    one = Delivery()
    one.was_heard(0, 5, 0.0)
    at, pauses = 0.0, []
    for _ in range(12):
        one.was_sent(1, at)
        assert one.was_answered(receipt(Receipt.OUTCOME_REFUSED, 1, "invalid-configuration: x")) == "refused"
        assert not one.is_due(1, at + 10_000), "nothing was heard of it since"
        one.was_heard(0, 5, at + 1)
        pauses.append(one.pause)
        assert not one.is_due(1, at + one.pause - 0.1)
        at += one.pause
        assert one.is_due(1, at)
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    assert (one.outcome, one.cause) == ("refused", "invalid-configuration: x")
    assert one.was_heard(0, 6, at)
    assert one.is_due(1, at), "it was started again"


def test_an_agent_of_before_that_tells_no_generation_is_believed_its_receipt() -> None:
    one = Delivery()
    one.was_sent(3, 0.0)
    assert one.was_answered(receipt(Receipt.OUTCOME_APPLIED, 2)) == "applied"
    assert one.outcome == "sent", "that was an older one"
    one.was_answered(receipt(Receipt.OUTCOME_APPLIED, 3))
    one.started, one.heard_at = 5, 1.0
    assert not one.is_due(3, 10_000.0)


@pytest.mark.nats
async def test_a_heartbeat_speaks_for_its_own_gateway(messaging: Messaging) -> None:
    heard: list[Heartbeat] = []
    listener = HeartbeatListener(messaging, heard.append)
    await listener.start()
    beat = Heartbeat(gateway="gw-1", configuration_generation=7)
    await messaging.nc.publish("heartbeat.gw-2", beat.SerializeToString())
    await messaging.nc.publish("heartbeat.gw-1", b"\xff")
    await messaging.nc.publish("heartbeat.gw-1", beat.SerializeToString())

    async def told() -> bool:
        return bool(heard)

    await assert_eventually(told)
    assert heard == [beat]
    await listener.stop()
