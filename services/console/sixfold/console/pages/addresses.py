"""Addresses: every pool with how full it is, and the newest delegations of one pool."""

import asyncio
from typing import Any

from starlette.requests import Request

from sixfold.api.address.v1 import address_pb2
from sixfold.console.adapters.centres import Centres
from sixfold.console.pages.wording import moment, word

_MOST_POOLS = 50


async def addresses(centres: Centres, request: Request) -> dict[str, Any]:
    chosen = request.query_params.get("pool", "")[:64]
    listed, delegations = await asyncio.gather(
        centres.ask("address", centres.address.ListPools, address_pb2.ListPoolsRequest()),
        centres.ask(
            "address",
            centres.address.ListDelegations,
            address_pb2.ListDelegationsRequest(pool_id=chosen, page_size=50),
        ),
    )
    pools = list(listed.value.pools)[:_MOST_POOLS] if listed.value is not None else []
    details = await asyncio.gather(
        *(
            centres.ask("address", centres.address.GetPool, address_pb2.GetPoolRequest(pool_id=pool.pool_id))
            for pool in pools
        )
    )
    rows = [
        {
            "id": pool.pool_id,
            "parent": pool.parent_id,
            "prefix": pool.prefix,
            "purpose": pool.purpose,
            "used": detail.value.utilisation if detail.value is not None else None,
        }
        for pool, detail in zip(pools, details, strict=True)
    ]
    return {
        "chosen": chosen,
        "pools": listed.map(lambda _: rows),
        "delegations": delegations.map(
            lambda reply: [
                {
                    "id": one.delegation_id,
                    "pool": one.pool_id,
                    "prefix": one.prefix,
                    "holder": one.holder,
                    "state": word(address_pb2.DelegationState, one.state, "DELEGATION_STATE_"),
                    "expires": moment(one, "expires"),
                }
                for one in reply.delegations
            ]
        ),
    }
