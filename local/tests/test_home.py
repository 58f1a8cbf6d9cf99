import os
import subprocess
import sys
from pathlib import Path

import pytest

from sixfold.local.errors import LocalError
from sixfold.local.home import home_at, owned, owner, prepare, read_endpoints, write_atomically
from sixfold.local.keys import ensure_seed, ensure_token, public_key, seed_file

HOLD = """
import sys
from pathlib import Path
from sixfold.local.home import home_at, owned
with owned(home_at(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_held_home_refuses_a_second_owner_and_names_the_first(tmp_path: Path) -> None:
    home = home_at(tmp_path)
    prepare(home)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        assert owner(home) == holder.pid
        with pytest.raises(LocalError, match=rf"pid {holder.pid}\).*sixfold status"), owned(home):
            pass
        holder.kill()
    assert owner(home) is None, "the lock goes with the process, however it ends"
    with owned(home):
        assert home.lock.read_text().strip() == str(os.getpid())


def test_a_home_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalError, match="--home DIR"):
        prepare(home_at(tmp_path / "file" / "home"))


def test_endpoints_of_a_platform_that_is_not_up(tmp_path: Path) -> None:
    home = home_at(tmp_path)
    with pytest.raises(LocalError, match="sixfold up"):
        read_endpoints(home)
    write_atomically(home.endpoints, "{}")
    with pytest.raises(LocalError, match="No platform runs"):
        read_endpoints(home)
    with owned(home):
        assert read_endpoints(home) == {}
        write_atomically(home.endpoints, "{broken")
        with pytest.raises(LocalError, match="cannot be read"):
            read_endpoints(home)
        home.endpoints.unlink()
        with pytest.raises(LocalError, match="still starting"):
            read_endpoints(home)


def test_keys_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    home = home_at(tmp_path)
    prepare(home)
    first = ensure_seed(home, "security")
    assert ensure_seed(home, "security") == first == public_key(seed_file(home, "security"))
    assert first.startswith("U")
    assert seed_file(home, "security").stat().st_mode & 0o777 == 0o600
    assert home.secrets.stat().st_mode & 0o777 == 0o700
    token = ensure_token(home, "openapi.key", "sfk")
    text = token.read_text()
    assert text.startswith("sfk_")
    assert ensure_token(home, "openapi.key", "sfk").read_text() == text
    assert token.stat().st_mode & 0o777 == 0o600


def test_a_damaged_key_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "x.nk"
    path.write_text("not a seed")
    with pytest.raises(LocalError, match="cannot be read"):
        public_key(path)
