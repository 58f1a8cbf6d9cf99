"""The agent's hand on the gateway: configurations and valid sources as they are told, put into force and kept so."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from sixfold.agent.conntrack.translation import Translation
from sixfold.agent.counters import Counters
from sixfold.agent.gateway import remembered
from sixfold.agent.gateway.apply import ApplyError, apply
from sixfold.agent.gateway.check import deviations
from sixfold.agent.gateway.parts import Wanted, change_sources, write_files
from sixfold.agent.gateway.plan import Plan, PlanError, ValidSource, read_plan
from sixfold.agent.gateway.render import render
from sixfold.agent.gateway.system import ProgramError
from sixfold.agent.gateway.validate import Protected, require_valid
from sixfold.api.agent.v1 import agent_pb2 as pb

log = logging.getLogger(__name__)
_SHOWN: Final = 5
MAX_SOURCES: Final = 500_000


class ControlRefusal(Exception):  # noqa: N818 - it is an answer
    """A command that is not obeyed. cause: a short stable word."""

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause


class GatewayControl:
    """One command at a time. protected: what must stay reachable, asked anew for each configuration.

    Raises RememberedError where it cannot read what it wrote.
    """

    def __init__(
        self,
        folder: Path,
        *,
        programs: bool,
        check_seconds: float,
        protected: Callable[[], Sequence[Protected]],
        counters: Counters,
    ) -> None:
        self.troubles: list[str] = []
        self._folder = folder
        self._programs = programs
        self._check_seconds = check_seconds
        self._protected = protected
        self._counters = counters
        self._configuration = remembered.configuration(folder)
        self._sources = remembered.sources(folder)
        self._plan = remembered.plan_of(self._configuration)
        self._translation = Translation.of(self._plan) if self._plan else Translation()
        self._one_at_a_time = asyncio.Lock()

    @property
    def plan(self) -> Plan | None:
        return self._plan

    @property
    def generations(self) -> tuple[int, int]:
        """Of the configuration and of the valid sources; 0: none is usable."""
        told = self._configuration if self._plan is not None else None
        return told.generation if told is not None else 0, self._sources.generation

    def translation(self) -> Translation:
        """From any thread."""
        return self._translation

    async def run(self) -> None:
        """Put into force what is remembered, then look again and again whether it still is."""
        if self._plan is None and self._configuration is not None:
            self.troubles = ["the remembered configuration is not valid for this version; have it sent again"]
        if self._plan is not None:
            async with self._one_at_a_time:
                await asyncio.to_thread(self._resume, self._plan)
        while True:
            await asyncio.sleep(self._check_seconds)
            async with self._one_at_a_time:
                if self._plan is not None:
                    self.troubles = await asyncio.to_thread(self._look, self._plan)

    def _resume(self, plan: Plan) -> None:
        try:
            changed = apply(self._wanted(plan, remembered.told_sources(self._sources)), None, restore=False)
        except (ApplyError, PlanError) as error:
            log.error("the remembered configuration could not be put into force: %s", error)
            self._counters.add("gateway_applied", 1, outcome="failed")
            self.troubles = [f"gateway: {error}"]
            return
        self._counters.add("gateway_applied", 1, outcome="resumed")
        log.info("the remembered configuration is in force (%d changes)", len(changed))

    def _look(self, plan: Plan) -> list[str]:
        try:
            found = list(deviations(self._wanted(plan, remembered.told_sources(self._sources))))
        except (ProgramError, OSError) as error:
            return [f"gateway: {error}"]
        self._counters.add("gateway_deviations", len(found))
        told = [f"gateway: {one}" for one in found[:_SHOWN]]
        return told + ([f"gateway: {len(found) - _SHOWN} more deviations"] if len(found) > _SHOWN else [])

    async def configure(self, message: pb.ConfigureGateway) -> list[str]:
        """What was changed. Raises ControlRefusal, ApplyError."""
        async with self._one_at_a_time:
            known = self._configuration
            same = known is not None and known.SerializeToString(
                deterministic=True
            ) == message.SerializeToString(deterministic=True)
            if known is not None and message.generation <= known.generation and not same:
                detail = f"generation {message.generation}, generation {known.generation} is in force"
                raise ControlRefusal("old-generation", detail)
            try:
                plan = read_plan(message.configuration)
                protected = await asyncio.to_thread(self._protected)
                require_valid(plan, protected)
                told = remembered.told_sources(self._sources)
            except PlanError as error:
                raise ControlRefusal("invalid-configuration", str(error)) from error
            return await asyncio.to_thread(self._put, plan, told, message)

    async def set_sources(self, message: pb.SetValidSources) -> list[str]:
        """What was changed. Without a configuration they are kept for it. Raises ControlRefusal, ApplyError."""
        async with self._one_at_a_time:
            known = self._sources
            if message.base_generation and message.base_generation != known.generation:
                detail = f"for generation {message.base_generation}, {known.generation} is in force"
                raise ControlRefusal("generation-gap", detail)
            if message.generation <= known.generation:
                detail = f"generation {message.generation}, generation {known.generation} is in force"
                raise ControlRefusal("old-generation", detail)
            base = known if message.base_generation else pb.SetValidSources()
            every = await asyncio.to_thread(remembered.merged, base, message)
            if len(every.sources) > MAX_SOURCES:
                raise ControlRefusal("too-many", f"{len(every.sources)} sources, at most {MAX_SOURCES}")
            try:
                told = await asyncio.to_thread(remembered.told_sources, every)
            except PlanError as error:
                raise ControlRefusal("invalid-sources", str(error)) from error
            return await asyncio.to_thread(self._put, self._plan, told, every)

    def _put(
        self,
        plan: Plan | None,
        told: Sequence[ValidSource],
        message: pb.ConfigureGateway | pb.SetValidSources,
    ) -> list[str]:
        before = None
        if self._plan is not None:
            before = self._wanted(self._plan, remembered.told_sources(self._sources))
        changed: list[str] = []
        if plan is not None:
            try:
                if isinstance(message, pb.SetValidSources):
                    changed = self._change_sources(plan, told, before)
                else:
                    changed = apply(self._wanted(plan, told), before)
            except ApplyError:
                self._counters.add("gateway_applied", 1, outcome="failed")
                raise
            self._counters.add("gateway_applied", 1, outcome="applied")
            self._plan, self._translation = plan, Translation.of(plan)
        remembered.remember(self._folder, message)
        if isinstance(message, pb.ConfigureGateway):
            self._configuration = message
        else:
            self._sources = message
        self.troubles = []
        return changed

    def _change_sources(self, plan: Plan, told: Sequence[ValidSource], before: Wanted | None) -> list[str]:
        """By their difference alone, which is quick; where that does not do, by all that should be."""
        known = remembered.told_sources(self._sources)
        if plan.validation is None:
            return []
        try:
            changed = change_sources(plan, known, told)
            write_files(self._wanted(plan, told))
            return changed
        except ProgramError as error:
            log.info("valid sources: %s", error)
            return apply(self._wanted(plan, told), before)

    def _wanted(self, plan: Plan, told: Sequence[ValidSource]) -> Wanted:
        return Wanted(plan, render(plan, self._folder, told), self._folder, self._programs)
