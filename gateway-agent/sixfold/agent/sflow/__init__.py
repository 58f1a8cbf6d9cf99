"""sFlow version 5 (sflow.org, sFlow Version 5 of July 2004): flow and counter samples, decoded to columns."""

from sixfold.agent.sflow.collector import SflowCollector

__all__ = ["SflowCollector"]
