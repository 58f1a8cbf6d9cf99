"""nftables by its own program and its own JSON: transactions, what runs, and what a ruleset would look like.

A ruleset is compared with what runs after nft itself has read it in an empty network namespace: so both are as nft
tells them, and no notation of ours comes in between. Nothing here knows what a table is for.
"""

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sixfold.agent.gateway.system import ProgramError, run

_VOLATILE: Final = frozenset({"handle", "packets", "bytes", "expires", "index"})


def load(text: str) -> None:
    """One transaction: all of it or nothing. Raises ProgramError with nft's own words."""
    run(["nft", "-f", "-"], given=text)


def listing(family: str, table: str) -> list[dict[str, Any]] | None:
    """The objects of a table as nft tells them; None where it does not exist. Raises ProgramError."""
    try:
        return _objects(run(["nft", "-j", "list", "table", family, table]))
    except ProgramError as error:
        if "No such file or directory" in str(error):
            return None
        raise


def would_be(text: str, family: str, table: str) -> list[dict[str, Any]]:
    """The objects of the table that this ruleset makes, tried where it does no harm. Raises ProgramError."""
    script = 'nft -f - && nft -j list table "$1" "$2"'
    return _objects(run(["unshare", "--net", "sh", "-c", script, "sh", family, table], given=text))


def _objects(text: str) -> list[dict[str, Any]]:
    found = json.loads(text or '{"nftables": []}')["nftables"]
    return [one for one in found if "metainfo" not in one]


@dataclass(frozen=True, slots=True)
class Content:
    """A table without counts and numbers that nft gives out. elements: by name of the set or map, as JSON texts."""

    structure: tuple[str, ...]
    elements: dict[str, frozenset[str]]


def content(objects: Iterable[dict[str, Any]], dynamic: Sequence[str] = ()) -> Content:
    """dynamic: sets that packets fill, whose elements are not looked at."""
    structure: list[str] = []
    elements: dict[str, frozenset[str]] = {}
    for one in objects:
        for kind, body in one.items():
            if kind == "element":
                continue
            body = {key: value for key, value in body.items() if key not in ("family", "table")}
            if kind in ("set", "map"):
                given = body.pop("elem", [])
                name = body["name"]
                elements[name] = frozenset(() if name in dynamic else map(_text, given))
            structure.append(f"{kind} {_text(body)}")
    return Content(tuple(structure), elements)


def _text(body: Any) -> str:
    return json.dumps(_stripped(body), sort_keys=True)


def _stripped(body: Any) -> Any:
    """Without what changes by itself. The order of a set is no part of it."""
    if isinstance(body, list):
        return [_stripped(one) for one in body]
    if not isinstance(body, dict):
        return body
    if set(body) == {"set"} and isinstance(body["set"], list):
        return {"set": sorted((_stripped(one) for one in body["set"]), key=json.dumps)}
    return {key: _stripped(value) for key, value in body.items() if key not in _VOLATILE}


def change_elements(family: str, table: str, running: Content, wanted: Content) -> None:
    """One transaction that gives sets and maps the elements that they should have, where the rest is the same.

    Raises ProgramError.
    """
    commands: list[dict[str, Any]] = []
    for verb, one, other in (("delete", running, wanted), ("add", wanted, running)):
        for name, elements in one.elements.items():
            if fresh := elements - other.elements.get(name, frozenset()):
                body = {
                    "family": family,
                    "table": table,
                    "name": name,
                    "elem": [json.loads(each) for each in fresh],
                }
                commands.append({verb: {"element": body}})
    run(["nft", "-j", "-f", "-"], given=json.dumps({"nftables": commands}))


def difference(running: Content | None, wanted: Content | None) -> list[str]:
    """Lines as of `diff -u`: `-` what runs and should not, `+` what should run and does not. Empty: the same."""
    before, after = list(_lines(running)), list(_lines(wanted))
    if before == after:
        return []
    return [
        line
        for line in difflib.unified_diff(before, after, "running", "wanted", n=1, lineterm="")
        if not line.startswith("@@")
    ]


def _lines(one: Content | None) -> Iterator[str]:
    if one is None:
        return
    for line in one.structure:
        yield line
        if line.startswith(("set ", "map ")):
            name = json.loads(line.partition(" ")[2])["name"]
            yield from (f"  {name}: {element}" for element in sorted(one.elements[name]))
