"""Writes the settings of every service and of the agent into the home: what differs from their defaults."""

import json
from collections.abc import Mapping
from typing import Any, Final

from sixfold.api.subjects import CENTRES
from sixfold.local.authorities import ensure_authorities
from sixfold.local.home import Home, write_atomically
from sixfold.local.keys import ensure_hex_key, ensure_seed, ensure_token, seed_file
from sixfold.local.nats_server import inbox_prefix
from sixfold.local.officers import ORIGIN, ensure_audit_key, officers
from sixfold.local.ports import HOST, Ports, loopback
from sixfold.local.toml import dump

GATEWAY: Final = "gw-1"
API_KEY: Final = "openapi.key"
ISSUER: Final = "command-issuer"
CONFIGURATION_ISSUER: Final = "configuration-issuer"
SOURCES_ISSUER: Final = "sources-issuer"
POLICY_ISSUER: Final = "policy-issuer"
"""Of alerts, of gateways' configurations (address centre), of valid sources (identity), of policies (security)."""
ACCESS_SERVER: Final = "local"
"""Whose RADIUS a local platform answers: whoever asks from this machine with the shared secret."""
RADIUS_KEY: Final = "radius.secret"
AUDIENCE: Final = "sixfold-openapi"
"""Whom access tokens are for."""
DHCPV6_POOL: Final = "dhcpv6"
"""The pool that edges get prefixes from."""
_HEADER: Final = (
    "# Written by `sixfold up` at every start. To change a setting, put SIXFOLD_{service}_<GROUP>__<NAME>\n"
    "# into the environment of `sixfold up`; `sixfold config {lower}` shows every setting and its origin.\n\n"
)


def _nats(home: Home, ports: Ports, user: str, name: str) -> dict[str, Any]:
    return {
        "servers": [f"nats://{ports.address('nats')}"],
        "name": name,
        "nkey_seed_file": seed_file(home, user),
    }


def _telemetry(home: Home, service: str) -> dict[str, Any]:
    return {"traces_file": home.traces / f"{service}.jsonl"}


def centre(home: Home, ports: Ports, name: str, flow_bytes: int) -> dict[str, Any]:
    """What every centre needs, and what this one needs besides."""
    own: Mapping[str, dict[str, Any]] = {
        "credit": {
            "warehouse": {"dsn": f"chdb://{home.warehouse}"},
            "loader": {"stream_bytes": flow_bytes},
        },
        "identity": {
            "pseudonym_key_file": ensure_hex_key(home, "identity-pseudonym.key"),
            "vault_key_file": ensure_hex_key(home, "identity-vault.key"),
            "trace": {
                "origin": ORIGIN,
                "audit_key_file": ensure_audit_key(home),
                "case_key_file": ensure_hex_key(home, "identity-case.key"),
                "officers": officers(home),
                "credit": ports.address("grpc.credit"),
                "address": ports.address("grpc.address"),
            },
            "sources": {
                "signing_seed_file": seed_file(home, SOURCES_ISSUER),
                "address": ports.address("grpc.address"),
            },
            "oauth": {"audience": AUDIENCE},
            "aaa": {
                "host": HOST,
                "authentication_port": ports["radius.authentication"],
                "accounting_port": ports["radius.accounting"],
                "access_servers": [
                    {
                        "name": ACCESS_SERVER,
                        "prefix": f"{HOST}/32",
                        "secret_file": ensure_token(home, RADIUS_KEY, "radius"),
                        "gateway": GATEWAY,
                        "is_proxy": True,
                        "disconnect_port": ports.radius_disconnect,
                    }
                ],
            },
            "credentials": {
                "ca": ensure_authorities(home),
                "key_file": ensure_hex_key(home, "identity-credential.key"),
                "http": {"host": HOST, "port": ports["identity"]},
                "url": f"http://{ports.address('identity')}",
            },
        },
        "address": {
            "gateways": {"signing_seed_file": seed_file(home, CONFIGURATION_ISSUER)},
            "identifier_key_file": ensure_hex_key(home, "address-identifiers.key"),
            "dhcpv6": {
                "enabled": True,
                "host": loopback(),
                "port": ports["dhcpv6"],
                "answer_source_port": True,
                "unicast": True,
                "holder_key_file": ensure_hex_key(home, "address-dhcpv6.key"),
                "links": [
                    {"name": "local", "pool_id": DHCPV6_POOL, "shortest_length": 48, "longest_length": 64}
                ],
            },
        },
        "security": {
            "replica": {"name": "local"},
            "exchange": {"taxii": {"enabled": True, "http": {"host": HOST, "port": ports["taxii"]}}},
            "spoofing": {"identity": ports.address("grpc.identity")},
            "mitigation": {
                "signing_seed_file": seed_file(home, POLICY_ISSUER),
                "credit": ports.address("grpc.credit"),
                "never_touch": ["127.0.0.0/8", "::1/128"],
            },
        },
        "emergency": {
            "signing_seed_file": seed_file(home, ISSUER),
            "commands_bytes": flow_bytes // 8,
            "receipts_bytes": flow_bytes // 32,
        },
    }
    return {
        **own.get(name, {}),
        "nats": _nats(home, ports, name, name),
        "rpc": {"host": HOST, "port": ports[f"grpc.{name}"]},
        "telemetry": _telemetry(home, name),
    }


def door(home: Home, ports: Ports, name: str, port: str) -> dict[str, Any]:
    """What the console and the incubator share."""
    return {
        "http": {"host": HOST, "port": ports[port]},
        "centres": {one: ports.address(f"grpc.{one}") for one in CENTRES},
        "telemetry": _telemetry(home, name),
    }


def agent(home: Home, ports: Ports, flow_bytes: int, *, enforce: bool = False) -> dict[str, Any]:
    """The gateway-agent: its ports, its key, whose commands it obeys."""
    return {
        "gateway": GATEWAY,
        "state_dir": home.agent,
        "nats": {
            **_nats(home, ports, f"agent-{GATEWAY}", f"agent-{GATEWAY}"),
            "inbox_prefix": inbox_prefix(GATEWAY),
        },
        "listeners": {
            "host": HOST,
            **{name: ports[f"agent.{name}"] for name in ("netflow", "ipfix", "sflow")},
        },
        "spool": {"max_bytes": flow_bytes},
        "commands": {"issuers": [ensure_seed(home, ISSUER)]},
        "translation": {
            "configured_by": [ensure_seed(home, CONFIGURATION_ISSUER)],
            "sources_from": [ensure_seed(home, SOURCES_ISSUER)],
        },
        "policies": {"enabled": enforce, "issuers": [ensure_seed(home, POLICY_ISSUER)]},
        "telemetry": _telemetry(home, "agent"),
        "health": {"host": HOST, "port": ports["agent.health"]},
    }


def write_api_keys(home: Home) -> str:
    """The keys file of the incubator: the hash of the key that the first start makes, with every scope."""
    from sixfold.incubator.domain.keys import SCOPES, digest

    token = ensure_token(home, API_KEY, "sfk").read_text().strip()
    entry = {"name": "local", "sha256": digest(token), "scopes": sorted(SCOPES), "requests_per_minute": 6000}
    path = home.secrets / "openapi-keys.json"
    write_atomically(path, json.dumps([entry], indent=2) + "\n")
    return str(path)


def documents(
    home: Home, ports: Ports, flow_bytes: int, *, enforce: bool = False
) -> dict[str, dict[str, Any]]:
    """Settings by service; keys that are missing are made."""
    for issuer in (ISSUER, CONFIGURATION_ISSUER, SOURCES_ISSUER, POLICY_ISSUER):
        ensure_seed(home, issuer)
    return {
        **{name: centre(home, ports, name, flow_bytes) for name in CENTRES},
        "console": door(home, ports, "console", "console"),
        "incubator": {
            "keys_file": write_api_keys(home),
            "tokens": {"audience": AUDIENCE},
            **door(home, ports, "incubator", "openapi"),
        },
        "agent": agent(home, ports, flow_bytes, enforce=enforce),
        "all": {
            "health": {"host": HOST, "port": ports["centres.health"]},
            "clickhouse": {"host": HOST, "port": ports["clickhouse_http"]},
        },
    }


def write_settings(home: Home, ports: Ports, *, flow_bytes: int, enforce: bool = False) -> None:
    """One TOML file per service. `flow_bytes` bounds what the bus holds of flows; other bounds follow it."""
    for name, document in documents(home, ports, flow_bytes, enforce=enforce).items():
        text = _HEADER.format(service=name.upper(), lower=name) + dump(document)
        write_atomically(home.config / f"{name}.toml", text)
