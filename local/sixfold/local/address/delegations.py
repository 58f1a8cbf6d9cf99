"""`sixfold address delegate …` and what is done with a delegation afterwards."""

import secrets
from typing import Annotated, Any

import typer

from sixfold.local.address.asking import HOME, HomeOption, moment, pools, say, show

app = typer.Typer()
Number = Annotated[int, typer.Argument(min=1, help="The delegation's number.")]
Version = Annotated[int, typer.Option("--version", min=0, help="Only if it is at this version still.")]
Key = Annotated[
    str, typer.Option("--key", help="Idempotency key: the same again gets the same answer. Drawn if none.")
]
_COLUMNS = ("Number", "Pool", "Prefix", "Holder", "State", "Until", "Version")
_PAGE = 1_000


def _row(one: Any) -> tuple[object, ...]:
    from sixfold.api.address.v1 import address_pb2 as pb

    state = pb.DelegationState.Name(one.state).removeprefix("DELEGATION_STATE_").lower()
    number = one.delegation_id
    return number, one.pool_id, one.prefix, one.holder, state, moment(one, "expires"), one.version


def _say(one: Any) -> None:
    say("\t".join(str(cell) for cell in _row(one)))


@app.command()
def delegate(
    pool: Annotated[str, typer.Argument(help="The pool's name.")],
    length: Annotated[int, typer.Argument(min=1, max=128)],
    holder: Annotated[str, typer.Option(help="A pseudonym: of a terminal or a subscriber.")],
    key: Key = "",
    lease: Annotated[int, typer.Option(min=0, help="Seconds; 0: as the pool says.")] = 0,
    home: HomeOption = HOME,
) -> None:
    """Ask for a length, get the prefix."""
    from sixfold.api.address.v1 import address_pb2 as pb

    request = pb.DelegatePrefixRequest(
        pool_id=pool,
        length=length,
        holder=holder,
        idempotency_key=key or secrets.token_hex(8),
        lease_seconds=lease,
    )
    _say(pools(home, "DelegatePrefix", request).delegation)


@app.command()
def delegations(
    pool: Annotated[str, typer.Option(help="Only of this pool.")] = "",
    holder: Annotated[str, typer.Option(help="Only of this holder.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    home: HomeOption = HOME,
) -> None:
    """Delegations, those that rest before reuse included."""
    from sixfold.api.address.v1 import address_pb2 as pb

    rows: list[tuple[object, ...]] = []
    token = ""
    while len(rows) < limit:
        page = pools(
            home,
            "ListDelegations",
            pb.ListDelegationsRequest(
                pool_id=pool, holder=holder, page_size=min(_PAGE, limit - len(rows)), page_token=token
            ),
        )
        rows += [_row(one) for one in page.delegations]
        token = page.next_page_token
        if not token:
            break
    show(_COLUMNS, rows, none="There are no delegations.")


@app.command()
def delegation(number: Number, home: HomeOption = HOME) -> None:
    """One delegation, and how far it could grow."""
    from sixfold.api.address.v1 import address_pb2 as pb

    answer = pools(home, "GetDelegation", pb.GetDelegationRequest(delegation_id=number))
    _say(answer.delegation)
    say(f"can grow to /{answer.can_grow_to}")
    if answer.successor_id:
        say(f"gives way to {answer.successor_id}")


@app.command()
def grow(
    number: Number,
    length: Annotated[int, typer.Argument(min=1, max=128, help="Shorter than it is.")],
    version: Version = 0,
    home: HomeOption = HOME,
) -> None:
    """Make a delegation larger where it stands."""
    from sixfold.api.address.v1 import address_pb2 as pb

    request = pb.GrowDelegationRequest(delegation_id=number, length=length, expected_version=version)
    _say(pools(home, "GrowDelegation", request).delegation)


@app.command()
def renumber(
    number: Number,
    overlap: Annotated[int, typer.Option(min=0, help="Seconds that both prefixes are valid.")] = 86_400,
    pool: Annotated[str, typer.Option(help="Another pool.")] = "",
    length: Annotated[int, typer.Option(min=0, max=128, help="0: the same.")] = 0,
    key: Key = "",
    version: Version = 0,
    home: HomeOption = HOME,
) -> None:
    """Give the holder another prefix; prints the old one and the new one."""
    from sixfold.api.address.v1 import address_pb2 as pb

    request = pb.RenumberDelegationRequest(
        delegation_id=number,
        idempotency_key=key or secrets.token_hex(8),
        overlap_seconds=overlap,
        pool_id=pool,
        length=length,
        expected_version=version,
    )
    answer = pools(home, "RenumberDelegation", request)
    _say(answer.old)
    _say(answer.new)


@app.command()
def renew(
    number: Number,
    lease: Annotated[int, typer.Option(min=0, help="Seconds from now; 0: as the pool says.")] = 0,
    version: Version = 0,
    home: HomeOption = HOME,
) -> None:
    """Renew a lease."""
    from sixfold.api.address.v1 import address_pb2 as pb

    request = pb.RenewLeaseRequest(delegation_id=number, lease_seconds=lease, expected_version=version)
    _say(pools(home, "RenewLease", request).delegation)


@app.command()
def release(number: Number, version: Version = 0, home: HomeOption = HOME) -> None:
    """Give a prefix back; it rests before it is given again."""
    from sixfold.api.address.v1 import address_pb2 as pb

    request = pb.ReleaseDelegationRequest(delegation_id=number, expected_version=version)
    _say(pools(home, "ReleaseDelegation", request).delegation)


@app.command()
def lookup(
    address: Annotated[str, typer.Argument(help="IPv6 or IPv4.")],
    home: HomeOption = HOME,
) -> None:
    """The pools and the delegation that an address lies in."""
    from sixfold.api.address.v1 import address_pb2 as pb

    answer = pools(home, "LookupAddress", pb.LookupAddressRequest(address=address))
    for pool in answer.pools:
        say(f"{pool.pool_id}\t{pool.prefix}\t{pool.purpose}".rstrip())
    if answer.HasField("delegation"):
        _say(answer.delegation)
