"""What a gateway carries: no gRPC, no ClickHouse, nothing of the centres."""

import json
import subprocess
import sys

ABSENT = {"grpc", "clickhouse_connect", "chdb", "polars", "pandas", "pytest"}


def test_the_agent_imports_neither_grpc_nor_clickhouse() -> None:
    code = (
        "import json, sys, sixfold.agent.cli, sixfold.agent.run; sixfold.agent.cli.application(); "
        "print(json.dumps(sorted(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = set(json.loads(printed))
    assert not {name for name in loaded if name.partition(".")[0] in ABSENT}
    ours = {".".join(name.split(".")[:2]) for name in loaded if name.startswith("sixfold.")}
    assert ours <= {"sixfold.agent", "sixfold.api", "sixfold.chassis"}
    assert "sixfold.chassis.rpc" not in loaded
