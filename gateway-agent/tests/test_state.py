"""The state directory: one agent at a time, templates as one step, a damaged file set aside."""

import os
from pathlib import Path

import pytest

from sixfold.agent.counters import Counters
from sixfold.agent.state import StateDirectory, StateHeldError


def test_what_was_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    counters = Counters()
    state = StateDirectory(tmp_path / "state", counters)
    assert state.load("templates") == {}
    state.save("templates", {"ipfix": {"a": [1, 2]}})
    state.close()
    assert StateDirectory(tmp_path / "state", counters).load("templates") == {"ipfix": {"a": [1, 2]}}
    assert counters.snapshot() == {}


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"version": 99, "body": {}}', '{"version": 1, "body": 3}', "\0"]
)
def test_a_damaged_file_is_counted_set_aside_and_ignored(tmp_path: Path, content: str) -> None:
    counters = Counters()
    (tmp_path / "templates.json").write_text(content)
    state = StateDirectory(tmp_path, counters)
    assert state.load("templates") == {}
    assert counters.snapshot() == {'state_errors{cause="read"}': 1}
    assert (tmp_path / "templates.bad").read_text() == content
    state.save("templates", {"x": 1})
    assert state.load("templates") == {"x": 1}


def test_a_disk_that_takes_nothing_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counters = Counters()
    state = StateDirectory(tmp_path, counters)

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    state.save("templates", {"x": 1})
    assert counters.snapshot() == {'state_errors{cause="write"}': 1}


def test_a_second_agent_is_told_who_has_it(tmp_path: Path) -> None:
    first = StateDirectory(tmp_path, Counters())
    with pytest.raises(StateHeldError, match=f"in use by the agent with pid {os.getpid()}"):
        StateDirectory(tmp_path, Counters())
    first.close()
    StateDirectory(tmp_path, Counters()).close()
