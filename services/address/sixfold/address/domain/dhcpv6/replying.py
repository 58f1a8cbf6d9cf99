"""How an answer about a prefix is told to the client (RFC 8415, sections 18.3 and 21.21)."""

from collections.abc import Sequence

from sixfold.address.domain.dhcpv6 import codes
from sixfold.address.domain.dhcpv6.deciding import Answer
from sixfold.address.domain.dhcpv6.parsing import Association
from sixfold.address.domain.dhcpv6.writing import Lease, delegation_option, one_prefix_option, status
from sixfold.address.domain.prefix import Prefix
from sixfold.address.domain.values import Delegation

NO_PREFIX = status(codes.NO_PREFIX, "no prefix is free here")
NO_BINDING = status(codes.NO_BINDING, "no such delegation")
NO_ADDRESSES = status(codes.NO_ADDRESSES, "prefixes alone are delegated here")
NO_ADDRESS_BINDING = status(codes.NO_BINDING, "no addresses are given here")
USE_MULTICAST = status(codes.USE_MULTICAST, "send to ff02::1:2")
SUCCESS = status(codes.SUCCESS, "")
NOT_ON_LINK = status(codes.NOT_ON_LINK, "the address is of another link")


def association_option(association: Association, answer: Answer, now: int) -> bytes:
    """One IA_PD: the prefix that the client has; the one that gives way to it, no longer preferred; and what it shows
    besides, which is not its own, with lifetimes of zero."""
    if answer.delegation is None:
        return delegation_option(
            association.iaid, (), NO_BINDING if answer.reason == "NO_BINDING" else NO_PREFIX
        )
    prefix = answer.delegation.prefix
    leases = [lease_of(answer.delegation, now)]
    if answer.giving_way is None and all(
        not network or (network == prefix.network and length == prefix.length)
        for network, length in association.prefixes
    ):
        return one_prefix_option(association.iaid, leases[0])
    own = {prefix}
    if answer.giving_way is not None and answer.giving_way.is_active:
        old = lease_of(answer.giving_way, now)
        leases.append(Lease(old.network, old.length, 0, old.valid))
        own.add(answer.giving_way.prefix)
    return delegation_option(association.iaid, leases + _not_own(association, own))


def _not_own(association: Association, own: set[Prefix]) -> list[Lease]:
    """A prefix without an address is a hint at a length, and no prefix."""
    return [
        Lease(network, length, 0, 0)
        for network, length in association.prefixes
        if network and Prefix(network, length) not in own
    ]


def revoked_option(association: Association) -> bytes:
    """Every prefix that the client shows ends now."""
    return delegation_option(association.iaid, _not_own(association, set()), NO_BINDING)


def lease_of(delegation: Delegation, now: int) -> Lease:
    """Preferred for three quarters of the time that is left."""
    prefix = delegation.prefix
    if not delegation.expires:
        return Lease(prefix.network, prefix.length, codes.INFINITE, codes.INFINITE)
    valid = min(max((delegation.expires - now) // 1000, 0), codes.INFINITE - 1)
    return Lease(prefix.network, prefix.length, valid * 3 // 4, valid)


def wanted_length(association: Association, length: int, shortest: int, longest: int) -> int:
    """The length that the client hints at, within what it may ask for; `length` without a hint."""
    for _, hint in association.prefixes:
        if hint:
            return min(max(hint, shortest), longest)
    return length


def told_prefixes(answers: Sequence[Answer]) -> list[Prefix]:
    return [answer.delegation.prefix for answer in answers if answer.delegation is not None]
