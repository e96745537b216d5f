"""The description of the API (OpenAPI 3.1), made of the routes themselves: their types, docstrings and `opt`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final, NamedTuple, get_args, get_origin

import msgspec
from litestar import Response, Router
from litestar.handlers import HTTPRouteHandler
from litestar.params import KwargDefinition
from litestar.response import Stream
from litestar.routes import HTTPRoute
from litestar.typing import FieldDefinition

from sagittal.api.asking import EVERYWHERE, FAULTS, GIVES, LOCATION, PERSONS, TAKES
from sagittal.api.description_of_uploads import UPLOADS
from sagittal.api.description_texts import ABOUT, SECURITY, STATUSES, TAGS
from sagittal.api.examples import example_of

_REF: Final = "#/components/schemas/{name}"
_PROBLEM: Final = "application/problem+json"
_CONSTRAINTS: Final = {
    "ge": "minimum",
    "le": "maximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
}
_ATTRIBUTES: Final = "\n\nAttributes:\n"

Members = dict[str, Any]  # Any: members of a JSON object


class Problem(msgspec.Struct, frozen=True):
    """What went wrong (RFC 9457).

    Attributes:
        title: the same for every occurrence.
        status: as the status of the answer.
        detail: what was expected, what came and where; never what identifies a patient.
    """

    title: str
    status: int
    detail: str = ""


class Operation(NamedTuple):
    """A route with one method."""

    path: str
    method: str
    handler: HTTPRouteHandler

    @property
    def gives(self) -> Any:  # Any: a type
        """The type of the answer; None for no body, or one that is no JSON."""
        said = self.handler.parsed_fn_signature.return_type.annotation
        said = get_args(said)[0] if get_origin(said) is Response else said
        return None if said in (type(None), bytes, Stream) else said

    @property
    def takes(self) -> Any:  # Any: a type
        """The type of the body; None without one."""
        body = self.handler.parsed_fn_signature.parameters.get("data")
        return None if body is None else body.annotation

    @property
    def parameters(self) -> dict[str, FieldDefinition]:
        """Of the path and of the query."""
        every = self.handler.parsed_fn_signature.parameters
        return {name: field for name, field in every.items() if name not in ("data", "request")}


class Description:
    """The document. It is made when it is first asked for: that takes a while, and many never ask."""

    def __init__(self) -> None:
        self._routers: list[Router] = []
        self._text = b""

    def of(self, router: Router) -> None:
        """Describes the routes of a router, too."""
        self._routers.append(router)

    def text(self) -> bytes:
        """The document as JSON."""
        self._text = self._text or msgspec.json.encode(self.document())
        return self._text

    def document(self) -> Members:
        """The document."""
        every = [one for router in self._routers for one in operations(router)]
        types = dict.fromkeys(said for one in every for said in (one.gives, one.takes) if said is not None)
        (*schemas, _problem), components = msgspec.json.schema_components([*types, Problem], ref_template=_REF)
        components = {name: _told(schema) for name, schema in sorted(components.items())}
        paths: dict[str, Members] = {}
        writer = _Writer(dict(zip(types, schemas, strict=True)), components)
        for one in every:
            paths.setdefault(_address(one.path), {})[one.method.lower()] = writer.operation(one)
        return {
            "openapi": "3.1.0",
            "info": {"title": "Sagittal", "version": version("sagittal"), "description": ABOUT},
            "servers": [{"url": "/"}],
            "security": [{name: []} for name in SECURITY],
            "tags": [{"name": name, "description": text} for name, text in dict(TAGS.values()).items()],
            "paths": {**paths, **UPLOADS},
            "components": {
                "securitySchemes": SECURITY,
                "schemas": components,
                "responses": {str(status): _fault(status) for status in STATUSES},
            },
        }


def operations(router: Router) -> Iterator[Operation]:
    """Every route of a router with each of its methods, but OPTIONS, which the framework answers."""
    for route in router.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in sorted(str(one) for one in handler.http_methods if str(one) != "OPTIONS"):
                    yield Operation(route.path, method, handler)


class _Writer(NamedTuple):
    """Writes operations with the schemas that are known."""

    schemas: Mapping[Any, Members]  # Any: types
    components: Mapping[str, Members]

    def operation(self, one: Operation) -> Members:
        """A route as the document has it."""
        summary, more = _said_of(one.handler)
        opt = one.handler.opt
        said: Members = {
            "operationId": _name_of(one),
            "tags": [TAGS[one.path.split("/")[2]][0]],
            "summary": summary,
            "description": "\n\n".join(filter(None, (more, _needs(opt)))),
            "parameters": [self._parameter(name, field, one.path) for name, field in one.parameters.items()],
            "responses": self._responses(one),
        }
        if one.takes is not None:
            said["requestBody"] = {"required": True, "content": {"application/json": self._content(one.takes)}}
        if opt.get(PERSONS):
            said["security"] = [{"password": []}, {"session": []}]
        return {name: member for name, member in said.items() if member != []}

    def _responses(self, one: Operation) -> Members:
        status = one.handler.status_code
        good: Members = {"description": "done" if status == 204 else "the answer"}
        if (media_type := one.handler.opt.get(GIVES)) is not None:
            good["content"] = {media_type: {}}
        elif one.gives is not None:
            good["content"] = {"application/json": self._content(one.gives)}
        elif status != 204:
            good["content"] = {"application/json": {"schema": {"type": "object"}}}
        if one.handler.opt.get(LOCATION):
            good["headers"] = {"Location": {"description": "where it is", "schema": {"type": "string"}}}
        faults = {400, 401, 403, 429, 500, 503, *one.handler.opt.get(FAULTS, ())}
        faults |= {404} if "{" in one.path else set()
        faults |= {413} if one.takes is not None else set()
        return {
            str(status): good,
            **{str(fault): {"$ref": f"#/components/responses/{fault}"} for fault in sorted(faults)},
        }

    def _content(self, kind: Any) -> Members:  # Any: a type
        schema = self.schemas[kind]
        return {"schema": schema, "example": example_of(schema, self.components)}

    def _parameter(self, name: str, field: FieldDefinition, path: str) -> Members:
        schema, text = _schema_of(field)
        is_in_path = f"{{{name}:" in path
        if field.has_default and not is_in_path and field.default is not None:
            schema["default"] = field.default
        said: Members = {"name": name, "in": "path" if is_in_path else "query", "required": is_in_path}
        said |= {"description": text or f"the {name}", "schema": schema}
        example = example_of(schema, self.components, name)
        return said | ({"example": example} if is_in_path else {})


def _schema_of(field: FieldDefinition) -> tuple[Members, str]:
    """What a parameter may be, and what it is."""
    annotation = field.annotation
    inner = [one for one in get_args(annotation) if one is not type(None)] if field.is_optional else []
    schema = dict(msgspec.json.schema(inner[0] if inner else annotation))
    text = ""
    for said in (*_metadata(field.raw), *(_metadata(inner[0]) if inner else ())):
        schema |= {word: value for name, word in _CONSTRAINTS.items() if (value := getattr(said, name)) is not None}
        text = said.description or text
    return schema, text


def _metadata(annotation: Any) -> Iterator[KwargDefinition]:  # Any: a type
    return (one for one in getattr(annotation, "__metadata__", ()) if isinstance(one, KwargDefinition))


def _told(schema: Members) -> Members:
    """A schema whose members say what the docstring says of each under `Attributes:`."""
    text, _, attributes = _undented(schema.get("description", "")).partition(_ATTRIBUTES)
    members = {name: dict(one) for name, one in schema.get("properties", {}).items()}
    for name, said in _attributes(attributes):
        if name in members:
            members[name].setdefault("description", said)
    return {**schema, **({"description": text} if text else {}), **({"properties": members} if members else {})}


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    for block in re.split(r"\n    (?=\S)", f"\n{text}"):
        names, colon, said = block.partition(": ")
        for name in names.split(", ") if colon else ():
            yield name.strip(), " ".join(said.split()).removesuffix(".")


def _said_of(handler: HTTPRouteHandler) -> tuple[str, str]:
    """The first line of a docstring, and what follows."""
    first, _, more = _undented(handler.fn.__doc__ or "").partition("\n\n")
    return " ".join(first.split()).rstrip("."), "\n\n".join(" ".join(one.split()) for one in more.split("\n\n"))


def _undented(text: str) -> str:
    lines = text.strip().split("\n")
    indent = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    return "\n".join([lines[0], *(line[indent:] for line in lines[1:])])


def _needs(opt: Mapping[str, Any]) -> str:  # Any: what a route's `opt` holds
    if opt.get(PERSONS):
        return "For people with an account who are signed in or show their password; not for tokens."
    if (action := opt.get(TAKES)) is None:
        return "For everybody who is let in."
    return f"Takes `{action}`{' at every facility' if opt.get(EVERYWHERE) else ''}."


def _fault(status: int) -> Members:
    title, text = STATUSES[status]
    example = {"title": title, "status": status}
    content = {_PROBLEM: {"schema": {"$ref": _REF.format(name="Problem")}, "example": example}}
    return {"description": text, "content": content}


def _address(path: str) -> str:
    """
    >>> _address("/api/studies/{study:str}/tags")
    '/api/studies/{study}/tags'
    """
    return re.sub(r":\w+}", "}", path)


def _name_of(one: Operation) -> str:
    words: Sequence[str] = re.findall(r"[a-z]+", _address(one.path).removeprefix("/api"))
    return "_".join((one.method.lower(), *words))
