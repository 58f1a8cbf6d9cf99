"""Shared IPv4: how long a question takes, by the number of rules, in process and over gRPC; and rules put durably.

Rules are lightweight 4over6 lines (256 of an address), MAP domains and deterministic NATs, half of them ended; the
questions are of random addresses, ports and times, in both directions.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from typing import Any

NOW = 1_800_000_000_000
HOUR = 3_600_000
PUBLIC = 10 << 24
QUESTIONS = 20_000


def main(*, quick: bool = False) -> None:
    from benchmarks.report import report

    rows = [
        _in_process(number, QUESTIONS // (4 if quick else 1))
        for number in (100, 10_000, 100_000)[: 2 if quick else 3]
    ]
    rows.append(asyncio.run(_over_grpc(500 if quick else 10_000, 300 if quick else 2_000)))
    report(
        "translation",
        "questions about shared IPv4",
        rows,
        ["deterministic answers under 1 ms at 10,000 rules, p99"],
    )


def specs(number: int) -> Iterator[tuple[Any, int]]:
    """Specifications, and the number of the /24 that each lies in."""
    from sixfold.address.domain.translation.events import DeterministicNatSpec, Lw4o6Spec, MapSpec
    from sixfold.api.addressing.map_rule import Mode

    for at in range(number):
        place = PUBLIC + at * 256
        match at % 4:
            case 0:
                yield (
                    MapSpec(
                        Mode.ENCAPSULATION,
                        f"2001:{at >> 16:x}:{at & 0xFFFF:x}::/48",
                        f"{IPv4Address(place)}/24",
                        8,
                    ),
                    at,
                )
            case 1:
                inside = f"{IPv4Address((100 << 24) + (at << 4))}/28"
                yield DeterministicNatSpec(inside, f"{IPv4Address(place)}/32", dynamic_factor=2), at
            case _:
                home = f"2002:{at >> 16:x}:{at & 0xFFFF:x}::/56"
                address = PUBLIC + (number + at // 256) * 256
                yield Lw4o6Spec(home, str(IPv4Address(address)), "2001:db8::1", 6, 8, at % 256), at


def _in_process(number: int, questions: int) -> dict[str, Any]:
    from sixfold.address.domain.translation.book import TranslationBook, evolve_translation
    from sixfold.address.domain.translation.decisions import RuleWish, end_rule, put_rule
    from sixfold.address.domain.translation.resolving import Resolution, resolve_public, resolve_subscriber

    book = TranslationBook()
    began = time.perf_counter()
    for spec, at in specs(number):
        for event in put_rule(book, RuleWish(f"r{at}", "gw-1", spec), NOW)[0]:
            evolve_translation(book, event)
    putting = (time.perf_counter() - began) / number
    for at in range(0, number, 2):
        for event in end_rule(book, f"r{at}", 0, NOW + HOUR):
            evolve_translation(book, event)
    source = random.Random(7)
    resolved = 0

    def there() -> None:
        nonlocal resolved, last
        address = str(IPv4Address(PUBLIC + source.randrange(number * 256 + number)))
        last = resolve_subscriber(
            book, address, source.randrange(1024, 65_536), NOW + source.randrange(2 * HOUR)
        )
        resolved += last.resolution is Resolution.SUBSCRIBER

    def back() -> None:
        at = source.randrange(0, number, 4)
        resolve_public(
            book, f"2001:{at >> 16:x}:{at & 0xFFFF:x}:{source.randrange(256) << 8:x}::1", "", NOW + 5
        )

    last: Any = None
    return {
        "rules": number,
        "where": "in process",
        "put us": putting * 1e6,
        **_times("to subscriber", _measured(there, questions)),
        **_times("to public", _measured(back, questions)),
        "found %": 100 * resolved / questions,
    }


def _measured(call: Callable[[], None], times: int) -> list[float]:
    found: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return sorted(found)


def _times(name: str, found: list[float]) -> dict[str, float]:
    return {
        f"{name} p50 us": found[len(found) // 2] * 1e6,
        f"{name} p99 us": found[len(found) * 99 // 100] * 1e6,
    }


async def _over_grpc(number: int, questions: int) -> dict[str, Any]:
    """Everything in one process, so both ends of gRPC share one core."""
    import tempfile
    from pathlib import Path

    from sixfold.address.config import AddressSettings
    from sixfold.address.domain.translation.book import Rule
    from sixfold.address.domain.translation.engine import engine_of
    from sixfold.address.domain.translation.events import rule_put
    from sixfold.address.service import Dependencies, build
    from sixfold.address.translation_messages import rule_message
    from sixfold.api.address.v1 import translation_pb2 as pb
    from sixfold.api.address.v1.translation_pb2_grpc import TranslationServiceStub
    from sixfold.chassis.messaging import Messaging, NatsSettings
    from sixfold.chassis.rpc import connect
    from sixfold.chassis.telemetry import TelemetrySettings, setup
    from sixfold.chassis.testing import NatsServer

    with tempfile.TemporaryDirectory() as folder:
        server = NatsServer(Path(folder))
        server.start()
        messaging = Messaging(NatsSettings(servers=(server.url,), name="bench"))
        await messaging.start()
        telemetry = setup(TelemetrySettings(), service="bench")
        service = build(AddressSettings(), Dependencies(messaging, telemetry))
        await service.start()
        try:
            async with connect(service.rpc.address) as channel:
                stub = TranslationServiceStub(channel)
                wishes = []
                for spec, at in specs(number):
                    put = rule_put(f"r{at}", "gw-1", spec, valid_from=1, valid_until=0, time=1)
                    message = rule_message(Rule(put, engine_of(spec), 1))
                    message.ClearField("valid_from")
                    wishes.append(pb.PutTranslationRuleRequest(rule=message))
                began = time.perf_counter()
                for at in range(0, number, 500):
                    await asyncio.gather(*(stub.PutTranslationRule(wish) for wish in wishes[at : at + 500]))
                putting = (time.perf_counter() - began) / number
                source, found = random.Random(7), []
                for _ in range(questions):
                    question = pb.ResolveSubscriberSideRequest(
                        public_address=str(IPv4Address(PUBLIC + source.randrange(number * 256))),
                        port=source.randrange(1024, 65_536),
                    )
                    question.time.GetCurrentTime()
                    start = time.perf_counter()
                    await stub.ResolveSubscriberSide(question)
                    found.append(time.perf_counter() - start)
        finally:
            await service.stop()
            await messaging.stop()
            telemetry.shutdown()
            server.stop()
    return {
        "rules": number,
        "where": "over gRPC, durable puts",
        "put us": putting * 1e6,
        **_times("to subscriber", sorted(found)),
    }
