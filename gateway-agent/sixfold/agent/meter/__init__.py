"""The packet meter: makes flows itself, out of an interface's packets or a capture, and exports them as IPFIX."""

from sixfold.agent.meter.command import meter_command
from sixfold.agent.meter.flows import Meter, Timeouts

__all__ = ["Meter", "Timeouts", "meter_command"]
