"""In tests a counter that is not declared is an error."""

import pytest

from sixfold.agent.counters import Counters


@pytest.fixture(autouse=True)
def strict_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counters, "strict", True)
