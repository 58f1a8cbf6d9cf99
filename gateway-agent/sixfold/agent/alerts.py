"""Public alerts at a gateway: kept while they last, and handed to what brings them to the terminals."""

import asyncio
import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sixfold.agent.config import ExecHook, FileHook, Hook
from sixfold.api.agent.v1 import agent_pb2 as pb

log = logging.getLogger(__name__)
MAX_ALERTS: Final = 1_000
MAX_ALERT_BYTES: Final = 1 << 20


class DeliveryError(Exception):
    """cause: a short stable word. lasting: trying again would not help."""

    def __init__(self, cause: str, detail: str, *, lasting: bool = False) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.lasting = lasting


class Alerts:
    """The alerts that are in force, in a folder: `<id>.xml` as it came and `<id>.json` about it."""

    def __init__(self, folder: Path, hooks: tuple[Hook, ...]) -> None:
        self._folder = folder
        self._hooks = hooks
        folder.mkdir(parents=True, exist_ok=True)

    async def deliver(self, alert: pb.DeliverAlert) -> None:
        """Keep it and run every hook; a hook may see an alert twice. Raises DeliveryError."""
        if len(alert.cap) > MAX_ALERT_BYTES:
            raise DeliveryError("too-large", f"{len(alert.cap)} bytes", lasting=True)
        about = {
            "alert_id": alert.alert_id,
            "headline": alert.headline,
            "severity": alert.severity,
            "language": alert.language,
            "expires": alert.expires.ToDatetime(UTC).isoformat(),
        }
        path = self._folder / f"{safe_name(alert.alert_id)}.xml"
        try:
            self._prune(datetime.now(UTC))
            _write(path, alert.cap)
            _write(path.with_suffix(".json"), json.dumps(about, ensure_ascii=False).encode())
        except OSError as error:
            raise DeliveryError("storage", str(error.strerror)) from error
        log.warning("ALERT %(alert_id)s (%(severity)s), until %(expires)s: %(headline)s", about)
        await self._run_hooks("deliver", about, alert.cap)

    async def cancel(self, alert_id: str) -> None:
        """It is in force no more; one that is not known is cancelled, too. Raises DeliveryError."""
        path = self._folder / f"{safe_name(alert_id)}.xml"
        cap = path.read_bytes() if path.exists() else b""
        path.unlink(missing_ok=True)
        path.with_suffix(".json").unlink(missing_ok=True)
        log.warning("alert %s is cancelled", alert_id)
        await self._run_hooks("cancel", {"alert_id": alert_id}, cap)

    def _prune(self, now: datetime) -> None:
        """Forget alerts that have expired, and beyond MAX_ALERTS the oldest."""
        kept = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        over = len(kept) - MAX_ALERTS + 1
        for number, path in enumerate(kept):
            try:
                expired = datetime.fromisoformat(json.loads(path.read_text())["expires"]) <= now
            except (OSError, ValueError, KeyError, TypeError):
                expired = True
            if expired or number < over:
                path.unlink(missing_ok=True)
                path.with_suffix(".xml").unlink(missing_ok=True)

    async def _run_hooks(self, action: str, about: dict[str, str], cap: bytes) -> None:
        for hook in self._hooks:
            if isinstance(hook, FileHook):
                _file_hook(hook, action, about["alert_id"], cap)
            else:
                await _exec_hook(hook, action, about, cap)


def _file_hook(hook: FileHook, action: str, alert_id: str, cap: bytes) -> None:
    path = hook.folder / f"{safe_name(alert_id)}.xml"
    try:
        if action == "cancel":
            path.unlink(missing_ok=True)
        else:
            _write(path, cap)
    except OSError as error:
        raise DeliveryError("hook-failed", f"{path}: {error.strerror}") from error


async def _exec_hook(hook: ExecHook, action: str, about: dict[str, str], cap: bytes) -> None:
    told = {f"SIXFOLD_ALERT_{name.removeprefix('alert_').upper()}": text for name, text in about.items()}
    environment = {
        name: text.replace("\0", "") for name, text in {**told, "SIXFOLD_ALERT_ACTION": action}.items()
    }
    try:
        process = await asyncio.create_subprocess_exec(
            *hook.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | environment,
        )
    except OSError as error:
        raise DeliveryError("hook-failed", f"{hook.command[0]}: {error.strerror}") from error
    try:
        _, errors = await asyncio.wait_for(process.communicate(cap), hook.timeout)
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise DeliveryError("hook-failed", f"{hook.command[0]}: no end within {hook.timeout:g} s") from error
    if process.returncode:
        said = errors.decode(errors="replace").strip()[:200]
        raise DeliveryError("hook-failed", f"{hook.command[0]}: exit {process.returncode}: {said}")


def _write(path: Path, data: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(data)
    fresh.replace(path)


def safe_name(alert_id: str) -> str:
    """A file name for an alert id, whatever it holds."""
    name = "".join(
        one if one.isascii() and (one.isalnum() or one in "-_") else f"%{ord(one):x}" for one in alert_id
    )
    return name[:150] or "alert"
