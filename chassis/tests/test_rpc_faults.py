"""gRPC where things go wrong: strangers, callers who leave, answers that are too large, a server that stops."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2
from opentelemetry import trace

from sixfold.chassis import rpc
from sixfold.chassis.ledger import LedgerRepeatedError, LedgerUnavailableError
from sixfold.chassis.telemetry import Telemetry
from sixfold.chassis.testing import counters

CHECK = "/sixfold.test.Odd/Check"
Request, Answer = health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse


class Odd:
    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.may_end = asyncio.Event()
        self.traces: list[int] = []

    async def check(self, request: Request, _) -> Answer:
        self.traces.append(trace.get_current_span().get_span_context().trace_id)
        match request.service:
            case "wait":
                self.began.set()
                await self.may_end.wait()
            case "repeated":
                raise LedgerRepeatedError("k", [])
            case "away":
                raise LedgerUnavailableError("the ledger is away")
            case "bug":
                raise ZeroDivisionError("secret detail")
        return Answer()


def register(servicer: Odd, server) -> None:
    handler = grpc.unary_unary_rpc_method_handler(
        servicer.check, Request.FromString, Answer.SerializeToString
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("sixfold.test.Odd", {"Check": handler}),)
    )


async def check(channel: grpc.aio.Channel, service: str = "", timeout: float | None = 10) -> Answer:
    stub = channel.unary_unary(
        CHECK, request_serializer=Request.SerializeToString, response_deserializer=Answer.FromString
    )
    return await stub(Request(service=service), timeout=timeout)


async def code_of(channel: grpc.aio.Channel, service: str, timeout: float | None = 10) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await check(channel, service, timeout)
    return refused.value.code()


@pytest.fixture
async def odd():
    return Odd()


@pytest.fixture
async def server(odd: Odd, telemetry: Telemetry):
    running = rpc.RpcServer(
        rpc.RpcSettings(max_message_bytes=1000), services=[(register, odd)], telemetry=telemetry
    )
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def channel(server: rpc.RpcServer):
    async with rpc.connect(server.address) as opened:
        yield opened


async def test_ledger_errors_are_told_in_the_words_of_grpc(channel) -> None:
    assert await code_of(channel, "repeated") == grpc.StatusCode.ALREADY_EXISTS
    assert await code_of(channel, "away") == grpc.StatusCode.UNAVAILABLE


async def test_a_bug_shows_its_id_and_nothing_else(channel, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await check(channel, "bug")
    assert "secret" not in str(refused.value.details())
    info = ErrorInfo()
    status = Status.FromString(dict(refused.value.trailing_metadata())["grpc-status-details-bin"])
    assert status.details[0].Unpack(info)
    assert info.metadata["error_id"] in str(refused.value.details())
    assert info.metadata["error_id"] in caplog.text
    assert "secret detail" in caplog.text


async def test_a_message_over_the_limit_is_refused(channel) -> None:
    assert await code_of(channel, "x" * 2000) == grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_caller_who_leaves_is_counted(
    channel, odd: Odd, telemetry: Telemetry, assert_eventually
) -> None:
    call = asyncio.create_task(check(channel, "wait"))
    await odd.began.wait()
    call.cancel()
    expected = {f'rpc_calls_total{{method="{CHECK}",status="CANCELLED"}}': 1}
    await assert_eventually(lambda: counters(telemetry.registry, "rpc_calls") == expected)


async def test_the_trace_goes_from_caller_to_servicer(channel, odd: Odd, telemetry: Telemetry) -> None:
    with telemetry.tracer.start_as_current_span("ask") as span:
        await check(channel)
    assert odd.traces == [span.get_span_context().trace_id]


async def test_stop_lets_a_call_end(server: rpc.RpcServer, channel, odd: Odd) -> None:
    call = asyncio.create_task(check(channel, "wait"))
    await odd.began.wait()
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0)
    odd.may_end.set()
    assert await call == Answer()
    await stopping
    assert await code_of(channel, "", timeout=0.5) in (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    )


# -- mutual TLS -----------------------------------------------------------------------------------------------------


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def authority(folder: Path) -> Path:
    folder.mkdir()
    key, certificate = str(folder / "ca.key"), str(folder / "ca.pem")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(
        "req", "-x509", *new_key, "-keyout", key, "-out", certificate, "-subj", "/CN=test-ca", "-days", "2"
    )
    return folder


def identity(folder: Path, name: str) -> rpc.TlsSettings:
    key, request, certificate = (folder / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
    extensions = folder / f"{name}.ext"
    extensions.write_text(f"subjectAltName=DNS:{name},IP:127.0.0.1\n")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", *new_key, "-keyout", str(key), "-out", str(request), "-subj", f"/CN={name}")
    signer = (
        "-CA",
        str(folder / "ca.pem"),
        "-CAkey",
        str(folder / "ca.key"),
        "-CAcreateserial",
        "-days",
        "2",
    )
    openssl(
        "x509", "-req", "-in", str(request), *signer, "-out", str(certificate), "-extfile", str(extensions)
    )
    return rpc.TlsSettings(certificate_file=certificate, key_file=key, ca_file=folder / "ca.pem")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command to make certificates")
async def test_only_named_services_may_call_and_strangers_do_not_get_in(tmp_path: Path, odd: Odd) -> None:
    ours, theirs = authority(tmp_path / "ours"), authority(tmp_path / "theirs")
    settings = rpc.RpcSettings(tls=identity(ours, "server"), allow={CHECK: ("security", "credit")})
    server = rpc.RpcServer(settings, services=[(register, odd)])
    await server.start()

    async def outcome(tls: rpc.TlsSettings | None) -> grpc.StatusCode:
        async with rpc.connect(server.address, rpc.ClientSettings(tls=tls)) as opened:
            try:
                await check(opened, timeout=5)
            except grpc.aio.AioRpcError as error:
                return error.code()
            return grpc.StatusCode.OK

    assert await outcome(identity(ours, "security")) == grpc.StatusCode.OK
    assert await outcome(identity(ours, "console")) == grpc.StatusCode.PERMISSION_DENIED
    stranger = identity(theirs, "security")
    forged = rpc.TlsSettings(
        certificate_file=stranger.certificate_file, key_file=stranger.key_file, ca_file=ours / "ca.pem"
    )
    assert await outcome(forged) == grpc.StatusCode.UNAVAILABLE
    assert await outcome(None) == grpc.StatusCode.UNAVAILABLE
    await server.stop()


async def test_absent_certificates_are_named(tmp_path: Path, odd: Odd) -> None:
    tls = rpc.TlsSettings(certificate_file=tmp_path / "a", key_file=tmp_path / "b", ca_file=tmp_path / "c")
    with pytest.raises(ValueError, match=r"cannot read .*/a"):
        await rpc.RpcServer(rpc.RpcSettings(tls=tls), services=[(register, odd)]).start()
