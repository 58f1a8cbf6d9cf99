"""The contract itself: valid OpenAPI 3.0.3, CAMARA's rules that matter here, equal content in both languages."""

from openapi_spec_validator import validate

from sixfold.incubator.adapters.contract import Contract
from sixfold.incubator.domain.keys import SCOPES
from sixfold.incubator.handlers import HANDLERS, SCOPE_OF
from sixfold.incubator.pages.portal import reference, texts


def test_it_is_valid_openapi() -> None:
    contract = Contract()
    assert contract.document["openapi"] == "3.0.3"
    validate(contract.document)
    assert contract.document["info"]["license"]["name"] == "Apache 2.0"
    assert "contact" not in contract.document["info"]


def test_every_operation_has_what_the_rules_ask() -> None:
    operations = list(Contract().operations())
    assert {operation.operation_id for operation in operations} == set(HANDLERS)
    for operation in operations:
        document = operation.document
        assert document["summary"]
        assert document["description"]
        assert len(document["tags"]) == 1
        assert "403" in document["responses"]
        if operation.needs_key:
            assert {"401", "429"} <= document["responses"].keys()
            assert SCOPE_OF[operation.operation_id] in SCOPES
        names = [parameter.get("$ref", "") for parameter in document["parameters"]]
        assert "#/components/parameters/x-correlator" in names


def test_every_property_is_described() -> None:
    for name, schema in Contract().document["components"]["schemas"].items():
        assert "description" in schema, name
        for field, property_ in schema.get("properties", {}).items():
            assert "$ref" in property_ or property_["description"], f"{name}.{field}"


def test_the_portal_says_the_same_in_both_languages() -> None:
    english, chinese = texts("en"), texts("zh-CN")
    assert english.keys() == chinese.keys()
    assert {f"summary_{one['id']}" for one in reference(Contract())} <= english.keys()
