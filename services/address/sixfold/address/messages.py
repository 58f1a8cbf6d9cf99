"""Proto to domain and back."""

import numpy as np

from sixfold.address.domain.columns import packed
from sixfold.address.domain.decisions import Delegated
from sixfold.address.domain.delegating import Answers, Wishes
from sixfold.address.domain.prefix import Prefix
from sixfold.address.domain.values import (
    Delegation,
    DelegationWish,
    Pool,
    PoolWish,
    RefusedError,
    RenumberWish,
    Withheld,
)
from sixfold.api.address.v1 import address_pb2 as pb


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
        room_length=request.room_length,
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
    if pool.room:
        message.room_length = Prefix(pool.prefix.network, pool.room).family_length
    message.created.FromMilliseconds(pool.created)
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
        message.expires.FromMilliseconds(delegation.expires)
    return message


def delegated_message(answer: Delegated) -> pb.DelegatePrefixResponse:
    return pb.DelegatePrefixResponse(
        delegation=delegation_message(answer.delegation), repeated_call=answer.known
    )


def result_message(answer: Delegated | RefusedError) -> pb.DelegateResult:
    if isinstance(answer, RefusedError):
        return pb.DelegateResult(refused=pb.Refusal(reason=answer.reason, detail=answer.detail))
    return pb.DelegateResult(delegated=delegated_message(answer))


def withheld_message(one: Withheld) -> pb.WithheldSpace:
    return pb.WithheldSpace(
        prefix=str(one.prefix), holder=one.holder, reason=one.reason, delegation_id=one.delegation_id
    )


def renumber_wish(request: pb.RenumberDelegationRequest) -> RenumberWish:
    return RenumberWish(
        request.delegation_id,
        request.idempotency_key,
        request.overlap_seconds,
        request.pool_id,
        request.length,
        request.lease_seconds,
    )


def bulk_wishes(request: pb.BulkDelegatePrefixesRequest) -> Wishes:
    keys, holders = list(request.idempotency_keys), list(request.holders)
    if len(holders) == 1:
        holders *= len(keys)
    return Wishes(request.pool_id, request.length, request.lease_seconds, keys, holders)


def bulk_message(answers: Answers) -> pb.BulkDelegatePrefixesResponse:
    for place, known in answers.known.items():
        answers.ids[place] = known.delegation_id
        answers.high[place] = np.uint64(known.prefix.network >> 64)
        answers.low[place] = np.uint64(known.prefix.network & (1 << 64) - 1)
        answers.expires[place] = known.expires
    places: dict[str, list[int]] = {}
    for place, refused in answers.refused.items():
        places.setdefault(refused.reason, []).append(place)
    return pb.BulkDelegatePrefixesResponse(
        delegation_ids=answers.ids.tolist(),
        networks=packed(answers.high, answers.low),
        expires=answers.expires.tolist(),
        repeated_calls=sorted(answers.known),
        refused=[
            pb.BulkRefusal(reason=reason, detail=answers.refused[which[0]].detail, places=which)
            for reason, which in places.items()
        ],
    )
