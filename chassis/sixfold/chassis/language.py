"""In which language a page answers."""

from typing import Final

from starlette.requests import Request

LANGUAGES: Final = ("en", "zh-CN")


def language_of(request: Request) -> str:
    """`?lang=`, else whether the browser asks for Chinese first."""
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        return asked
    return "zh-CN" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"
