"""Bindings over time: from the identity centre's ledger into the warehouse, exactly once, and found again."""

import ipaddress
from contextlib import asynccontextmanager

import grpc
import numpy as np
import pyarrow as pa
import pytest

from sixfold.api.credit.v1 import log_pb2
from sixfold.api.credit.v1.log_pb2_grpc import LogServiceStub
from sixfold.api.identity.v1 import bindings_pb2
from sixfold.api.identity.v1 import identity_pb2 as pb
from sixfold.api.identity.v1.bindings_pb2_grpc import BindingLogServiceStub
from sixfold.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from sixfold.chassis.messaging import Messaging, NatsSettings
from sixfold.chassis.rpc import connect, reason_of
from sixfold.credit import service as credit
from sixfold.credit.config import CreditSettings, LoaderSettings, WarehouseSettings
from sixfold.credit.loader.ledger import BindingLoader
from sixfold.credit.warehouse.trace import FEW
from sixfold.identity import service as identity
from sixfold.identity.config import IdentitySettings
from sixfold.identity.handlers import utc_milliseconds

from .test_identity import bind, enrolled, refused

pytestmark = [pytest.mark.nats, pytest.mark.clickhouse]
HOUR = 3_600_000


@pytest.fixture
def keys(tmp_path):
    files = {"pseudonym_key_file": tmp_path / "pseudonym.key", "vault_key_file": tmp_path / "vault.key"}
    for number, file in enumerate(files.values()):
        file.write_text(bytes([number] * 32).hex())
    return files


@asynccontextmanager
async def warehouse(url, telemetry, folder):
    messaging = Messaging(NatsSettings(servers=(url,), name="credit"))
    await messaging.start()
    settings = CreditSettings(
        warehouse=WarehouseSettings(dsn=f"chdb://{folder / 'warehouse'}"),
        loader=LoaderSettings(linger=0.05, stream_bytes=1 << 28, partitions=1),
    )
    service = credit.build(settings, credit.Dependencies(messaging, telemetry))
    await service.start()
    try:
        yield service
    finally:
        await service.stop()
        await messaging.stop()


@asynccontextmanager
async def register(url, telemetry, keys):
    messaging = Messaging(NatsSettings(servers=(url,), name="identity"))
    await messaging.start()
    service = identity.build(
        IdentitySettings(**keys, nat_sessions=False), identity.Dependencies(messaging, telemetry)
    )
    await service.start()
    try:
        async with connect(service.rpc.address) as channel:
            yield channel
    finally:
        await service.stop()
        await messaging.stop()


def packed(*addresses):
    mapped = (address if ":" in address else f"::ffff:{address}" for address in addresses)
    return b"".join(ipaddress.IPv6Address(address).packed for address in mapped)


def column(kind, *values):
    return np.array(values, kind).tobytes()


async def asked(stub, times, address, port, start, end):
    """Rows for each of `times` equal questions."""
    questions = log_pb2.LogQuestions(
        address=packed(address) * times,
        port=column("<u2", port) * times,
        start=column("<i8", start) * times,
        end=column("<i8", end) * times,
    )
    data = b""
    async for piece in stub.FindBindings(log_pb2.FindBindingsRequest(questions=questions)):
        data += piece.arrow
    answers = [[] for _ in range(times)]
    for row in pa.ipc.open_stream(data).read_all().to_pylist() if data else []:
        answers[row.pop("question")].append(row)
    return [sorted(answer, key=lambda row: (row["source"], row["number"])) for answer in answers]


async def found(stub, address, port, start, end):
    """The same whether few are asked or many, which are answered in another way."""
    (one,) = await asked(stub, 1, address, port, start, end)
    assert await asked(stub, FEW, address, port, start, end) == [one] * FEW
    assert await asked(stub, FEW + 1, address, port, start, end) == [one] * (FEW + 1)
    return one


def log_rows(source, batch, holders, rows):
    """Each row is (holder, network, length, first port, last port, number, since, until)."""
    columns = list(zip(*rows, strict=True))
    return bindings_pb2.LogBindingsRequest(
        source=source,
        batch=batch,
        holders=holders,
        gateways=["gw-1"],
        columns=bindings_pb2.BindingColumns(
            holder=column("<u4", *columns[0]),
            network=packed(*columns[1]),
            length=column("u1", *columns[2]),
            port_first=column("<u2", *columns[3]),
            port_last=column("<u2", *columns[4]),
            number=column("<u8", *columns[5]),
            since=column("<i8", *columns[6]),
            until=column("<i8", *columns[7]),
            gateway=column("<u2", *([0] * len(rows))),
        ),
    )


async def test_bindings_come_into_the_warehouse_once_and_are_found_by_time_and_port(
    nats_url, telemetry, keys, tmp_path, assert_eventually
):
    async with register(nats_url, telemetry, keys) as channel:
        stub, log = IdentityServiceStub(channel), BindingLogServiceStub(channel)
        subscriber, terminal = await enrolled(stub)
        before = utc_milliseconds()
        prefix = (await bind(stub, terminal, "2001:db8:1::/56", "a")).binding
        await bind(stub, terminal, "192.0.2.1", "b", (1024, 2047))
        await stub.ReleaseBinding(pb.ReleaseBindingRequest(binding_id=prefix.binding_id))
        now = utc_milliseconds()
        rows = [
            (0, "198.51.100.7", 128, 1024, 2047, 1, now - 5 * HOUR, 0),
            (0, "198.51.100.7", 128, 1024, 2047, 1, now - 5 * HOUR, now - 4 * HOUR),
            (1, "198.51.100.7", 128, 1024, 2047, 2, now - 3 * HOUR, 0),
            (1, "198.51.100.7", 128, 2048, 4095, 3, now - 5 * HOUR, 0),
            (0, "198.51.100.7", 128, 2048, 4095, 4, now - 2 * HOUR, 0),
            (2, "198.51.100.8", 128, 0, 65535, 5, now - 1, 0),
            (0, "2001:db8:5::1", 64, 0, 65535, 6, now - 1, 0),
            (0, "2001:db8:5::", 129, 0, 65535, 7, now - 1, 0),
            (0, "198.51.100.9", 128, 9, 3, 8, now - 1, 0),
            (0, "198.51.100.9", 128, 0, 65535, 9, now - 1, now - 5),
            (0, "198.51.100.9", 128, 0, 65535, 10, now + HOUR, 0),
        ]
        request = log_rows("bng-1", "n-1", [subscriber, terminal, "s-nobody"], rows)
        answer = await log.LogBindings(request)
        assert (answer.logged, answer.repeated_call) == (5, False)
        assert dict(answer.refused) == {
            "holder-unknown": 1,
            "network-malformed": 2,
            "ports-malformed": 1,
            "times-malformed": 1,
            "in-the-future": 1,
        }
        again = await log.LogBindings(request)
        assert (again.logged, again.repeated_call) == (5, True)
        torn = log_rows("bng-1", "n-2", [subscriber], rows[:1])
        torn.columns.since += b"\0"
        assert await refused(log.LogBindings(torn)) == ("INVALID_ARGUMENT", "COLUMNS_MALFORMED")
        stranger = log_rows("bng-1", "n-3", [], rows[:1])
        assert await refused(log.LogBindings(stranger)) == ("INVALID_ARGUMENT", "COLUMNS_MALFORMED")

    async with warehouse(nats_url, telemetry, tmp_path) as service:
        await assert_eventually(lambda: service.bindings.stored_flows == 8)
        async with connect(service.rpc.address) as channel:
            stub = LogServiceStub(channel)
            now = utc_milliseconds()

            async def holders(address, port, start, end=None):
                rows = await found(stub, address, port, start, end or start)
                return [row["holder"] for row in rows]

            assert await holders("2001:db8:1:80::9", 0, before, now) == [terminal]
            assert await holders("2001:db8:1:80::9", 0, now + HOUR) == []
            assert await holders("192.0.2.1", 1500, now) == [terminal]
            assert await holders("192.0.2.1", 2048, now) == []
            assert await holders("198.51.100.7", 1024, now - 5 * HOUR + HOUR // 2) == [subscriber]
            assert await holders("198.51.100.7", 1024, now - 3 * HOUR - HOUR // 2) == []
            assert await holders("198.51.100.7", 1024, now) == [terminal]
            # The end of 3 was never told: the beginning of 4 is its end.
            assert await holders("198.51.100.7", 2048, now) == [subscriber]
            assert sorted(await holders("198.51.100.7", 2048, now - 3 * HOUR, now)) == sorted(
                [subscriber, terminal]
            )
            early = stub.EraseLogs(log_pb2.EraseLogsRequest(before=now))
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await early
            assert reason_of(caught.value) == "WITHIN_RETENTION"


async def test_a_block_that_was_cut_off_is_finished_with_the_same_rows_and_the_same_token(
    nats_url, telemetry, keys, tmp_path, messaging, assert_eventually
):
    async with register(nats_url, telemetry, keys) as channel:
        stub = IdentityServiceStub(channel)
        _, terminal = await enrolled(stub)
        for number in range(20):
            await bind(stub, terminal, f"2001:db8:{number:x}::/48", str(number))

    async with warehouse(nats_url, telemetry, tmp_path) as service:
        await assert_eventually(lambda: service.bindings.stored_flows == 20)
        settings = service.bindings._settings
        bucket = await messaging.js.key_value("LOADER")
        entry = await bucket.get("loader-bindings")
        assert b'"intent": null' in entry.value

        class Dies:
            """Stores, and dies before it can tell."""

            def __init__(self):
                self.token = ""

            async def insert(self, table, data, token):
                self.token = token
                await service.warehouse.insert(table, data, token)
                raise RuntimeError("killed")

        await service.bindings.stop()
        async with register(nats_url, telemetry, keys) as channel:
            stub = IdentityServiceStub(channel)
            for number in range(20, 30):
                await bind(stub, terminal, f"2001:db8:{number:x}::/48", str(number))
        cut = BindingLoader(messaging=messaging, warehouse=Dies(), settings=settings, telemetry=telemetry)
        await cut.start()
        with pytest.raises(RuntimeError, match="killed"):
            await cut.task
        next_one = BindingLoader(
            messaging=messaging, warehouse=service.warehouse, settings=settings, telemetry=telemetry
        )
        await next_one.start()
        await assert_eventually(lambda: next_one.stored_flows == 10)
        await next_one.stop()
        table = await service.warehouse.query_arrow(
            "SELECT count() AS rows, uniqExact(number) AS numbers FROM sixfold.bindings"
        )
        assert table.to_pylist() == [{"rows": 30, "numbers": 30}]
