"""Codes that people type (RFC 8628, section 6.1): consonants alone, so that no word comes of them."""

import re
import secrets
from typing import Final

LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH: Final = 8
_APART: Final = re.compile(r"[\s\-.·]+")


def draw_user_code() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def shown(user_code: str) -> str:
    """`WDJB-MJHT`"""
    half = LENGTH // 2
    return f"{user_code[:half]}-{user_code[half:]}"


def read(text: str) -> str:
    """The code however it was typed; empty where it can be none."""
    code = _APART.sub("", text[:64]).upper()
    return code if len(code) == LENGTH and all(one in LETTERS for one in code) else ""
