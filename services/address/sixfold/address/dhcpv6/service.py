"""The wiring of the DHCPv6 front."""

from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, Observation

from sixfold.address.adapters.key_files import key_from
from sixfold.address.dhcpv6.config import Dhcpv6Settings
from sixfold.address.dhcpv6.duid import server_duid
from sixfold.address.dhcpv6.front import Front
from sixfold.address.dhcpv6.metering import Dhcpv6Meter
from sixfold.address.dhcpv6.sockets import UdpDoor, kernel_drops, link_door, relay_door
from sixfold.address.ports import Clock
from sixfold.address.translation_handlers import CentreLedger
from sixfold.chassis.lifecycle import Background, Component
from sixfold.chassis.messaging import Messaging
from sixfold.chassis.telemetry import Telemetry


class Doors:
    """The sockets; open from start to stop. `port` is known once it is started."""

    name = "address-dhcpv6"

    def __init__(
        self, settings: Dhcpv6Settings, front: Front, messaging: Messaging, meter: Dhcpv6Meter
    ) -> None:
        self._settings = settings
        self._front = front
        self._messaging = messaging
        self._meter = meter
        self._doors: list[UdpDoor] = []
        self.port = 0

    async def start(self) -> None:
        settings = self._settings
        assert settings.holder_key_file is not None, "the settings say so where the front is enabled"
        self._front.open(
            key=key_from(settings.holder_key_file, "holder_key_file"), duid=await server_duid(self._messaging)
        )
        try:
            self._doors.append(relay_door(settings, self._dropped))
            self.port = self._doors[0].port
            for interface in settings.interfaces:
                self._doors.append(link_door(settings, interface, self.port, self._dropped))
        except OSError:
            await self.stop()
            raise
        for door in self._doors:
            door.open(self._front.receive)

    async def stop(self) -> None:
        doors, self._doors = self._doors, []
        for door in doors:
            door.close()

    def kernel_drops(self, _: CallbackOptions) -> Iterable[Observation]:
        if self._doors:
            yield Observation(kernel_drops(self.port))

    def _dropped(self) -> None:
        self._meter.count("dropped", "not-sent")


def dhcpv6(
    settings: Dhcpv6Settings,
    *,
    ledger: CentreLedger,
    messaging: Messaging,
    telemetry: Telemetry,
    clock: Clock,
) -> tuple[list[Component], Doors | None]:
    """Components in the order of their start, after the ledger; none where the front is not enabled."""
    if not settings.enabled:
        return [], None
    meter = Dhcpv6Meter(telemetry)
    front = Front(settings, ledger=ledger, meter=meter, clock=clock)
    doors = Doors(settings, front, messaging, meter)
    telemetry.meter.create_observable_counter(
        "dhcpv6_kernel_drops_total",
        [doors.kernel_drops],
        description="datagrams that the sockets had no room for",
    )
    return [Background("address-dhcpv6-answers", front.run), doors], doors
