"""Every page over real HTTP and gRPC, with centres that answer from memory."""

import asyncio
import http.client
import re
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import grpc
import pytest

from sixfold.api.subjects import CENTRES
from sixfold.chassis.http import AsgiServer, HttpSettings
from sixfold.console.adapters.centres import Centres
from sixfold.console.pages.app import VIEWS, application

PATHS = [path for path, _ in VIEWS.values()]


@dataclass
class Site:
    port: int
    emergency: Any

    async def ask(
        self, path: str, *, method: str = "GET", body: str | None = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        def call() -> tuple[int, dict[str, str], str]:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, names)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            text = answer.read().decode()
            connection.close()
            return answer.status, found, text

        return await asyncio.to_thread(call)


@pytest.fixture(params=[()], ids=["all"])
async def site(request: pytest.FixtureRequest, served_centres) -> AsyncIterator[Site]:
    port, servicers = served_centres
    gone: tuple[str, ...] = request.param
    channels = {
        name: grpc.aio.insecure_channel(f"127.0.0.1:{9 if name in gone else port}") for name in CENTRES
    }
    app = application(Centres(channels, timeout=5), refresh_seconds=3, allowed_hosts=("127.0.0.1",))
    server = AsgiServer("console", app, HttpSettings())
    await server.start()
    yield Site(server.port, servicers["emergency"])
    await server.stop()
    await asyncio.gather(*(channel.close() for channel in channels.values()))


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("path", PATHS)
async def test_pages_in_both_languages(site: Site, path: str, language: str) -> None:
    status, headers, text = await site.ask(path, accept_language=language)
    assert status == 200
    assert headers["content-language"] == language
    assert f'<html lang="{language}">' in text
    assert "script-src 'self'" in headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|\sstyle=|https?://", text), (
        "nothing inline, nothing from afar"
    )


async def test_what_comes_from_outside_is_text(site: Site) -> None:
    _, _, text = await site.ask("/security")
    assert "&lt;b&gt;not markup&lt;/b&gt;" in text
    _, _, text = await site.ask("/terminals?terminal=%3Cscript%3E")
    assert "<script>" not in text


async def test_the_live_region_alone(site: Site) -> None:
    for path in PATHS:
        status, _, text = await site.ask(path, sixfold_fragment="live")
        assert status == 200
        assert "<html" not in text
        assert "</" in text


@pytest.mark.parametrize("site", [CENTRES], indirect=True, ids=["none"])
async def test_pages_say_which_centre_is_silent(site: Site) -> None:
    for path in PATHS:
        status, _, text = await site.ask(path)
        assert status == 200
        if path != "/terminals":
            assert "does not answer" in text


async def test_gateways_and_their_losses(site: Site) -> None:
    _, _, text = await site.ask("/")
    assert "healthy" in text
    assert "silent" in text
    assert "the disk is full" in text
    assert "60.0 %" in text
    assert re.search(r"Dropped by the kernel</p><p class=.value.>17<", text)


async def test_terminal_by_address_and_by_name(site: Site) -> None:
    _, _, text = await site.ask("/terminals?terminal=192.0.2.1&port=1100")
    assert "t-9a3e77c1" in text
    assert "1024–2047" in text
    _, _, text = await site.ask("/terminals?terminal=nobody")
    assert "no terminal has this pseudonym" in text


async def test_strange_hosts_and_pages(site: Site) -> None:
    status, _, _ = await site.ask("/", Host="evil.example")
    assert status == 400
    status, headers, text = await site.ask("/nothing")
    assert status == 404
    assert "no such page" in text
    assert "content-security-policy" in headers
    status, _, _ = await site.ask("/static/../config.py")
    assert status == 404


async def form(site: Site) -> tuple[str, str]:
    _, headers, text = await site.ask("/alerts")
    token = re.search(r'name="token" value="([0-9a-f]+)"', text)
    return token[1], headers["set-cookie"].split(";")[0]


async def send(
    site: Site, cookie: str, fields: dict[str, str], **headers: str
) -> tuple[int, dict[str, str], str]:
    headers = {"cookie": cookie, "content_type": "application/x-www-form-urlencoded", **headers}
    return await site.ask("/alerts", method="POST", body=urlencode(fields), **headers)


async def test_a_test_alert_is_cap_with_status_test(site: Site) -> None:
    token, cookie = await form(site)
    fields = {"token": token, "headline": "演练 <1>", "area": "East & West", "severity": "Severe"}
    status, headers, _ = await send(site, cookie, fields)
    assert (status, headers["location"]) == (303, "/alerts?sent=1")
    (document,) = site.emergency.submitted
    cap = "{urn:oasis:names:tc:emergency:cap:1.2}"
    root = ET.fromstring(document)
    assert root.findtext(f"{cap}status") == "Test"
    assert root.findtext(f"{cap}info/{cap}headline") == "演练 <1>"
    assert root.findtext(f"{cap}info/{cap}area/{cap}areaDesc") == "East & West"


async def test_forged_forms_send_nothing(site: Site) -> None:
    token, cookie = await form(site)
    fields = {"token": token, "headline": "x", "area": "y", "severity": "Severe"}
    forged = [
        await send(site, "sixfold_form=" + "a" * 43, fields),
        await send(site, "", fields),
        await send(site, cookie, {**fields, "token": "0" * 64}),
        await send(site, cookie, fields, origin="https://evil.example"),
        await send(site, cookie, fields, sec_fetch_site="cross-site"),
    ]
    assert [status for status, _, _ in forged] == [403] * 5
    assert site.emergency.submitted == []


async def test_incomplete_forms_are_explained(site: Site) -> None:
    token, cookie = await form(site)
    status, _, text = await send(site, cookie, {"token": token, "area": "y", "severity": "Severe"})
    assert status == 422
    assert "Write a headline" in text
    status, _, _ = await send(site, cookie, {"token": token, "headline": "x" * 10_000})
    assert status == 413


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Its life", "Raised thresholds", "stale", "receives")),
        ("zh-CN", ("处理过程", "已提高的阈值", "沿用旧版", "接收方")),
    ],
)
async def test_security_shows_the_life_of_incidents_raised_thresholds_and_feeds(
    site: Site, language: str, words: tuple[str, ...]
) -> None:
    _, _, text = await site.ask("/security", accept_language=language)
    for word in words:
        assert word in text
    for said in (
        "T1498.001",
        "mit-1",
        "i-2",
        "[2001:db8::9]:53",
        "sixfold security revert adj-1",
        "HTTP 503",
    ):
        assert said in text
    assert "&lt;i&gt;looking&lt;/i&gt;" in text


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("Mitigations", "waits for approval", "limit to")), ("zh-CN", ("缓解措施", "待批准", "限速至"))],
)
async def test_security_shows_mitigations_and_gateways_that_are_behind(
    site: Site, language: str, words: tuple[str, ...]
) -> None:
    _, _, text = await site.ask("/security", accept_language=language)
    for said in (
        *words,
        "good-sources: 60",
        "sixfold mitigation approve mit-1",
        "gw-9: – / 4",
        "not-enabled: x",
        "p/s<br>",
    ):
        assert said in text
    assert "&lt;i&gt;ann&lt;/i&gt;" in text
