"""The description of the API is of all of it, says what each operation is, and its examples are what it says."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import jsonschema_rs

from sagittal.api.description import operations
from sagittal.api.door import Api

if TYPE_CHECKING:
    from .conftest import Whole

OF_THE_PAGE = {("GET", "/api/docs")}
"""Shown to people, and no part of what it describes."""

Members: TypeAlias = dict[str, Any]  # Any: members of a JSON object


def _described(document: Members) -> Iterator[tuple[str, str, Members]]:
    for path, there in document["paths"].items():
        for method, said in there.items():
            if method != "parameters":
                yield method.upper(), path, said


def test_every_route_is_described_and_nothing_else(whole: "Whole") -> None:
    served = {(method, _address(path)) for method, path in whole.routes() if path.startswith("/api/")}
    described = {(method, path) for method, path, _ in _described(whole.api.description.document())}
    by_hand = {(method, path) for method, path in described if path.startswith("/api/uploads")}

    assert served - OF_THE_PAGE == described - by_hand
    assert len(by_hand) == 7


def _address(path: str) -> str:
    return re.sub(r":\w+}", "}", path)


def test_every_operation_says_what_it_is_takes_and_answers(whole: "Whole") -> None:
    document = whole.api.description.document()
    groups = {one["name"] for one in document["tags"]}
    names = set()
    for method, path, said in _described(document):
        where = f"{method} {path}"
        assert said["summary"], where
        assert said["description"], where
        assert set(said["tags"]) <= groups, where
        assert said.get("security", document["security"]), where
        assert {"400", "401", "403", "500"} <= set(said["responses"]), where
        assert any(status < "300" for status in said["responses"]), where
        assert all(one["description"] for one in said.get("parameters", ())), where
        names.add(said["operationId"])
    assert len(names) == len(list(_described(document)))


def test_every_body_has_an_example_that_is_what_is_described(whole: "Whole") -> None:
    document = whole.api.description.document()
    contents = [found for _, path, said in _described(document) for found in _contents(path, said)]

    assert len(contents) > 80
    for where, content in contents:
        schema = {**content["schema"], "components": document["components"]}
        faults = [str(one) for one in jsonschema_rs.Draft202012Validator(schema).iter_errors(content["example"])]
        assert faults == [], where


def _contents(path: str, said: Members) -> Iterator[tuple[str, Members]]:
    for there in (said.get("requestBody", {}), *said["responses"].values()):
        content = there.get("content", {}).get("application/json")
        if content and path != "/api/openapi.json":
            yield f"{said['operationId']}: {content['example']}", content


def test_what_is_described_is_what_the_handlers_take(whole: "Whole") -> None:
    described = whole.api.description.document()["paths"]
    for one in operations(whole.api.router):
        said = described[_address(one.path)][one.method.lower()]
        assert {parameter["name"] for parameter in said.get("parameters", ())} == set(one.parameters)
        assert ("requestBody" in said) is (one.takes is not None)


def test_members_say_what_their_docstrings_say(whole: "Whole") -> None:
    schemas = whole.api.description.document()["components"]["schemas"]
    assert schemas["StudyShown"]["description"] == 'A study; what is not known is `""`.'
    assert schemas["StudyShown"]["properties"]["study"]["description"].startswith("Study Instance UID")
    assert schemas["NewAccountBody"]["additionalProperties"] is False


def test_limits_of_parameters_are_described(whole: "Whole") -> None:
    paths = whole.api.description.document()["paths"]
    (limit,) = (one for one in paths["/api/accounts"]["get"]["parameters"] if one["name"] == "limit")
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 500, "default": 100}
    (before,) = (one for one in paths["/api/rejections"]["get"]["parameters"] if one["name"] == "before")
    assert before["schema"] == {"type": "integer", "minimum": 1, "maximum": 2**53}


def test_every_parameter_has_a_cap(whole: "Whole") -> None:
    for method, path, said in _described(whole.api.description.document()):
        for one in said.get("parameters", ()):
            bounds = {"integer": ("maximum",), "string": ("maxLength", "enum")}.get(
                one["schema"].get("type"), ("enum",)
            )
            is_bounded = any(bound in one["schema"] for bound in bounds) or one["in"] == "header"
            assert is_bounded, f"{method} {path}: {one['name']}"


def test_every_length_from_outside_has_a_cap(whole: "Whole") -> None:
    document = whole.api.description.document()
    asked = {said["requestBody"]["content"]["application/json"]["schema"]["$ref"] for said in _with_bodies(document)}
    seen: set[str] = set()
    while asked:
        name = asked.pop().rpartition("/")[2]
        if name not in seen:
            seen.add(name)
            for member, schema in document["components"]["schemas"][name]["properties"].items():
                _check_capped(f"{name}.{member}", schema, asked)


def _with_bodies(document: Members) -> Iterator[Members]:
    for _, _, said in _described(document):
        if "application/json" in said.get("requestBody", {}).get("content", {}):
            yield said


def _check_capped(where: str, schema: Members, asked: set[str]) -> None:
    if "$ref" in schema:
        asked.add(schema["$ref"])
    for one in schema.get("anyOf", ()):
        _check_capped(where, one, asked)
    if schema.get("type") == "array" and "prefixItems" not in schema:
        assert "maxItems" in schema, where
        _check_capped(where, schema["items"], asked)
    if schema.get("type") == "string":
        is_bounded = "maxLength" in schema or "pattern" in schema or "enum" in schema or "format" in schema
        assert is_bounded, where


def test_the_document_is_made_once(whole: "Whole") -> None:
    api: Api = whole.api
    assert api.description.text() is api.description.text()
