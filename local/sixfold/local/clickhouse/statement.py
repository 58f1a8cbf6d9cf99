"""What a request asks: the verb, the format, the settings, the names; and where an INSERT's data begin."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from sixfold.local.clickhouse.errors import refused
from sixfold.local.clickhouse.lexer import Token, tokens

READS: Final = frozenset({"SELECT", "WITH", "FROM", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS"})


@dataclass(frozen=True, slots=True)
class InsertHead:
    """`INSERT INTO … FORMAT x` with its data behind it."""

    sql: bytes
    """Up to FORMAT."""
    format: str
    data_at: int
    """Where in the text the data begin."""


@dataclass(frozen=True, slots=True)
class Statement:
    sql: str
    verb: str
    """First word, in upper case; "" for an empty statement."""
    format: str | None
    """Of the FORMAT clause."""
    bare: str
    """Without FORMAT and what follows it."""
    settings: tuple[tuple[str, str], ...]
    """The literals of its SETTINGS clauses."""
    names: frozenset[str]
    calls: frozenset[str]
    """Names with `(` behind them, in lower case."""
    writes_file: bool
    totals: bool
    """Its answer has a second part: WITH TOTALS, or extremes."""
    signature: str
    """Its tokens with single spaces, in lower case."""

    @property
    def reads(self) -> bool:
        return self.verb in READS

    @property
    def selects(self) -> bool:
        return self.verb in ("SELECT", "WITH", "FROM")


def insert_head(text: bytes) -> InsertHead | None:
    """For an INSERT whose data follow in a format; None for any other statement, also INSERT … SELECT and VALUES."""
    depth = 0
    first: Token | None = None
    previous: Token | None = None
    for token in tokens(text.decode("latin-1")):
        if first is None:
            first = token
            if not token.is_word("INSERT"):
                return None
        if token.kind == "sign":
            depth += {"(": 1, ")": -1}.get(token.text, 0)
        elif depth == 0 and previous is not None and previous.is_word("FORMAT") and token.is_name:
            return InsertHead(text[: previous.start].rstrip(), token.text, _data_at(text, token.end))
        elif depth == 0 and token.is_word("SELECT", "WITH", "VALUES", "WATCH"):
            return None
        previous = token
    return None


def from_file(sql: str, path: str, output: str) -> str:
    """The head of an insert, as `InsertHead` has it, with a file in the place of the data behind it."""
    place = len(sql)
    depth = 0
    found = list(tokens(sql))
    for token, name, sign in zip(found, found[1:], found[2:], strict=False):
        if token.kind == "sign":
            depth += {"(": 1, ")": -1}.get(token.text, 0)
        elif depth == 0 and token.is_word("SETTINGS") and name.is_name and sign.text == "=":
            place = token.start
            break
    return f"{sql[:place].rstrip()} FROM INFILE '{path}' {sql[place:]} FORMAT {output}"


def _data_at(text: bytes, place: int) -> int:
    """After the blanks and the end of the line, as a server does it: what follows may be binary."""
    while place < len(text) and text[place] in b" \t\f":
        place += 1
    if text[place : place + 1] == b";":
        place += 1
    if text[place : place + 1] == b"\r":
        place += 1
    return place + 1 if text[place : place + 1] == b"\n" else place


def parse(text: str) -> Statement:
    """Raises QueryError where there is more than one statement."""
    found = list(tokens(text))
    while found and found[-1].text == ";" and found[-1].kind == "sign":
        found.pop()
    if any(token.kind == "sign" and token.text == ";" for token in found):
        raise refused(
            62, "SYNTAX_ERROR", "Multi-statements are not allowed: send one statement in each request"
        )
    end = found[-1].end if found else 0
    verb = next((token.text.upper() for token in found if token.text != "("), "")
    at = _format_clause(found)
    return Statement(
        sql=text[:end],
        verb=verb,
        format=found[at + 1].text if at is not None else None,
        bare=text[: found[at].start].rstrip() if at is not None else text[:end],
        settings=tuple(_settings(found)),
        names=frozenset(token.text for token in found if token.is_name),
        calls=frozenset(
            token.text.lower() for token, after in pairwise(found) if token.is_name and after.text == "("
        ),
        writes_file=any(one.is_word("INTO") and two.is_word("OUTFILE") for one, two in pairwise(found)),
        totals=any(token.is_word("TOTALS", "EXTREMES") for token in found),
        signature=" ".join(token.text.lower() for token in found),
    )


def _format_clause(found: Sequence[Token]) -> int | None:
    """Where FORMAT stands: at depth 0, before a name that is the last or is followed by SETTINGS."""
    depth = 0
    for at, token in enumerate(found):
        if token.kind == "sign":
            depth += {"(": 1, ")": -1}.get(token.text, 0)
        elif depth == 0 and token.is_word("FORMAT") and len(found) > at + 1 and found[at + 1].is_name:
            last = at + 2 == len(found)
            if last or found[at + 2].is_word("SETTINGS", "INTO"):
                return at
    return None


def _settings(found: Sequence[Token]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    at = 0
    while at < len(found):
        if not found[at].is_word("SETTINGS"):
            at += 1
            continue
        at += 1
        while at + 2 < len(found) and found[at].is_name and found[at + 1].text == "=":
            name, at = found[at].text, at + 2
            sign = found[at].text if found[at].text in "+-" else ""
            at += len(sign)
            if at >= len(found) or found[at].kind == "sign":
                break
            pairs.append((name, sign + found[at].text))
            at += 1
            if at < len(found) and found[at].text == ",":
                at += 1
            else:
                break
    return pairs
