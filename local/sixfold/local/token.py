"""`sixfold token …`: clients of the OAuth 2.0 door, the keys of its tokens, what terminals have granted."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from sixfold.local.command_line import HomeOption, say
from sixfold.local.home import DEFAULT_HOME, home_at

app = typer.Typer(
    help="Clients that may ask for tokens, signing keys, what terminals have granted.",
    no_args_is_help=True,
)
ClientId = Annotated[str, typer.Argument(help="The client's id, c-….")]
GRANTS: Final = ("client-credentials", "device-code")
_PAGE: Final = 1_000


def _ask(home: Path, rpc: str, request: Any) -> Any:
    from sixfold.api.identity.v1.token_pb2_grpc import TokenServiceStub
    from sixfold.local.officers import call

    return call(home_at(home), TokenServiceStub, lambda stub: getattr(stub, rpc)(request))


def _word(grant: int) -> str:
    from sixfold.api.identity.v1 import token_pb2 as pb

    return pb.GrantType.Name(grant).removeprefix("GRANT_TYPE_").lower().replace("_", "-")


@app.command()
def register(
    name: Annotated[str, typer.Argument(help="Shown to whoever is asked to agree.")],
    scope: Annotated[list[str], typer.Option(help="What it may ask for, such as traffic:read.")],
    grant: Annotated[list[str], typer.Option(help=f"How: {', '.join(GRANTS)}.")],
    key_set: Annotated[
        Path | None,
        typer.Option(help="Its public keys, a JWK set; it then proves itself by private_key_jwt."),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="It can keep no secret, and has none; device codes alone.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Register a client; prints its id, and its secret this once."""
    from sixfold.api.identity.v1 import token_pb2 as pb
    from sixfold.local.errors import LocalError

    if unknown := set(grant) - set(GRANTS):
        raise typer.BadParameter(
            f"{', '.join(sorted(unknown))}: one of {', '.join(GRANTS)}", param_hint="--grant"
        )
    kinds: Any = [pb.GrantType.Value("GRANT_TYPE_" + one.replace("-", "_").upper()) for one in grant]
    try:
        keys = key_set.read_text(encoding="utf-8") if key_set is not None else ""
    except (OSError, ValueError) as error:
        raise LocalError(f"{key_set} cannot be read: {error}.") from error
    request = pb.RegisterClientRequest(
        name=name, scopes=scope, grant_types=kinds, key_set=keys, is_public=public
    )
    made = _ask(home, "RegisterClient", request)
    say(f"client_id {made.client.client_id}")
    if made.client_secret:
        say(f"client_secret {made.client_secret}")


@app.command()
def clients(home: HomeOption = DEFAULT_HOME) -> None:
    """All clients: id, how each proves itself, grants, scopes, name."""
    from sixfold.api.identity.v1 import token_pb2 as pb

    for one in _ask(home, "ListClients", pb.ListClientsRequest()).clients:
        proof = "keys" if one.has_keys else "public" if one.is_public else "secret"
        state = " disabled" if one.is_disabled else ""
        kinds = ",".join(map(_word, one.grant_types))
        say(f"{one.client_id} {proof}{state} {kinds} [{' '.join(one.scopes)}] {one.name}")


@app.command()
def secret(client_id: ClientId, home: HomeOption = DEFAULT_HOME) -> None:
    """Draw another secret; the one before is over at once."""
    from sixfold.api.identity.v1 import token_pb2 as pb

    request = pb.ChangeClientSecretRequest(client_id=client_id)
    say(_ask(home, "ChangeClientSecret", request).client_secret)


@app.command()
def disable(client_id: ClientId, home: HomeOption = DEFAULT_HOME) -> None:
    """Disable a client for good; what was granted to it ends."""
    from sixfold.api.identity.v1 import token_pb2 as pb

    say(
        f"{_ask(home, 'DisableClient', pb.DisableClientRequest(client_id=client_id)).client.name} is disabled"
    )


@app.command()
def rotate(
    withdraw: Annotated[
        bool,
        typer.Option(
            "--withdraw", help="Every token that an earlier key signed is worth nothing: for a leaked key."
        ),
    ] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Have another key sign; it does so by itself every `oauth.rotation_days`."""
    from sixfold.api.identity.v1 import token_pb2 as pb

    say(
        f"signs now: {_ask(home, 'RotateSigningKey', pb.RotateSigningKeyRequest(withdraw_others=withdraw)).key_id}"
    )


@app.command()
def keys(home: HomeOption = DEFAULT_HOME) -> None:
    """The keys that are published, the newest first: a JWK set."""
    from sixfold.api.identity.v1 import token_pb2 as pb

    say(_ask(home, "GetKeySet", pb.GetKeySetRequest()).key_set)


@app.command()
def grants(
    terminal: Annotated[str, typer.Option(help="What this terminal has granted, t-….")] = "",
    client: Annotated[str, typer.Option(help="What was granted to this client, c-….")] = "",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Grants that last: id, client, terminal, since when, until when, scopes."""
    from sixfold.api.identity.v1 import token_pb2 as pb

    token, count = "", 0
    while True:
        asked = pb.ListGrantsRequest(terminal=terminal, client_id=client, page_size=_PAGE, page_token=token)
        page = _ask(home, "ListGrants", asked)
        for one in page.grants:
            times = (
                f"{one.since.ToDatetime():%Y-%m-%dT%H:%M:%SZ} {one.expires.ToDatetime():%Y-%m-%dT%H:%M:%SZ}"
            )
            say(f"{one.grant_id} {one.client_id} {one.terminal} {times} [{' '.join(one.scopes)}]")
        count += len(page.grants)
        token = page.next_page_token
        if not token:
            break
    if not count:
        say("nothing is granted")


@app.command()
def end(
    terminal: Annotated[str, typer.Argument(help="The terminal's pseudonym, t-….")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """End all that a terminal has granted."""
    from sixfold.api.identity.v1 import token_pb2 as pb

    say(f"ended: {_ask(home, 'EndGrants', pb.EndGrantsRequest(terminal=terminal)).ended}")
