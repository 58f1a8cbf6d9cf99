"""What there is to run: every service's settings model and builder, found by its name."""

import dataclasses
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from sixfold.api.subjects import CENTRES
from sixfold.chassis.config import ConfigError, Loaded, load
from sixfold.chassis.lifecycle import Component
from sixfold.local.errors import LocalError

# The order of starting: credit makes the flow streams that others read; the doors come after what they ask.
SERVICES: Final = ("credit", *(centre for centre in CENTRES if centre != "credit"), "incubator", "console")
CONFIGURABLE: Final = (*SERVICES, "agent")


def require_known(service: str, known: tuple[str, ...]) -> None:
    if service not in known:
        raise LocalError(f"There is no service named {service!r}; choose one of {', '.join(known)}.")


def settings_model(service: str) -> type[Any]:
    """`sixfold.<service>.config.<Service>Settings`."""
    return getattr(import_module(f"sixfold.{service}.config"), f"{service.title()}Settings")


def load_settings(service: str, file: Path | None, *, alone: bool) -> Loaded[Any]:
    """Settings of one service. Alone its variables are SIXFOLD_…; beside others SIXFOLD_<SERVICE>_…."""
    prefix = "SIXFOLD_" if alone else f"SIXFOLD_{service.upper()}_"
    try:
        return load(settings_model(service), file=file, environment_prefix=prefix)
    except ConfigError as error:
        raise LocalError(f"The settings of {service} cannot be used:\n{error}") from error


def build(service: str, settings: Any, available: dict[str, Any]) -> Component:
    """The service, inert; it gets of `available` what its Dependencies name."""
    module = import_module(f"sixfold.{service}.service")
    wanted = {field.name for field in dataclasses.fields(module.Dependencies)}
    dependencies = module.Dependencies(**{name: one for name, one in available.items() if name in wanted})
    return module.build(settings, dependencies)
