"""Ed25519 signatures of commands, by an NKey."""

from pathlib import Path

import nkeys

from sixfold.api.agent.v1.agent_pb2 import Command, SignedCommand


class SigningError(ValueError):
    """The seed cannot be used; says which file and why."""


class Signer:
    def __init__(self, seed: bytes) -> None:
        self._pair = nkeys.from_seed(bytearray(seed))
        self.issuer: str = bytes(self._pair.public_key).decode()

    def sign(self, command: Command) -> SignedCommand:
        data = command.SerializeToString(deterministic=True)
        return SignedCommand(command=data, signature=self._pair.sign(data), issuer=self.issuer)


def load_signer(path: Path) -> Signer:
    """Raises SigningError."""
    try:
        return Signer(path.read_bytes().strip())
    except (OSError, nkeys.NkeysError, ValueError) as error:
        raise SigningError(
            f"signing_seed_file {path} cannot be used ({error or type(error).__name__}); "
            "make one with `nk -gen user` and give its public key to the agents"
        ) from error
