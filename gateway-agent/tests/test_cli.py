"""The command line: what an operator types, and what is said when it cannot be."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sixfold.agent.cli import application
from sixfold.chassis.testing import free_port


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(application(), arguments)
    return result.exit_code, result.output


def test_every_command_is_there() -> None:
    code, text = invoke("--help")
    assert code == 0
    for name in ("run", "status", "config", "check", "replay", "meter", "simulate"):
        assert name in text


def test_config_tells_each_value_and_where_it_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('gateway = "gw-9"')
    code, text = invoke("config", "--config", str(file), "--set", "batch.max_rows=100")
    assert code == 0
    rows = {line.split("│")[1].strip(): line for line in text.splitlines() if line.count("│") == 4}
    assert "gw-9" in rows["gateway"]
    assert "file" in rows["gateway"]
    assert "flag" in rows["batch.max_rows"]
    assert "default" in rows["listeners.ipfix"]


@pytest.mark.parametrize("command", ["run", "check", "config"])
def test_settings_that_cannot_be_used_end_with_2(command: str) -> None:
    code, text = invoke(command, "--set", "listeners.ipfixx=1")
    assert code == 2
    assert "did you mean 'listeners.ipfix'" in text


def test_check_warns_of_what_the_machine_does_not_give(tmp_path: Path) -> None:
    code, text = invoke(
        "check",
        "--set",
        "listeners.ipfix=0",
        "--set",
        "listeners.netflow=0",
        "--set",
        "listeners.sflow=0",
        "--set",
        f"state_dir={tmp_path}",
        "--set",
        f"listeners.receive_buffer_bytes={1 << 40}",
    )
    assert code == 0
    assert "sysctl -w net.core.rmem_max=1099511627776" in text
    assert "every command will be refused" in text
    assert "handed to nobody" in text


def test_check_names_a_port_and_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    hooks = '[{"kind": "exec", "command": ["/nonexistent/siren"]}]'
    chosen = {
        "state_dir": tmp_path / "file" / "state",
        "listeners.host": "192.0.2.77",
        "commands.hooks": hooks,
        "nats.nkey_seed_file": tmp_path / "absent.nk",
    }
    code, text = invoke(
        "check", *(part for name, value in chosen.items() for part in ("--set", f"{name}={value}"))
    )
    assert code == 1
    assert "the hook /nonexistent/siren is no program" in text
    assert "cannot read nats.nkey_seed_file" in text
    assert "cannot use state_dir" in text
    assert "cannot listen for ipfix on 192.0.2.77:4739" in text


def test_status_says_so_when_nobody_answers() -> None:
    code, text = invoke("status", "--address", f"127.0.0.1:{free_port()}")
    assert code == 1
    assert "is it running, and is this its health.port?" in text
