"""Programs of the system, run with a bound on their time; what they say when they fail is the message."""

import subprocess
from collections.abc import Sequence
from typing import Final

TIMEOUT: Final = 60.0


class ProgramError(RuntimeError):
    """A program is not there, failed or did not end: which one, and what it said."""


def run(command: Sequence[str], *, given: str | None = None, timeout: float = TIMEOUT) -> str:
    """Its standard output. given: its standard input. Raises ProgramError."""
    name = " ".join(command[:3])
    try:
        done = subprocess.run(
            list(command), input=given, capture_output=True, text=True, timeout=timeout, errors="replace"
        )
    except FileNotFoundError as error:
        raise ProgramError(f"{command[0]} is not installed") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProgramError(f"{name}: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[:2_000]
        raise ProgramError(f"{name}: exit {done.returncode}: {said}")
    return done.stdout
