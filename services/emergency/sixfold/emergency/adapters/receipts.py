"""Receipts of the gateways, from the bus to the ledger."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from sixfold.api.agent.v1 import agent_pb2 as agent
from sixfold.chassis.commands import read_receipt as read_agent_receipt
from sixfold.chassis.messaging import Inbound, Poison
from sixfold.emergency.domain.events import ReceiptRecorded
from sixfold.emergency.handlers import Alerts

OUTCOMES = {
    agent.Receipt.OUTCOME_DELIVERED: "delivered",
    agent.Receipt.OUTCOME_REFUSED: "refused",
    agent.Receipt.OUTCOME_DUPLICATE: "duplicate",
    agent.Receipt.OUTCOME_EXPIRED: "expired",
}


def read_receipt(message: Inbound) -> ReceiptRecorded:
    """Raises Poison: malformed, gateway-mismatch (a gateway speaks for another), outcome-unknown."""
    receipt = read_agent_receipt(message)
    outcome = OUTCOMES.get(receipt.outcome)
    if outcome is None:
        raise Poison("outcome-unknown", str(receipt.outcome), message)
    return ReceiptRecorded(
        receipt.alert_id, receipt.gateway, receipt.command_id, outcome, receipt.cause[:256], message.published
    )


def of_gateway(message: Inbound) -> bool:
    """Whether it answers a configuration or valid sources, which other centres sent."""
    try:
        return bool(agent.Receipt.FromString(message.data).generation)
    except DecodeError:
        return False


class ReceiptReader:
    """The handler of the consumer on RECEIPTS."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    async def handle(self, messages: Sequence[Inbound]) -> None:
        receipts = [(message, read_receipt(message)) for message in messages if not of_gateway(message)]
        strange = await self._alerts.record([receipt for _, receipt in receipts])
        for message, receipt in receipts:
            if receipt in strange:
                raise Poison("unknown-alert", f"no alert {receipt.alert_id[:64]!r} is held here", message)
