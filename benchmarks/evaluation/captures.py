"""Captures and flow logs of real and laboratory attacks as cases: packets through the agent's own meter."""

import csv
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.evaluation.cases import Case, Columns, addresses, flows, joined
from sixfold.agent.meter.command import meter_capture
from sixfold.agent.meter.flows import Ended, Meter
from sixfold.security.domain.addresses import words

SUSTAINED_MS = 20_000
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "ipv6-icmp": 58, "icmp6": 58, "arp": 0, "igmp": 2}


@dataclass(frozen=True, slots=True)
class Label:
    """side: whether a right signal is about the destinations or the sources that have most flows; `most` of them."""

    file: str
    what: str
    side: str
    expected: frozenset[str]
    most: int = 1


LABELS = (
    Label("stopddos-pkt.TCP.synflood.spoofed.pcap", "spoofed SYN flood", "dst", frozenset({"floods"})),
    Label(
        "stopddos-pkt.TCP.DOMINATE.syn.ecn.cwr.pcapng",
        "SYN flood with ECN and CWR",
        "dst",
        frozenset({"floods"}),
    ),
    Label("stopddos-amp.TCP.reflection.SYNACK.pcap", "SYN-ACK reflection", "dst", frozenset({"floods"}), 2),
    Label("stopddos-amp.UDP.isakmp.pcap", "IKE reflection", "dst", frozenset({"floods", "reflection"})),
    Label("stopddos-amp.UDP.snmp.src161.pcapng", "SNMP amplification", "dst", frozenset({"reflection"})),
    Label("suricata-denial6-5.pcap", "IPv6 extension headers", "dst", frozenset({"ipv6-headers"})),
    Label("slips-test1-malicious.nfdump", "connections to one port", "src", frozenset({"brute-force"})),
    Label("slips-test11-portscan.binetflow", "vertical scan, 66 flows", "src", frozenset({"scans"})),
    Label("slips-port-scans_horizontal_conn.log", "horizontal scan, 41 flows", "src", frozenset({"scans"})),
    Label("slips-test4-malicious.binetflow", "worm's scan", "src", frozenset({"scans"})),
    Label("ndpi-synscan.pcap", "SYN scan of one host", "src", frozenset({"scans"})),
    Label("ndpi-dns_exfiltration.pcap", "exfiltration over the DNS", "src", frozenset({"exfiltration"})),
    Label("ndpi-icmp-tunnel.pcap", "tunnel in echoes", "src", frozenset({"exfiltration"}), 2),
)
"""Files whose label says who attacks; of the others (mixed or unlabelled) nothing can be counted."""


def read(folder: Path) -> list[Case]:
    """Every labelled file that can be read. Raises FileNotFoundError where the folder is none."""
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder of captures at {folder}")
    cases: list[Case] = []
    for label in LABELS:
        path = folder / label.file
        if not path.exists():
            print(f"skipped: no {label.file}")
            continue
        columns = _READERS.get(path.suffix, _metered)(path)
        if columns is None:
            print(f"skipped: nothing here reads {label.file}")
            continue
        columns = _sustained(columns)
        begins = int(columns["time_start"].min())
        cases.append(
            Case(
                name=label.what,
                columns=columns,
                hosts=_hosts(columns, label),
                expected=label.expected,
                begins=begins,
                ends=int(columns["time_end"].max()),
                source=label.file,
            )
        )
    return cases


def _sustained(columns: Columns) -> Columns:
    """An excerpt of under two seconds as what it was cut from: the same packets a second, for SUSTAINED_MS."""
    begins = int(columns["time_start"].min())
    lasting = max(int(columns["time_end"].max()) - begins, 20)
    if lasting >= 2_000:
        return columns
    times = SUSTAINED_MS / lasting
    # Every source sends on at its share of the rate; its flow is told when the attack is over.
    more = {name: (columns[name] * times).astype(np.uint64) for name in ("packets", "bytes")}
    whole = {"time_start": np.full_like(columns["time_start"], begins)}
    whole["time_end"] = begins + SUSTAINED_MS - 1 - np.arange(len(columns["time_end"])) % 1_000
    return {**columns, **more, **whole}


def _hosts(columns: Columns, label: Label) -> tuple[tuple[int, int, int], ...]:
    hi, lo = words(columns[f"{label.side}_address"])
    weights = (
        np.maximum(columns["packets"].astype(np.float64), 1) if label.side == "dst" else np.ones(len(hi))
    )
    both, inverse = np.unique(np.column_stack([hi, lo]), axis=0, return_inverse=True)
    heavy = np.argsort(np.bincount(inverse.reshape(-1), weights))[::-1][: label.most]
    return tuple((int(both[at, 0]), int(both[at, 1]), 128) for at in heavy)


def _metered(path: Path) -> Columns:
    parts: list[Columns] = []

    def take(ended: Ended) -> None:
        parts.append(flows(len(ended["time_end"]), **ended))

    meter_capture(path, Meter(), take)
    return joined(parts)


def _table(rows: Iterable[dict[str, object]]) -> Columns:
    listed = list(rows)
    made = {
        name: np.array([row.get(name, 0) for row in listed])
        for name in (
            "time_start",
            "time_end",
            "src_port",
            "dst_port",
            "protocol",
            "packets",
            "bytes",
            "tcp_flags",
        )
    }
    for name in ("src_address", "dst_address"):
        made[name] = np.concatenate([addresses(str(row[name])) for row in listed])
    return flows(len(listed), **made)


def _halves(there: dict[str, object], packets: int, octets: int, flags: int) -> list[dict[str, object]]:
    """A connection as two flows, the second what came back."""
    if packets <= 0:
        return [there]
    back = {
        **there, "src_address": there["dst_address"], "dst_address": there["src_address"],
        "src_port": there["dst_port"], "dst_port": there["src_port"], "packets": packets, "bytes": max(octets, 1),
        "tcp_flags": flags,
    }  # fmt: skip
    return [there, back]


def _flags(letters: str) -> int:
    known = {"S": SYN, "A": ACK, "P": PSH, "F": FIN, "R": RST}
    return sum(known.get(letter, 0) for letter in set(letters.upper()))


def _conn_log(path: Path) -> Columns:
    def rows() -> Iterable[dict[str, object]]:
        names: list[str] = []
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            fields = line.split("\t")
            if fields[0] == "#fields":
                names = fields[1:]
            if line.startswith("#") or not names:
                continue
            one = dict(zip(names, fields, strict=False))
            begin = int(float(one["ts"]) * 1000)
            there = _named_letters(one["history"], upper=True)
            row: dict[str, object] = {
                "time_start": begin, "time_end": begin + int(_number(one["duration"]) * 1000),
                "src_address": one["id.orig_h"], "dst_address": one["id.resp_h"], "src_port": int(one["id.orig_p"]),
                "dst_port": int(one["id.resp_p"]), "protocol": _PROTOCOLS.get(one["proto"], 0),
                "packets": max(int(_number(one["orig_pkts"])), 1), "bytes": max(int(_number(one["orig_ip_bytes"])), 40),
                "tcp_flags": there,
            }  # fmt: skip
            back = _named_letters(one["history"], upper=False)
            yield from _halves(row, int(_number(one["resp_pkts"])), int(_number(one["resp_ip_bytes"])), back)

    return _table(rows())


def _named_letters(history: str, *, upper: bool) -> int:
    """Zeek's history: capital letters are the caller's; h is SYN-ACK, d data."""
    letters = [letter.upper() for letter in history if letter.isupper() == upper]
    meaning = {"S": SYN, "H": SYN | ACK, "A": ACK, "D": PSH | ACK, "F": FIN | ACK, "R": RST}
    flags = 0
    for letter in letters:
        flags |= meaning.get(letter, 0)
    return flags


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _port(text: str) -> int:
    try:
        return int(text, 16) if text.startswith("0x") else int(text)
    except ValueError:
        return 0


_STATES = {"S0": (SYN, 0), "REJ": (SYN, RST | ACK), "INT": (0, 0), "REQ": (SYN, 0)}


def _argus(path: Path) -> Columns:
    def rows() -> Iterable[dict[str, object]]:
        with path.open(encoding="utf-8", errors="replace") as file:
            for one in csv.DictReader(file):
                if _PROTOCOLS.get(one["Proto"].strip(), 0) == 0:
                    continue
                try:
                    start = datetime.strptime(one["StartTime"], "%Y/%m/%d %H:%M:%S.%f").replace(tzinfo=UTC)
                except ValueError:
                    continue
                begin, state = int(start.timestamp() * 1000), one["State"].strip()
                there, _, back = state.partition("_")
                known = _STATES.get(state, (_flags(there), _flags(back)) if "_" in state else (27, 27))
                total, octets = int(_number(one["TotPkts"])), int(_number(one["TotBytes"]))
                sent = int(_number(one.get("SrcPkts") or "")) or max(total // 2, 1)
                row: dict[str, object] = {
                    "time_start": begin, "time_end": begin + int(_number(one["Dur"]) * 1000),
                    "src_address": one["SrcAddr"], "dst_address": one["DstAddr"], "src_port": _port(one["Sport"]),
                    "dst_port": _port(one["Dport"]), "protocol": _PROTOCOLS[one["Proto"].strip()], "packets": sent,
                    "bytes": max(int(_number(one["SrcBytes"])), 40), "tcp_flags": known[0],
                }  # fmt: skip
                silent = not known[1] and state in _STATES
                more = 0 if silent else total - sent
                yield from _halves(row, more, octets - int(_number(one["SrcBytes"])), known[1])

    return _table(rows())


def _nfdump(path: Path) -> Columns | None:
    if shutil.which("nfdump") is None:
        return None
    columns = "%tsr,%ter,%sa,%da,%sp,%dp,%pr,%pkt,%byt,%flg"
    text = subprocess.run(
        ["nfdump", "-r", str(path), "-q", "-N", "-o", f"fmt:{columns}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    def rows() -> Iterable[dict[str, object]]:
        for line in text.splitlines():
            fields = [field.strip() for field in line.split(",")]
            if len(fields) != 10:
                continue
            yield {
                "time_start": int(float(fields[0]) * 1000), "time_end": int(float(fields[1]) * 1000),
                "src_address": fields[2], "dst_address": fields[3], "src_port": _port(fields[4]),
                "dst_port": _port(fields[5]), "protocol": _PROTOCOLS.get(fields[6].lower(), _port(fields[6])),
                "packets": int(_number(fields[7])), "bytes": int(_number(fields[8])), "tcp_flags": _flags(fields[9]),
            }  # fmt: skip

    return _table(rows())


_READERS: dict[str, Callable[[Path], Columns | None]] = {
    ".log": _conn_log,
    ".binetflow": _argus,
    ".nfdump": _nfdump,
}
