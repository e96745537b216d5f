"""The page at `/api/docs`: what the API can be asked, made of its description (OpenAPI 3.1) on the server."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from litestar import Response, Router, get

from sagittal.web.pages import AnyRequest, page
from sagittal.web.site import PROBLEMS

PATH: Final = "/api/docs"
DOCUMENT: Final = "/api/openapi.json"
_METHODS: Final = ("get", "head", "post", "put", "patch", "delete")

Members = Mapping[str, Any]  # Any: members of a JSON object


class Field(NamedTuple):
    """A parameter, or a member of a body, `depth` members down."""

    depth: int
    name: str
    kind: str
    is_needed: bool
    text: str


class Answer(NamedTuple):
    """A status and what it means."""

    status: str
    text: str


class Operation(NamedTuple):
    """What can be asked of a resource.

    Attributes:
        asked, given: examples of the bodies.
    """

    id: str
    method: str
    path: str
    summary: str
    paragraphs: list[str]
    parameters: list[Field]
    body: list[Field]
    answer: list[Field]
    asked: str
    given: str
    answers: list[Answer]


class Group(NamedTuple):
    """Operations that belong together."""

    id: str
    name: str
    text: str
    operations: list[Operation]


def api_page(document: Callable[[], Members]) -> Router:
    """The route of the page; the description is asked for with the first visit."""
    made: list[tuple[Members, list[Group]]] = []

    def described() -> tuple[Members, list[Group]]:
        if not made:
            there = document()
            made.append((there["info"], list(groups_of(there))))
        return made[0]

    @get("/")
    async def show(request: AnyRequest) -> Response[str]:
        """The page."""
        info, groups = await asyncio.to_thread(described)
        about = info["description"].split("\n\n")
        return page(request, "api.html", groups=groups, about=about, version=info["version"], document=DOCUMENT)

    return Router(path=PATH, route_handlers=[show], exception_handlers=PROBLEMS)


def groups_of(document: Members) -> Iterator[Group]:
    """The operations of a description by their groups, in the order in which it names those."""
    every = [(tag, one) for tag, one in _operations(document)]
    for tag in document["tags"]:
        there = [one for name, one in every if name == tag["name"]]
        if there:
            yield Group(tag["name"].lower().replace(" ", "-"), tag["name"], tag["description"], there)


def _operations(document: Members) -> Iterator[tuple[str, Operation]]:
    components = document["components"]
    for path, there in document["paths"].items():
        for method in _METHODS:
            if method in there:
                said = there[method]
                parameters = [*there.get("parameters", ()), *said.get("parameters", ())]
                yield said["tags"][0], _operation(path, method, said, parameters, components)


def _operation(path: str, method: str, said: Members, parameters: list[Members], components: Members) -> Operation:
    schemas, faults = components["schemas"], components["responses"]
    body, asked = _content(said.get("requestBody", {}))
    good = next(answer for status, answer in said["responses"].items() if status < "300")
    answer, given = _content(good)
    return Operation(
        said["operationId"],
        method.upper(),
        path,
        said["summary"],
        said["description"].split("\n\n"),
        [_field(0, one["name"], one["schema"], one) for one in parameters],
        list(_members(body, schemas, 0)),
        list(_members(answer, schemas, 0)),
        asked,
        given,
        [Answer(status, faults.get(status, one).get("description", "")) for status, one in said["responses"].items()],
    )


def _content(there: Members) -> tuple[Members, str]:
    """The schema of a body, and an example of it."""
    for said in there.get("content", {}).values():
        example = msgspec.json.format(msgspec.json.encode(said["example"])).decode() if "example" in said else ""
        return said.get("schema", {}), example
    return {}, ""


def _field(depth: int, name: str, schema: Members, said: Members) -> Field:
    return Field(depth, name, _kind(schema), bool(said.get("required")), said.get("description", ""))


_DEEPEST: Final = 4


def _members(schema: Members, schemas: Members, depth: int) -> Iterator[Field]:
    """The members of what a schema describes, each with those below it."""
    schema = _resolved(schema, schemas)
    if depth > _DEEPEST:
        return
    for name, member in schema.get("properties", {}).items():
        there = {"required": name in schema.get("required", ()), "description": member.get("description", "")}
        yield _field(depth, name, member, there)
        yield from _members(member, schemas, depth + 1)


def _resolved(schema: Members, schemas: Members) -> Members:
    """The object that a schema names, that its items are, or that it may be."""
    for inner in (schema.get("items"), *schema.get("anyOf", ())):
        if isinstance(inner, dict) and ("$ref" in inner or "items" in inner):
            return _resolved(inner, schemas)
    if "$ref" in schema:
        found: Members = schemas[schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _kind(schema: Members) -> str:
    """What a schema takes, in a few words."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(str(one) or '""' for one in schema["enum"])
    if "$ref" in schema:
        return "object"
    kind = schema.get("type", "")
    if kind == "array":
        return f"list of {_kind(schema.get('items') or {}) or 'values'}"
    if isinstance(kind, list):
        return " or ".join(kind)
    return " ".join(filter(None, (kind, schema.get("format", ""), _bounds(schema))))


def _bounds(schema: Members) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None and high < 2**53:
        return f"{low} to {high}"
    if (longest := schema.get("maxLength")) is not None:
        least = schema.get("minLength", 0)
        return f"of {least} to {longest} characters" if least else f"up to {longest} characters"
    return ""
