import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location(
    "console_centres_in_memory", Path(__file__).with_name("centres_in_memory.py")
)
assert _spec is not None
assert _spec.loader is not None
_centres = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _centres
_spec.loader.exec_module(_centres)


@pytest.fixture
async def served_centres() -> AsyncIterator[tuple[int, dict[str, object]]]:
    async with _centres.served() as served:
        yield served
