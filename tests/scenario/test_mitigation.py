"""A real flood through a gateway: exporter, agent, incident, rule; the victim has quiet, the client its connection.

The bus is cut, the agent killed and its table taken away in between: what is enforced stays, ends in time, and comes
together again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from nats.js.api import StreamConfig

from sixfold.api.security.v1 import mitigation_pb2 as pb
from sixfold.api.security.v1.mitigation_pb2_grpc import MitigationServiceStub
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.rpc import connect
from sixfold.chassis.telemetry import Telemetry
from sixfold.chassis.testing import NatsServers
from sixfold.credit import service as credit
from sixfold.credit.config import CreditSettings, LoaderSettings, WarehouseSettings
from sixfold.security import service as security
from sixfold.security.config import (
    AutomaticOptions,
    IncidentOptions,
    MitigationOptions,
    SecuritySettings,
    ThresholdOptions,
    VolumetricOptions,
)
from sixfold.security.domain.mitigation.values import Kind, Status

from .attacked import ATTACKER, GATEWAY, VICTIM, Attacked, build
from .conftest import Issuer
from .namespaces import network, require_root_and_programs

pytestmark = [pytest.mark.nats, pytest.mark.clickhouse, pytest.mark.timeout(180)]
Eventually = Callable[..., Awaitable[Any]]
FEW = ThresholdOptions(bits_per_second=1e6, packets_per_second=200, flows_per_second=1e6)
MANY = ThresholdOptions(bits_per_second=1e12, packets_per_second=1e9, flows_per_second=1e9)
TRIES = 60.0


class Centres:
    def __init__(self, security_: security.Service, stub: Any) -> None:
        self.security = security_
        self.stub = stub

    def active(self) -> list[Any]:
        return self.security.mitigation.desk.list(frozenset({Status.ACTIVE}), "")

    def in_force(self) -> bool:
        """The gateway says that it enforces what is wanted."""
        place = self.security.mitigation.enforcement.places.get(GATEWAY)
        wanted = self.security.mitigation.desk.state.generation(GATEWAY)
        return place is not None and place.generation == wanted > 0

    async def block(self, seconds: int, actor: str = "ann") -> Any:
        policy = pb.MitigationPolicy()
        policy.match.sources.append(f"{ATTACKER}/32")
        policy.match.protocols.append(17)
        policy.action.kind = policy.action.KIND_BLOCK
        request = pb.ProposeMitigationRequest(policy=policy, actor=actor, seconds=seconds)
        made = (await self.stub.ProposeMitigation(request)).mitigation
        request = pb.ApproveMitigationRequest(mitigation_id=made.mitigation_id, actor="bob")
        return (await self.stub.ApproveMitigation(request)).mitigation


@pytest.fixture
async def stack(nats_server: NatsServers) -> AsyncIterator[AsyncExitStack]:
    """Ends before the bus does."""
    async with AsyncExitStack() as one:
        yield one


@pytest.fixture
async def made(
    stack: AsyncExitStack, tmp_path: Path, nats_server: NatsServers, telemetry: Telemetry
) -> tuple[Attacked, Centres]:
    """The network, a bus, the credit and the security centre; the agent obeys the latter."""
    require_root_and_programs("hping3", "softflowd")
    issuer = Issuer()
    (tmp_path / "policy.nk").write_bytes(issuer.seed)
    nats = nats_server()
    attacked = build(
        stack.enter_context(network()), tmp_path, nats.port, {"policies.issuers": f'["{issuer.public}"]'}
    )
    stack.callback(attacked.end)
    messaging = Messaging(NatsSettings(servers=(nats.url,), name="centres"))
    await messaging.start()
    stack.push_async_callback(messaging.stop)
    for name, subject in (("COMMANDS", "command.>"), ("RECEIPTS", "receipt.>"), ("REPORTS", "report.>")):
        await messaging.ensure_stream(StreamConfig(name=name, subjects=[subject]))
    warehouse = credit.build(
        CreditSettings(
            warehouse=WarehouseSettings(dsn=f"chdb://{tmp_path / 'warehouse'}"),
            loader=LoaderSettings(linger=0.05, stream_bytes=1 << 28, partitions=4),
        ),
        credit.Dependencies(messaging, telemetry),
    )
    await warehouse.start()
    stack.push_async_callback(warehouse.stop)
    settings = SecuritySettings(
        volumetric=VolumetricOptions(host=FEW, prefix=MANY),
        incidents=IncidentOptions(close_after_seconds=120, update_seconds=1),
        mitigation=MitigationOptions(
            signing_seed_file=tmp_path / "policy.nk",
            credit=warehouse.rpc.address,
            measure_seconds=1,
            alone_good_sources=1_000,
            alone_good_share=1.0,
            automatic=AutomaticOptions(enabled=True, confidence=0.01, severity="low", seconds=300),
        ),
    )
    service = security.build(settings, security.Dependencies(messaging, telemetry))
    await service.start()
    stack.push_async_callback(service.stop)
    channel = await stack.enter_async_context(connect(service.rpc.address))
    return attacked, Centres(service, MitigationServiceStub(channel))


async def test_a_flood_is_stopped_at_the_gateway_and_stays_so(
    made: tuple[Attacked, Centres], assert_eventually: Eventually
) -> None:
    attacked, centres = made

    async def until(condition: Callable[[], bool]) -> None:
        try:
            await assert_eventually(condition, timeout=TRIES)
        except AssertionError:
            raise AssertionError(f"{attacked.agent_log()}\n{attacked.ruleset()}") from None

    attacked.connect_bus()
    attacked.start_agent()
    await until(attacked.lives)
    attacked.start_metering()
    attacked.open_connection()
    assert attacked.speaks(b"before")
    attacked.start_flood()
    await until(lambda: attacked.flood_packets() > 100)

    # Exporter, agent, incident, rule: nobody was asked.
    await until(lambda: centres.active() != [])
    first = centres.active()[0]
    assert (first.approver, first.policy.action.kind) == ("automatic", Kind.BLOCK)
    assert first.policy.match.sources == (f"{ATTACKER}/32",)
    assert first.policy.match.destinations == (f"{VICTIM}/32",)
    await until(centres.in_force)
    await until(attacked.stopped)
    assert attacked.speaks(b"during")
    desk = centres.security.mitigation.desk

    def measured() -> bool:
        effect = desk.get(first.mitigation_id).effect
        return effect is not None and effect.acted_packets > 100 and effect.passed_bits_per_second == 0

    await until(measured)
    assert first.mitigation_id in centres.security.ledger.state.by_id[first.incident_id].mitigations

    # Without the bus all of it stays, also through a kill of the agent and the loss of its table.
    attacked.cut_bus()
    await until(attacked.stopped)
    attacked.kill_agent()
    assert attacked.stopped()
    attacked.gateway.run("nft", "delete", "table", "inet", "sixfold_policy")
    assert not attacked.stopped()
    attacked.start_agent()
    await until(attacked.stopped)
    assert attacked.speaks(b"without the bus")

    # What is decided meanwhile is in force once the bus is back: the first is withdrawn, another takes its place.
    request = pb.WithdrawMitigationRequest(mitigation_id=first.mitigation_id, actor="ann", note="over")
    assert (await centres.stub.WithdrawMitigation(request)).mitigation.end_cause == "withdrawn"
    second = await centres.block(seconds=300)
    assert not centres.in_force()
    attacked.connect_bus()
    await until(centres.in_force)
    await until(lambda: second.mitigation_id.replace("-", "_") in attacked.ruleset())
    assert first.mitigation_id.replace("-", "_") not in attacked.ruleset()
    await until(attacked.stopped)

    # It ends by itself, where neither bus nor agent is there to end it.
    request = pb.WithdrawMitigationRequest(mitigation_id=second.mitigation_id, actor="ann")
    await centres.stub.WithdrawMitigation(request)
    third = await centres.block(seconds=7)
    await until(lambda: third.mitigation_id.replace("-", "_") in attacked.ruleset())
    attacked.cut_bus()
    attacked.kill_agent()
    await until(lambda: not attacked.stopped(seconds=0.2))
    assert attacked.speaks(b"after")
    await until(lambda: desk.get(third.mitigation_id).end_cause == "expired")
    attacked.connect_bus()
    attacked.start_agent()
    await until(centres.in_force)
    assert third.mitigation_id.replace("-", "_") not in attacked.ruleset()
