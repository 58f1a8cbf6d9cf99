"""Settings of the agent: what is refused, and what a file may say."""

from pathlib import Path

import nkeys
import pytest

from sixfold.agent.config import AgentSettings, ExecHook, FileHook
from sixfold.agent.run import load_settings
from sixfold.chassis.config import ConfigError

ISSUER = nkeys.from_seed(nkeys.encode_seed(b"s" * 32, nkeys.PREFIX_BYTE_USER)).public_key.decode()


def test_a_file_says_listeners_issuers_and_hooks(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(f"""
        gateway = "gw-7"
        [listeners]
        host = "::"
        sflow = 9999
        netflow = false
        [spool]
        max_bytes = 1_000_000_000
        [commands]
        issuers = ["{ISSUER}"]
        hooks = [
            {{kind = "file", folder = "/run/alerts"}},
            {{kind = "exec", command = ["/usr/bin/siren", "--loud"], timeout = 3}},
        ]
        [netflow.sampling]
        "192.0.2.1" = 1000
    """)
    loaded = load_settings(file, {"health.port": "9000"})
    settings = loaded.settings
    assert (settings.gateway, settings.listeners.host, settings.health.port) == ("gw-7", "::", 9000)
    assert (settings.listeners.netflow, settings.listeners.sflow) == (None, 9999)
    assert settings.commands.hooks == (
        FileHook(kind="file", folder=Path("/run/alerts")),
        ExecHook(kind="exec", command=("/usr/bin/siren", "--loud"), timeout=3),
    )
    assert settings.netflow.sampling == {"192.0.2.1": 1000}
    assert loaded.origins["spool.max_bytes"] == f"file {file}"
    assert loaded.origins["health.port"] == "flag"
    assert loaded.origins["batch.max_rows"] == "default"


def test_the_environment_stands_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('gateway = "gw-7"')
    monkeypatch.setenv("SIXFOLD_AGENT_GATEWAY", "gw-8")
    loaded = load_settings(file, {})
    assert loaded.settings.gateway == "gw-8"
    assert loaded.origins["gateway"] == "environment SIXFOLD_AGENT_GATEWAY"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"gateway": "a.b"}, "is not 1 to 64 of letters"),
        ({"listeners.netflo": "1"}, "did you mean 'listeners.netflow'"),
        ({"commands.issuers": '["UABC"]'}, "is no public NKey"),
        ({"commands.hooks": '[{"kind": "mail"}]'}, "commands.hooks"),
        ({"spool.max_bytes": "1000"}, "greater than or equal to"),
        ({"batch.max_rows": "70000"}, "less than or equal to 65536"),
    ],
)
def test_what_cannot_be_is_refused_and_named(flags: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_settings(None, flags)


def test_the_defaults_are_valid() -> None:
    assert AgentSettings().listeners.ipfix == 4739
