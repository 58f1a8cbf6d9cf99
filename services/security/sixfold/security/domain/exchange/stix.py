"""An incident as STIX 2.1 objects (OASIS standard of 10 June 2021).

Ids are made from the incident's, so that an incident told again is a newer version of the same objects. What others
should look for is the indicator; what was seen are observed-data and a sighting; what it is, an attack-pattern; what
was done about it, courses of action. A false positive revokes its indicator.
"""

import hashlib
import ipaddress
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sixfold.security.domain.events import Evidence, FlowSample, Share
from sixfold.security.domain.exchange.techniques import TECHNIQUES
from sixfold.security.domain.incidents import Incident, Status

Object = Mapping[str, Any]
_CYBER_OBSERVABLES: Final = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""The standard's namespace for ids of cyber observables, 2.9."""
MADE: Final = "2026-11-01T00:00:00.000Z"
"""When the objects that never change are from."""
TLP: Final = {
    "clear": "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
    "green": "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
    "amber": "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
    "red": "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
}
"""The standard's own marking definitions, 7.2.1.4; `clear` is its `white`."""
DOMINANT: Final = 0.8
"""Part of the bytes from which a port or protocol belongs into the pattern."""
MOST_NOTES: Final = 20
_WRITTEN: Final = frozenset({"note", "acknowledged", "closed", "false-positive"})
_PROTOCOLS: Final = {
    "1": "icmp",
    "6": "tcp",
    "17": "udp",
    "47": "gre",
    "50": "esp",
    "58": "ipv6-icmp",
    "132": "sctp",
}
_SEVERITIES: Final = {1: "low", 2: "medium", 3: "high", 4: "critical"}


def own_id(kind: str, *parts: str) -> str:
    """Always the same for the same parts; of the form that the standard asks of objects that are no observables."""
    digest = hashlib.blake2s("|".join(("sixfold", kind, *parts)).encode(), digest_size=16).digest()
    return f"{kind}--{uuid.UUID(bytes=digest, version=4)}"


def identity(name: str) -> Object:
    """Who tells."""
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": own_id("identity", name),
        "created": MADE,
        "modified": MADE,
        "name": name,
        "identity_class": "organization",
    }


def bundle(incident: Incident, *, producer: str, tlp: str) -> Object:
    return {
        "type": "bundle",
        "id": own_id("bundle", incident.incident_id, _time(incident.changed)),
        "objects": [*shared(incident, producer, tlp), *objects(incident, producer=producer, tlp=tlp)],
    }


def shared(incident: Incident, producer: str, tlp: str) -> list[Object]:
    """Objects that incidents have in common and that never change: who tells, and the technique."""
    found = [identity(producer)]
    if incident.technique:
        found.append(_technique(incident.technique, found[0]["id"], tlp))
    return found


def objects(incident: Incident, *, producer: str, tlp: str) -> list[Object]:
    """Everything of this incident alone. References among them and to `shared` ones are complete but for related
    incidents, which stand for themselves.
    """
    author: str = identity(producer)["id"]
    common = {
        "spec_version": "2.1",
        "created_by_ref": author,
        "created": _time(incident.opened),
        "modified": _time(incident.changed),
        "object_marking_refs": [TLP[tlp]],
    }
    made = _Maker(incident.incident_id, common)
    observables = _observables(incident)
    whole: dict[str, Any] = made.of("incident", "incident") | {
        "name": f"{incident.vector} {'from' if incident.side == 'source' else 'to'} {incident.victim}",
        "description": "; ".join(reason.text for reason in incident.reasons)[:2000],
        "labels": [incident.status.name.lower().replace("_", "-"), _SEVERITIES[incident.severity.value]],
        "confidence": _percent(incident.confidence),
        "external_references": [{"source_name": "sixfold", "external_id": incident.incident_id}],
    }
    indicator = _indicator(incident, made)
    seen: dict[str, Any] = made.of("observed-data", "observed") | {
        "first_observed": _time(incident.started),
        "last_observed": _time(max(incident.last_seen, incident.started)),
        "number_observed": min(max(incident.signals, 1), 999_999_999),
        "object_refs": [one["id"] for one in observables],
    }
    sighting: dict[str, Any] = made.of("sighting", "sighting") | {
        "first_seen": _time(incident.started),
        "last_seen": _time(max(incident.last_seen, incident.started)),
        "count": min(max(incident.signals, 1), 999_999_999),
        "sighting_of_ref": indicator["id"],
        "observed_data_refs": [seen["id"]],
        "where_sighted_refs": [author],
        "confidence": _percent(incident.confidence),
    }
    found: list[Object] = [whole, indicator, *observables, seen, sighting]
    found.append(made.relation("indicates", indicator["id"], whole["id"], "related-to"))
    if incident.technique:
        technique = own_id("attack-pattern", incident.technique)
        found.append(made.relation("indicates", indicator["id"], technique, "indicates"))
        found.append(made.relation("uses", whole["id"], technique, "related-to"))
    found += _courses(incident, made, whole["id"], indicator["id"])
    found += _notes(incident, made, whole["id"])
    found += [
        made.relation("related", whole["id"], own_id("incident", other, "incident"), "related-to", other)
        for other in incident.related
    ]
    return found


class _Maker:
    def __init__(self, incident_id: str, common: Mapping[str, Any]) -> None:
        self._incident_id = incident_id
        self._common = common

    def of(self, kind: str, *parts: str) -> dict[str, Any]:
        return {"type": kind, "id": own_id(kind, self._incident_id, *parts), **self._common}

    def relation(self, part: str, source: str, target: str, word: str, more: str = "") -> Object:
        return self.of("relationship", part, source, target, more) | {
            "relationship_type": word,
            "source_ref": source,
            "target_ref": target,
        }


def _indicator(incident: Incident, made: _Maker) -> dict[str, Any]:
    indicator: dict[str, Any] = made.of("indicator", "indicator") | {
        "name": f"{incident.vector} {'from' if incident.side == 'source' else 'to'} {incident.victim}",
        "description": incident.reasons[0].text if incident.reasons else incident.vector,
        "indicator_types": ["benign" if incident.status is Status.FALSE_POSITIVE else "malicious-activity"],
        "pattern": pattern(incident),
        "pattern_type": "stix",
        "valid_from": _time(incident.started),
        "confidence": _percent(incident.confidence),
        "labels": [incident.vector],
    }
    if incident.status is Status.FALSE_POSITIVE:
        indicator["revoked"] = True
    if incident.closed is not None and incident.closed > incident.started:
        indicator["valid_until"] = _time(incident.closed)
    return indicator


def pattern(incident: Incident) -> str:
    """What to look for. Of a victim it names more than the address, so that nobody takes the victim for the culprit."""
    side = "src_ref" if incident.side == "source" else "dst_ref"
    network = ipaddress.ip_network(incident.victim)
    single = network.prefixlen == network.max_prefixlen
    value = str(network.network_address) if single else str(network)
    parts = [f"network-traffic:{side}.value {'=' if single else 'ISSUBSET'} '{value}'"]
    protocol = _dominant(incident.evidence.protocols)
    protocols = [f"ipv{network.version}"] if protocol not in _PROTOCOLS else [_PROTOCOLS[protocol]]
    if incident.side != "source" or protocol:
        parts += [f"network-traffic:protocols[*] = '{name}'" for name in protocols]
    ports = (
        ("src_port", incident.evidence.top_source_ports),
        ("dst_port", incident.evidence.top_destination_ports),
    )
    for name, shares in ports:
        port = _dominant(shares)
        if port and port != "0" and protocol in ("6", "17", "132"):
            parts.append(f"network-traffic:{name} = {int(port)}")
    return f"[{' AND '.join(parts)}]"


def _dominant(shares: Sequence[Share]) -> str:
    return shares[0].value if shares and shares[0].share >= DOMINANT else ""


def _observables(incident: Incident) -> list[Object]:
    """The victim, the heaviest sources, and the sampled flows between their ends; each once."""
    evidence: Evidence = incident.evidence
    found: dict[str, Object] = {}

    def address(text: str) -> str:
        made = _address(text)
        found.setdefault(made["id"], made)
        return str(made["id"])

    network = ipaddress.ip_network(incident.victim)
    address(str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network))
    for share in evidence.top_sources:
        address(share.value)
    for flow in evidence.sample_flows:
        traffic = _traffic(flow, address(flow.src_address), address(flow.dst_address))
        found.setdefault(traffic["id"], traffic)
    return list(found.values())


def _address(text: str) -> Object:
    kind = "ipv6-addr" if ":" in text else "ipv4-addr"
    return {"type": kind, "spec_version": "2.1", "id": _observable_id(kind, {"value": text}), "value": text}


def _traffic(flow: FlowSample, source: str, destination: str) -> Object:
    family = "ipv6" if ":" in flow.src_address else "ipv4"
    named = _PROTOCOLS.get(str(flow.protocol))
    values: dict[str, Any] = {
        "start": _time(flow.time_start),
        "end": _time(max(flow.time_end, flow.time_start)),
        "src_ref": source,
        "dst_ref": destination,
        "protocols": [family, named] if named else [family],
    }
    if flow.protocol in (6, 17, 132):
        values |= {"src_port": flow.src_port, "dst_port": flow.dst_port}
    return {
        "type": "network-traffic",
        "spec_version": "2.1",
        "id": _observable_id("network-traffic", values),
        **values,
        "src_byte_count": flow.bytes,
        "src_packets": flow.packets,
    }


def _observable_id(kind: str, values: Mapping[str, Any]) -> str:
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{kind}--{uuid.uuid5(_CYBER_OBSERVABLES, canonical)}"


def _technique(technique: str, author: str, tlp: str) -> Object:
    path = technique.replace(".", "/")
    return {
        "type": "attack-pattern",
        "spec_version": "2.1",
        "id": own_id("attack-pattern", technique),
        "created_by_ref": author,
        "created": MADE,
        "modified": MADE,
        "name": TECHNIQUES.get(technique, technique),
        "object_marking_refs": [TLP[tlp]],
        "external_references": [
            {
                "source_name": "mitre-attack",
                "external_id": technique,
                "url": f"https://attack.mitre.org/techniques/{path}",
            }
        ],
    }


def _courses(incident: Incident, made: _Maker, whole: str, indicator: str) -> list[Object]:
    """One course of action for each mitigation that was or is in force."""
    found: list[Object] = []
    told: set[str] = set()
    for note in incident.notes:
        mitigation, _, text = note.text.partition(": ")
        if note.action != "mitigated" or mitigation in told:
            continue
        told.add(mitigation)
        course: dict[str, Any] = made.of("course-of-action", mitigation) | {
            "name": f"Mitigation {mitigation}",
            "description": text or f"Enforced at the gateways from {_time(note.time)}",
            "labels": ["in-force" if mitigation in incident.mitigations else "ended"],
        }
        found.append(course)
        found.append(made.relation("mitigates", course["id"], indicator, "mitigates"))
        found.append(made.relation("mitigated", course["id"], whole, "related-to"))
    return found


def _notes(incident: Incident, made: _Maker, whole: str) -> list[Object]:
    """What people wrote."""
    written = [
        note
        for note in incident.notes
        if note.text and note.action in ("note", "acknowledged", "closed", "false-positive")
    ]
    return [
        made.of("note", _time(note.time), str(number))
        | {
            "abstract": note.action,
            "content": note.text,
            "authors": [note.actor or "sixfold"],
            "object_refs": [whole],
        }
        for number, note in enumerate(written[-MOST_NOTES:])
    ]


def _percent(confidence: float) -> int:
    return round(min(max(confidence, 0.0), 1.0) * 100)


def _time(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
