"""A valid CAP 1.2 document as the values that decisions need."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sixfold.emergency.domain.document import SIGNATURE, Element
from sixfold.emergency.domain.schema import parse_time

Signature = Literal["unsigned", "empty", "unverified"]


@dataclass(frozen=True, slots=True)
class Reference:
    """What names one CAP message: `sender,identifier,sent` (CAP 1.2, 3.2.1, references)."""

    sender: str
    identifier: str
    sent: datetime

    @property
    def alert_id(self) -> str:
        """Stable name of the message in this centre; the moment counts, not the zone it is written in."""
        moment = str(int(self.sent.timestamp()))
        digest = hashlib.sha256("\0".join((self.sender, self.identifier, moment)).encode()).digest()
        return "a-" + base64.b32encode(digest[:15]).decode().lower()


@dataclass(frozen=True, slots=True)
class Geocode:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Info:
    language: str
    event: str
    severity: str
    headline: str
    expires: datetime | None
    geocodes: tuple[Geocode, ...]


@dataclass(frozen=True, slots=True)
class Message:
    identifier: str
    sender: str
    sent: datetime
    status: str
    message_type: str
    scope: str
    references: tuple[Reference, ...]
    infos: tuple[Info, ...]
    signature: Signature

    @property
    def alert_id(self) -> str:
        return Reference(self.sender, self.identifier, self.sent).alert_id

    @property
    def expires(self) -> datetime | None:
        """The latest end of its parts; None where one of them names no end."""
        ends = [info.expires for info in self.infos]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    @property
    def geocodes(self) -> tuple[Geocode, ...]:
        return tuple(dict.fromkeys(code for info in self.infos for code in info.geocodes))


_SEVEREST: Final = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")


def severest(message: Message) -> str:
    """The severity of its severest part; empty where it has none."""
    return min((info.severity for info in message.infos), key=_SEVEREST.index, default="")


def parse_references(text: str) -> tuple[list[Reference], list[str]]:
    """The messages that a `references` element names, and the words in it that name none."""
    references: list[Reference] = []
    unreadable: list[str] = []
    for word in text.split():
        sender, _, rest = word.partition(",")
        identifier, _, sent = rest.rpartition(",")
        moment = parse_time(sent)
        if sender and identifier and moment is not None:
            references.append(Reference(sender, identifier, moment))
        else:
            unreadable.append(word)
    return references, unreadable


def signature_of(root: Element) -> Signature:
    """Whether an XML signature is there. None is verified yet, so none is taken for proof."""
    signatures = [
        child for child in root.children if child.namespace == SIGNATURE and child.name == "Signature"
    ]
    if not signatures:
        return "unsigned"
    return "unverified" if any(signature.children for signature in signatures) else "empty"


def _info(element: Element) -> Info:
    return Info(
        language=element.first("language") or "en-US",
        event=element.first("event"),
        severity=element.first("severity"),
        headline=element.first("headline"),
        expires=parse_time(element.first("expires")),
        geocodes=tuple(
            Geocode(code.first("valueName"), code.first("value"))
            for area in element.all("area")
            for code in area.all("geocode")
        ),
    )


def read_message(root: Element) -> Message:
    """The values of a document that `schema.violations` found valid."""
    sent = parse_time(root.first("sent"))
    if sent is None:
        raise ValueError("read_message needs a document that is valid by the schema")
    return Message(
        identifier=root.first("identifier"),
        sender=root.first("sender"),
        sent=sent,
        status=root.first("status"),
        message_type=root.first("msgType"),
        scope=root.first("scope"),
        references=tuple(parse_references(root.first("references"))[0]),
        infos=tuple(_info(info) for info in root.all("info")),
        signature=signature_of(root),
    )
