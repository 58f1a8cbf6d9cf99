"""The gateway-agent put together: the only place where its parts meet."""

import asyncio
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sixfold.agent.collect import Collection, Source
from sixfold.agent.commands import STREAM, Commands
from sixfold.agent.config import AgentSettings
from sixfold.agent.conntrack import ConntrackCollector, ConntrackReceiver, Translation
from sixfold.agent.counters import CounterExposition, Counters
from sixfold.agent.gateway.control import GatewayControl
from sixfold.agent.gateway.forged import ForgedSources
from sixfold.agent.gateway.plan import Network, Plan
from sixfold.agent.gateway.policy.control import PolicyControl
from sixfold.agent.gateway.policy.report import PolicyReports
from sixfold.agent.gateway.protect import protected_networks, route_interface
from sixfold.agent.gateway.validate import Protected
from sixfold.agent.heartbeat import heartbeat
from sixfold.agent.netflow.collector import Collector as NetflowCollector
from sixfold.agent.publish import Publisher
from sixfold.agent.receive import Receiver
from sixfold.agent.seal import DEFAULT_PAYLOAD, Sealer
from sixfold.agent.sealed_log import SealedLog
from sixfold.agent.sequences import SequenceFile, Snapshot
from sixfold.agent.sflow import SflowCollector
from sixfold.agent.spool import Spool
from sixfold.agent.state import StateDirectory
from sixfold.api.flow.schema import SCHEMAS
from sixfold.api.subjects import heartbeat_subject
from sixfold.chassis.lifecycle import Background, Component, Lifecycle
from sixfold.chassis.messaging import BusUnavailableError, Consumer, Messaging, MessagingError
from sixfold.chassis.telemetry import Telemetry

log = logging.getLogger(__name__)
DRAIN: Final = 10.0
TEMPLATES: Final = "templates"
CONNTRACK: Final = "conntrack"


@dataclass(frozen=True, slots=True)
class Dependencies:
    messaging: Messaging
    telemetry: Telemetry


class Collecting:
    """The sockets, the decoders and their threads, as a component."""

    name = "collecting"

    def __init__(
        self,
        settings: AgentSettings,
        *,
        state: StateDirectory,
        sealer: Sealer,
        counters: Counters,
        known: Snapshot | None,
        translation: Callable[[], Translation] | None = None,
    ) -> None:
        """translation: of this gateway, where its sessions are to be told."""
        self._translation = translation
        self.task: asyncio.Future[None] | None = None
        self.sources: list[Source] = []
        self._settings = settings
        self._state = state
        self._sealer = sealer
        self._counters = counters
        self._known = known
        self._collection: Collection | None = None

    @property
    def ready(self) -> bool:
        return self.task is not None and not self.task.done()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self.task = loop.create_future()
        try:
            self._open()
        except BaseException:
            self._close()
            raise
        ended = self.task

        def fail(error: BaseException) -> None:
            if not ended.done():
                ended.set_exception(error)

        def failed(error: BaseException) -> None:
            loop.call_soon_threadsafe(fail, error)

        self._collection = Collection(
            self.sources,
            settings=self._settings.batch,
            sealer=self._sealer,
            counters=self._counters,
            lost_before=self._known.lost if self._known else 0,
            save=lambda state: self._state.save(TEMPLATES, state),
            save_every_ms=int(self._settings.state_seconds * 1000),
            failed=failed,
        )
        self._collection.start()

    def _open(self) -> None:
        saved: Mapping[str, Any] = self._state.load(TEMPLATES)
        now = int(datetime.now(UTC).timestamp() * 1000)
        listeners = self._settings.listeners
        for protocol in ("netflow", "ipfix", "sflow"):
            port = getattr(listeners, protocol)
            if port is None:
                continue
            try:
                receiver = Receiver(
                    listeners.host, port, listeners.receive_buffer_bytes, counters=self._counters
                )
            except OSError as error:
                raise OSError(
                    error.errno,
                    f"cannot listen for {protocol} on {listeners.host}:{port}: {error.strerror}; "
                    f"stop what has the port, or set listeners.{protocol}",
                ) from error
            self.sources.append(self._source(protocol, receiver, saved.get(protocol, {}), now))
        if self._translation is not None:
            self.sources.append(self._conntrack(self._translation, saved.get(CONNTRACK, {})))
        for source in self.sources:
            if remedy := source.receiver.status().remedy:
                log.warning("%s", remedy)

    def _conntrack(self, translation: Callable[[], Translation], saved: Mapping[str, Any]) -> Source:
        settings = self._settings.translation
        try:
            receiver = ConntrackReceiver(settings.receive_buffer_bytes, counters=self._counters)
        except OSError as error:
            raise OSError(
                error.errno,
                f"cannot listen to conntrack: {error.strerror}; run the agent with CAP_NET_ADMIN on a kernel with "
                "nf_conntrack_netlink, or set translation.enabled=false",
            ) from error
        decoder = ConntrackCollector(
            self._counters, receiver, translation, most=settings.max_sessions, saved=saved
        )
        return Source(CONNTRACK, receiver, decoder, decoder.tick)

    def _source(self, protocol: str, receiver: Receiver, saved: Mapping[str, Any], now: int) -> Source:
        if protocol == "sflow":
            sflow = SflowCollector(self._counters)
            if saved:
                sflow.restore(saved)
            self._resume(protocol, sflow, now)
            return Source(protocol, receiver, sflow)
        netflow = NetflowCollector(self._counters, self._settings.netflow)
        if saved:
            netflow.restore(saved, now)
        self._resume(protocol, netflow, now)
        return Source(protocol, receiver, netflow, netflow.tick)

    def _resume(self, protocol: str, decoder: SflowCollector | NetflowCollector, now: int) -> None:
        if self._known is not None and (numbers := self._known.numbers.get(protocol)):
            decoder.resume(numbers, now - self._known.written)

    async def stop(self) -> None:
        if self._collection is not None:
            await asyncio.to_thread(self._collection.stop, DRAIN)
        self._close()
        if self.task is not None and not self.task.done():
            self.task.cancel()

    def _close(self) -> None:
        for source in self.sources:
            source.receiver.close()


class Draining:
    """Stops after collecting and before publishing: leaves the bus time to take what is sealed."""

    name = "draining"

    def __init__(self, publisher: Publisher, spool: Spool, state: StateDirectory) -> None:
        self._publisher, self._spool, self._state = publisher, spool, state

    async def start(self) -> None:
        return

    async def stop(self) -> None:
        if not await self._publisher.drain(DRAIN):
            log.warning("%d batches stay in the spool for the next start", self._spool.status().batches)


class Closing:
    """Holds what must be closed last."""

    name = "state"

    def __init__(
        self, spool: Spool, state: StateDirectory, sealed: SealedLog, sequences: SequenceFile
    ) -> None:
        self._spool, self._state, self._sealed, self._sequences = spool, state, sealed, sequences

    async def start(self) -> None:
        return

    async def stop(self) -> None:
        self._spool.close()
        self._sealed.close()
        self._sequences.close()
        self._state.close()


class Service(Lifecycle):
    """The started parts, for whoever runs or tests them."""

    counters: Counters
    spool: Spool
    collecting: Collecting


def build(settings: AgentSettings, dependencies: Dependencies) -> Service:
    """The agent, inert until started; but its state directory is taken at once.

    Raises StateHeldError where another agent works in it, OSError where it cannot be used.
    """
    messaging, telemetry = dependencies.messaging, dependencies.telemetry
    counters = Counters()
    telemetry.registry.register(CounterExposition(counters))
    state = StateDirectory(settings.state_dir, counters)
    spool = Spool(state.spool, settings.spool, counters, kinds=tuple(SCHEMAS))
    telemetry.registry.register(SpoolExposition(spool))
    sealed = SealedLog(state.folder, settings.sealed_log_bytes, counters)
    sequences = SequenceFile(state.folder / "sequences.bin", counters)
    sealer = Sealer(
        gateway=settings.gateway,
        settings=settings.batch,
        spool=spool,
        counters=counters,
        telemetry=telemetry,
        log=sealed,
        sequences=sequences,
        max_payload=lambda: _max_payload(messaging),
        sealed=lambda kind: publisher.wake(kind),
    )
    publisher = Publisher(
        gateway=settings.gateway,
        spool=spool,
        messaging=messaging,
        settings=settings.publish,
        counters=counters,
        telemetry=telemetry,
        divide=sealer.divide,
    )
    control = _control(settings, state, counters)
    policies = _policies(settings, state, counters, control)
    collecting = Collecting(
        settings,
        state=state,
        sealer=sealer,
        counters=counters,
        known=sealer.resume(),
        translation=control.translation if control else None,
    )
    commands = Commands(
        gateway=settings.gateway,
        settings=settings.commands,
        folder=state.alerts,
        messaging=messaging,
        counters=counters,
        control=control,
        translation=settings.translation,
        policy_control=policies,
        policies=settings.policies,
    )
    consumer = Consumer(
        messaging,
        stream=STREAM,
        durable=f"agent-{settings.gateway}",
        subjects=[f"command.{settings.gateway}.>"],
        handle=commands.handle,
        telemetry=telemetry,
        batch=16,
        dead_letters=False,
    )
    started = datetime.now(UTC)

    async def beat() -> None:
        while True:
            await _tell(
                messaging,
                counters,
                heartbeat(
                    gateway=settings.gateway,
                    epoch=spool.epoch,
                    started=started,
                    sources=collecting.sources,
                    spool=spool,
                    counters=counters,
                    bus=[
                        *publisher.troubles,
                        *(control.troubles if control else ()),
                        *(policies.troubles if policies else ()),
                    ],
                    known=lambda: _known(collecting.sources),
                    generations=control.generations if control else (0, 0),
                ),
            )
            await asyncio.sleep(settings.heartbeat_seconds)

    parts: Sequence[Component] = [
        Closing(spool, state, sealed, sequences),
        Detached(Lifecycle([consumer], name="commands")),
        publisher,
        Draining(publisher, spool, state),
        collecting,
        Background("heartbeat", beat),
    ]
    if control is not None:
        forged = ForgedSources(
            settings.gateway,
            plan=lambda: control.plan,
            messaging=messaging,
            counters=counters,
            seconds=settings.translation.report_seconds,
        )
        parts = [*parts, Background("gateway", control.run), Background("forged-sources", forged.run)]
    if policies is not None:
        reports = PolicyReports(
            settings.gateway,
            control=policies,
            messaging=messaging,
            counters=counters,
            seconds=settings.policies.report_seconds,
        )
        # In force again before a command comes.
        parts = [Started("remembered-policies", policies.start), *parts, Background("policies", reports.run)]
    service = Service(parts, name="agent", drain_timeout=2 * DRAIN)
    service.counters, service.spool, service.collecting = counters, spool, collecting
    return service


def _control(settings: AgentSettings, state: StateDirectory, counters: Counters) -> GatewayControl | None:
    """Raises RememberedError."""
    chosen = settings.translation
    if not chosen.enabled:
        return None
    return GatewayControl(
        state.gateway,
        programs=chosen.programs,
        check_seconds=chosen.check_seconds,
        protected=lambda: protected_networks(settings.nats.servers, chosen.protect),
        counters=counters,
    )


def _policies(
    settings: AgentSettings, state: StateDirectory, counters: Counters, control: GatewayControl | None
) -> PolicyControl | None:
    """Raises RememberedError."""
    chosen = settings.policies
    if not chosen.enabled:
        return None

    def plan() -> Plan | None:
        return control.plan if control is not None else None

    def protected() -> Sequence[Protected]:
        named = (*settings.translation.protect, *chosen.protect)
        found = protected_networks(settings.nats.servers, named)
        management = known.management if (known := plan()) is not None else ()
        return [*found, *(Protected(one, route_interface(one), "a management prefix") for one in management)]

    def nat64() -> Sequence[Network]:
        named = [ipaddress.ip_network(one) for one in chosen.nat64_prefixes]
        known = plan()
        return [*named, *((known.nat64.prefix,) if known is not None and known.nat64 is not None else ())]

    return PolicyControl(state.policies, chosen, protected=protected, nat64=nat64, counters=counters)


class Started:
    """What has to be done once, before the parts after it."""

    def __init__(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self.name = name
        self._work = work

    async def start(self) -> None:
        await self._work()

    async def stop(self) -> None:
        return


class Detached:
    """A part whose readiness does not count: an agent without a bus collects all the same."""

    def __init__(self, inner: Lifecycle) -> None:
        self.name = inner.name
        self._inner = inner

    async def start(self) -> None:
        await self._inner.start()

    async def stop(self) -> None:
        await self._inner.stop()


def _max_payload(messaging: Messaging) -> int:
    """What the bus takes, as far as it was ever heard."""
    try:
        return messaging.max_payload
    except BusUnavailableError:
        return DEFAULT_PAYLOAD


async def _tell(messaging: Messaging, counters: Counters, beat: Any) -> None:
    if not messaging.ready:
        counters.add("heartbeats", 1, outcome="no-bus")
        return
    try:
        await messaging.publish(heartbeat_subject(beat.gateway), beat.SerializeToString(), timeout=2)
        counters.add("heartbeats", 1, outcome="told")
    except MessagingError as error:
        log.debug("heartbeat: %s", error)
        counters.add("heartbeats", 1, outcome="failed")


def _known(sources: Sequence[Source]) -> tuple[int, int]:
    """(exporters, templates) over all decoders that have them."""
    exporters = sum(getattr(source.decoder, "exporters", 0) for source in sources)
    return exporters, sum(getattr(source.decoder, "templates", 0) for source in sources)


class SpoolExposition(Collector):
    """What waits in the spool, as Prometheus gauges."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def collect(self) -> Iterable[GaugeMetricFamily]:
        status = self._spool.status()
        yield GaugeMetricFamily("agent_spool_batches", "sealed batches that wait for the bus", status.batches)
        yield GaugeMetricFamily("agent_spool_bytes", "their size on disk", status.bytes)
        yield GaugeMetricFamily(
            "agent_spool_limit_bytes", "how large the spool may become", status.limit_bytes
        )
