"""FreeRADIUS by itself: users and their passwords from a file, accounting to a detail file that is never synced."""

import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.kea import environment
from benchmarks.process import running

LIBRARIES: Final = "/usr/lib/freeradius"
_CONFIGURATION: Final = """\
prefix = /usr
raddbdir = {folder}
logdir = {folder}
run_dir = {folder}
libdir = {libraries}
name = radiusd
max_requests = 65536
log {{
	destination = files
	file = {folder}/radius.log
	auth = no
}}
security {{
	reject_delay = 0
}}
thread pool {{
	start_servers = 4
	max_servers = 8
	min_spare_servers = 2
	max_spare_servers = 4
	max_requests_per_server = 0
	auto_limit_acct = no
}}
client here {{
	ipaddr = 127.0.0.1
	secret = {secret}
	require_message_authenticator = yes
}}
modules {{
	files {{
		usersfile = {folder}/users
	}}
	pap {{
	}}
	detail {{
		filename = {folder}/detail
	}}
}}
server alone {{
	listen {{
		type = auth
		ipaddr = 127.0.0.1
		port = {authentication}
	}}
	listen {{
		type = acct
		ipaddr = 127.0.0.1
		port = {accounting}
	}}
	authorize {{
		files
		pap
	}}
	authenticate {{
		pap
	}}
	accounting {{
		detail
	}}
}}
"""


class FreeRadiusError(RuntimeError):
    """FreeRADIUS or radclient does not do what it should."""


def why_not() -> str:
    """Why it cannot be measured here; empty where it can."""
    missing = [name for name in ("freeradius", "radclient") if shutil.which(name, path=_path()) is None]
    if missing:
        return f"not measured: no {', '.join(missing)} here (apt install freeradius freeradius-utils)"
    return ""


@contextmanager
def served(
    folder: Path, users: Mapping[str, str], secret: str, authentication: int, accounting: int
) -> Iterator[int]:
    """A fresh one that knows `users`; its pid."""
    folder.mkdir()
    text = _CONFIGURATION.format(
        folder=folder,
        libraries=LIBRARIES,
        secret=secret,
        authentication=authentication,
        accounting=accounting,
    )
    (folder / "radiusd.conf").write_text(text)
    (folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
    lines = (f'{name} Cleartext-Password := "{password}"\n' for name, password in users.items())
    (folder / "users").write_text("".join(lines))
    program = shutil.which("freeradius", path=_path())
    assert program is not None
    with running([program, "-f", "-d", str(folder)], folder / "output") as process:
        log = folder / "radius.log"
        for _ in range(400):
            if log.exists() and "Ready to process requests" in log.read_text():
                break
            if process.poll() is not None:
                raise FreeRadiusError(
                    f"FreeRADIUS does not start:\n{(folder / 'output').read_text()[-2000:]}"
                )
            time.sleep(0.05)
        yield process.pid


def free_udp_ports(count: int) -> list[int]:
    probes = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _path() -> str:
    return environment()["PATH"]
