"""AddressService: proto to domain and back."""

# ruff: noqa: N802 - the methods have the names of the contract

from datetime import UTC, datetime
from typing import Any, Final

from sixfold.address.domain import decisions
from sixfold.address.domain.decisions import Delegated
from sixfold.address.domain.prefix import Prefix, PrefixError, parse_address
from sixfold.address.domain.utilisation import utilisation
from sixfold.address.domain.values import Delegation, DelegationWish, Pool, PoolWish, RefusedError
from sixfold.address.handlers import Addresses
from sixfold.api.address.v1 import address_pb2 as pb
from sixfold.api.address.v1 import address_pb2_grpc
from sixfold.chassis.rpc import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    RpcError,
)

LARGEST_BATCH: Final = 10_000
LARGEST_PAGE: Final = 1_000


def refusal(error: RefusedError) -> RpcError:
    match error.kind:
        case "invalid":
            return InvalidArgument(error.field, error.detail, error.reason)
        case "unknown":
            return NotFound(error.detail, reason=error.reason)
        case "exists":
            return AlreadyExists(error.detail, reason=error.reason)
        case "precondition":
            return FailedPrecondition(error.detail, reason=error.reason)
        case _:
            return ResourceExhausted(error.detail, reason=error.reason)


class AddressServicer(address_pb2_grpc.AddressServiceServicer):
    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    async def CreatePool(self, request: pb.CreatePoolRequest, context: Any) -> pb.CreatePoolResponse:
        try:
            pool = await self._addresses.create_pool(pool_wish(request))
        except RefusedError as error:
            raise refusal(error) from error
        return pb.CreatePoolResponse(pool=pool_message(pool))

    async def GetPool(self, request: pb.GetPoolRequest, context: Any) -> pb.GetPoolResponse:
        try:
            page = decisions.page_of(self._addresses.book, request.pool_id)
        except RefusedError as error:
            raise refusal(error) from error
        use = utilisation(page)
        return pb.GetPoolResponse(
            pool=pool_message(page.pool),
            utilisation=pb.Utilisation(
                delegations=use.delegations,
                quarantined=use.quarantined,
                child_pools=use.child_pools,
                delegated_share=use.delegated_share,
                quarantined_share=use.quarantined_share,
                child_share=use.child_share,
                free_share=use.free_share,
                largest_free_length=use.largest_free,
                hd_ratio=use.hd_ratio,
            ),
        )

    async def ListPools(self, request: pb.ListPoolsRequest, context: Any) -> pb.ListPoolsResponse:
        pages = self._addresses.book.pages.values()
        wanted = [
            page.pool for page in pages if not request.parent_id or page.pool.parent_id == request.parent_id
        ]
        return pb.ListPoolsResponse(pools=[pool_message(pool) for pool in wanted])

    async def DelegatePrefix(
        self, request: pb.DelegatePrefixRequest, context: Any
    ) -> pb.DelegatePrefixResponse:
        try:
            answer = await self._addresses.delegate(delegation_wish(request))
        except RefusedError as error:
            raise refusal(error) from error
        return delegated_message(answer)

    async def BatchDelegatePrefixes(
        self, request: pb.BatchDelegatePrefixesRequest, context: Any
    ) -> pb.BatchDelegatePrefixesResponse:
        if len(request.requests) > LARGEST_BATCH:
            detail = f"{len(request.requests)} at once, at most {LARGEST_BATCH}"
            raise InvalidArgument("requests", detail, "BATCH_TOO_LARGE")
        answers = await self._addresses.delegate_many([delegation_wish(wish) for wish in request.requests])
        return pb.BatchDelegatePrefixesResponse(results=[result_message(answer) for answer in answers])

    async def ReleaseDelegation(
        self, request: pb.ReleaseDelegationRequest, context: Any
    ) -> pb.ReleaseDelegationResponse:
        try:
            released = await self._addresses.release(request.delegation_id, request.expected_version)
        except RefusedError as error:
            raise refusal(error) from error
        return pb.ReleaseDelegationResponse(delegation=delegation_message(released))

    async def RenewLease(self, request: pb.RenewLeaseRequest, context: Any) -> pb.RenewLeaseResponse:
        try:
            renewed = await self._addresses.renew(
                request.delegation_id, request.lease_seconds, request.expected_version
            )
        except RefusedError as error:
            raise refusal(error) from error
        return pb.RenewLeaseResponse(delegation=delegation_message(renewed))

    async def GetDelegation(self, request: pb.GetDelegationRequest, context: Any) -> pb.GetDelegationResponse:
        try:
            delegation = decisions.delegation_of(self._addresses.book, request.delegation_id)
        except RefusedError as error:
            raise refusal(error) from error
        return pb.GetDelegationResponse(delegation=delegation_message(delegation))

    async def ListDelegations(
        self, request: pb.ListDelegationsRequest, context: Any
    ) -> pb.ListDelegationsResponse:
        book = self._addresses.book
        if request.page_token and not request.page_token.isdigit():
            raise InvalidArgument("page_token", "is none that this service gave", "PAGE_TOKEN_MALFORMED")
        if request.pool_id and request.pool_id not in book.pages:
            raise NotFound(f"there is no pool {request.pool_id!r}", reason="POOL_UNKNOWN")
        size = min(request.page_size or 100, LARGEST_PAGE)
        found: list[Delegation] = []
        for delegation in book.listed(request.pool_id, request.holder, int(request.page_token or 0)):
            found.append(delegation)
            if len(found) > size:
                break
        token = str(found[size - 1].delegation_id) if len(found) > size else ""
        return pb.ListDelegationsResponse(
            delegations=[delegation_message(delegation) for delegation in found[:size]], next_page_token=token
        )

    async def LookupAddress(self, request: pb.LookupAddressRequest, context: Any) -> pb.LookupAddressResponse:
        try:
            address = parse_address(request.address)
        except PrefixError as error:
            raise InvalidArgument("address", str(error), "ADDRESS_MALFORMED") from error
        book = self._addresses.book
        pages = book.pages_at(address)
        if not pages:
            raise NotFound(f"{request.address} lies in no pool", reason="ADDRESS_UNMANAGED")
        number = pages[-1].delegation_of(address)
        held = None if number is None else delegation_message(book.delegations[number])
        return pb.LookupAddressResponse(pools=[pool_message(page.pool) for page in pages], delegation=held)


def pool_wish(request: pb.CreatePoolRequest) -> PoolWish:
    return PoolWish(
        pool_id=request.pool_id,
        parent_id=request.parent_id,
        prefix=request.prefix,
        length=request.length,
        purpose=request.purpose,
        shortest_length=request.shortest_length,
        longest_length=request.longest_length,
        lease_seconds=request.lease_seconds,
        quarantine_seconds=request.quarantine_seconds,
        strategy="sparse" if request.strategy == pb.STRATEGY_SPARSE else "dense",
    )


def delegation_wish(request: pb.DelegatePrefixRequest) -> DelegationWish:
    return DelegationWish(
        request.pool_id, request.length, request.idempotency_key, request.holder, request.lease_seconds
    )


def pool_message(pool: Pool) -> pb.Pool:
    message = pb.Pool(
        pool_id=pool.pool_id,
        parent_id=pool.parent_id,
        prefix=str(pool.prefix),
        purpose=pool.purpose,
        shortest_length=Prefix(pool.prefix.network, pool.shortest).family_length,
        longest_length=Prefix(pool.prefix.network, pool.longest).family_length,
        lease_seconds=pool.lease_seconds,
        quarantine_seconds=pool.quarantine_seconds,
        strategy=pb.STRATEGY_SPARSE if pool.strategy == "sparse" else pb.STRATEGY_DENSE,
    )
    message.created.FromDatetime(_moment(pool.created))
    return message


def delegation_message(delegation: Delegation) -> pb.Delegation:
    message = pb.Delegation(
        delegation_id=delegation.delegation_id,
        pool_id=delegation.pool_id,
        prefix=str(delegation.prefix),
        holder=delegation.holder,
        state=pb.DELEGATION_STATE_ACTIVE if delegation.is_active else pb.DELEGATION_STATE_QUARANTINED,
        version=delegation.version,
    )
    if delegation.expires:
        message.expires.FromDatetime(_moment(delegation.expires))
    return message


def delegated_message(answer: Delegated) -> pb.DelegatePrefixResponse:
    return pb.DelegatePrefixResponse(
        delegation=delegation_message(answer.delegation), repeated_call=answer.known
    )


def result_message(answer: Delegated | RefusedError) -> pb.DelegateResult:
    if isinstance(answer, RefusedError):
        return pb.DelegateResult(refused=pb.Refusal(reason=answer.reason, detail=answer.detail))
    return pb.DelegateResult(delegated=delegated_message(answer))


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
