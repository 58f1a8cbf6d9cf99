"""The tokens of ClickHouse's SQL: enough to know what a statement names, and never to take a comment for more."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from sixfold.local.clickhouse.errors import refused

Kind = Literal["word", "quoted", "string", "number", "sign"]

_PATTERN: Final = re.compile(
    r"(?P<space>[\s\x00\ufeff]+|--[^\n]*|//[^\n]*|\#[ !][^\n]*|/\*.*?\*/)"
    r"|(?P<heredoc>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"
    r"|(?P<string>'(?:[^'\\]|\\.|'')*')"
    r"|(?P<quoted>`(?:[^`\\]|\\.|``)*`|\"(?:[^\"\\]|\\.|\"\")*\")"
    r"|(?P<number>\d[\w.]*(?:(?<=[eE])[+-]\d+)?)"
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<sign>.)",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_NAMED: Final = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is what a word or a quoted name or a string stands for; `start` and `end` are places in the input."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def is_name(self) -> bool:
        return self.kind in ("word", "quoted")

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.upper() in words


def _plain(quoted: str) -> str:
    mark, inner = quoted[0], quoted[1:-1]
    inner = inner.replace(mark * 2, mark)
    return _ESCAPE.sub(
        lambda found: chr(int(found[1], 16)) if found[1] is not None else _NAMED.get(found[2], found[2]),
        inner,
    )


def tokens(text: str) -> Iterator[Token]:
    """Lazily, so that data after an INSERT are not looked at. Raises QueryError for what never ends."""
    place = 0
    while place < len(text):
        found = _PATTERN.match(text, place)
        assert found is not None
        kind, start, place = found.lastgroup, place, found.end()
        match kind:
            case "space":
                continue
            case "string" | "quoted":
                yield Token(kind, _plain(found[0]), start, place)
            case "word" | "number":
                yield Token(kind, found[0], start, place)
            case "sign":
                if found[0] in "'`\"" or text.startswith("/*", start):
                    raise refused(
                        62, "SYNTAX_ERROR", f"Syntax error: {found[0]!r} at {start} is never closed"
                    )
                yield Token("sign", found[0], start, place)
            case _:
                yield Token("string", found[0], start, place)
