"""Public NKeys, which nkeys itself cannot read."""

import base64

import nkeys
from nacl.signing import VerifyKey


def verify_key(public: str) -> VerifyKey:
    """The Ed25519 key in a public NKey (prefix byte, 32 bytes, CRC-16). ValueError for what is none."""
    raw = base64.b32decode(public + "=" * (-len(public) % 8))
    if len(raw) != 35 or nkeys.crc16(bytearray(raw[:-2])) != int.from_bytes(raw[-2:], "little"):
        raise ValueError(f"{public!r} is no public NKey")
    return VerifyKey(raw[1:33])
