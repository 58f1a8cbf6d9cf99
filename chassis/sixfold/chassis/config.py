"""Settings: file < environment < flag, each value with its origin.

    loaded = load(SecuritySettings, file=Path("settings.toml"), flags={"rpc.port": 50051})
    loaded.settings            # a validated, frozen model
    loaded.origins["rpc.port"] # "flag"

An environment variable is the prefix and the dotted name in capitals, parts joined by two underscores:
`SIXFOLD_RPC__PORT`. One that names no setting is an error, like an unknown key in the file.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError
from pydantic_settings.sources.utils import parse_env_vars

DEFAULT_PREFIX = "SIXFOLD_"


class Settings(BaseModel):
    """Base of every settings model: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ConfigError(ValueError):
    """Settings that cannot be used; the message names each wrong value, where it came from and what is allowed."""


T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    settings: T
    origins: Mapping[str, str]


def load(
    model: type[T],
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    environment_prefix: str = DEFAULT_PREFIX,
    flags: Mapping[str, Any] | None = None,
) -> Loaded[T]:
    """Read, merge and validate. Raises ConfigError."""
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    known = set(names(model))
    for name, value in _flatten(model, _read(file)):
        _put(merged, name, value)
        origins[name] = f"file {file}"
    for name, value, variable in _from_environment(
        model, os.environ if environment is None else environment, environment_prefix, known
    ):
        _put(merged, name, value)
        origins[name] = f"environment {variable}"
    for name, value in (flags or {}).items():
        _check_name(name, known, "flag")
        _put(merged, name, _parsed(value) if isinstance(value, str) else value)
        origins[name] = "flag"
    try:
        settings = model.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(_explain(error, origins, known)) from error
    return Loaded(settings, {name: origins.get(name, "default") for name in names(model)} | origins)


def names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every dotted setting name of `model`, in order."""
    for key, field in model.model_fields.items():
        nested = _nested(field.annotation)
        if nested is not None:
            yield from names(nested, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def rows(loaded: Loaded[Any]) -> list[tuple[str, str, str]]:
    """(setting, value, origin) of every setting, secrets covered."""
    return [(name, _shown(_get(loaded.settings, name)), origin) for name, origin in loaded.origins.items()]


def render(loaded: Loaded[Any]) -> str:
    """`rows` as an aligned text table."""
    table = [("setting", "value", "origin"), *rows(loaded)]
    widths = [max(len(row[column]) for row in table) for column in range(2)]
    return "\n".join(f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}" for a, b, c in table)


def _nested(annotation: Any) -> type[BaseModel] | None:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            # A list or mapping of models is one value, not a nested group.
            origin = getattr(annotation, "__origin__", None)
            return None if origin in (list, tuple, dict, set, frozenset) else candidate
    return None


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        raise ConfigError(f"cannot read settings file {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"settings file {file} is no TOML: {error}") from error


def _flatten(
    model: type[BaseModel], values: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        field = model.model_fields.get(key)
        nested = _nested(field.annotation) if field else None
        if nested is not None and isinstance(value, Mapping):
            yield from _flatten(nested, value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _from_environment(
    model: type[BaseModel], environment: Mapping[str, str], prefix: str, known: set[str]
) -> Iterator[tuple[str, Any, str]]:
    ours = {variable: text for variable, text in environment.items() if variable.startswith(prefix)}
    for variable in ours:
        # pydantic-settings passes over a variable that names nothing: a misspelt one must be told.
        _check_name(
            variable[len(prefix) :].lower().replace("__", "."), known, f"environment variable {variable}"
        )
    source = EnvSettingsSource(_sourced(model), env_prefix=prefix, env_nested_delimiter="__")
    source.env_vars = parse_env_vars(ours)
    try:
        read = source()
    except SettingsError as error:
        raise ConfigError(f"environment: {error}") from error
    for name, value in _flatten(model, read):
        yield name, value, prefix + name.upper().replace(".", "__")


def _sourced(model: type[BaseModel]) -> type[BaseSettings]:
    """The model as pydantic-settings' sources want it."""
    bases = (model, BaseSettings)
    return type(model.__name__, bases, {"__module__": model.__module__})  # pyright: ignore[reportGeneralTypeIssues]


def _check_name(name: str, known: set[str], source: str) -> None:
    if name not in known and not any(name.startswith(f"{other}.") for other in known):
        near = difflib.get_close_matches(name, known, 1, 0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"{source} names no setting: {name!r}{hint}")


def _parsed(text: str) -> Any:
    """A list, number or object where the text is JSON of one; else the text (pydantic coerces the rest)."""
    if text[:1] in "[{":
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    return text


def _put(target: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.split(".")
    for part in path:
        target = target.setdefault(part, {})
        if not isinstance(target, dict):
            raise ConfigError(f"{name}: {part} is a value, not a group")
    target[last] = value


def _get(settings: BaseModel, name: str) -> Any:
    value: Any = settings
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)
    return value


def _shown(value: Any) -> str:
    return "********" if isinstance(value, SecretStr) else str(value)


def _explain(error: ValidationError, origins: Mapping[str, str], known: set[str]) -> str:
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        near = difflib.get_close_matches(name, known, 1, 0.5) if problem["type"] == "extra_forbidden" else []
        hint = f"; did you mean {near[0]!r}?" if near else ""
        where = origins.get(name, "default")
        lines.append(f"{name} ({where}): {problem['msg']}{hint}")
    return "\n".join(lines)
