"""`sixfold mitigation …`: what an operator does against an incident at the gateways."""

import getpass
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from sixfold.local.command_line import HomeOption, say
from sixfold.local.errors import LocalError
from sixfold.local.home import DEFAULT_HOME, home_at

app = typer.Typer(
    help="Mitigations: suggest, propose (dry), approve, withdraw, and what the gateways enforce.",
    no_args_is_help=True,
)
Actor = Annotated[str, typer.Option("--as", help="Who decides; default: your login name.")]
Note = Annotated[str, typer.Option("--note", help="Why; kept with the decision.")]
Identifier = Annotated[str, typer.Argument(help="The mitigation's id, mit-….")]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]
ACTIONS: Final = ("block", "rate-limit", "divert", "mark")
_KINDS: Final = {1: "block", 2: "rate-limit", 3: "divert", 4: "mark"}
_TIMES: Final = "%Y-%m-%d %H:%M:%SZ"


def _show_json(message: Any) -> None:
    from google.protobuf.json_format import MessageToDict

    Console().print_json(json.dumps(MessageToDict(message, preserving_proto_field_name=True)))


def _ask(home: Path, rpc: str, request: Any) -> Any:
    from sixfold.api.security.v1.mitigation_pb2_grpc import MitigationServiceStub
    from sixfold.local.centres import call

    return call(home_at(home), "security", MitigationServiceStub, lambda stub: getattr(stub, rpc)(request))


@app.command()
def suggest(
    incident: Annotated[str, typer.Argument(help="The incident's id, inc-….")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """What could be done against an incident, the narrowest first; propose one by its key."""
    from sixfold.api.security.v1 import mitigation_pb2 as pb

    found = _ask(home, "SuggestMitigation", pb.SuggestMitigationRequest(incident_id=incident)).suggestions
    if not found:
        say("nothing is suggested: its evidence names no traffic that a policy may match")
    for one in found:
        say(f"{one.key}  {policy_text(one.policy)}\n        {one.reason}; covers {one.coverage:.0%}")


@app.command()
def propose(
    incident: Annotated[str, typer.Option("--incident", help="Against this incident.")] = "",
    suggestion: Annotated[str, typer.Option(help="Key of a suggestion of `suggest`.")] = "",
    source: Annotated[list[str] | None, typer.Option(help="Prefix; may be repeated.")] = None,
    destination: Annotated[list[str] | None, typer.Option(help="Prefix; may be repeated.")] = None,
    protocol: Annotated[list[int] | None, typer.Option(help="IP protocol number, 6 or 17 …")] = None,
    source_port: Annotated[list[str] | None, typer.Option(help="53 or 1000-2000; may be repeated.")] = None,
    destination_port: Annotated[list[str] | None, typer.Option(help="As --source-port.")] = None,
    syn: Annotated[bool, typer.Option("--syn", help="Openings of TCP connections only.")] = False,
    action: Annotated[str, typer.Option(help=", ".join(ACTIONS))] = "block",
    packets_per_second: Annotated[int, typer.Option(help="Of a rate limit.")] = 0,
    bytes_per_second: Annotated[int, typer.Option(help="Of a rate limit, or of FlowSpec.")] = 0,
    per: Annotated[
        str, typer.Option(help="A rate limit is held for all, each source or destination.")
    ] = "all",
    dscp: Annotated[int, typer.Option(help="Of a mark, 0 to 63.")] = 0,
    route: Annotated[str, typer.Option(help="Of a diversion: blackhole or flowspec.")] = "",
    redirect: Annotated[str, typer.Option(help="Of FlowSpec: a route target, 64500:666.")] = "",
    gateway: Annotated[list[str] | None, typer.Option(help="Only here; may be repeated.")] = None,
    seconds: Annotated[int, typer.Option(help="How long from its approval on; 0: as the settings say.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would touch.")] = False,
    note: Note = "",
    actor: Actor = "",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Propose a policy; prints what it would have touched in the last hour, and whom it needs."""
    from sixfold.api.security.v1 import mitigation_pb2 as pb

    if suggestion:
        found = _ask(home, "SuggestMitigation", pb.SuggestMitigationRequest(incident_id=incident)).suggestions
        chosen = [one.policy for one in found if one.key == suggestion]
        if not chosen:
            raise LocalError(
                f"{suggestion} is not suggested, or no longer, for the attack has changed: "
                f"`sixfold mitigation suggest {incident}`."
            )
        [policy] = chosen
    else:
        policy = pb.MitigationPolicy()
        policy.match.sources.extend(source or ())
        policy.match.destinations.extend(destination or ())
        policy.match.protocols.extend(protocol or ([6] if syn else ()))
        _ranges(policy.match.source_ports, source_port)
        _ranges(policy.match.destination_ports, destination_port)
        if syn:
            policy.match.tcp_flags_mask, policy.match.tcp_flags = 18, 2
        policy.action.kind = _choice("KIND", action, ACTIONS, "--action")
        policy.action.packets_per_second, policy.action.bytes_per_second = (
            packets_per_second,
            bytes_per_second,
        )
        if per != "all":
            policy.action.per = _choice("PER", per, ("source", "destination"), "--per")
        if route:
            policy.action.route = _choice("ROUTE", route, ("blackhole", "flowspec"), "--route")
        policy.action.dscp, policy.action.redirect = dscp, redirect
    request = pb.ProposeMitigationRequest(
        incident_id=incident,
        policy=policy,
        gateways=gateway or (),
        actor=_actor(actor),
        note=note,
        seconds=seconds,
        dry_run=dry_run,
    )
    made = _ask(home, "ProposeMitigation", request).mitigation
    say(_details(made))
    if dry_run:
        say("dry run: nothing was decided")


@app.command()
def approve(
    mitigation: Identifier, note: Note = "", actor: Actor = "", home: HomeOption = DEFAULT_HOME
) -> None:
    """Have it enforced from now on."""
    _decide(home, "Approve", mitigation, actor, note)


@app.command()
def reject(
    mitigation: Identifier, note: Note = "", actor: Actor = "", home: HomeOption = DEFAULT_HOME
) -> None:
    """Decline a proposal."""
    _decide(home, "Reject", mitigation, actor, note)


@app.command()
def withdraw(
    mitigation: Identifier, note: Note = "", actor: Actor = "", home: HomeOption = DEFAULT_HOME
) -> None:
    """End it before its time."""
    _decide(home, "Withdraw", mitigation, actor, note)


@app.command()
def show(mitigation: Identifier, as_json: JsonOption = False, home: HomeOption = DEFAULT_HOME) -> None:
    """One mitigation with its estimate and its effect."""
    from sixfold.api.security.v1 import mitigation_pb2 as pb

    one = _ask(home, "GetMitigation", pb.GetMitigationRequest(mitigation_id=mitigation)).mitigation
    if as_json:
        _show_json(one)
    else:
        say(_details(one))


@app.command("list")
def list_mitigations(
    incident: Annotated[str, typer.Option("--incident", help="Of this incident only.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Mitigations, newest first."""
    from sixfold.api.security.v1 import mitigation_pb2 as pb

    statuses = () if every else (pb.MITIGATION_STATUS_PROPOSED, pb.MITIGATION_STATUS_ACTIVE)
    request = pb.ListMitigationsRequest(statuses=statuses, incident_id=incident)
    found = _ask(home, "ListMitigations", request)
    if as_json:
        _show_json(found)
        return
    if not found.mitigations:
        say(
            "There are no mitigations."
            if every
            else "No mitigation is proposed or active; `--all`: also ended ones."
        )
        return
    table = Table("id", "status", "policy", "gateways", "until", "acted on", header_style="bold")
    for one in found.mitigations:
        until = one.expires.ToDatetime(UTC).strftime(_TIMES) if one.HasField("expires") else ""
        acted = f"{one.effect.acted_packets:,} packets" if one.HasField("effect") else ""
        where = ", ".join(one.gateways) or "all"
        table.add_row(one.mitigation_id, _status(one), policy_text(one.policy), where, until, acted)
    Console().print(table)


@app.command()
def gateways(home: HomeOption = DEFAULT_HOME) -> None:
    """What each gateway should enforce, and what it says that it does."""
    from sixfold.api.security.v1 import mitigation_pb2 as pb

    table = Table("gateway", "wanted", "in force", "mitigations", "last answer", header_style="bold")
    for one in _ask(home, "ListEnforcement", pb.ListEnforcementRequest()).gateways:
        answer = f"{one.outcome}: {one.cause}" if one.cause else one.outcome
        said = str(one.reported_generation) if one.HasField("reported") else "says nothing"
        mitigations = ", ".join(one.mitigation_ids)
        table.add_row(
            one.gateway, str(one.wanted_generation), said, mitigations, "\n".join((answer, *one.troubles))
        )
    Console().print(table)


def _decide(home: Path, verb: str, mitigation: str, actor: str, note: str) -> None:
    from sixfold.api.security.v1 import mitigation_pb2 as pb

    request = getattr(pb, f"{verb}MitigationRequest")(
        mitigation_id=mitigation, actor=_actor(actor), note=note
    )
    say(_details(_ask(home, f"{verb}Mitigation", request).mitigation))


def _actor(given: str) -> str:
    return given or getpass.getuser()


def _choice(enum: str, word: str, words: tuple[str, ...], option: str) -> Any:
    from sixfold.api.agent.v1.agent_pb2 import PolicyAction

    if word not in words:
        raise typer.BadParameter(f"one of {', '.join(words)}", param_hint=option)
    kinds: Any = {"KIND": PolicyAction.Kind, "PER": PolicyAction.Per, "ROUTE": PolicyAction.Route}[enum]
    return kinds.Value(f"{enum}_{word.upper().replace('-', '_')}")


def _ranges(field: Any, texts: list[str] | None) -> None:
    for text in texts or ():
        first, _, last = text.partition("-")
        try:
            field.add(first=int(first), last=int(last or first))
        except ValueError as error:
            raise typer.BadParameter(f"{text}: write 53 or 1000-2000") from error


def policy_text(policy: Any) -> str:
    """A policy in one line."""
    match, action = policy.match, policy.action
    words = [_KINDS.get(action.kind, "?")]
    if action.packets_per_second:
        words.append(f"to {action.packets_per_second:,} packets/s")
    if action.bytes_per_second:
        words.append(f"to {action.bytes_per_second:,} bytes/s")
    words += {1: ["a source"], 2: ["a destination"]}.get(action.per, [])
    words += {1: ["by black hole"], 2: ["by FlowSpec"]}.get(action.route, [])
    words += [f"to {action.redirect}"] if action.redirect else []
    words += [f"with DSCP {action.dscp}"] if action.kind == 4 else []
    for word, values in (("from", match.sources), ("to", match.destinations)):
        if values:
            more = f" and {len(values) - 3} more" if len(values) > 3 else ""
            words.append(f"{word} {', '.join(values[:3])}{more}")
    if match.protocols:
        words.append(f"protocol {', '.join(map(str, match.protocols))}")
    for word, ranges in (("source port", match.source_ports), ("port", match.destination_ports)):
        if ranges:
            texts = [str(one.first) if one.first == one.last else f"{one.first}-{one.last}" for one in ranges]
            words.append(f"{word} {', '.join(texts)}")
    if match.tcp_flags_mask:
        words.append(f"TCP flags {match.tcp_flags}/{match.tcp_flags_mask}")
    return " ".join(words)


def _status(one: Any) -> str:
    from sixfold.api.security.v1 import mitigation_pb2 as pb

    name = pb.MitigationStatus.Name(one.status).removeprefix("MITIGATION_STATUS_").lower()
    return f"{name} ({one.end_cause})" if one.end_cause else name


def _details(one: Any) -> str:
    lines = [f"{one.mitigation_id}  {_status(one)}  {policy_text(one.policy)}"]
    lines.append(
        f"proposed by {one.proposer} for {one.seconds} s at {', '.join(one.gateways) or 'all gateways'}"
    )
    if one.HasField("estimate"):
        found = one.estimate
        lines.append(
            f"would have touched {found.flows:,} flows of {found.sources:,} sources; from before the incident "
            f"{found.good_flows:,} flows of {found.good_sources:,} sources, since then {found.known_flows:,} of theirs"
        )
        lines += [f"the estimate is not complete: {found.trouble}"] if found.trouble else []
    lines += [f"needs a second person: {reason}" for reason in one.two_person_reasons]
    if one.HasField("expires"):
        lines.append(f"approved by {one.approver}, until {one.expires.ToDatetime(UTC).strftime(_TIMES)}")
    if one.HasField("effect"):
        effect = one.effect
        lines.append(
            f"matched {effect.matched_packets:,} packets, acted on {effect.acted_packets:,}; "
            f"{effect.passed_bits_per_second:,.0f} bit/s of it pass; collateral {effect.collateral_flows:,} flows of "
            f"{effect.collateral_sources:,} sources" + ("" if effect.collateral_known else " (not known yet)")
        )
    if one.HasField("ended"):
        ended: datetime = one.ended.ToDatetime(UTC)
        lines.append(f"ended by {one.ended_by} at {ended.strftime(_TIMES)}: {one.end_cause}")
    return "\n".join(lines)
