"""AddressService: proto to domain and back."""

# ruff: noqa: N802 - the methods have the names of the contract

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, cast

from sixfold.address.domain import decisions
from sixfold.address.domain.pools import page_of
from sixfold.address.domain.prefix import PrefixError, parse_address
from sixfold.address.domain.utilisation import utilisation
from sixfold.address.domain.values import Delegation, RefusedError
from sixfold.address.handlers import Addresses
from sixfold.address.messages import (
    bulk_message,
    bulk_wishes,
    delegated_message,
    delegation_message,
    delegation_wish,
    pool_message,
    pool_wish,
    renumber_wish,
    result_message,
    withheld_message,
)
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
LARGEST_BULK: Final = 50_000
LARGEST_PAGE: Final = 1_000
Method = TypeVar("Method", bound=Callable[..., Awaitable[Any]])


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


def refusing(method: Method) -> Method:
    """A refused wish is answered with its status."""

    @functools.wraps(method)
    async def call(self: Any, request: Any, context: Any) -> Any:
        try:
            return await method(self, request, context)
        except RefusedError as error:
            raise refusal(error) from error

    return cast("Method", call)


class AddressServicer(address_pb2_grpc.AddressServiceServicer):
    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    @refusing
    async def CreatePool(self, request: pb.CreatePoolRequest, context: Any) -> pb.CreatePoolResponse:
        pool = await self._addresses.create_pool(pool_wish(request))
        return pb.CreatePoolResponse(pool=pool_message(pool))

    @refusing
    async def GetPool(self, request: pb.GetPoolRequest, context: Any) -> pb.GetPoolResponse:
        page = page_of(self._addresses.book, request.pool_id)
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

    @refusing
    async def SplitPool(self, request: pb.SplitPoolRequest, context: Any) -> pb.SplitPoolResponse:
        lower, upper = await self._addresses.split_pool(request.pool_id, request.other_pool_id)
        return pb.SplitPoolResponse(lower=pool_message(lower), upper=pool_message(upper))

    @refusing
    async def MergePools(self, request: pb.MergePoolsRequest, context: Any) -> pb.MergePoolsResponse:
        merged = await self._addresses.merge_pools(request.pool_id, request.other_pool_id)
        return pb.MergePoolsResponse(pool=pool_message(merged))

    @refusing
    async def WithholdSpace(self, request: pb.WithholdSpaceRequest, context: Any) -> pb.WithholdSpaceResponse:
        kept = await self._addresses.withhold(request.pool_id, request.prefix, request.holder, request.reason)
        return pb.WithholdSpaceResponse(space=withheld_message(kept))

    @refusing
    async def OpenSpace(self, request: pb.OpenSpaceRequest, context: Any) -> pb.OpenSpaceResponse:
        await self._addresses.open_space(request.pool_id, request.prefix)
        return pb.OpenSpaceResponse()

    @refusing
    async def ListWithheldSpace(
        self, request: pb.ListWithheldSpaceRequest, context: Any
    ) -> pb.ListWithheldSpaceResponse:
        page = page_of(self._addresses.book, request.pool_id)
        spaces = sorted(page.withheld.values(), key=lambda one: one.prefix)
        return pb.ListWithheldSpaceResponse(spaces=[withheld_message(one) for one in spaces])

    @refusing
    async def DelegatePrefix(
        self, request: pb.DelegatePrefixRequest, context: Any
    ) -> pb.DelegatePrefixResponse:
        return delegated_message(await self._addresses.delegate(delegation_wish(request)))

    async def BatchDelegatePrefixes(
        self, request: pb.BatchDelegatePrefixesRequest, context: Any
    ) -> pb.BatchDelegatePrefixesResponse:
        if len(request.requests) > LARGEST_BATCH:
            detail = f"{len(request.requests)} at once, at most {LARGEST_BATCH}"
            raise InvalidArgument("requests", detail, "BATCH_TOO_LARGE")
        answers = await self._addresses.delegate_many([delegation_wish(wish) for wish in request.requests])
        return pb.BatchDelegatePrefixesResponse(results=[result_message(answer) for answer in answers])

    async def BulkDelegatePrefixes(
        self, request: pb.BulkDelegatePrefixesRequest, context: Any
    ) -> pb.BulkDelegatePrefixesResponse:
        number, holders = len(request.idempotency_keys), len(request.holders)
        if number > LARGEST_BULK:
            detail = f"{number} at once, at most {LARGEST_BULK}"
            raise InvalidArgument("idempotency_keys", detail, "BATCH_TOO_LARGE")
        if holders not in (1, number):
            raise InvalidArgument("holders", f"{holders} for {number} keys", "HOLDERS_AND_KEYS_DIFFER")
        return bulk_message(await self._addresses.delegate_bulk(bulk_wishes(request)))

    @refusing
    async def GrowDelegation(
        self, request: pb.GrowDelegationRequest, context: Any
    ) -> pb.GrowDelegationResponse:
        grown = await self._addresses.grow(request.delegation_id, request.length, request.expected_version)
        return pb.GrowDelegationResponse(delegation=delegation_message(grown))

    @refusing
    async def RenumberDelegation(
        self, request: pb.RenumberDelegationRequest, context: Any
    ) -> pb.RenumberDelegationResponse:
        old, new = await self._addresses.renumber(renumber_wish(request), request.expected_version)
        return pb.RenumberDelegationResponse(
            old=delegation_message(old), new=delegation_message(new.delegation), repeated_call=new.known
        )

    @refusing
    async def ReleaseDelegation(
        self, request: pb.ReleaseDelegationRequest, context: Any
    ) -> pb.ReleaseDelegationResponse:
        released = await self._addresses.release(request.delegation_id, request.expected_version)
        return pb.ReleaseDelegationResponse(delegation=delegation_message(released))

    @refusing
    async def RenewLease(self, request: pb.RenewLeaseRequest, context: Any) -> pb.RenewLeaseResponse:
        renewed = await self._addresses.renew(
            request.delegation_id, request.lease_seconds, request.expected_version
        )
        return pb.RenewLeaseResponse(delegation=delegation_message(renewed))

    @refusing
    async def GetDelegation(self, request: pb.GetDelegationRequest, context: Any) -> pb.GetDelegationResponse:
        book = self._addresses.book
        delegation = decisions.delegation_of(book, request.delegation_id)
        return pb.GetDelegationResponse(
            delegation=delegation_message(delegation),
            can_grow_to=decisions.can_grow_to(book.pages[delegation.pool_id], delegation),
            successor_id=book.successors.get(delegation.delegation_id, 0),
        )

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
        delegation = book.delegation_at(address)
        held = None if delegation is None else delegation_message(delegation)
        return pb.LookupAddressResponse(pools=[pool_message(page.pool) for page in pages], delegation=held)
