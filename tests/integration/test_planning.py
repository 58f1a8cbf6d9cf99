"""Planning on the real NATS: plans become pools, pools are sampled and outlive a restart, files come and go."""

import json
from contextlib import asynccontextmanager
from dataclasses import replace

import grpc
import pytest

from sixfold.address.adapters.usage import UsageStore
from sixfold.address.config import AddressSettings
from sixfold.address.domain.history import DAY, Sample
from sixfold.address.handlers import utc_milliseconds
from sixfold.address.service import Dependencies, build
from sixfold.api.address.v1 import address_pb2, events_pb2
from sixfold.api.address.v1 import planning_pb2 as pb
from sixfold.api.address.v1.address_pb2_grpc import AddressServiceStub
from sixfold.api.address.v1.planning_pb2_grpc import PlanningServiceStub
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.rpc import connect, reason_of

pytestmark = pytest.mark.nats
PLAN = pb.Plan(
    root="2001:db8::/32",
    levels=[
        pb.PlanLevel(name="province", bits=4, codes={"north": 1, "south": 2}),
        pb.PlanLevel(name="service", bits=4, codes={"fixed": 0, "lte": 1, "iot": 2}),
    ],
    delegated_length=56,
)


@asynccontextmanager
async def centre(messaging: Messaging, telemetry):
    service = build(AddressSettings(sample_seconds=3600), Dependencies(messaging, telemetry))
    await service.start()
    try:
        async with connect(service.rpc.address) as channel:
            yield PlanningServiceStub(channel), AddressServiceStub(channel), service
    finally:
        await service.stop()


async def refused(call) -> tuple[str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code().name, reason_of(caught.value)


async def test_a_plan_becomes_pools_once_and_they_delegate(messaging, telemetry) -> None:
    async with centre(messaging, telemetry) as (planning, addresses, _):
        judged = await planning.JudgePlan(pb.JudgePlanRequest(plan=PLAN))
        assert judged.named_prefixes == 8
        assert "province" in judged.drawing
        wished = pb.ApplyPlanRequest(plan=PLAN, pool_id_prefix="cn", dry_run=True)
        dry = await planning.ApplyPlan(wished)
        assert not (await addresses.ListPools(address_pb2.ListPoolsRequest())).pools
        wished.dry_run = False
        for _ in range(2):
            made = await planning.ApplyPlan(wished)
            assert list(made.pool_ids) == list(dry.pool_ids)
        assert {
            one.pool_id for one in (await addresses.ListPools(address_pb2.ListPoolsRequest())).pools
        } == set(made.pool_ids)
        given = await addresses.DelegatePrefix(
            address_pb2.DelegatePrefixRequest(
                pool_id="cn.south.iot", length=56, idempotency_key="k", holder="t-1"
            )
        )
        assert given.delegation.prefix == "2001:db8:2200::/56"
        told = await planning.ExplainAddress(pb.ExplainAddressRequest(plan=PLAN, address="2001:db8:2200::1"))
        assert {one.level: one.code for one in told.meanings} == {"province": "south", "service": "iot"}
        bad = pb.Plan(root="2001:db8::/32", levels=[pb.PlanLevel(name="a", bits=40)], delegated_length=56)
        assert await refused(planning.ApplyPlan(pb.ApplyPlanRequest(plan=bad))) == (
            "INVALID_ARGUMENT",
            "PLAN_REFUSED",
        )
        outside = pb.ExplainAddressRequest(plan=PLAN, address="2001:db9::1")
        assert await refused(planning.ExplainAddress(outside)) == ("INVALID_ARGUMENT", "ADDRESS_OUTSIDE")


async def test_history_outlives_the_process_and_tells_when_a_pool_fills(messaging, telemetry) -> None:
    wish = address_pb2.CreatePoolRequest(
        pool_id="homes", prefix="2001:db8::/40", shortest_length=56, longest_length=56
    )
    async with centre(messaging, telemetry) as (planning, addresses, _):
        await addresses.CreatePool(wish)
        question = pb.GetForecastRequest(pool_id="homes")
        assert await refused(planning.GetForecast(question)) == ("FAILED_PRECONDITION", "HISTORY_TOO_SHORT")
        unknown = pb.GetForecastRequest(pool_id="none")
        assert await refused(planning.GetForecast(unknown)) == ("NOT_FOUND", "POOL_UNKNOWN")
    now = utc_milliseconds()
    past = [Sample(now - (40 - day) * DAY, 0.1 + day * 0.02, 5, 4, 0.1, "t-1") for day in range(40)]
    await UsageStore(messaging).write({"homes": past})
    async with centre(messaging, telemetry) as (planning, addresses, service):
        await service.planning.sample()
        found = (await planning.GetForecast(question)).forecast
        assert found.points > 40
        assert found.low_share <= found.expected_share <= found.high_share
        advice = await planning.ListAdvice(pb.ListAdviceRequest())
        assert [one.pool_id for one in advice.advice] in ([], ["homes"])
        asked = pb.WhatIfRequest(pool_id="homes", delegations=70_000, length=56)
        what = await planning.WhatIf(asked)
        assert (what.fits, what.fitting, round(what.used_share, 6)) == (False, 65_536, 1.0)
        assert await refused(planning.WhatIf(pb.WhatIfRequest(pool_id="homes", length=60))) == (
            "INVALID_ARGUMENT",
            "LENGTH_OUT_OF_RANGE",
        )


async def test_a_script_that_takes_all_is_an_event_on_the_ledger(messaging, telemetry) -> None:
    async with centre(messaging, telemetry) as (planning, addresses, service):
        await addresses.CreatePool(
            address_pb2.CreatePoolRequest(
                pool_id="p", prefix="2001:db8::/48", shortest_length=56, longest_length=56
            )
        )
        await service.planning.sample()
        quiet = service.planning.history("p")[-1]
        past = tuple(replace(quiet, time=quiet.time - (60 - at) * 900_000) for at in range(60))
        service.planning._histories["p"] = (*past, quiet)
        wishes = [
            address_pb2.DelegatePrefixRequest(
                pool_id="p", length=56, idempotency_key=f"k{n}", holder="script"
            )
            for n in range(100)
        ]
        await addresses.BatchDelegatePrefixes(address_pb2.BatchDelegatePrefixesRequest(requests=wishes))
        await service.planning.sample()
        seen = (await planning.ListAnomalies(pb.ListAnomaliesRequest(pool_id="p"))).anomalies
        assert {one.kind for one in seen} == {"leak", "hoarding"}
        message = await messaging.js.get_last_msg("LEDGER_ADDRESS", "event.address.anomaly-seen.v1")
        event = events_pb2.AnomalySeen.FromString(message.data)
        assert (event.pool_id, event.kind) == ("p", "hoarding")


async def test_files_come_and_go(messaging, telemetry) -> None:
    netbox = [
        {"prefix": "2001:db8::/32", "status": "container", "description": "region"},
        {"prefix": "2001:db8:1::/48", "status": {"value": "container"}},
        {"prefix": "2001:db8:1:1::/64", "status": "active"},
        {"prefix": "nonsense"},
    ]
    file = pb.ImportPoolsRequest(
        format=pb.EXCHANGE_FORMAT_NETBOX_JSON, file=json.dumps(netbox).encode(), dry_run=True
    )
    async with centre(messaging, telemetry) as (planning, addresses, _):
        dry = await planning.ImportPools(file)
        assert not (await addresses.ListPools(address_pb2.ListPoolsRequest())).pools
        file.dry_run = False
        made = await planning.ImportPools(file)
        assert made == dry
        assert len(made.pool_ids) == 2
        assert list(made.prefixes_in_use) == ["2001:db8:1:1::/64"]
        assert [(fault.row, fault.reason) for fault in made.faults] == [(4, "PREFIX_MALFORMED")]
        overlap = pb.ImportPoolsRequest(
            format=pb.EXCHANGE_FORMAT_CSV, file=b"prefix,status,pool_id\n2001:db8::/33,container,x\n"
        )
        assert [one.reason for one in (await planning.ImportPools(overlap)).faults] == ["POOL_OVERLAPS"]
        broken = pb.ImportPoolsRequest(format=pb.EXCHANGE_FORMAT_CSV, file=b"\xff\xfe\x00")
        assert await refused(planning.ImportPools(broken)) == ("INVALID_ARGUMENT", "FILE_MALFORMED")
        wished = pb.ExportPoolsRequest(format=pb.EXCHANGE_FORMAT_CSV, with_delegations=True)
        text = b"".join([one.piece async for one in planning.ExportPools(wished)]).decode()
        assert text.count("\n") == 3
        again = pb.ImportPoolsRequest(format=pb.EXCHANGE_FORMAT_CSV, file=text.encode())
        assert not (await planning.ImportPools(again)).faults
