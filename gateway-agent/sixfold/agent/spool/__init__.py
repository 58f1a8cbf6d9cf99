"""Sealed batches on disk until the bus has them: write-ahead log and spool in one, a log for each kind."""

from sixfold.agent.spool.log import Log
from sixfold.agent.spool.record import Record
from sixfold.agent.spool.spool import Spool, SpoolStatus, new_epoch

__all__ = ["Log", "Record", "Spool", "SpoolStatus", "new_epoch"]
