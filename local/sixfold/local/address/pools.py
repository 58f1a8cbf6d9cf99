"""`sixfold address pool …`: pools, and space that is kept from others."""

from typing import Annotated, Any, Final

import typer

from sixfold.local.address.asking import HOME, HomeOption, pools, say, show
from sixfold.local.centres import call
from sixfold.local.home import home_at

app = typer.Typer(help="Pools: create, list, split, merge; reserve and exclude.", no_args_is_help=True)
PoolArgument = Annotated[str, typer.Argument(help="The pool's name.")]
PrefixArgument = Annotated[str, typer.Argument(help="In the pool, free.")]
STRATEGIES: Final = ("dense", "sparse")


@app.command()
def create(
    pool: PoolArgument,
    prefix: Annotated[str, typer.Option(help="Of the pool; without it one is found in the parent.")] = "",
    parent: Annotated[str, typer.Option(help="The pool that it lies in; none: a root.")] = "",
    length: Annotated[int, typer.Option(min=0, max=128, help="With a parent, instead of a prefix.")] = 0,
    purpose: Annotated[str, typer.Option(help="For whom.")] = "",
    shortest: Annotated[int, typer.Option(min=0, max=128, help="Shortest length to ask for.")] = 0,
    longest: Annotated[int, typer.Option(min=0, max=128, help="Longest length to ask for.")] = 0,
    lease: Annotated[int, typer.Option(min=0, help="Seconds; 0: without end.")] = 0,
    quarantine: Annotated[int, typer.Option(min=0, help="Seconds that a prefix rests before reuse.")] = 0,
    strategy: Annotated[str, typer.Option(help="dense (best fit) or sparse (bisection).")] = "dense",
    room: Annotated[int, typer.Option(min=0, max=128, help="Keep a space of this length to grow.")] = 0,
    home: HomeOption = HOME,
) -> None:
    """Open a pool; prints its prefix."""
    from sixfold.api.address.v1 import address_pb2 as pb

    if strategy not in STRATEGIES:
        raise typer.BadParameter(f"one of {', '.join(STRATEGIES)}", param_hint="--strategy")
    chosen: Any = pb.Strategy.Value(f"STRATEGY_{strategy.upper()}")
    request = pb.CreatePoolRequest(
        pool_id=pool,
        parent_id=parent,
        prefix=prefix,
        length=length,
        purpose=purpose,
        shortest_length=shortest,
        longest_length=longest,
        lease_seconds=lease,
        quarantine_seconds=quarantine,
        strategy=chosen,
        room_length=room,
    )
    say(pools(home, "CreatePool", request).pool.prefix)


@app.command("list")
def list_pools(
    parent: Annotated[str, typer.Option(help="Only the children of this pool.")] = "",
    home: HomeOption = HOME,
) -> None:
    """Pools and how full they are."""
    from sixfold.api.address.v1 import address_pb2 as pb
    from sixfold.api.address.v1.address_pb2_grpc import AddressServiceStub

    async def each(stub: Any) -> list[Any]:
        found = (await stub.ListPools(pb.ListPoolsRequest(parent_id=parent))).pools
        return [await stub.GetPool(pb.GetPoolRequest(pool_id=one.pool_id)) for one in found]

    rows: list[tuple[object, ...]] = []
    for answer in call(home_at(home), "address", AddressServiceStub, each):
        pool, use = answer.pool, answer.utilisation
        free, ratio = f"{use.free_share:.2%}", f"{use.hd_ratio:.3f}"
        rows.append((pool.pool_id, pool.parent_id or "-", pool.prefix, use.delegations, free, ratio))
    show(("Pool", "Parent", "Prefix", "Delegations", "Free", "HD-ratio"), rows, none="There are no pools.")


@app.command("show")
def show_pool(pool: PoolArgument, home: HomeOption = HOME) -> None:
    """One pool: its rules, and how it is used."""
    from google.protobuf import text_format

    from sixfold.api.address.v1 import address_pb2 as pb

    answer = pools(home, "GetPool", pb.GetPoolRequest(pool_id=pool))
    say(text_format.MessageToString(answer).rstrip())


@app.command()
def split(
    pool: PoolArgument,
    upper: Annotated[str, typer.Argument(help="Name of the new pool, the upper half.")],
    home: HomeOption = HOME,
) -> None:
    """Halve a pool; what lies in the upper half goes to the new one."""
    from sixfold.api.address.v1 import address_pb2 as pb

    answer = pools(home, "SplitPool", pb.SplitPoolRequest(pool_id=pool, other_pool_id=upper))
    for half in (answer.lower, answer.upper):
        say(f"{half.pool_id}\t{half.prefix}")


@app.command()
def merge(
    pool: PoolArgument,
    other: Annotated[str, typer.Argument(help="The other half; it ends.")],
    home: HomeOption = HOME,
) -> None:
    """Join two halves of one prefix."""
    from sixfold.api.address.v1 import address_pb2 as pb

    answer = pools(home, "MergePools", pb.MergePoolsRequest(pool_id=pool, other_pool_id=other))
    say(f"{answer.pool.pool_id}\t{answer.pool.prefix}")


@app.command()
def reserve(
    pool: PoolArgument,
    prefix: PrefixArgument,
    holder: Annotated[str, typer.Option(help="The pseudonym that it is kept for.")],
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    home: HomeOption = HOME,
) -> None:
    """Keep a free prefix for a holder."""
    _withhold(home, pool, prefix, holder, reason)


@app.command()
def exclude(
    pool: PoolArgument,
    prefix: PrefixArgument,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    home: HomeOption = HOME,
) -> None:
    """Keep a free prefix from everybody."""
    _withhold(home, pool, prefix, "", reason)


def _withhold(home: Any, pool: str, prefix: str, holder: str, reason: str) -> None:
    from sixfold.api.address.v1 import address_pb2 as pb

    request = pb.WithholdSpaceRequest(pool_id=pool, prefix=prefix, holder=holder, reason=reason)
    say(pools(home, "WithholdSpace", request).space.prefix)


@app.command("open")
def open_space(pool: PoolArgument, prefix: PrefixArgument, home: HomeOption = HOME) -> None:
    """End a reservation or an exclusion."""
    from sixfold.api.address.v1 import address_pb2 as pb

    pools(home, "OpenSpace", pb.OpenSpaceRequest(pool_id=pool, prefix=prefix))
    say(f"{prefix} is free")


@app.command()
def withheld(pool: PoolArgument, home: HomeOption = HOME) -> None:
    """Reservations and exclusions of a pool."""
    from sixfold.api.address.v1 import address_pb2 as pb

    answer = pools(home, "ListWithheldSpace", pb.ListWithheldSpaceRequest(pool_id=pool))
    rows = [(one.prefix, one.holder or "excluded", one.reason) for one in answer.spaces]
    show(("Prefix", "For", "Why"), rows, none="Nothing is withheld.")
