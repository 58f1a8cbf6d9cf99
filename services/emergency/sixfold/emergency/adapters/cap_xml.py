"""XML bytes to a tree of elements, by expat, within bounds.

A document type declaration is refused where it begins, so that no entity is ever declared, expanded or
fetched, and nothing outside
of the bytes is read. Size, depth and number of elements are bounded.
"""

from dataclasses import dataclass
from xml.parsers import expat

from sixfold.emergency.domain.document import Element, RefusedError


@dataclass(frozen=True, slots=True)
class XmlLimits:
    bytes: int = 2 * 1024 * 1024
    depth: int = 32
    elements: int = 100_000


def parse(data: bytes, limits: XmlLimits) -> Element:
    """The document's root. Raises RefusedError: XML_TOO_LARGE, XML_TOO_DEEP, XML_FORBIDDEN or XML_MALFORMED,
    with the line."""
    if len(data) > limits.bytes:
        raise RefusedError("XML_TOO_LARGE", f"{len(data)} bytes, at most {limits.bytes} are read")
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    builder = _Builder(parser, limits)
    try:
        parser.Parse(data, True)
    except RefusedError:
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise RefusedError("XML_MALFORMED", str(error)) from error
    return builder.root


class _Builder:
    def __init__(self, parser: expat.XMLParserType, limits: XmlLimits) -> None:
        self.root = Element("", "")
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._count = 0
        self._parser, self._limits = parser, limits
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.text
        parser.StartDoctypeDeclHandler = self.forbidden
        parser.EntityDeclHandler = self.forbidden
        parser.ExternalEntityRefHandler = self.forbidden
        parser.UnparsedEntityDeclHandler = self.forbidden

    def forbidden(self, name: object, *_: object) -> int:
        raise RefusedError(
            "XML_FORBIDDEN",
            f"line {self._parser.CurrentLineNumber}: document type and entity declarations are refused "
            f"({name!r})",
        )

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        line = self._parser.CurrentLineNumber
        if len(self._open) >= self._limits.depth:
            raise RefusedError(
                "XML_TOO_DEEP", f"line {line}: more than {self._limits.depth} elements inside each other"
            )
        if self._count > self._limits.elements:
            raise RefusedError("XML_TOO_LARGE", f"line {line}: more than {self._limits.elements} elements")
        namespace, _, local = name.rpartition(" ")
        element = Element(namespace, local, line, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._texts.append([])

    def text(self, data: str) -> None:
        self._texts[-1].append(data)

    def end(self, _: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())
