"""The conformance table of NetFlow and IPFIX: `python tests/conformance/netflow_table.py`."""

import sys
import tempfile
from pathlib import Path

from netflow_cases import SHARED, cases
from netflow_compare import Outcome, compare

HEAD = ("file", "tshark", "flows", "NAT", "declined", "reverse", "waited", "unread", "times", "verdict")


def line(outcome: Outcome) -> tuple[str, ...]:
    declined = ", ".join(f"{reason} {n}" for reason, n in outcome.declined.items())
    verdict = "equal" if outcome.equal else _difference(outcome)
    numbers = (outcome.oracle, outcome.flows, outcome.nat_sessions)
    rest = (outcome.reverse, outcome.waited, outcome.unread, outcome.times)
    return outcome.case.name, *map(str, numbers), declined, *map(str, rest), verdict


def _difference(outcome: Outcome) -> str:
    parts = [f"{len(outcome.missing)} missing"] if outcome.missing else []
    parts += [f"{len(outcome.extra)} extra"] if outcome.extra else []
    parts += [f"{len(outcome.times_differ)} times"] if outcome.times_differ else []
    if outcome.accounted != outcome.oracle:
        parts.append(f"{outcome.accounted} records for {outcome.oracle}")
    return "differs: " + ", ".join(parts)


def render(lines: list[tuple[str, ...]]) -> str:
    table = [HEAD, *lines]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )


def main() -> int:
    if not SHARED.is_dir():
        print(f"the captures are not there: {SHARED}", file=sys.stderr)
        return 2
    wanted = sys.argv[1:]
    lines: list[tuple[str, ...]] = []
    for case in cases():
        if wanted and not any(word in case.name for word in wanted):
            continue
        with tempfile.TemporaryDirectory() as directory:
            outcome = compare(case, Path(directory))
        lines.append(line(outcome))
        if wanted:
            for name in ("missing", "extra", "times_differ", "malformed"):
                print(name, getattr(outcome, name))
    print(render(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
