"""A configuration with one of everything, as the address centre would send it."""

from typing import Any

from google.protobuf import json_format

from sixfold.api.agent.v1 import agent_pb2 as pb

DOCUMENT: dict[str, Any] = {
    "accessInterfaces": ["a0", "b0"],
    "ipv4Interfaces": ["w0"],
    "managementPrefixes": ["10.255.0.0/24"],
    "nat64": {"prefix": "2001:db8:64::/96", "ipv4Pool": ["203.0.113.0/28"]},
    "portSets": [
        {
            "slot": 1,
            "subscriberPrefix": "2001:db8:a::/56",
            "publicAddress": "203.0.113.1",
            "ranges": [{"first": 1024, "last": 2047}],
        },
        {
            "slot": 2,
            "subscriberPrefix": "2001:db8:b::/56",
            "publicAddress": "203.0.113.1",
            "ranges": [{"first": 2048, "last": 2055}, {"first": 3072, "last": 3079}],
        },
        {
            "slot": 4,
            "subscriberPrefix": "10.1.0.0/24",
            "publicAddress": "203.0.113.2",
            "ranges": [{"first": 1024, "last": 65535}],
        },
    ],
    "staticMappings": [
        {
            "slot": 3,
            "publicAddress": "203.0.113.5",
            "protocol": 6,
            "publicPort": 80,
            "serverAddress": "2001:db8:5::80",
            "serverPort": 8080,
        },
        {"slot": 5, "publicAddress": "203.0.113.6", "serverAddress": "2001:db8:5::81"},
    ],
    "dns64": {
        "listen": ["2001:db8:53::53"],
        "forwarders": ["198.51.100.53", "2001:db8:9::53@5353"],
        "stubZones": [{"name": "old.example", "servers": ["198.51.100.54"]}],
        "clients": ["2001:db8:c::/48"],
    },
    "flowExport": {"host": "127.0.0.1", "port": 4739},
    "sourceValidation": {
        "action": "ACTION_DROP",
        "valid": [
            {"prefix": "2001:db8:a::/56", "interface": "a0"},
            {"prefix": "10.1.0.0/24", "interface": "a0"},
        ],
    },
}


def configuration(**changes: Any) -> pb.GatewayConfiguration:
    """With top-level fields changed."""
    return json_format.ParseDict(DOCUMENT | changes, pb.GatewayConfiguration())
