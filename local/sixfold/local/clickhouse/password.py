"""The loader's password: made once, readable by its owner alone."""

import os
import secrets
from pathlib import Path

FILE = "clickhouse-loader.password"


def loader_password(folder: Path) -> str:
    """The password in `folder`, made where it is absent."""
    path = folder / FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        opened = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(opened, "w") as file:
            file.write(secrets.token_urlsafe(24))
    return path.read_text().strip()
