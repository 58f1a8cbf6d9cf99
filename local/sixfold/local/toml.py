"""Settings as TOML text; the standard library only reads it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str() | Path():
            # a JSON string is a TOML basic string, but for DEL, which TOML wants escaped
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            return "{" + ", ".join(f"{json.dumps(key)} = {_value(one)}" for key, one in value.items()) + "}"
        case Sequence():
            return "[" + ", ".join(map(_value, value)) + "]"
    raise TypeError(f"{type(value).__name__} has no form in TOML")


def dump(document: Mapping[str, Any]) -> str:
    """Plain values first, then one table per mapping; raises TypeError for other types."""
    plain = [f"{key} = {_value(value)}" for key, value in document.items() if not isinstance(value, Mapping)]
    tables = [
        "\n".join([f"\n[{key}]", *(f"{name} = {_value(one)}" for name, one in value.items())])
        for key, value in document.items()
        if isinstance(value, Mapping)
    ]
    return "\n".join([*plain, *tables]) + "\n"
