"""InterfaceIdentifierService: proto to handler and back."""

# ruff: noqa: N802 - the methods have the names of the contract

from typing import Any

from sixfold.address.identifiers_handlers import OpaqueIdentifiers
from sixfold.address.servicer import refusing
from sixfold.api.address.v1 import identifiers_pb2 as pb
from sixfold.api.address.v1 import identifiers_pb2_grpc


class InterfaceIdentifierServicer(identifiers_pb2_grpc.InterfaceIdentifierServiceServicer):
    def __init__(self, identifiers: OpaqueIdentifiers) -> None:
        self._identifiers = identifiers

    @refusing
    async def AssignOpaqueIdentifier(
        self, request: pb.AssignOpaqueIdentifierRequest, context: Any
    ) -> pb.AssignOpaqueIdentifierResponse:
        address, identifier, counter = self._identifiers.assign(
            request.network, request.terminal, request.interface, request.dad_counter
        )
        return pb.AssignOpaqueIdentifierResponse(
            address=str(address), interface_identifier=identifier, dad_counter=counter
        )
