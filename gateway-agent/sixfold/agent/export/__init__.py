"""IPFIX out (RFC 7011): the meter and the simulator are exporters of their own."""

from sixfold.agent.export.messages import Exporter
from sixfold.agent.export.target import Sender, Target, TargetError, parse_target
from sixfold.agent.export.templates import Field, Template

__all__ = ["Exporter", "Field", "Sender", "Target", "TargetError", "Template", "parse_target"]
