"""Putting a configuration into force: in steps that can be repeated, and back to what was when one of them fails."""

import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

from sixfold.agent.gateway import nft, parts
from sixfold.agent.gateway.parts import Wanted
from sixfold.agent.gateway.system import ProgramError

log = logging.getLogger(__name__)


class ApplyError(RuntimeError):
    """A step failed. restored: whether what was in force before is in force again."""

    def __init__(self, step: str, detail: str, restored: bool) -> None:
        after = "what was before is in force again" if restored else "the gateway may be half configured"
        super().__init__(f"{step}: {detail}; {after}")
        self.step = step
        self.restored = restored


_STEPS: Final[Sequence[tuple[str, Callable[[Wanted], list[str]]]]] = (
    ("nftables", parts.load_table),
    ("files", parts.write_files),
    ("interface", parts.make_links),
    ("kernel", parts.set_kernel_settings),
    ("programs", parts.run_programs),
)


def preview(wanted: Wanted) -> list[str]:
    """What `apply` would change, without changing anything. Raises ProgramError."""
    running, should = parts.table_contents(wanted)
    lines = [f"file {wanted.folder / name}" for name in parts.files(wanted)]
    lines += nft.difference(running, should)
    lines += [f"sysctl {name}={value}" for name, value, _ in parts.kernel_settings(wanted)]
    return lines


def apply(wanted: Wanted, before: Wanted | None, *, restore: bool = True) -> list[str]:
    """What was changed; nothing where all is as it should be. before: what to go back to; None: nothing of ours.

    restore: go back to it when a step fails. Raises ApplyError. A ruleset that nft refuses changes nothing at all.
    """
    if wanted.plan.nat64 is not None and wanted.plan.nat64.translator == "jool":
        raise ApplyError("nat64", "Jool is rendered only; load jool.json yourself, or use tayga", True)
    changed: list[str] = []
    step = ""
    try:
        for step, put in _STEPS:  # noqa: B007 - told in the error
            changed += put(wanted)
        if before is not None:
            step = "sessions"
            changed += parts.end_sessions(before.plan, wanted.plan)
    except (ProgramError, OSError) as error:
        # A transaction that nft refuses has changed nothing.
        restored = step == "nftables" or (restore and _restore(wanted, before))
        raise ApplyError(step, str(error), restored) from error
    return changed


def _restore(failed: Wanted, before: Wanted | None) -> bool:
    try:
        if before is None:
            parts.tear_down(failed.plan, failed.folder)
        else:
            for _, put in _STEPS:
                put(before)
    except (ProgramError, OSError):
        log.exception("the configuration before could not be brought back")
        return False
    return True


def remove(wanted: Wanted) -> None:
    """Nothing of ours is left running. Raises ProgramError."""
    with contextlib.suppress(FileNotFoundError):
        parts.tear_down(wanted.plan, wanted.folder)
