"""`sixfold simulate`, and the sample traffic of `sixfold up`."""

import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import grpc
import typer

from sixfold.local.errors import LocalError
from sixfold.local.home import Home, read_endpoints

SAMPLE_RATE: Final = 2000
_ENDPOINTS_WITHIN: Final = 120.0


def _named(arguments: Sequence[str], option: str) -> bool:
    return any(one == option or one.startswith(f"{option}=") for one in arguments)


def simulate_traffic(arguments: Sequence[str], home: Home) -> int:
    """The agent's simulator; without --target, towards the agent of the platform that runs in `home`."""
    from sixfold.agent.simulate import simulate_command

    chosen = list(arguments)
    if not _named(chosen, "--target") and not _named(chosen, "--help"):
        try:
            chosen += ["--target", str(read_endpoints(home)["agent.ipfix"])]
        except LocalError as error:
            raise LocalError(
                f"No platform runs in {home.root} to send to: "
                "start `sixfold up`, or name a collector with --target HOST:PORT."
            ) from error
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(simulate_command)
    app(args=chosen, prog_name="sixfold simulate")
    return 0


def _endpoints_of(home: Home) -> dict[str, Any]:
    """The addresses, once `up` has written them: it starts us just before."""
    deadline = time.monotonic() + _ENDPOINTS_WITHIN
    while True:
        try:
            return read_endpoints(home)
        except LocalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def sample_traffic(home: Home) -> int:
    """Enrol the sample region, then send its traffic until stopped."""
    from sixfold.local.sample import enrol_region

    endpoints = _endpoints_of(home)
    try:
        enrol_region(endpoints)
    except grpc.RpcError as error:
        # traffic is worth having without it; the next start asks again
        sys.stderr.write(f"the sample region was not enrolled: {error}\n")
    return simulate_traffic(
        ["--target", endpoints["agent.ipfix"], "--rate", str(SAMPLE_RATE), "--flat"], home
    )
