"""`sixfold-audit verify`: what an outside party checks an exported audit trail with. Needs no platform.

An export is text, one JSON object a line: first what it is, then every record with the checkpoint that was signed when
it was appended. The records are hashed into the tree again, one after the other; the first whose tree is not the one
that was signed is the record that was changed.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nacl.exceptions
import nacl.signing

from sixfold.identity.domain.checkpoint import Checkpoint, LogKey, NoteError, open_note, parse_key
from sixfold.identity.domain.merkle import MerkleTree, leaf_hash

FORMAT: Final = "sixfold-audit/1"


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        nacl.signing.VerifyKey(public).verify(message, signature)
    except (nacl.exceptions.BadSignatureError, nacl.exceptions.CryptoError, ValueError, TypeError):
        return False
    return True


class TamperedError(ValueError):
    """`index` is the first record that is not what was signed; None where the file itself is none."""

    def __init__(self, index: int | None, detail: str) -> None:
        super().__init__(detail if index is None else f"record {index}: {detail}")
        self.index = index


@dataclass(frozen=True, slots=True)
class Verified:
    size: int
    root: bytes
    kept: int | None
    """Size of the kept checkpoint, where one was given."""


def export_lines(key: LogKey, records: Iterable[tuple[bytes, str]]) -> Iterator[str]:
    yield json.dumps({"format": FORMAT, "key": str(key)})
    for record, note in records:
        yield json.dumps({"record": record.decode(), "checkpoint": note}, ensure_ascii=False)


def verify(lines: Iterable[str], key: LogKey, kept: Checkpoint | None = None) -> Verified:
    """Raises TamperedError that names the first record that was edited, removed, inserted or moved.

    `kept` is a checkpoint that was handed out earlier: it shows also a trail that was cut short, or made anew by
    whoever holds the log's key.
    """
    rows = iter(lines)
    head = _object(next(rows, ""), None)
    if head.get("format") != FORMAT:
        raise TamperedError(None, f"this is no export of an audit trail ({FORMAT})")
    tree = MerkleTree()
    for index, line in enumerate(rows):
        row = _object(line, index)
        record, note = row.get("record"), row.get("checkpoint")
        if not isinstance(record, str) or not isinstance(note, str):
            raise TamperedError(index, "the line has no record or no checkpoint")
        try:
            checkpoint = open_note(note, key, is_signed)
        except NoteError as error:
            raise TamperedError(index, f"{error} (the record says {_told(record)})") from error
        if checkpoint.size != index + 1:
            raise TamperedError(
                index,
                f"its checkpoint is of record {checkpoint.size - 1}: records were removed, added or moved",
            )
        tree.append(leaf_hash(record.encode()))
        if tree.root() != checkpoint.root:
            raise TamperedError(index, f"it was edited: its text is not what was signed ({_told(record)})")
        if checkpoint.origin != key.name:
            raise TamperedError(index, f"its checkpoint is of the log {checkpoint.origin}")
        if kept is not None and kept.size == tree.size and kept.root != tree.root():
            raise TamperedError(index, "the trail up to here is not the one whose checkpoint was kept")
    if kept is not None and kept.size > tree.size:
        raise TamperedError(tree.size, f"the trail ends before it, but {kept.size} records were signed")
    return Verified(tree.size, tree.root(), None if kept is None else kept.size)


def _object(line: str, index: int | None) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise TamperedError(index, "the line is no JSON object")
    return row


def _told(record: str) -> str:
    try:
        body = json.loads(record)
        return f"{body['event']} of {body['time']}"
    except (ValueError, KeyError, TypeError):
        return "nothing that can be read"


def verify_file(file: Path, key_text: str, kept_file: Path | None = None) -> Verified:
    """Raises TamperedError, NoteError, OSError."""
    key = parse_key(Path(key_text).read_text() if Path(key_text).is_file() else key_text)
    kept = None
    if kept_file is not None:
        kept = open_note(kept_file.read_text(encoding="utf-8"), key, is_signed)
    with file.open(encoding="utf-8") as lines:
        return verify(lines, key, kept)


def told(result: Verified) -> str:
    """The result in words."""
    text = f"{result.size} records, none changed; root {result.root.hex()}"
    return text + (f"; begins with the kept checkpoint of {result.kept}" if result.kept is not None else "")


def main(arguments: list[str] | None = None) -> int:
    """0: verified; 1: tampered with; 2: cannot be read."""
    parser = argparse.ArgumentParser(prog="sixfold-audit", description="Checks an exported audit trail.")
    verbs = parser.add_subparsers(required=True, metavar="verify")
    checking = verbs.add_parser("verify", help="check every record of an export")
    checking.add_argument("file", type=Path)
    checking.add_argument("--key", required=True, help="the log's public key, or a file that holds it")
    checking.add_argument("--checkpoint", type=Path, help="a checkpoint that was kept earlier")
    chosen = parser.parse_args(arguments)
    try:
        result = verify_file(chosen.file, chosen.key, chosen.checkpoint)
    except TamperedError as error:
        sys.stderr.write(f"TAMPERED: {error}\n")
        return 1
    except (NoteError, OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"cannot be checked: {error}\n")
        return 2
    sys.stdout.write(told(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
