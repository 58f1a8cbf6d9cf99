"""Generate `*_pb2*.py` and `.pyi` beside the protos; with --check, fail where the committed ones differ."""

import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent


def generate(target: Path) -> None:
    protos = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "sixfold").rglob("*.proto"))
    include = Path(protoc.__file__).parent / "_proto"
    arguments = [
        f"-I{ROOT}",
        f"-I{include}",
        f"--python_out={target}",
        f"--pyi_out={target}",
        f"--grpc_python_out={target}",
    ]
    if protoc.main(["protoc", *arguments, *protos]) != 0:
        raise SystemExit("protoc failed: see above")
    for path in target.rglob("*_pb2_grpc.py"):
        if (
            "service "
            not in (ROOT / path.relative_to(target))
            .with_name(path.name.replace("_pb2_grpc.py", ".proto"))
            .read_text()
        ):
            path.unlink()


def drift() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder)
        generate(target)
        fresh = {path.relative_to(target): path.read_text() for path in target.rglob("*_pb2*.py*")}
        kept = {path.relative_to(ROOT): path.read_text() for path in (ROOT / "sixfold").rglob("*_pb2*.py*")}
        return sorted(str(path) for path in fresh.keys() | kept.keys() if fresh.get(path) != kept.get(path))


if __name__ == "__main__":
    if "--check" in sys.argv:
        if changed := drift():
            raise SystemExit(
                "generated code differs from the protos (run `task proto`): " + ", ".join(changed)
            )
    else:
        generate(ROOT)
