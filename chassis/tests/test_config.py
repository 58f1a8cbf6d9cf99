"""Settings: who wins, where a value came from, and what a wrong one says."""

from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from sixfold.chassis.config import ConfigError, Settings, load, render


class Inner(Settings):
    port: int = 1
    password: SecretStr = SecretStr("hunter2")


class Outer(Settings):
    inner: Inner = Inner()
    names: tuple[str, ...] = ()
    rules: dict[str, int] = Field(default_factory=dict)


def test_file_then_environment_then_flag(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('names = ["a"]\n[inner]\nport = 2\n')
    environment = {"SIXFOLD_INNER__PORT": "3", "PATH": "/bin"}
    assert load(Outer, file=file, environment={}).settings.inner.port == 2
    assert load(Outer, file=file, environment=environment).settings.inner.port == 3
    loaded = load(Outer, file=file, environment=environment, flags={"inner.port": "4"})
    assert loaded.settings.inner.port == 4
    assert loaded.origins["inner.port"] == "flag"
    assert loaded.origins["names"] == f"file {file}"
    assert loaded.origins["inner.password"] == "default"


def test_a_secret_is_never_shown() -> None:
    shown = render(load(Outer, environment={"SIXFOLD_INNER__PASSWORD": "swordfish"}))
    assert "swordfish" not in shown
    assert "environment SIXFOLD_INNER__PASSWORD" in shown


def test_lists_come_from_the_environment_as_json() -> None:
    assert load(Outer, environment={"SIXFOLD_NAMES": '["x", "y"]'}).settings.names == ("x", "y")


@pytest.mark.parametrize(
    ("text", "environment", "message"),
    [
        (
            "",
            {"SIXFOLD_INNER__PROT": "3"},
            r"SIXFOLD_INNER__PROT names no setting.*did you mean 'inner.port'",
        ),
        ("[inner]\nprot = 3", {}, r"inner.prot \(file .*did you mean 'inner.port'"),
        ("[inner]\nport = 'x'", {}, r"inner.port \(file .*valid integer"),
        ("[inner", {}, "is no TOML"),
    ],
)
def test_a_wrong_setting_is_named(
    tmp_path: Path, text: str, environment: dict[str, str], message: str
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load(Outer, file=file, environment=environment)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read settings file"):
        load(Outer, file=tmp_path / "none.toml", environment={})
