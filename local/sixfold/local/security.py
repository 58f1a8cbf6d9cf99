"""`sixfold security …`: incidents and what is decided about them, raised thresholds, feeds, replicas."""

import getpass
import json
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from sixfold.local.command_line import HomeOption, say
from sixfold.local.errors import LocalError
from sixfold.local.home import DEFAULT_HOME, home_at

app = typer.Typer(
    help="Incidents: list, show, acknowledge, note, close, false positives, STIX; feeds and replicas.",
    no_args_is_help=True,
)
Identifier = Annotated[str, typer.Argument(help="The incident's id, inc-….")]
Actor = Annotated[str, typer.Option("--as", help="Who decides; default: your login name.")]
Note = Annotated[str, typer.Option("--note", help="Why; kept with the decision.")]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]
STATUSES: Final = ("open", "acknowledged", "mitigated", "closed", "false-positive")
_TIMES: Final = "%Y-%m-%d %H:%M:%SZ"


def _ask(home: Path, rpc: str, request: Any) -> Any:
    from sixfold.api.security.v1.security_pb2_grpc import SecurityServiceStub
    from sixfold.local.centres import call

    return call(home_at(home), "security", SecurityServiceStub, lambda stub: getattr(stub, rpc)(request))


def _show_json(message: Any) -> None:
    from google.protobuf.json_format import MessageToDict

    Console().print_json(json.dumps(MessageToDict(message, preserving_proto_field_name=True)))


def _actor(given: str) -> str:
    return given or getpass.getuser()


def _time(message: Any, name: str) -> str:
    return getattr(message, name).ToDatetime(UTC).strftime(_TIMES) if message.HasField(name) else "–"


def _status(one: Any) -> str:
    from sixfold.api.security.v1 import security_pb2 as pb

    return pb.IncidentStatus.Name(one.status).removeprefix("INCIDENT_STATUS_").lower().replace("_", "-")


def _severity(one: Any) -> str:
    from sixfold.api.security.v1 import events_pb2

    return events_pb2.Severity.Name(one.severity).removeprefix("SEVERITY_").lower()


def rate(bits: float) -> str:
    """Bits per second as a person reads them."""
    for unit in ("b/s", "kb/s", "Mb/s", "Gb/s"):
        if bits < 1000:
            return f"{bits:.0f} {unit}" if bits >= 10 or unit == "b/s" else f"{bits:.1f} {unit}"
        bits /= 1000
    return f"{bits:.1f} Tb/s"


@app.command()
def incidents(
    status: Annotated[list[str] | None, typer.Option(help=f"{', '.join(STATUSES)}; may be repeated.")] = None,
    victim: Annotated[str, typer.Option(help="Only inside this prefix or address.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    as_json: JsonOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """List incidents, newest first."""
    from sixfold.api.security.v1 import security_pb2 as pb

    unknown = [one for one in status or () if one not in STATUSES]
    if unknown:
        raise typer.BadParameter(f"one of {', '.join(STATUSES)}", param_hint="--status")
    chosen: Any = [
        pb.IncidentStatus.Value(f"INCIDENT_STATUS_{one.replace('-', '_').upper()}") for one in status or ()
    ]
    request = pb.ListIncidentsRequest(statuses=chosen, victim=victim, page_size=limit)
    found = _ask(home, "ListIncidents", request)
    if as_json:
        _show_json(found)
        return
    if not found.incidents:
        say("There are no incidents.")
        return
    for one in found.incidents:
        word = "from" if one.side == "source" else "to"
        say(
            f"{one.incident_id} {_severity(one)} {_status(one)}: {one.vector} {word} {one.victim}, "
            f"peak {rate(one.peak.bits_per_second)}, sure to {one.confidence:.0%}, "
            f"{_time(one, 'opened')} to {_time(one, 'last_seen')}"
        )
    if found.next_page_token:
        say("There are more: `--limit` up to 500, or `--victim`, narrow it down.")


@app.command()
def show(incident: Identifier, as_json: JsonOption = False, home: HomeOption = DEFAULT_HOME) -> None:
    """One incident whole: reasons, evidence, its life, and the query for its flows."""
    from sixfold.api.security.v1 import security_pb2 as pb

    one = _ask(home, "GetIncident", pb.GetIncidentRequest(incident_id=incident)).incident
    if as_json:
        _show_json(one)
        return
    say(_described(one))


def _described(one: Any) -> str:
    technique = f", ATT&CK {one.technique}" if one.technique else ""
    word = "from" if one.side == "source" else "to"
    evidence = one.evidence
    lines = [
        f"{one.incident_id}: {one.vector} {word} {one.victim}{technique}",
        f"  {_severity(one)}, {_status(one)}, sure to {one.confidence:.0%}, by {', '.join(one.detectors)}; "
        f"{one.signals} signals",
        f"  from {_time(one, 'started')}, last seen {_time(one, 'last_seen')}"
        + (f", closed {_time(one, 'closed')} ({one.close_cause})" if one.HasField("closed") else ""),
        f"  peak {rate(one.peak.bits_per_second)}, {one.peak.packets_per_second:,.0f} packets/s, "
        f"{one.peak.flows_per_second:,.0f} flows/s",
        "Reasons:",
        *(f"  {reason.text}" for reason in one.reasons),
    ]
    for title, shares in (
        ("Sources", evidence.top_sources),
        ("Source ports", evidence.top_source_ports),
        ("Destination ports", evidence.top_destination_ports),
        ("Protocols", evidence.protocols),
    ):
        if shares:
            lines.append(f"{title}: {_shares(shares)}")
    if evidence.sample_flows:
        lines.append("Flows:")
        lines += [
            f"  {_time(flow, 'time_start')} {flow.src_address} port {flow.src_port} to {flow.dst_address} port "
            f"{flow.dst_port}, protocol {flow.protocol}, {flow.bytes:,} bytes, {flow.packets:,} packets, {flow.gateway}"
            for flow in evidence.sample_flows
        ]
    if one.related:
        lines.append(f"Related: {', '.join(one.related)}")
    if one.mitigations:
        lines.append(f"Mitigations in force: {', '.join(one.mitigations)}")
    lines.append("Life:")
    lines += [
        f"  {_time(note, 'time')} {note.action}{' by ' + note.actor if note.actor else ''}"
        f"{': ' + note.text if note.text else ''}"
        for note in one.notes
    ]
    return "\n".join([*lines, "Query (`sixfold sql`):", f"  {evidence.query}"])


def _shares(shares: Any) -> str:
    """Those of one part in a hundred and more; of many small ones the first three."""
    large = [f"{one.value} ({one.share:.0%})" for one in shares if one.share >= 0.01]
    if large:
        return ", ".join(large)
    return ", ".join(one.value for one in shares[:3]) + " and others, each less than 1%"


def _decide(home: Path, rpc: str, request: Any) -> None:
    one = _ask(home, rpc, request).incident
    say(f"{one.incident_id} is {_status(one)}")


@app.command()
def acknowledge(
    incident: Identifier, note: Note = "", actor: Actor = "", home: HomeOption = DEFAULT_HOME
) -> None:
    """Say that somebody looks after it."""
    from sixfold.api.security.v1 import security_pb2 as pb

    request = pb.AcknowledgeIncidentRequest(incident_id=incident, actor=_actor(actor), note=note)
    _decide(home, "AcknowledgeIncident", request)


@app.command()
def close(incident: Identifier, note: Note = "", actor: Actor = "", home: HomeOption = DEFAULT_HOME) -> None:
    """Close it by hand; the same is not opened again for a while."""
    from sixfold.api.security.v1 import security_pb2 as pb

    request = pb.CloseIncidentRequest(incident_id=incident, actor=_actor(actor), note=note)
    _decide(home, "CloseIncident", request)


@app.command("false-positive")
def false_positive(
    incident: Identifier, note: Note = "", actor: Actor = "", home: HomeOption = DEFAULT_HOME
) -> None:
    """It was none: close it and raise the threshold of this object and vector for a while (see `thresholds`)."""
    from sixfold.api.security.v1 import security_pb2 as pb

    request = pb.MarkIncidentFalsePositiveRequest(incident_id=incident, actor=_actor(actor), note=note)
    one = _ask(home, "MarkIncidentFalsePositive", request).incident
    say(f"{one.incident_id} is {_status(one)}")
    raised = _ask(home, "ListThresholdAdjustments", pb.ListThresholdAdjustmentsRequest(object=one.victim))
    for adjustment in raised.adjustments:
        if adjustment.incident_id == one.incident_id:
            say(_adjustment(adjustment))


@app.command()
def note(
    incident: Identifier,
    text: Annotated[str, typer.Argument(help="What there is to say.")],
    actor: Actor = "",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Write something down about it."""
    from sixfold.api.security.v1 import security_pb2 as pb

    _decide(
        home,
        "AddIncidentNote",
        pb.AddIncidentNoteRequest(incident_id=incident, actor=_actor(actor), note=text),
    )


def _adjustment(one: Any) -> str:
    return (
        f"{one.adjustment_id}: {one.vector} of {one.object} opens above {one.factor:g} times the threshold of "
        f"{one.detector} until {_time(one, 'expires')} ({one.actor}, from {one.incident_id})"
    )


@app.command()
def thresholds(
    inside: Annotated[str, typer.Option("--object", help="Only inside this prefix or address.")] = "",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """The thresholds that false positives have raised."""
    from sixfold.api.security.v1 import security_pb2 as pb

    found = _ask(
        home, "ListThresholdAdjustments", pb.ListThresholdAdjustmentsRequest(object=inside)
    ).adjustments
    for one in found:
        say(_adjustment(one))
    if not found:
        say("No threshold is raised.")


@app.command()
def revert(
    adjustment: Annotated[str, typer.Argument(help="Its id, adj-…, as `thresholds` prints it.")],
    note: Note = "",
    actor: Actor = "",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Take a raised threshold back."""
    from sixfold.api.security.v1 import security_pb2 as pb

    request = pb.RevertThresholdAdjustmentRequest(adjustment_id=adjustment, actor=_actor(actor), note=note)
    _ask(home, "RevertThresholdAdjustment", request)
    say(f"{adjustment} is taken back")


@app.command()
def stix(
    incident: Identifier,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; else it is printed.")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """One incident as a STIX 2.1 bundle."""
    from sixfold.api.security.v1 import security_pb2 as pb

    data = _ask(home, "ExportIncident", pb.ExportIncidentRequest(incident_id=incident)).bundle
    text = json.dumps(json.loads(data), indent=2, ensure_ascii=False)
    if output is None:
        typer.echo(text)
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise LocalError(f"{output} cannot be written: {error.strerror}") from error
    say(f"{output}: {len(text):,} characters")


@app.command()
def feeds(as_json: JsonOption = False, home: HomeOption = DEFAULT_HOME) -> None:
    """The threat-intelligence feeds: state, prefixes, what was refused and why."""
    from sixfold.api.security.v1 import security_pb2 as pb

    found = _ask(home, "ListFeeds", pb.ListFeedsRequest())
    if as_json:
        _show_json(found)
        return
    if not found.feeds:
        say("No feed is configured: `intel.feeds` in the security centre's settings.")
        return
    for one in found.feeds:
        say(
            f"{one.name} ({one.kind}) {_feed_state(one)}: {one.prefixes:,} prefixes, taken {_time(one, 'taken')}, "
            f"used until {_time(one, 'expires')}"
        )
        if one.refused:
            say(
                "  refused: "
                + ", ".join(f"{cause} {number:,}" for cause, number in sorted(one.refused.items()))
            )
        if one.trouble:
            say(f"  {one.trouble}")


def _feed_state(one: Any) -> str:
    from sixfold.api.security.v1 import security_pb2 as pb

    return pb.FeedState.Name(one.state).removeprefix("FEED_STATE_").lower()


@app.command()
def refresh(
    feed: Annotated[str, typer.Argument(help="Its name, as `feeds` prints it.")],
    accept: Annotated[
        bool, typer.Option("--accept-change", help="Also where it has suddenly grown or shrunk.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Read a feed now."""
    from sixfold.api.security.v1 import security_pb2 as pb

    one = _ask(home, "RefreshFeed", pb.RefreshFeedRequest(name=feed, accept_change=accept)).feed
    say(
        f"{one.name} is {_feed_state(one)} with {one.prefixes:,} prefixes"
        + (f": {one.trouble}" if one.trouble else "")
    )
    raise typer.Exit(1 if one.trouble else 0)


@app.command("look-up")
def look_up(
    address: Annotated[str, typer.Argument(help="An IPv4 or IPv6 address.")], home: HomeOption = DEFAULT_HOME
) -> None:
    """Which feeds list an address."""
    from sixfold.api.security.v1 import security_pb2 as pb

    found = _ask(home, "LookUpAddress", pb.LookUpAddressRequest(address=address)).listings
    for one in found:
        span = one.first if one.first == one.last else f"{one.first} to {one.last}"
        say(f"{one.feed} lists {span}, sure to {one.confidence:.0%}")
    if not found:
        say(f"No feed lists {address}.")


@app.command()
def replicas(home: HomeOption = DEFAULT_HOME) -> None:
    """Which replica of the centre watches which partitions of the flows."""
    from sixfold.api.security.v1 import security_pb2 as pb

    for one in _ask(home, "ListReplicas", pb.ListReplicasRequest()).replicas:
        held = ", ".join(map(str, one.partitions)) or "none"
        say(f"{one.name}: partitions {held}{' (this one answers)' if one.self else ''}")


@app.command()
def detectors(
    whole: Annotated[
        bool, typer.Option("--all", help="With sources, parameters and what each misses.")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """What is looked for: detectors built in, of plugins and of rules, with the signals since the start."""
    from sixfold.api.security.v1 import security_pb2 as pb

    answer = _ask(home, "ListDetectors", pb.ListDetectorsRequest())
    if as_json:
        _show_json(answer)
        return
    for one in answer.detectors:
        state = "" if one.enabled else " (off)"
        failed = f", failed {one.failures} times" if one.failures else ""
        say(f"{one.name}{state}: {one.title}; signals {one.signals}{failed}")
        if whole:
            origin = pb.Detector.Origin.Name(one.origin).removeprefix("ORIGIN_").lower().replace("_", "-")
            say(f"    {origin}; {one.technique or 'no technique'}; after {one.source}")
            say(f"    misses: {one.misses}")
            for name, value in sorted(one.parameters.items()):
                say(f"    {name} = {value}")


@app.command()
def rules(
    files: Annotated[
        list[Path], typer.Argument(help="Files of rules (YAML), as in `rules` of the settings.")
    ],
) -> None:
    """Check rules without a platform; the first fault is named by file, rule and field."""
    from sixfold.security.adapters.rules import RuleError, read_rules

    try:
        found = read_rules(files)
    except RuleError as error:
        raise LocalError(f"{error}.") from error
    for one in found:
        say(f"{one.name}: {one.title}")
