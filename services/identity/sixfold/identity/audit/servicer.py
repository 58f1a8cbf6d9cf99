"""AuditService: checkpoints and proofs for anybody, the records for an auditor."""

# ruff: noqa: N802 - the methods have the names of the contract

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from sixfold.api.identity.v1 import audit_pb2 as pb
from sixfold.api.identity.v1 import audit_pb2_grpc, trace_pb2
from sixfold.chassis.rpc import InvalidArgument
from sixfold.identity.audit.log import AuditLog
from sixfold.identity.audit.verify import export_lines
from sixfold.identity.domain.merkle import BeyondTreeError

LINES: Final = 200


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """`admit` raises where the signed statement is not of an auditor; it writes the export into the trail."""

    def __init__(self, log: AuditLog, admit: Callable[[trace_pb2.Signed], Awaitable[None]]) -> None:
        self._log = log
        self._admit = admit

    async def GetCheckpoint(self, request: pb.GetCheckpointRequest, context: Any) -> pb.GetCheckpointResponse:
        return pb.GetCheckpointResponse(checkpoint=self._log.checkpoint)

    async def GetInclusionProof(
        self, request: pb.GetInclusionProofRequest, context: Any
    ) -> pb.GetInclusionProofResponse:
        tree = self._log.tree
        size = request.size or tree.size
        try:
            proof = tree.inclusion(request.index, size)
            return pb.GetInclusionProofResponse(size=size, leaf_hash=tree.leaf(request.index), proof=proof)
        except BeyondTreeError as error:
            raise InvalidArgument("index", str(error), "INDEX_BEYOND_TREE") from error

    async def GetConsistencyProof(
        self, request: pb.GetConsistencyProofRequest, context: Any
    ) -> pb.GetConsistencyProofResponse:
        tree = self._log.tree
        second = request.second or tree.size
        try:
            return pb.GetConsistencyProofResponse(
                second=second, proof=tree.consistency(request.first, second)
            )
        except BeyondTreeError as error:
            raise InvalidArgument("first", str(error), "INDEX_BEYOND_TREE") from error

    async def ExportAudit(
        self, request: pb.ExportAuditRequest, context: Any
    ) -> AsyncIterator[pb.ExportAuditResponse]:
        await self._admit(request.signed)
        records = [record async for record in self._log.records()]
        lines = list(export_lines(self._log.key, records))
        for start in range(0, len(lines), LINES):
            yield pb.ExportAuditResponse(lines=lines[start : start + LINES])
