"""What is said against a request: ClickHouse's text, its code, and the HTTP status that goes with it."""

import re
from typing import Final

STATUS: Final = {
    **dict.fromkeys((192, 193, 194, 516), 401),
    **dict.fromkeys((164, 291, 497), 403),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 81, 115), 404),
    **dict.fromkeys((159, 160, 209), 408),
    **dict.fromkeys(
        (62, 6, 26, 27, 36, 38, 41, 42, 43, 53, 69, 70, 72, 89, 117, 131, 271, 386, 456, 457), 400
    ),
    **dict.fromkeys((307, 396), 413),
    48: 501,
    202: 503,
}
"""By the code of the error; any other is a 500. 396 is a result past its limits."""

_TWICE_BEFORE: Final = re.compile(r"^(Code: (\d+)\. DB::Exception: )(?:Code: \2\. DB::Exception: )+")
_TWICE_AFTER: Final = re.compile(
    r"( \((\w+)\)(?: \(version [^()]+\))?)(?:\.? \(\2\)(?: \(version [^()]+\))?)+$"
)


class QueryError(RuntimeError):
    """`str()` is the whole text as a server writes it; `code` is ClickHouse's (src/Common/ErrorCodes.cpp)."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code

    @property
    def status(self) -> int:
        return STATUS.get(self.code, 500)


def refused(code: int, name: str, text: str) -> QueryError:
    """An error of this port, in the words of a server."""
    return QueryError(f"Code: {code}. DB::Exception: {text}. ({name})", code)


def readonly(text: str) -> QueryError:
    return refused(164, "READONLY", text)


def from_engine(error: Exception) -> QueryError:
    """The engine's own error, without the words that chDB puts before it and without what it says twice."""
    text = str(error).strip()
    start = text.find("Code: ")
    text = text[start:] if start > 0 else text
    text = _TWICE_BEFORE.sub(r"\1", _TWICE_AFTER.sub(r"\1", text))
    digits = text.partition("Code: ")[2].partition(".")[0]
    return QueryError(text, int(digits) if digits.isdigit() else 1002)
