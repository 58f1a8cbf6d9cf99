"""Who asks: a DUID names a device and so, in the end, a person, and stays out of the ledger and the logs. What stands
there is a keyed hash of it."""

import hmac
from typing import Final, NamedTuple

KEY_BYTES: Final = 32
_HOLDER: Final = 12
_KEY: Final = 16


class Client(NamedTuple):
    """`holder` as the ledger has it: `d-` and 24 hexadecimal digits. `secret` goes into keys alone."""

    holder: str
    secret: str

    def key(self, pool_id: str, iaid: bytes) -> str:
        """Idempotency key of one association in one pool: who asks again gets the same prefix."""
        return f"dhcpv6 {pool_id} {self.secret}{iaid.hex()}"


def client_of(key: bytes, duid: bytes) -> Client:
    """The two halves of HMAC-SHA-256 tell nothing of each other."""
    digest = hmac.digest(key, duid, "sha256")
    return Client("d-" + digest[:_HOLDER].hex(), digest[_HOLDER : _HOLDER + _KEY].hex())
