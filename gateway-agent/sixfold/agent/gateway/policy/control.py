"""The agent's hand on policies: put into force as told, kept so, counted, and ended when their time is over."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError

from sixfold.agent.config import PolicySettings
from sixfold.agent.counters import Counters
from sixfold.agent.gateway import nft
from sixfold.agent.gateway.apply import ApplyError
from sixfold.agent.gateway.control import ControlRefusal
from sixfold.agent.gateway.policy import counts, divert, speaker
from sixfold.agent.gateway.policy.counts import Count
from sixfold.agent.gateway.policy.read import (
    Policy,
    PolicyError,
    read_policies,
    require_ending,
    require_harmless,
)
from sixfold.agent.gateway.policy.render import TABLE, removal, transaction
from sixfold.agent.gateway.remembered import RememberedError
from sixfold.agent.gateway.system import ProgramError
from sixfold.agent.gateway.validate import Protected
from sixfold.api.addressing.policy import DIVERT, Network
from sixfold.api.agent.v1 import agent_pb2 as pb

log = logging.getLogger(__name__)
FILE: Final = "policies.binpb"
_SEEN_SECONDS: Final = 10.0
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


def remembered(folder: Path) -> pb.SetPolicies | None:
    """What was last told; None where nothing was, or `policy clear` has taken it. Raises RememberedError."""
    try:
        return pb.SetPolicies.FromString((folder / FILE).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, DecodeError) as error:
        detail = f"{folder / FILE} cannot be read ({error}); `sixfold-agent policy clear` removes it"
        raise RememberedError(detail) from error


def remember(folder: Path, message: pb.SetPolicies) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"{FILE}.new"
    fresh.write_bytes(message.SerializeToString())
    fresh.replace(folder / FILE)


def clear(folder: Path, settings: PolicySettings, table: str = TABLE) -> None:
    """No policy and no route of ours, and nothing remembered. Raises ProgramError, OSError."""
    (folder / FILE).unlink(missing_ok=True)
    if settings.bgp.peers:
        divert.write_routes(folder, ())
    counts.remove_table(table)


class Forward:
    """A clock that never goes back: what has ended stays ended when the machine's clock is put back.

    wall: the machine's; steady: seconds that only grow; seen: the latest time that is known from before.
    """

    def __init__(
        self,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        steady: Callable[[], float] = time.monotonic,
        seen: datetime = _LONG_AGO,
    ) -> None:
        self._wall, self._steady = wall, steady
        self._latest, self._at = seen, steady()

    def follow(self) -> None:
        """Believe the machine's clock again, wherever it stands."""
        self._latest = _LONG_AGO

    def __call__(self) -> datetime:
        now = self._steady()
        grown = self._latest + timedelta(seconds=now - self._at)
        self._latest, self._at = max(self._wall(), grown), now
        return self._latest


def last_seen(folder: Path) -> datetime:
    """When the remembered policies were last looked at."""
    try:
        return datetime.fromtimestamp((folder / FILE).stat().st_mtime, UTC)
    except OSError:
        return _LONG_AGO


class PolicyControl:
    """One command at a time. protected: what must stay reachable, asked anew for each set of policies.

    Raises RememberedError where it cannot read what it wrote.
    """

    def __init__(
        self,
        folder: Path,
        settings: PolicySettings,
        *,
        protected: Callable[[], Sequence[Protected]],
        nat64: Callable[[], Sequence[Network]],
        counters: Counters,
        table: str = TABLE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.troubles: list[str] = []
        self.changed = asyncio.Event()
        """Something is to be told."""
        self._folder = folder
        self._settings = settings
        self._protected = protected
        self._nat64 = nat64
        self._counters = counters
        self._table = table
        self._clock = Forward(clock, steady, last_seen(folder))
        self._lasting: list[str] = []
        """Troubles that only other policies end."""
        self._message = remembered(folder)
        self._policies: tuple[Policy, ...] = ()
        self._rules = ""
        """The chain as the kernel told it after the last change."""
        self._ended: dict[str, Count] = {}
        self._one_at_a_time = asyncio.Lock()

    @property
    def generation(self) -> int:
        return self._message.generation if self._message is not None else 0

    async def start(self) -> None:
        """Put into force what is remembered, as far as it has not ended."""
        if self._message is None:
            return
        async with self._one_at_a_time:
            try:
                self._policies = read_policies(self._message)
                require_harmless(self._message, (one.network for one in self._protected()), self._nat64())
            except PolicyError as error:
                self._policies = ()
                self._lasting = [f"policies: what is remembered is not enforced: {error}; have it sent again"]
                self.troubles = list(self._lasting)
                return
            try:
                await asyncio.to_thread(self._put, self._policies)
            except (ProgramError, OSError) as error:
                self.troubles = [f"policies: {error}"]
                self._counters.add("policies_applied", 1, outcome="failed")
                return
            self._counters.add("policies_applied", 1, outcome="resumed")

    async def enforce(self, message: pb.SetPolicies) -> list[str]:
        """What is in force now, by id. Raises ControlRefusal, ApplyError."""
        async with self._one_at_a_time:
            known = self._message
            same = known is not None and known.SerializeToString(
                deterministic=True
            ) == message.SerializeToString(deterministic=True)
            if message.generation <= self.generation and not same:
                detail = f"generation {message.generation}, generation {self.generation} is in force"
                raise ControlRefusal("old-generation", detail)
            if not same:
                # Signed, newer than all before and not expired by the machine's clock: so it does not stand still at a
                # moment to come that it once showed.
                self._clock.follow()
            try:
                policies = read_policies(message)
                require_ending(policies, self._clock(), timedelta(seconds=self._settings.longest_seconds))
                protected = await asyncio.to_thread(self._protected)
                require_harmless(message, (one.network for one in protected), self._nat64())
                self._require_routes(policies)
            except PolicyError as error:
                raise ControlRefusal(error.cause, str(error)) from error
            try:
                await asyncio.to_thread(self._put, policies, protected)
            except (ProgramError, OSError) as error:
                self._counters.add("policies_applied", 1, outcome="failed")
                raise ApplyError("policies", str(error), True) from error
            remember(self._folder, message)
            self._message, self._policies = message, policies
            self.troubles, self._lasting = [], []
            self._counters.add("policies_applied", 1, outcome="applied")
            self.changed.set()
            return [one.policy_id for one in policies]

    def _require_routes(self, policies: Sequence[Policy]) -> None:
        diversions = [one.policy_id for one in policies if one.action.kind == DIVERT]
        if diversions and not self._settings.bgp.peers:
            raise PolicyError("no-peers", [f"{', '.join(diversions)}: policies.bgp.peers names no router"])
        number = len(divert.routes(policies, self._settings.bgp, self._clock()))
        if number > (most := self._settings.bgp.most_routes):
            raise PolicyError("too-many-routes", [f"{number} routes, at most {most}"])

    def _put(self, policies: Sequence[Policy], protected: Sequence[Protected] | None = None) -> None:
        """One transaction, then the last numbers of what has gone, then its counters and sets."""
        guards = self._protected() if protected is None else protected
        now = self._clock()
        living = [one for one in policies if one.expires > now]
        nft.load(transaction(living, guards, now, self._table))
        self._rules = counts.read_rules(self._table)
        self._sweep({one.name for one in living})
        self._announce(policies, now)

    def _sweep(self, living: set[str]) -> None:
        last = counts.read_counts(self._table)
        self._ended |= {name: count for name, count in last.items() if name not in living}
        gone = [one for one in counts.read_objects(self._table) if counts.owner(one[1]) not in living]
        if gone:
            nft.load(removal(gone, self._table))

    def _announce(self, policies: Sequence[Policy], now: datetime) -> None:
        bgp = self._settings.bgp
        if not bgp.peers:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        wanted = divert.routes(policies, bgp, now)
        divert.write_routes(self._folder, wanted)
        if wanted and (done := speaker.ensure_running(bgp, self._folder)):
            log.info("%s", done)

    async def look(self) -> pb.PolicyReport | None:
        """Ends what is over, puts back what somebody took away, and reads the counters.

        None where there is nothing to tell: no policies were ever told, or the counters cannot be read.
        """
        async with self._one_at_a_time:
            if self._message is not None and not (self._folder / FILE).exists():
                log.warning("the policies were cleared by hand")
                self._message, self._policies, self._rules, self._lasting = None, (), "", []
                self.changed.set()
            if self._message is None:
                return self._report({})
            return await asyncio.to_thread(self._look)

    def _look(self) -> pb.PolicyReport | None:
        now = self._clock()
        living = {one.name for one in self._policies if one.expires > now}
        try:
            self._touch(now)
            if not self._is_in_force():
                self._counters.add("policies_restored", 1)
                self._put(self._policies)
            else:
                known = counts.read_counts(self._table)
                if set(known) - living:
                    self._put(self._policies)
            read = counts.read_counts(self._table)
            self.troubles = [*self._lasting, *self._route_troubles(now)]
        except (ProgramError, OSError, ValueError, KeyError) as error:
            self._counters.add("policies_unread", 1)
            self.troubles = [f"policies: {error}"]
            return None
        return self._report(read)

    def _touch(self, now: datetime) -> None:
        """For `last_seen`, after a restart."""
        if (now - last_seen(self._folder)).total_seconds() >= _SEEN_SECONDS:
            os.utime(self._folder / FILE, (now.timestamp(), now.timestamp()))

    def _is_in_force(self) -> bool:
        with contextlib.suppress(ProgramError):
            return self._rules != "" and counts.read_rules(self._table) == self._rules
        return False

    def _route_troubles(self, now: datetime) -> list[str]:
        bgp = self._settings.bgp
        wanted = divert.routes(self._policies, bgp, now)
        if not wanted:
            return []
        if not speaker.is_running(bgp, self._folder):
            log.warning("ExaBGP does not run: started again")
            speaker.ensure_running(bgp, self._folder)
        return [f"policies: ExaBGP refused {one}" for one in divert.read_announced(self._folder).refused[:5]]

    def _report(self, read: dict[str, Count]) -> pb.PolicyReport:
        now = self._clock()
        report = pb.PolicyReport(generation=self.generation, troubles=self.troubles)
        report.time.FromDatetime(now)
        announced = divert.read_announced(self._folder).routes if self._settings.bgp.peers else {}
        known = {one.name: one.policy_id for one in self._policies}
        for name, ended in self._ended.items():
            policy_id = known.get(name, name.replace("_", "-"))
            report.policies.add(policy_id=policy_id, ended=True, **_numbers(ended))
        for one in self._policies:
            if one.expires > now:
                count = read.get(one.name, Count())
                report.policies.add(
                    policy_id=one.policy_id, routes=announced.get(one.policy_id, 0), **_numbers(count)
                )
        return report

    def told(self, report: pb.PolicyReport) -> None:
        """The bus has it: last numbers are told once."""
        for one in report.policies:
            if one.ended:
                self._ended.pop(one.policy_id.replace("-", "_"), None)


def _numbers(count: Count) -> dict[str, int]:
    return {name: getattr(count, name) for name in Count.__dataclass_fields__}
