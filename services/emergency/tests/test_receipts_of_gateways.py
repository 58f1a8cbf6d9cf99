"""Receipts of configurations and valid sources belong to other centres."""

from datetime import UTC, datetime

import pytest

from sixfold.api.agent.v1 import agent_pb2 as agent
from sixfold.chassis.messaging import Inbound
from sixfold.emergency.adapters.receipts import ReceiptReader


class Alerts:
    def __init__(self) -> None:
        self.recorded: list[object] = []

    async def record(self, receipts):
        self.recorded += receipts
        return []


@pytest.mark.parametrize("outcome", [agent.Receipt.OUTCOME_APPLIED, agent.Receipt.OUTCOME_REFUSED])
async def test_they_are_left_alone(outcome) -> None:
    receipt = agent.Receipt(command_id="c-1", gateway="gw-1", outcome=outcome, generation=7)
    mine = agent.Receipt(
        command_id="c-2", gateway="gw-1", alert_id="urn:1", outcome=agent.Receipt.OUTCOME_DELIVERED
    )
    alerts = Alerts()
    messages = [
        Inbound("receipt.gw-1", one.SerializeToString(), {}, "RECEIPTS", 1, 1, datetime.now(UTC), None)
        for one in (receipt, mine)
    ]
    await ReceiptReader(alerts).handle(messages)  # type: ignore[arg-type]
    assert [one.command_id for one in alerts.recorded] == ["c-2"]  # type: ignore[attr-defined]
