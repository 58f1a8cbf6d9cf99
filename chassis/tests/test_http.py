"""Health endpoints over the wire: what waits is named, and the metrics of several services are one text."""

import asyncio
import json
import logging
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from sixfold.chassis.http import AsgiServer, HealthServer, HttpSettings
from sixfold.chassis.lifecycle import Lifecycle
from sixfold.chassis.telemetry import TelemetrySettings, setup


class Part:
    def __init__(self, name: str, *, is_ready: bool = True) -> None:
        self.name, self.is_ready = name, is_ready

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def ready(self) -> bool:
        return self.is_ready


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


async def get(server: AsgiServer, path: str) -> tuple[int, str]:
    return await asyncio.to_thread(fetch, f"http://127.0.0.1:{server.port}{path}")


async def test_readiness_lists_each_component() -> None:
    late = Part("late", is_ready=False)
    inner = Lifecycle([Part("early"), Lifecycle([late], name="group")])
    server = HealthServer(HttpSettings(), inner, [])
    await server.start()
    code, text = await get(server, "/readyz")
    assert code == 503
    assert json.loads(text)["components"] == {"early": "stopped", "group": "stopped"}
    assert await get(server, "/livez") == (200, "ok\n")
    await inner.start()
    code, text = await get(server, "/readyz")
    assert (code, json.loads(text)["waiting_for"]) == (503, ["group/late"])
    late.is_ready = True
    code, text = await get(server, "/readyz")
    assert code == 200
    assert json.loads(text)["components"] == {"early": "ready", "group/late": "ready"}
    await inner.stop()
    await server.stop()


async def test_metrics_of_two_services_in_one_process_are_one_text() -> None:
    both = [setup(TelemetrySettings(), service=name) for name in ("address", "identity")]
    for number, telemetry in enumerate(both, 1):
        telemetry.counter("calls_total", "calls").add(number, {"method": "m"})
    shared = both[0].registry
    server = HealthServer(HttpSettings(), lambda: [], [shared, *(telemetry.registry for telemetry in both)])
    await server.start()
    _, text = await get(server, "/metrics")
    await server.stop()
    assert text.count("# TYPE calls_total counter") == 1
    families = {family.name: family for family in text_string_to_metric_families(text)}
    samples = {sample.labels["otel_scope_name"]: sample.value for sample in families["calls"].samples}
    assert samples == {"sixfold.address": 1, "sixfold.identity": 2}
    assert len(families["target_info"].samples) == 2


async def test_a_request_under_way_is_answered_before_the_end_and_logging_is_left_alone() -> None:
    began, may_end = asyncio.Event(), asyncio.Event()

    async def slow(_):
        began.set()
        await may_end.wait()
        return PlainTextResponse("done")

    handlers = list(logging.getLogger("uvicorn").handlers)
    server = AsgiServer("web", Starlette(routes=[Route("/slow", slow)]), HttpSettings())
    await server.start()
    request = asyncio.create_task(get(server, "/slow"))
    await began.wait()
    stopping = asyncio.create_task(server.stop())
    may_end.set()
    assert await request == (200, "done")
    await stopping
    assert logging.getLogger("uvicorn").handlers == handlers


async def test_a_taken_port_is_named() -> None:
    first = AsgiServer("first", Starlette(), HttpSettings())
    await first.start()
    second = AsgiServer("second", Starlette(), HttpSettings(port=first.port))
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{first.port}"):
        await second.start()
    await first.stop()
