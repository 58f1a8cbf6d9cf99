"""The gRPC server and client against each other, over the wire."""

import asyncio

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from sixfold.chassis import rpc
from sixfold.chassis.telemetry import Telemetry


class Echo(health_pb2_grpc.HealthServicer):
    """Borrows a generated service: what matters here is what stands around the servicer."""

    async def Check(self, request, context):
        match request.service:
            case "bad":
                raise rpc.InvalidArgument("service", "is bad", reason="SERVICE_BAD")
            case "gone":
                raise rpc.NotFound("no such service", reason="NO_SERVICE")
            case "bug":
                raise ZeroDivisionError
            case "slow":
                await asyncio.Event().wait()
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)

    async def Watch(self, request, context):
        yield health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
        raise rpc.ResourceExhausted("enough", reason="ENOUGH")


def register(servicer, server) -> None:
    """As generated code does it, under a name of its own."""
    handlers = {
        "Check": grpc.unary_unary_rpc_method_handler(
            servicer.Check,
            health_pb2.HealthCheckRequest.FromString,
            health_pb2.HealthCheckResponse.SerializeToString,
        ),
        "Watch": grpc.unary_stream_rpc_method_handler(
            servicer.Watch,
            health_pb2.HealthCheckRequest.FromString,
            health_pb2.HealthCheckResponse.SerializeToString,
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("sixfold.test.Echo", handlers),))


@pytest.fixture
async def server(telemetry: Telemetry):
    settings = rpc.RpcSettings(default_deadline=0.2)
    running = rpc.RpcServer(settings, services=[(register, Echo())], telemetry=telemetry)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def channel(server: rpc.RpcServer):
    async with rpc.connect(server.address, rpc.ClientSettings(default_deadline=5)) as opened:
        yield opened


async def call(channel, service: str, method: str = "unary_unary", timeout: float | None = None):
    make = getattr(channel, method)
    name = "Check" if method == "unary_unary" else "Watch"
    stub = make(
        f"/sixfold.test.Echo/{name}",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    request = health_pb2.HealthCheckRequest(service=service)
    if method == "unary_unary":
        return await stub(request, timeout=timeout)
    return [answer async for answer in stub(request, timeout=timeout)]


async def test_a_wrong_field_is_named_in_the_details(channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(channel, "bad")
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert rpc.reason_of(refused.value) == "SERVICE_BAD"
    details = dict(refused.value.trailing_metadata())["grpc-status-details-bin"]
    bad = BadRequest()
    assert any(detail.Unpack(bad) for detail in Status.FromString(details).details)
    assert bad.field_violations[0].field == "service"


@pytest.mark.parametrize(
    ("service", "code", "reason"),
    [("gone", grpc.StatusCode.NOT_FOUND, "NO_SERVICE"), ("bug", grpc.StatusCode.INTERNAL, "INTERNAL")],
)
async def test_errors_have_their_status(channel, service: str, code: grpc.StatusCode, reason: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(channel, service)
    assert (refused.value.code(), rpc.reason_of(refused.value)) == (code, reason)


async def test_a_stream_ends_with_its_error(channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(channel, "", "unary_stream")
    assert rpc.reason_of(refused.value) == "ENOUGH"


async def test_a_call_without_a_deadline_gets_one(server: rpc.RpcServer) -> None:
    async with grpc.aio.insecure_channel(server.address) as bare:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(bare, "slow")
    assert refused.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


async def test_health_and_reflection_name_the_service(server: rpc.RpcServer, channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(service="sixfold.test.Echo"))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async for reply in reflection.ServerReflectionInfo(iter([request])):
        assert "sixfold.test.Echo" in [service.name for service in reply.list_services_response.service]
        break


async def test_calls_are_counted_by_status(channel, telemetry: Telemetry) -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        await call(channel, "gone")
    await call(channel, "")
    labels = {"method": "/sixfold.test.Echo/Check"}
    scope = {"otel_scope_name": "sixfold.test", "otel_scope_schema_url": "", "otel_scope_version": ""}
    for status in ("OK", "NOT_FOUND"):
        assert (
            telemetry.registry.get_sample_value("rpc_calls_total", {**labels, **scope, "status": status}) == 1
        )


async def test_a_taken_port_is_a_clear_error(server: rpc.RpcServer) -> None:
    second = rpc.RpcServer(rpc.RpcSettings(port=server.port), services=[])
    with pytest.raises(OSError, match=r"is the port taken\?"):
        await second.start()
