"""Network namespaces, links between them, and what runs in them; nothing is left when the test is over."""

import contextlib
import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000
_PROGRAMS = ("ip", "nft", "tayga", "unbound", "softflowd", "conntrack")


def require_root_and_programs(*programs: str) -> None:
    """Skips the test, and says what is missing."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    missing = [one for one in (*_PROGRAMS, *programs) if shutil.which(one) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    if not Path("/dev/net/tun").exists():
        pytest.skip("there is no /dev/net/tun")
    done = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no network namespaces here: {done.stderr.decode().strip()}")


class Namespace:
    """One host. Its programs end with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.ip("link set lo up")
        self.write("net.ipv6.conf.default.accept_dad", "0")
        self.write("net.ipv6.conf.default.accept_ra", "0")

    def run(self, *command: str, check: bool = True, timeout: float = 20) -> str:
        """Standard output of a program in here."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, *command],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}"
        return done.stdout

    def popen(self, command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
        with log.open("ab") as file:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.name, *command],
                stdout=file,
                stderr=file,
                stdin=subprocess.DEVNULL,
            )

    def write(self, sysctl: str, value: str) -> None:
        self.inside(lambda: (Path("/proc/sys") / sysctl.replace(".", "/")).write_text(value))

    def ip(self, *lines: str) -> None:
        """Arguments of `ip`, one command a line."""
        command = ["ip", "-netns", self.name, "-batch", "-"]
        done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def address(self, interface: str, *addresses: str) -> None:
        added = [f"address add {one} dev {interface}{' nodad' if ':' in one else ''}" for one in addresses]
        self.ip(*added, f"link set {interface} up")

    def resolver(self, address: str) -> None:
        """Programs that are run in here afterwards ask this name server."""
        folder = Path("/etc/netns") / self.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "resolv.conf").write_text(f"nameserver {address}\noptions timeout:2 attempts:2\n")

    def inside(self, work: Callable[[], T]) -> T:
        """What `work` gives in here, for sockets: they belong to the namespace that they were made in."""
        return _in_thread(self.name, work)

    def end(self) -> None:
        """Every process in here, then the namespace."""
        listed = subprocess.run(
            ["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False
        )
        for pid in listed.stdout.split():
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "netns", "delete", self.name], check=False, capture_output=True)
        shutil.rmtree(Path("/etc/netns") / self.name, ignore_errors=True)


def _in_thread(name: str, work: Callable[[], T]) -> T:
    found: list[T] = []
    failed: list[BaseException] = []

    def enter() -> None:
        try:
            library = ctypes.CDLL(None, use_errno=True)
            descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY)
            try:
                if library.setns(descriptor, _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"setns {name}")
            finally:
                os.close(descriptor)
            found.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


class Network:
    """Namespaces under names of their own, so that two runs do not meet."""

    def __init__(self) -> None:
        self._mark = secrets.token_hex(3)
        self._made: list[Namespace] = []

    def namespace(self, name: str) -> Namespace:
        made = Namespace(f"sf{self._mark}-{name}")
        self._made.append(made)
        return made

    def link(self, one: Namespace, interface: str, other: Namespace, other_interface: str) -> None:
        subprocess.run(
            ["ip", "link", "add", interface, "netns", one.name, "type", "veth",
             "peer", "name", other_interface, "netns", other.name],
            check=True,
        )  # fmt: skip

    def end(self) -> None:
        for one in reversed(self._made):
            one.end()


@contextlib.contextmanager
def network() -> Iterator[Network]:
    made = Network()
    try:
        yield made
    finally:
        made.end()


class Relay:
    """TCP from a port in one namespace to a port in another; None is where the test itself runs.

    So what listens on the loopback of one side is reached from the loopback of the other. `close` cuts it off.
    """

    def __init__(
        self, listen_in: Namespace | None, target: int, target_in: Namespace | None, port: int = 0
    ) -> None:
        def listen() -> socket.socket:
            return socket.create_server(("127.0.0.1", port))

        self._target = target
        self._target_in = target_in
        self._open: set[socket.socket] = set()
        self._listening = listen_in.inside(listen) if listen_in else listen()
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self._listening.accept()
            except OSError:
                return
            try:
                other = self._target_in.inside(self._connect) if self._target_in else self._connect()
            except OSError:
                one.close()
                continue
            self._open |= {one, other}
            for source, sink in ((one, other), (other, one)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._target), timeout=5)

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            source.settimeout(None)
            while data := source.recv(1 << 16):
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
