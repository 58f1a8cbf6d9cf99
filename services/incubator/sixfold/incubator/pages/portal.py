"""The portal: what the open API is, how to call it, and its reference, in English and Chinese; no scripts."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sixfold.chassis.language import LANGUAGES, language_of
from sixfold.incubator.adapters.contract import Contract, source

_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


def texts(language: str) -> dict[str, str]:
    return tomllib.loads(
        files("sixfold.incubator").joinpath(f"locale/{language}.toml").read_text(encoding="utf-8")
    )


def _resolve(document: Mapping[str, Any], node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        target: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def _type(schema: Mapping[str, Any]) -> str:
    bounds = [
        f"{word} {schema[key]}"
        for key, word in (("minimum", "≥"), ("maximum", "≤"), ("default", "="))
        if key in schema
    ]
    choices = " | ".join(schema.get("enum", ()))
    return " ".join([schema.get("format") or schema.get("type", ""), *bounds, choices]).strip()


def reference(contract: Contract) -> list[dict[str, Any]]:
    """Every operation with its parameters, body fields and answers, read from the contract."""
    document = contract.document
    operations = []
    for operation in contract.operations():
        parameters = [_resolve(document, one) for one in operation.document.get("parameters", ())]
        body = operation.document.get("requestBody", {}).get("content", {}).get("application/json", {})
        schema = _resolve(document, body.get("schema", {}))
        operations.append(
            {
                "id": operation.operation_id,
                "method": operation.method.upper(),
                "path": operation.path,
                "summary": operation.document["summary"],
                "description": operation.document["description"],
                "needs_key": operation.needs_key,
                "parameters": [
                    (
                        one["name"],
                        one["in"],
                        _type(_resolve(document, one["schema"])),
                        one.get("required", False),
                        one["description"],
                    )
                    for one in parameters
                ]
                + [
                    (
                        name,
                        "body",
                        _type(_resolve(document, field)),
                        name in schema.get("required", ()),
                        _resolve(document, field).get("description", ""),
                    )
                    for name, field in schema.get("properties", {}).items()
                ],
                "answers": [
                    (status, _resolve(document, answer)["description"])
                    for status, answer in operation.document["responses"].items()
                ],
            }
        )
    return operations


def routes(contract: Contract) -> list[Route | Mount]:
    templates = Environment(
        loader=PackageLoader("sixfold.incubator"), autoescape=True, undefined=StrictUndefined
    )
    catalogues = {language: texts(language) for language in LANGUAGES}
    operations = reference(contract)
    contract_text = source()
    title = yaml.safe_load(contract_text)["info"]

    def page(name: str) -> Any:
        async def show(request: Request) -> Response:
            language = language_of(request)
            text = templates.get_template(f"{name}.html").render(
                t=catalogues[language],
                language=language,
                page=name,
                operations=operations,
                version=title["version"],
                root=f"{request.url.scheme}://{request.url.netloc}",
            )
            return Response(text, 200, {**_HEADERS, "content-language": language}, "text/html")

        return show

    async def contract_file(request: Request) -> Response:
        return Response(contract_text, 200, {"x-content-type-options": "nosniff"}, "application/yaml")

    return [
        Route("/", page("portal")),
        Route("/docs", page("reference")),
        Route("/openapi.yaml", contract_file),
        Mount("/static", StaticFiles(packages=[("sixfold.incubator", "static")])),
    ]
