"""`sixfold address rule …`: the rules by which IPv4 is shared."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sixfold.local.address.asking import (
    HOME,
    HomeOption,
    content,
    instant,
    moment,
    say,
    show,
    translation,
)
from sixfold.local.errors import LocalError

app = typer.Typer(
    help="Shared IPv4: MAP, lw4o6, deterministic NAT and NAT64 rules, exact both ways.", no_args_is_help=True
)
RequestFile = Annotated[Path, typer.Argument(help="The request as JSON; see translation.proto.")]
Time = Annotated[str, typer.Option("--time", help="2026-01-31T12:00:00+08:00; none: now.")]


def _read(file: Path, message: Any) -> Any:
    from google.protobuf import json_format

    try:
        return json_format.Parse(content(file), message)
    except json_format.ParseError as error:
        raise LocalError(f"{file} is no {message.DESCRIPTOR.name}: {error}.") from error


def _row(rule: Any) -> tuple[object, ...]:
    kind = rule.WhichOneof("kind") or "-"
    return rule.rule_id, rule.gateway, kind, moment(rule, "valid_from"), moment(rule, "valid_until")


@app.command()
def put(file: RequestFile, home: HomeOption = HOME) -> None:
    """Write a rule over addresses that you have (PutTranslationRuleRequest)."""
    from sixfold.api.address.v1 import translation_pb2 as pb

    answer = translation(home, "PutTranslationRule", _read(file, pb.PutTranslationRuleRequest()))
    say("\t".join(str(cell) for cell in _row(answer.rule)))


@app.command()
def allocate(file: RequestFile, home: HomeOption = HOME) -> None:
    """Take addresses out of pools and write the rule over them (AllocateSharedIpv4Request)."""
    from sixfold.api.address.v1 import translation_pb2 as pb

    answer = translation(home, "AllocateSharedIpv4", _read(file, pb.AllocateSharedIpv4Request()))
    say("\t".join(str(cell) for cell in _row(answer.rule)))
    say(f"{answer.subscribers:,} subscribers, {answer.ports_per_subscriber:,} ports each")


@app.command()
def end(
    rule: Annotated[str, typer.Argument(help="The rule's name.")],
    until: Annotated[str, typer.Option(help="2026-01-31T12:00:00+08:00; none: now.")] = "",
    home: HomeOption = HOME,
) -> None:
    """End a rule; it stays known for what happened before."""
    from sixfold.api.address.v1 import translation_pb2 as pb

    request = pb.EndTranslationRuleRequest(rule_id=rule, valid_until=instant(until) if until else None)
    say("\t".join(str(cell) for cell in _row(translation(home, "EndTranslationRule", request).rule)))


@app.command("list")
def list_rules(
    gateway: Annotated[str, typer.Option(help="Only of this gateway.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="At most so many.")] = 1_000,
    home: HomeOption = HOME,
) -> None:
    """Rules that were, are or will be in force."""
    from sixfold.api.address.v1 import translation_pb2 as pb

    request = pb.ListTranslationRulesRequest(gateway=gateway, page_size=limit)
    rows = [_row(one) for one in translation(home, "ListTranslationRules", request).rules]
    show(("Rule", "Gateway", "Kind", "From", "Until"), rows, none="There are no rules.")


@app.command()
def describe(
    address: Annotated[str, typer.Argument(help="Public IPv4.")],
    port: Annotated[int, typer.Option(min=-1, max=65_535, help="-1: none.")] = -1,
    when: Time = "",
    home: HomeOption = HOME,
) -> None:
    """Which subscriber's prefix has a public address and port by the rules, step by step."""
    from sixfold.api.address.v1 import translation_pb2 as pb

    request = pb.DescribePublicAddressRequest(public_address=address, time=instant(when))
    if port >= 0:
        request.port = port
    answer = translation(home, "DescribePublicAddress", request)
    for step in answer.steps:
        say(f"{step.name}\t{step.value}\t{step.how}")
    word = pb.Resolution.Name(answer.answer.resolution).removeprefix("RESOLUTION_").lower()
    say(f"{word}\t{answer.answer.subscriber_prefix}".rstrip())


@app.command()
def ports(
    address: Annotated[str, typer.Argument(help="Of a subscriber: IPv6, or IPv4 behind a gateway.")],
    gateway: Annotated[str, typer.Option(help="For IPv4.")] = "",
    when: Time = "",
    home: HomeOption = HOME,
) -> None:
    """The public address and the ports of a subscriber's address."""
    from sixfold.api.address.v1 import translation_pb2 as pb

    request = pb.ResolvePublicSideRequest(subscriber_address=address, gateway=gateway, time=instant(when))
    answer = translation(home, "ResolvePublicSide", request)
    word = pb.Resolution.Name(answer.resolution).removeprefix("RESOLUTION_").lower()
    ranges = ",".join(f"{one.first}-{one.last}" for one in answer.ports) or "all"
    say(f"{word}\t{answer.public_prefix}\t{ranges}" if answer.public_prefix else word)
