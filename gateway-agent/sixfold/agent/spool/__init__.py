"""Sealed batches on disk until the bus has them: write-ahead log and spool in one."""

from sixfold.agent.spool.log import Spool, SpoolStatus
from sixfold.agent.spool.record import Record

__all__ = ["Record", "Spool", "SpoolStatus"]
