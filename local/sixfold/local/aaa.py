"""`sixfold aaa …`: who is on the access network, and a FreeRADIUS that ends EAP-TLS in front of the centre."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from sixfold.local.command_line import HomeOption, say
from sixfold.local.errors import LocalError
from sixfold.local.home import DEFAULT_HOME, Home, home_at, read_endpoints

app = typer.Typer(
    help="The access network by RADIUS: sessions, their disconnection, a FreeRADIUS for EAP-TLS.",
    no_args_is_help=True,
)
PAGE: Final = 1000


def _ask(home: Path, rpc: str, request: Any) -> Any:
    from sixfold.api.identity.v1.aaa_pb2_grpc import AaaServiceStub
    from sixfold.local.officers import call

    return call(home_at(home), AaaServiceStub, lambda stub: getattr(stub, rpc)(request))


@app.command()
def sessions(
    terminal: Annotated[str, typer.Option(help="Of this terminal, t-….")] = "",
    subscriber: Annotated[str, typer.Option(help="Of this subscriber's terminals, s-….")] = "",
    server: Annotated[str, typer.Option(help="Of this access server.")] = "",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Live sessions: key, access server, terminal, since when, addresses."""
    from sixfold.api.identity.v1 import aaa_pb2 as pb

    token, count = "", 0
    while token or not count:
        asked = pb.ListSessionsRequest(
            terminal=terminal, subscriber=subscriber, access_server=server, page_size=PAGE, page_token=token
        )
        page = _ask(home, "ListSessions", asked)
        for one in page.sessions:
            since = f"{one.since.ToDatetime():%Y-%m-%dT%H:%M:%SZ}"
            say(" ".join((one.key, one.access_server, one.terminal, since, *one.prefixes)))
        count += len(page.sessions)
        token = page.next_page_token
        if not count:
            say("no session is live")
            return


@app.command()
def disconnect(
    key: Annotated[str, typer.Argument(help="The session's, as `sessions` prints it.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Have the access server end a session (RFC 5176)."""
    from sixfold.api.identity.v1 import aaa_pb2 as pb

    _ask(home, "DisconnectSession", pb.DisconnectSessionRequest(key=key))
    say("its access server has ended it")


@app.command()
def servers(home: HomeOption = DEFAULT_HOME) -> None:
    """Access servers that may ask: name, where from, gateway, live sessions."""
    from sixfold.api.identity.v1 import aaa_pb2 as pb

    for one in _ask(home, "ListAccessServers", pb.ListAccessServersRequest()).access_servers:
        say(f"{one.name} from {one.prefix} gateway {one.gateway} sessions {one.sessions}")


@app.command()
def freeradius(
    folder: Annotated[Path, typer.Argument(help="What FreeRADIUS is to read: `freeradius -d FOLDER`.")],
    client: Annotated[
        list[str],
        typer.Option(
            help="An access server, NAME=PREFIX, such as wifi-1=192.0.2.7. Its shared secret is FOLDER/NAME.secret; "
            "it is drawn where that is missing."
        ),
    ],
    listen: Annotated[str, typer.Option(help="Address that access servers ask at; * for all.")] = "*",
    authentication_port: Annotated[int, typer.Option(min=1, max=65_535)] = 1812,
    accounting_port: Annotated[int, typer.Option(min=1, max=65_535)] = 1813,
    disconnect_port: Annotated[
        int,
        typer.Option(min=0, max=65_535, help="Where access servers take Disconnect-Requests; 0: nowhere."),
    ] = 3799,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Write the configuration of a FreeRADIUS 3.2 that stands in front: EAP-TLS ends there."""
    from sixfold.identity.aaa.freeradius import Client, FrontError
    from sixfold.identity.aaa.front import write_front
    from sixfold.identity.credentials.ceremony import INTERMEDIATE, ROOT

    place = home_at(home)
    folder = folder.expanduser().resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        clients = [
            Client(name, prefix, _secret(folder, name), disconnect_port)
            for name, prefix in map(_named, client)
        ]
        front = _front(place, folder, clients, (listen, authentication_port, accounting_port))
        authorities = [place.secrets / f"{stem}.pem" for stem in (ROOT, INTERMEDIATE)]
        is_new = write_front(front, authorities)
    except FrontError as error:
        raise LocalError(f"{str(error)[0].upper()}{str(error)[1:]}.") from error
    except OSError as error:
        raise LocalError(f"{error.filename}: {error.strerror}.") from error
    for one in clients:
        say(f"{one.name}: shared secret in {folder / one.name}.secret")
    say(f"{folder / 'server.pem'}: {'made' if is_new else 'kept'}; terminals are to trust it, and it alone")
    say(f"start it: freeradius -f -d {folder}    (-X instead of -f: it says what it does)")


def _named(text: str) -> tuple[str, str]:
    name, found, prefix = text.partition("=")
    if not found:
        raise typer.BadParameter(f"{text!r} is not NAME=PREFIX", param_hint="--client")
    return name, prefix


def _secret(folder: Path, name: str) -> str:
    from sixfold.local.home import write_atomically
    from sixfold.local.keys import drawn_token

    if not name or "/" in name or name.startswith("."):
        raise typer.BadParameter(f"{name!r} cannot be a name", param_hint="--client")
    path = folder / f"{name}.secret"
    if not path.exists():
        write_atomically(path, drawn_token("radius") + "\n")
    return path.read_text(encoding="utf-8").strip()


def _front(home: Home, folder: Path, clients: list[Any], own: tuple[str, int, int]) -> Any:
    from sixfold.identity.aaa.freeradius import Front
    from sixfold.local.ports import HOST
    from sixfold.local.settings_files import ACCESS_SERVER, RADIUS_KEY

    endpoints = read_endpoints(home)
    ports = [
        int(str(endpoints[f"radius.{door}"]).rpartition(":")[2]) for door in ("authentication", "accounting")
    ]
    return Front(
        folder=folder,
        name=ACCESS_SERVER,
        secret=(home.secrets / RADIUS_KEY).read_text(encoding="utf-8").strip(),
        source=HOST,
        centre=HOST,
        authentication_port=ports[0],
        accounting_port=ports[1],
        url=str(endpoints["identity"]),
        clients=clients,
        listen=own[0],
        own_authentication_port=own[1],
        own_accounting_port=own[2],
        disconnect_port=int(str(endpoints["radius.disconnect"]).rpartition(":")[2]),
    )
