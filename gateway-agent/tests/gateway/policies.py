"""Policies as the security centre sends them, for the tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf import json_format

from sixfold.api.agent.v1 import agent_pb2 as pb

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def policy(
    policy_id: str = "m1", *, expires: datetime = NOW + timedelta(minutes=5), **parts: Any
) -> pb.Policy:
    """parts: `match` and `action` as in JSON."""
    body = {
        "policyId": policy_id,
        "match": {"destinations": ["203.0.113.7/32"], "protocols": [17]},
        "action": {"kind": "KIND_BLOCK"},
    }
    made = json_format.ParseDict(body | parts, pb.Policy())
    made.expires.FromDatetime(expires)
    return made


def told(*policies: pb.Policy, generation: int = 1) -> pb.SetPolicies:
    return pb.SetPolicies(generation=generation, policies=policies)
