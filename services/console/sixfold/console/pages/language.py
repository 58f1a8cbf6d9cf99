"""The two languages of the pages: catalogues in the package, chosen by switch, cookie or browser."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

LANGUAGES: Final = ("en", "zh-CN")
COOKIE: Final = "sixfold_language"


@dataclass(frozen=True)
class Catalogue:
    """Texts of one language by dotted key."""

    language: str
    texts: Mapping[str, str]

    def __call__(self, key: str, /, **values: object) -> str:
        """The text of `key` with `{name}` replaced; KeyError for an unknown key: no page shows a bare key."""
        text = self.texts[key]
        return text.format(**values) if values else text

    def word(self, group: str, value: str) -> str:
        """The text of `group.value`, or the value itself where it is none of ours (a name from outside)."""
        return self.texts.get(f"{group}.{value}", value)


def load(language: str) -> Catalogue:
    source = files("sixfold.console").joinpath(f"locale/{language}.toml").read_text(encoding="utf-8")
    tables: dict[str, dict[str, str]] = tomllib.loads(source)
    return Catalogue(
        language, {f"{table}.{key}": text for table, texts in tables.items() for key, text in texts.items()}
    )


def load_all() -> dict[str, Catalogue]:
    return {language: load(language) for language in LANGUAGES}


def choose(asked: str | None, cookie: str | None, accept: str) -> str:
    """The switch wins over the cookie, the cookie over the browser's wish; English otherwise."""
    for wish in (asked, cookie):
        if wish in LANGUAGES:
            return wish
    weighted: list[tuple[float, str]] = []
    for part in accept[:200].split(","):
        tag, _, parameters = part.strip().partition(";")
        quality = parameters.strip().removeprefix("q=")
        try:
            weighted.append((-float(quality) if quality else -1.0, tag.lower()))
        except ValueError:
            continue
    for _, tag in sorted(weighted, key=lambda entry: entry[0]):
        if tag.startswith("zh"):
            return "zh-CN"
        if tag.startswith("en"):
            return "en"
    return "en"
