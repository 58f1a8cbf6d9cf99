"""The emergency centre on the real NATS: an alert in over gRPC, a signed command at the gateway, its receipt back."""

import asyncio
import base64
import importlib.util
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import nkeys
import pytest
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from nacl.signing import VerifyKey

from sixfold.api.agent.v1 import agent_pb2 as agent
from sixfold.api.emergency.v1 import emergency_pb2 as pb
from sixfold.api.emergency.v1.emergency_pb2_grpc import EmergencyServiceStub
from sixfold.api.subjects import COMMAND_STREAM, DEAD_LETTER_STREAM, heartbeat_subject, receipt_subject
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.rpc import connect, reason_of
from sixfold.chassis.testing import eventually
from sixfold.emergency.config import EmergencySettings
from sixfold.emergency.service import Dependencies, build

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location(
    "cap_alerts_i", ROOT / "services/emergency/tests/cap_alerts.py"
)
cap_alerts = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cap_alerts)

pytestmark = pytest.mark.nats
NOW = datetime.now(UTC).replace(microsecond=0)


def cap(identifier="one", **changes):
    return cap_alerts.cap(
        identifier,
        sent=NOW,
        **({"expires": NOW + timedelta(hours=1)} if changes.get("info", True) else {}) | changes,
    )


def reference(identifier):
    return cap_alerts.reference(identifier, sent=NOW)


@pytest.fixture
def seed_file(tmp_path):
    path = tmp_path / "emergency.nk"
    path.write_bytes(nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER))
    return path


@asynccontextmanager
async def centre(url, seed_file, telemetry, **settings):
    """The running centre, its stub, and a connection of its own."""
    messaging = Messaging(NatsSettings(servers=(url,), name="emergency"))
    await messaging.start()
    service = build(
        EmergencySettings(signing_seed_file=seed_file, **settings), Dependencies(messaging, telemetry)
    )
    await service.start()
    try:
        async with connect(service.rpc.address) as channel:
            yield service, EmergencyServiceStub(channel), channel
    finally:
        await service.stop()
        await messaging.stop()


class Gateway:
    """What an agent does with commands: check the signature, answer with a receipt."""

    def __init__(self, messaging, name, issuer):
        self.messaging, self.name, self.issuer = messaging, name, issuer
        self.commands = []

    async def beat(self):
        await self.messaging.nc.publish(
            heartbeat_subject(self.name), agent.Heartbeat(gateway=self.name).SerializeToString()
        )
        await self.messaging.nc.flush()

    async def listen(self):
        async def on_command(message):
            signed = agent.SignedCommand.FromString(message.data)
            assert signed.issuer == self.issuer
            public = base64.b32decode(signed.issuer + "=" * (-len(signed.issuer) % 8))[1:-2]
            VerifyKey(public).verify(signed.command, signed.signature)
            self.commands.append(agent.Command.FromString(signed.command))
            await message.ack()

        await self.messaging.js.subscribe(
            f"command.{self.name}.>",
            stream=COMMAND_STREAM,
            durable=f"agent-{self.name}",
            cb=on_command,
            manual_ack=True,
        )

    async def receipt(self, command, outcome=agent.Receipt.OUTCOME_DELIVERED, *, subject=None, **fields):
        values = {
            "command_id": command.id,
            "alert_id": command.deliver_alert.alert_id or command.cancel_alert.alert_id,
            "gateway": self.name,
            "outcome": outcome,
        }
        receipt = agent.Receipt(**(values | fields))
        await self.messaging.publish(subject or receipt_subject(self.name), receipt.SerializeToString())


@pytest.fixture
def issuer(seed_file):
    return nkeys.from_seed(bytearray(seed_file.read_bytes())).public_key.decode()


async def delivery_states(stub, alert_id):
    answer = await stub.GetDelivery(pb.GetDeliveryRequest(alert_id=alert_id))
    return {
        d.gateway: pb.DeliveryState.Name(d.state).removeprefix("DELIVERY_STATE_") for d in answer.deliveries
    }


async def test_an_alert_goes_out_signed_and_its_receipts_come_back(
    nats_url, messaging, seed_file, issuer, telemetry
):
    async with centre(nats_url, seed_file, telemetry) as (_, stub, _channel):
        gateways = [Gateway(messaging, name, issuer) for name in ("gw-1", "gw-2")]
        for gateway in gateways:
            await gateway.listen()
            await gateway.beat()
        answer = await stub.SubmitAlert(pb.SubmitAlertRequest(cap=cap()))
        alert_id = answer.alert.alert_id
        assert (await stub.SubmitAlert(pb.SubmitAlertRequest(cap=cap()))).repeated_call
        await eventually(lambda: all(gateway.commands for gateway in gateways))
        first, second = (gateway.commands[0] for gateway in gateways)
        assert first.deliver_alert.cap == cap()
        assert first.expires.ToDatetime(UTC) == NOW + timedelta(hours=1)
        await gateways[0].receipt(first)
        await gateways[0].receipt(first, agent.Receipt.OUTCOME_DUPLICATE)
        await gateways[1].receipt(second, agent.Receipt.OUTCOME_REFUSED, cause="expired-clock")

        async def both():
            return await delivery_states(stub, alert_id) == {"gw-1": "DELIVERED", "gw-2": "REFUSED"}

        await eventually(both)
        late = Gateway(messaging, "gw-3", issuer)
        await late.listen()
        await late.beat()
        await eventually(lambda: late.commands)

        await stub.CancelAlert(pb.CancelAlertRequest(alert_id=alert_id, reason="false alarm"))
        await eventually(lambda: len(gateways[0].commands) == 2)
        await gateways[0].receipt(gateways[0].commands[1])

        async def withdrawn():
            return (await delivery_states(stub, alert_id))["gw-1"] == "WITHDRAWN"

        await eventually(withdrawn)
        assert len(gateways[1].commands) == 1, "what a gateway refused is not withdrawn from it"


async def test_an_update_and_a_cancel_message_replace_and_end(
    nats_url, messaging, seed_file, issuer, telemetry
):
    async with centre(nats_url, seed_file, telemetry, areas={"gw-a": ("110000",), "gw-b": ("310000",)}) as (
        _,
        stub,
        _c,
    ):
        here, there = (Gateway(messaging, name, issuer) for name in ("gw-a", "gw-b"))
        for gateway in (here, there):
            await gateway.listen()
        inside = cap_alerts.geocode("110105")
        one = (await stub.SubmitAlert(pb.SubmitAlertRequest(cap=cap("one", inside=inside)))).alert
        await eventually(lambda: len(here.commands) == 1)
        update = cap("two", kind="Update", references=reference("one"), inside=inside)
        two = (await stub.SubmitAlert(pb.SubmitAlertRequest(cap=update))).alert
        assert list(two.referenced) == [one.alert_id]
        await eventually(lambda: len(here.commands) == 3)
        assert [command.WhichOneof("body") for command in here.commands] == [
            "deliver_alert",
            "deliver_alert",
            "cancel_alert",
        ]
        cancel = cap("three", kind="Cancel", references=reference("two"), info=False)
        await stub.SubmitAlert(pb.SubmitAlertRequest(cap=cancel))
        await eventually(lambda: len(here.commands) == 4)
        assert here.commands[3].cancel_alert.alert_id == two.alert_id
        assert there.commands == []
        listed = await stub.ListAlerts(pb.ListAlertsRequest(page_size=2))
        assert [alert.identifier for alert in listed.alerts] == ["three", "two"]
        rest = await stub.ListAlerts(pb.ListAlertsRequest(page_token=listed.next_page_token))
        assert [(alert.identifier, alert.state) for alert in rest.alerts] == [
            ("one", pb.ALERT_STATE_SUPERSEDED)
        ]


async def test_a_refusal_names_element_and_rule(nats_url, seed_file, telemetry):
    async with centre(nats_url, seed_file, telemetry) as (_, stub, _channel):
        for data, code, reason in (
            (
                b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
                "INVALID_ARGUMENT",
                "XML_FORBIDDEN",
            ),
            (cap(status="Perhaps"), "INVALID_ARGUMENT", "SCHEMA_VIOLATED"),
            (cap(kind="Cancel", references=reference("never"), info=False), "NOT_FOUND", "REFERENCE_UNKNOWN"),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.SubmitAlert(pb.SubmitAlertRequest(cap=data))
            assert (caught.value.code().name, reason_of(caught.value)) == (code, reason)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.SubmitAlert(pb.SubmitAlertRequest(cap=cap(inside="<polygon>1,1</polygon>")))
        status = Status.FromString(dict(caught.value.trailing_metadata())["grpc-status-details-bin"])
        request = next(d for d in status.details if d.Is(BadRequest.DESCRIPTOR))
        violations = BadRequest()
        request.Unpack(violations)
        assert violations.field_violations[0].field == "alert/info[1]/area[1]/polygon[1]"
        assert violations.field_violations[0].reason == "POLYGON-TOO-SHORT"
        for call in (
            stub.GetAlert(pb.GetAlertRequest(alert_id="none")),
            stub.GetDelivery(pb.GetDeliveryRequest(alert_id="none")),
            stub.CancelAlert(pb.CancelAlertRequest(alert_id="none")),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert reason_of(caught.value) == "ALERT_UNKNOWN"


async def test_a_restarted_centre_goes_on_where_it_was(nats_url, messaging, seed_file, issuer, telemetry):
    gateway = Gateway(messaging, "gw-1", issuer)
    async with centre(nats_url, seed_file, telemetry, areas={"gw-1": ()}) as (_, stub, _channel):
        await gateway.listen()
        alert_id = (await stub.SubmitAlert(pb.SubmitAlertRequest(cap=cap()))).alert.alert_id
        await eventually(lambda: gateway.commands)
    # The receipt comes while the centre is away.
    await gateway.receipt(gateway.commands[0])
    async with centre(nats_url, seed_file, telemetry, areas={"gw-1": ()}) as (_, stub, _channel):

        async def delivered():
            return await delivery_states(stub, alert_id) == {"gw-1": "DELIVERED"}

        await eventually(delivered)
        answer = await stub.GetAlert(pb.GetAlertRequest(alert_id=alert_id))
        assert answer.cap == cap()
        info = await messaging.js.stream_info(COMMAND_STREAM)
        assert info.state.messages == 1


async def test_receipts_that_cannot_be_are_dead_letters_and_the_others_count(
    nats_url, messaging, seed_file, issuer, telemetry
):
    async with centre(nats_url, seed_file, telemetry, areas={"gw-1": ()}) as (_, stub, _channel):
        gateway = Gateway(messaging, "gw-1", issuer)
        await gateway.listen()
        alert_id = (await stub.SubmitAlert(pb.SubmitAlertRequest(cap=cap()))).alert.alert_id
        await eventually(lambda: gateway.commands)
        command = gateway.commands[0]
        await gateway.receipt(command, subject="receipt.gw-evil")
        await gateway.receipt(command, alert_id="a-unknown")
        await gateway.receipt(command, agent.Receipt.OUTCOME_UNSPECIFIED)
        await messaging.publish("receipt.gw-1", b"\xff\xff\xff")
        await gateway.receipt(command)

        async def settled():
            try:
                dead = (await messaging.js.stream_info(DEAD_LETTER_STREAM)).state.messages
            except Exception:
                return False
            return dead == 4 and await delivery_states(stub, alert_id) == {"gw-1": "DELIVERED"}

        await eventually(settled)


async def test_deliveries_can_be_watched(nats_url, messaging, seed_file, issuer, telemetry):
    async with centre(nats_url, seed_file, telemetry, areas={"gw-1": ()}) as (service, stub, _channel):
        gateway = Gateway(messaging, "gw-1", issuer)
        await gateway.listen()
        watch = stub.WatchDeliveries(pb.WatchDeliveriesRequest())
        seen = []

        async def read():
            async for change in watch:
                seen.append(pb.DeliveryState.Name(change.delivery.state))

        reading = asyncio.create_task(read())
        await stub.SubmitAlert(pb.SubmitAlertRequest(cap=cap()))
        await eventually(lambda: gateway.commands and "DELIVERY_STATE_SENT" in seen)
        await gateway.receipt(gateway.commands[0])
        await eventually(lambda: seen[-1] == "DELIVERY_STATE_DELIVERED")
        await service.stop()
        # The watch has ended of itself, so that nothing waits for it.
        await asyncio.wait_for(reading, 4)


async def test_it_is_healthy_and_tells_its_contract(nats_url, seed_file, telemetry):
    async with centre(nats_url, seed_file, telemetry) as (service, _, channel):
        health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        await eventually(lambda: service.ready)

        def services():
            with grpc.insecure_channel(service.rpc.address) as plain:
                return ProtoReflectionDescriptorDatabase(plain).get_services()

        assert "sixfold.api.emergency.v1.EmergencyService" in await asyncio.to_thread(services)
