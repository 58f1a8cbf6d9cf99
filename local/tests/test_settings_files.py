from pathlib import Path

import pytest

from sixfold.local.home import home_at, prepare
from sixfold.local.nats_server import users
from sixfold.local.ports import Ports
from sixfold.local.services import CONFIGURABLE, load_settings
from sixfold.local.settings_files import GATEWAY, write_settings


@pytest.mark.parametrize("service", CONFIGURABLE)
def test_what_up_writes_is_what_the_service_reads(service: str, tmp_path: Path) -> None:
    home, ports = home_at(tmp_path), Ports(27000)
    prepare(home)
    users(home, [GATEWAY])
    write_settings(home, ports, flow_bytes=1 << 30)
    file = home.config / f"{service}.toml"
    loaded = load_settings(service, file, alone=False)
    assert any(origin == f"file {file}" for origin in loaded.origins.values())
    assert file.stat().st_mode & 0o777 == 0o600
    for path in home.secrets.iterdir():
        assert path.read_text().strip() not in file.read_text(), "secrets are named, not copied"
