"""Terminals: who (by pseudonym) holds an address now, or what a pseudonym holds."""

from typing import Any

from starlette.requests import Request

from sixfold.api.identity.v1 import identity_pb2
from sixfold.console.adapters.centres import Answer, Centres
from sixfold.console.pages.wording import moment, word

_ADDRESS_CHARACTERS = frozenset("0123456789abcdefABCDEF:.")


def _terminal(message: identity_pb2.Terminal) -> dict[str, Any]:
    return {
        "pseudonym": message.terminal,
        "subscriber": message.subscriber,
        "kind": word(identity_pb2.TerminalClass, message.terminal_class, "TERMINAL_CLASS_"),
        "state": word(identity_pb2.LifecycleState, message.state, "LIFECYCLE_STATE_"),
        "enrolled": moment(message, "enrolled"),
    }


def _looks_like_address(text: str) -> bool:
    return set(text) <= _ADDRESS_CHARACTERS and (":" in text or text.count(".") == 3)


async def _find(centres: Centres, wanted: str, port: int) -> Answer[Any]:
    if _looks_like_address(wanted):
        request = identity_pb2.LookupTerminalRequest(address=wanted, port=port)
        return await centres.ask("identity", centres.identity.LookupTerminal, request)
    return await centres.ask(
        "identity", centres.identity.GetTerminal, identity_pb2.GetTerminalRequest(terminal=wanted)
    )


async def terminals(centres: Centres, request: Request) -> dict[str, Any]:
    wanted = request.query_params.get("terminal", "").strip()[:128]
    text = request.query_params.get("port", "").strip()
    port = int(text) if text.isdigit() and int(text) <= 65535 else 0
    context: dict[str, Any] = {"wanted": wanted, "port": port or "", "found": None, "bindings": None}
    if not wanted:
        return context
    found = await _find(centres, wanted, port)
    context["found"] = found.map(lambda reply: _terminal(reply.terminal))
    if found.value is not None:
        bindings = await centres.ask(
            "identity",
            centres.identity.ListBindings,
            identity_pb2.ListBindingsRequest(terminal=found.value.terminal.terminal),
        )
        context["bindings"] = bindings.map(
            lambda reply: [
                {
                    "prefix": one.prefix,
                    "ports": f"{one.port_first}–{one.port_last}" if one.port_last not in (0, 65535) else "",
                    "gateway": one.gateway,
                    "since": moment(one, "since"),
                }
                for one in reply.bindings
            ]
        )
    return context
