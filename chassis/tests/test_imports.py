"""What the chassis may need: a gateway has no gRPC, and importing a module must do nothing."""

import subprocess
import sys
from pathlib import Path

import sixfold.chassis.config

ROOT = Path(sixfold.chassis.config.__file__).parent

WITHOUT_GRPC = """
import importlib, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("grpc", "grpc_health", "grpc_reflection", "grpc_status", "clickhouse_connect"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Blocked())
for name in sys.argv[1:]:
    importlib.import_module(name)
"""

QUIET = """
import importlib, logging, sys, threading
for name in sys.argv[1:]:
    importlib.import_module(name)
from opentelemetry import metrics, trace
assert threading.active_count() == 1, threading.enumerate()
assert not logging.getLogger().handlers
assert type(trace.get_tracer_provider()).__name__ == "ProxyTracerProvider"
assert type(metrics.get_meter_provider()).__name__ == "_ProxyMeterProvider"
"""


def modules() -> list[str]:
    found = []
    for file in sorted(ROOT.rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        if parts[0] != "rpc":
            found.append(".".join(("sixfold", "chassis", *(part for part in parts if part != "__init__"))))
    return found


def run(code: str, names: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_nothing_but_rpc_needs_grpc() -> None:
    run(WITHOUT_GRPC, modules())


def test_importing_does_nothing() -> None:
    run(QUIET, [name for name in modules() if name != "sixfold.chassis.testing"])
