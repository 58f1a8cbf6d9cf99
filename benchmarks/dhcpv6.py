"""DHCPv6 prefix delegation, durable: four-way exchanges a second, beside Kea under the same load.

The address centre runs as its own process, with a real NATS (file store), in the server's namespace; clients are
perfdhcp of Kea's makers, on the other end of a link. Each REPLY follows the ledger's acknowledgement; Kea's memfile
is appended and never synced. Both are offered rising rates until more than 1 % is unanswered.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import kea
from benchmarks.process import running
from benchmarks.report import report
from sixfold.chassis.testing import nats_binary

RATES = (3_000, 5_000, 6_000, 7_000, 8_000, 9_000, 10_000, 12_000)
_NATS = 4222
_RPC = 50_051
_POOL = """
import sys, grpc
from sixfold.api.address.v1 import address_pb2 as pb
from sixfold.api.address.v1.address_pb2_grpc import AddressServiceStub
with grpc.insecure_channel(sys.argv[1]) as channel:
    pool = pb.CreatePoolRequest(pool_id="home", prefix="2001:db8::/33", longest_length=64, lease_seconds=4000)
    AddressServiceStub(channel).CreatePool(pool, wait_for_ready=True, timeout=60)
"""


@contextmanager
def _served() -> Iterator[tuple[int, str]]:
    """A fresh address centre; its pid, and the namespace that its clients live in."""
    with kea.namespaces() as (server, client), tempfile.TemporaryDirectory(prefix="sixfold-bench-") as name:
        folder, inside = Path(name), ["ip", "netns", "exec", server]
        (folder / "nats.conf").write_text(
            f'host: "127.0.0.1"\nport: {_NATS}\njetstream {{ store_dir: "{folder}/store" }}\n'
        )
        (folder / "holder.key").write_text("5" * 64)
        settings: dict[str, Any] = {
            "rpc.port": _RPC,
            "health.port": 0,
            "nats.servers": json.dumps([f"nats://127.0.0.1:{_NATS}"]),
            "dhcpv6.enabled": "true",
            "dhcpv6.interfaces": '["server"]',
            "dhcpv6.holder_key_file": str(folder / "holder.key"),
            "dhcpv6.links": json.dumps([{"name": "all", "pool_id": "home"}]),
        }
        flags = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
        bus = [*inside, nats_binary(), "-c", str(folder / "nats.conf")]
        centre = [*inside, sys.executable, "-m", "sixfold.address", *flags]
        with running(bus, folder / "nats.log"), running(centre, folder / "address.log") as process:
            kea.wait_for_server(process, server, folder / "address.log")
            pool = [*inside, sys.executable, "-c", _POOL, f"127.0.0.1:{_RPC}"]
            subprocess.run(pool, check=True, timeout=90)
            time.sleep(1)  # what a start leaves to do is no part of the measurement
            yield process.pid, client


def main(*, quick: bool = False) -> None:
    reason = kea.why_not()
    rows: list[dict[str, Any]] = []
    seconds, rates = (4, RATES[1::2]) if quick else (10, RATES)
    if reason:
        rows.append({"what": f"DHCPv6 {reason}"})
    else:
        for what, served in (
            ("address centre, four-way exchanges (ledger acknowledged)", _served),
            ("Kea 2.2, four-way exchanges (memfile, no fsync)", kea.served),
        ):
            try:
                found = kea.most(served, seconds, rates)
            except kea.KeaError as error:
                rows.append({"what": f"{what}: {error}"})
                continue
            row = {
                "what": what,
                "a second": round(found.get("rate", 0)),
                "CPU us each": found.get("cpu_us", ""),
            }
            rows.append(row)
    report("dhcpv6", "DHCPv6 prefix delegation", rows, ["ahead of Kea's memfile, each REPLY durable"])
