"""The results as a page of the operators' documentation."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.evaluation.replay import Told
from sixfold.security.adapters.registry import known

_HEAD = """# What the detectors find, and what they miss

Measured by `task eval`, which anybody can run again; this page is what it wrote. Captures of real and
laboratory attacks are made into flows by the agent's own meter and put into benign traffic of three densities;
{days:.1f} days of a simulated region carry the simulator's labelled attacks and further scenarios, each at
three strengths (0.3, 1 and 3 times an ordinary one). {flows:,} flows in all, every detector with its default
parameters, from a cold start.

An attack counts as found when the detector tells of one of its hosts while it lasts or within the hour after.
Precision is the share of a detector's incidents that are about an attack under way. A false alarm is an
incident about nobody who attacks or is attacked. Time to detect counts from the attack's first packet, and
holds the exporter's delay (flows are known when they end or after 60 s) and the {step} between two looks.
Incidents are counted for each detector by itself, before signals are joined.

The benign traffic is simulated: it has homes, television, things and a curve of the day, but no peer-to-peer
networks, no backups to rare hosts and no misconfigured devices. In a network of people expect more false alarms
than here, of `scans`, `beaconing`, `exfiltration` and `shifts` first; the numbers rank detectors and guard
against getting worse.

Forged sources (`source-validation`) are not in the tables: a gateway's kernel tells them from its own table of who may
send what (RFC 7039), so there is nothing to estimate. Excerpts of under two seconds are taken as 20 seconds of the same
packets a second. Two logs have labels that their flows do not bear out: of the 66 flows of the vertical scan 20 are
questions without a conversation, of the 41 of the horizontal one 11.

## By detector

"""


def page(
    rows: Sequence[dict[str, Any]],
    cases: Sequence[dict[str, Any]],
    missed: Sequence[str],
    false: Sequence[Told],
    *,
    days: float,
    flows: int,
) -> str:
    """Markdown."""
    parts = [_HEAD.format(days=days, flows=flows, step="1 s (captures) or 30 s (simulation)"), _table(rows)]
    parts.append("\n## What was missed\n\n")
    parts += [f"- {line}\n" for line in missed] or ["Nothing of what is in the tables.\n"]
    parts.append("\n## False alarms\n\n")
    counted = Counter((told.detector, told.vector) for told in false)
    shown = {(told.detector, told.vector): told.text for told in reversed(false)}
    parts += [
        f"- {key[0]}, {key[1]}: {count}, such as: {shown[key]}\n" for key, count in counted.most_common()
    ] or ["None.\n"]
    parts.append("\n## What each detector cannot see\n\n")
    parts += [f"- **{name}** ({one.source}): {one.misses}.\n" for name, one in known().items()]
    parts += ["\n## By attack\n\n", _table(cases)]
    return "".join(parts)


def _table(rows: Sequence[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    lines += [" | ".join(str(row.get(name, "")) for name in names) for row in rows]
    return "".join(f"| {line} |\n" for line in lines)
