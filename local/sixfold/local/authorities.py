"""The CA of the local platform: made once; the root's key stays in HOME/secrets, where no service reads it."""

from pathlib import Path

from sixfold.identity.credentials.ceremony import INTERMEDIATE, ROOT, make_authorities
from sixfold.local.errors import LocalError
from sixfold.local.home import Home


def ensure_authorities(home: Home) -> dict[str, Path]:
    """The files of the `ca` setting."""
    files = {
        "root_file": home.secrets / f"{ROOT}.pem",
        "certificate_file": home.secrets / f"{INTERMEDIATE}.pem",
        "key_file": home.secrets / f"{INTERMEDIATE}.key",
    }
    missing = [path for path in files.values() if not path.exists()]
    if len(missing) == len(files):
        make_authorities(home.secrets, name="Sixfold local")
    elif missing:
        raise LocalError(
            f"Of the CA's files {', '.join(path.name for path in missing)} is missing in {home.secrets}. Restore it, "
            "or remove every ca-* there: the next `sixfold up` makes a new CA, and certificates of the old one end."
        )
    return files
