"""A CAP document as a tree of elements, whatever read it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

CAP: Final = "urn:oasis:names:tc:emergency:cap:1.2"
SIGNATURE: Final = "http://www.w3.org/2000/09/xmldsig#"


@dataclass(slots=True)
class Element:
    """One element: `text` is its own character data, without that of its children."""

    namespace: str
    name: str
    line: int = 0
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    text: str = ""
    children: list["Element"] = field(default_factory=list["Element"])

    def all(self, name: str) -> Iterator["Element"]:
        return (child for child in self.children if child.name == name and child.namespace == CAP)

    def first(self, name: str) -> str:
        """Text of the first child of that name without surrounding blanks; empty where there is none."""
        return next((child.text.strip() for child in self.all(name)), "")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong where: `path` in the document, `rule` a short stable word, `detail` a sentence."""

    path: str
    rule: str
    detail: str


class RefusedError(ValueError):
    """A message is not accepted. `reason` is a stable word, `findings` say which elements break which
    rules."""

    def __init__(self, reason: str, detail: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.findings = findings
