"""The commands of `sixfold address` together."""

import typer

from sixfold.local.address import delegations, identifiers, planning, pools, sharing

app = typer.Typer(
    help="Pools, delegated prefixes, plans, outlook and shared IPv4 of the address centre.",
    no_args_is_help=True,
)
app.add_typer(pools.app, name="pool")
app.add_typer(planning.plans, name="plan")
app.add_typer(sharing.app, name="rule")
for part in (delegations.app, identifiers.app, planning.app):
    app.add_typer(part)
