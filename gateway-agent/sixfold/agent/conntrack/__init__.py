"""Connection tracking as NAT sessions: the kernel's events over netlink, in columns, joined over the translator."""

from sixfold.agent.conntrack.collector import ConntrackCollector
from sixfold.agent.conntrack.receiver import ConntrackReceiver
from sixfold.agent.conntrack.translation import Translation

__all__ = ["ConntrackCollector", "ConntrackReceiver", "Translation"]
