"""Kea DHCPv6 under the load generator of its makers, in two network namespaces: four-way exchanges a second.

Memfile leases, as Debian ships it (lease file appended, never fsynced), prefix delegation of /56.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.process import cpu_seconds


class KeaError(RuntimeError):
    """Kea or perfdhcp does not do what it should."""


NEEDED = ("kea-dhcp6", "perfdhcp", "ip")


def why_not() -> str:
    """Why Kea cannot be measured here; empty where it can."""
    missing = [name for name in NEEDED if shutil.which(name, path=_path()) is None]
    if missing:
        return f"not measured: no {', '.join(missing)} here (apt install kea-dhcp6-server kea-admin iproute2)"
    if os.geteuid() != 0:
        return "not measured: network namespaces need root"
    return ""


Served = Callable[[], AbstractContextManager[tuple[int, str]]]
"""A fresh server: its pid, and the namespace that its clients live in."""


def measure(seconds: int, rates: tuple[int, ...]) -> dict[str, Any]:
    """Kea's most exchanges a second; see `most`."""
    return most(served, seconds, rates)


def most(served: Served, seconds: int, rates: tuple[int, ...]) -> dict[str, Any]:
    """The most exchanges a second with at most 1 % unanswered, over the offered `rates`, and CPU for each."""
    best: dict[str, Any] = {}
    for rate in rates:
        with served() as (pid, client):
            before = cpu_seconds(pid)
            sent, received = perfdhcp(client, rate, seconds)
            used = cpu_seconds(pid) - before
        done = received / seconds
        if done > best.get("rate", 0):
            best = {"rate": done, "offered": rate, "cpu_us": used / max(received, 1) * 1e6}
        if received < 0.99 * min(sent, rate * seconds):
            break
    return best


def perfdhcp(client: str, rate: int, seconds: int) -> tuple[int, int]:
    """(Requests sent, Replies received), with `rate` exchanges a second offered from that namespace."""
    command = ["perfdhcp", "-6", "-l", "client", "-e", "prefix-only", "-r", str(rate)]
    command += ["-R", "10000000", "-p", str(seconds), "all"]
    run = subprocess.run(
        ["ip", "netns", "exec", client, *command],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=seconds + 60,
    )
    return _exchanges(run.stdout + run.stderr)


def _exchanges(output: str) -> tuple[int, int]:
    """(Requests sent, Replies received) of perfdhcp's report."""
    part = output.partition("REQUEST-REPLY")[2]
    sent = re.search(r"sent packets: (\d+)", part)
    received = re.search(r"received packets: (\d+)", part)
    if sent is None or received is None:
        raise KeaError(f"perfdhcp says nothing of exchanges:\n{output[-2000:]}")
    return int(sent[1]), int(received[1])


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PATH": _path()} | more


@contextmanager
def namespaces() -> Iterator[tuple[str, str]]:
    """Two hosts with a link between them: the server's, whose end is `server`, and the clients', `client`."""
    server, client = f"sxf-dhcp-server-{os.getpid()}", f"sxf-dhcp-client-{os.getpid()}"

    def run(*command: str) -> None:
        subprocess.run(command, env=environment(), check=True, capture_output=True)

    try:
        run("ip", "netns", "add", server)
        run("ip", "netns", "add", client)
        link = ["ip", "link", "add", "server", "netns", server]
        run(*link, "type", "veth", "peer", "client", "netns", client)
        for space, name in ((server, "server"), (client, "client")):
            # No duplicate address detection: the link-local address is usable at once.
            run("ip", "netns", "exec", space, "sysctl", "-qw", f"net.ipv6.conf.{name}.accept_dad=0")
            for one in ("lo", name):
                run("ip", "-n", space, "link", "set", one, "up")
        run("ip", "-n", server, "addr", "add", "2001:db8:ffff::1/64", "dev", "server", "nodad")
        for space, name in ((server, "server"), (client, "client")):
            _wait_for_link(space, name)
        yield server, client
    finally:
        for space in (server, client):
            subprocess.run(["ip", "netns", "del", space], env=environment(), check=False, capture_output=True)


@contextmanager
def served() -> Iterator[tuple[int, str]]:
    """A fresh Kea; its pid, and the namespace that its clients live in."""
    with namespaces() as (server, client), tempfile.TemporaryDirectory(prefix="sixfold-kea-") as folder:
        file, log = Path(folder) / "kea.json", Path(folder) / "kea.log"
        file.write_text(json.dumps(_configuration(Path(folder))))
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["ip", "netns", "exec", server, "kea-dhcp6", "-c", str(file)],
                env=environment(KEA_PIDFILE_DIR=folder, KEA_LOCKFILE_DIR=folder),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for_server(process, server, log)
            yield process.pid, client
        finally:
            process.terminate()
            process.wait(20)


def _wait_for_link(space: str, link: str) -> None:
    """Until the link has the address that DHCPv6 is spoken from."""
    command = ["ip", "-n", space, "-6", "addr", "show", "dev", link, "scope", "link", "-tentative"]
    for _ in range(100):
        if "fe80" in subprocess.run(command, env=environment(), capture_output=True, text=True).stdout:
            return
        time.sleep(0.05)
    raise KeaError(f"{link} has no link-local address")


def wait_for_server(process: "subprocess.Popen[bytes]", space: str, log: Path) -> None:
    """Until somebody in there listens on the servers' port."""
    for _ in range(200):
        sockets = subprocess.run(
            ["ip", "netns", "exec", space, "cat", "/proc/net/udp6"], capture_output=True, text=True
        ).stdout
        if ":0223 " in sockets:  # 547
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise KeaError(f"the server does not start:\n{log.read_text()[-2000:]}")


def _configuration(folder: Path) -> dict[str, Any]:
    return {
        "Dhcp6": {
            "interfaces-config": {"interfaces": ["server"]},
            "lease-database": {
                "type": "memfile",
                "persist": True,
                "name": str(folder / "leases.csv"),
                "lfc-interval": 0,
            },
            "server-id": {
                "type": "EN",
                "enterprise-id": 2495,
                "identifier": "87ABEF7A5BB545",
                "persist": False,
            },
            "valid-lifetime": 4000,
            "multi-threading": {"enable-multi-threading": True},
            "subnet6": [
                {
                    "id": 1,
                    "subnet": "2001:db8:ffff::/64",
                    "interface": "server",
                    "pd-pools": [{"prefix": "2001:db8::", "prefix-len": 33, "delegated-len": 56}],
                }
            ],
            "loggers": [{"name": "kea-dhcp6", "output_options": [{"output": "stdout"}], "severity": "ERROR"}],
        }
    }
