"""A lawful trace as two officers do it on the running platform, and the trail as an outsider checks it."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from sixfold.api.identity.v1 import identity_pb2 as pb
from sixfold.api.identity.v1.identity_pb2_grpc import IdentityServiceStub
from sixfold.chassis.rpc import connect

from .test_identity import bind, enrolled

pytestmark = [pytest.mark.nats, pytest.mark.clickhouse]


async def _bound(target: str) -> str:
    async with connect(target) as channel:
        stub = IdentityServiceStub(channel)
        subscriber, terminal = await enrolled(stub, hardware="trace-commands", person="customer 4711")
        await bind(stub, terminal, "2001:db8:7ace::/56", "trace-commands")
        found = await stub.LookupTerminal(pb.LookupTerminalRequest(address="2001:db8:7ace::9"))
        assert found.terminal.terminal == terminal
        return subscriber


def test_two_officers_trace_and_an_outsider_verifies(platform, tmp_path):
    def ran(*arguments, code=0):
        answer = platform.run(*arguments)
        assert answer.returncode == code, answer.stderr
        return (answer.stderr if code else answer.stdout).strip()

    subscriber = asyncio.run(_bound(platform.endpoints["grpc.identity"]))
    ran("trace", "case", "K-7", "--purpose", "fraud", "--prefix", "2001:db8::/32")
    kept = tmp_path / "checkpoint"
    kept.write_text(platform.run("audit", "checkpoint").stdout)
    when = datetime.now(UTC).isoformat()
    asked = ran(
        *("trace", "request", "2001:db8:7ace::9", "--case", "K-7", "--time", when, "--tolerance", "0")
    )
    assert "NOT_APPROVED" in ran("trace", "answer", asked, code=1)
    assert "ROLE_MISSING" in ran("trace", "approve", asked, "--yes", "--officer", "auditor", code=1)
    assert "2001:db8:7ace::9" in ran("trace", "approve", asked, "--yes")
    assert ran("trace", "answer", asked) == f"{subscriber} (by binding)"

    trail, key = tmp_path / "trail.jsonl", str(platform.home / "secrets" / "audit.pub")
    ran("audit", "export", str(trail))
    check = ("--key", key, "--checkpoint", str(kept))

    def verified(code):
        command = [sys.executable, "-m", "sixfold.identity.audit.verify", "verify", str(trail), *check]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert answer.returncode == code, answer.stderr
        return answer.stdout + answer.stderr

    assert "none changed" in verified(0)
    trail.write_text(trail.read_text().replace("ROLE_MISSING", "NOT_APPROVED"))
    assert "was edited" in verified(1)
    assert "refused of" in verified(1)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT holder FROM bindings",
        'SELECT * FROM "bindings"',
        "SELECT * FROM merge('sixfold', 'bind.*')",
        "SELECT * FROM merge('system , |bind.*')",
    ],
)
def test_an_analyst_does_not_trace_past_the_desk(platform, statement):
    answer = platform.run("sql", statement)
    assert answer.returncode == 1
    assert "the trace desk's" in " ".join(answer.stderr.split())
