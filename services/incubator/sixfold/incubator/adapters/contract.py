"""The contract (openapi.yaml), and requests held to it by openapi-core."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import yaml
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError


@dataclass(frozen=True)
class Operation:
    """One operation of the contract; `path` is as a router wants it, with the server's prefix."""

    operation_id: str
    method: str
    path: str
    needs_key: bool
    document: Mapping[str, Any]


@dataclass(frozen=True)
class Incoming:
    """A request as openapi-core reads it."""

    path: str
    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content_type: str
    body: bytes | None
    host_url: str = "http://local"

    @property
    def full_url_pattern(self) -> str:
        return self.host_url + self.path

    @property
    def parameters(self) -> RequestParameters:
        return RequestParameters(query=self.query, header=self.headers, cookie={})


@dataclass(frozen=True)
class Checked:
    """Typed parameters and body; or what is wrong with them, one sentence each."""

    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    faults: tuple[str, ...] = ()


def source() -> str:
    return files("sixfold.incubator").joinpath("openapi.yaml").read_text(encoding="utf-8")


def _sentence(error: OpenAPIError) -> str:
    """The error, with the place and the broken rule where a schema was violated."""
    parts = []
    for rule in getattr(error.__cause__, "schema_errors", ()):
        place = ".".join(map(str, rule.path))
        parts.append(f"{place}: {rule.message}" if place else rule.message)
    name = getattr(error, "name", "body")
    detail = "; ".join(parts) or str(error.__cause__ or error)
    return f"{name}: {detail}"[:400]


class Contract:
    """Reads the shipped document once."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = yaml.safe_load(source())
        self.prefix = "/v1"
        # the shipped document names the server by a variable; here it is whatever host was asked
        self.openapi = OpenAPI.from_dict({**self.document, "servers": [{"url": self.prefix}]})

    def operations(self) -> Iterator[Operation]:
        for path, methods in self.document["paths"].items():
            for method, document in methods.items():
                yield Operation(
                    document["operationId"],
                    method,
                    self.prefix + path,
                    bool(document.get("security")),
                    document,
                )

    def check(self, request: Incoming) -> Checked:
        try:
            result = self.openapi.unmarshal_request(request)  # pyright: ignore[reportArgumentType] - read only
        except RecursionError:
            return Checked(faults=("body: nested too deep.",))
        if result.errors:
            return Checked(faults=tuple(_sentence(error) for error in result.errors))
        return Checked(result.parameters.query, result.parameters.header, result.body)
