import pytest

from sixfold.local.errors import LocalError
from sixfold.local.up import environment_of

OURS = {
    "PATH": "/bin",
    "SIXFOLD_CREDIT_LOADER__LINGER": "0.5",
    "SIXFOLD_AGENT_BATCH__MAX_AGE_MS": "100",
}


def test_every_child_sees_its_own_settings() -> None:
    plain = {"PATH": "/bin", "PYTHONUNBUFFERED": "1"}
    assert environment_of("sample", OURS) == plain
    assert environment_of("agent", OURS) == {**plain, "SIXFOLD_AGENT_BATCH__MAX_AGE_MS": "100"}
    assert environment_of("centres", OURS) == {**OURS, "PYTHONUNBUFFERED": "1"}


@pytest.mark.parametrize("name", ["SIXFOLD_CREDT_LOADER__LINGER", "SIXFOLD_HOME", "SIXFOLD_"])
def test_a_variable_of_nobody_is_refused(name: str) -> None:
    with pytest.raises(LocalError, match=name):
        environment_of("centres", {**OURS, name: "1"})
