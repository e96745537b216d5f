"""`/api/uploads` in the description of the API: its routes are no handlers with types, as bodies stream."""

from collections.abc import Mapping
from typing import Any, Final

from sagittal.api.description_texts import TAGS

Members = dict[str, Any]  # Any: members of a JSON object

_TAG: Final = TAGS["uploads"][0]
_ID: Final = "5f0c6a3d9b1e47c2"
_LISTED: Final[Members] = {
    "type": "object",
    "required": ["id", "name", "state", "offset", "length", "report"],
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string", "description": "as the client called it"},
        "state": {"type": "string", "description": "how far it is"},
        "offset": {"type": "integer", "description": "bytes that are kept"},
        "length": {"type": ["integer", "null"], "description": "bytes in all; null while nobody has said"},
        "report": {"type": "string", "description": "address of its report"},
    },
}
_EXAMPLE: Final[Members] = {
    "id": _ID,
    "name": "cd.zip",
    "state": "open",
    "offset": 0,
    "length": 1048576,
    "report": f"/api/uploads/{_ID}/report",
}
_UPLOAD: Final[Members] = {
    "name": "upload",
    "in": "path",
    "required": True,
    "description": "`id` of the upload",
    "schema": {"type": "string", "maxLength": 64},
    "example": _ID,
}


def _header(name: str, text: str, **schema: object) -> Members:
    return {"name": name, "in": "header", "required": False, "description": text, "schema": schema}


_LENGTH: Final = _header("Upload-Length", "bytes of the whole upload", type="integer", minimum=0)
_DEFER: Final = _header("Upload-Defer-Length", "1: the length is said later (tus)", type="string")
_TUS: Final = _header("Tus-Resumable", "the version of tus that is spoken: 1.0.0", type="string")
_COMPLETE: Final = _header("Upload-Complete", "?1 with the last piece, else ?0 (IETF draft)", type="string")
_OFFSET: Final = _header("Upload-Offset", "where this piece begins", type="integer", minimum=0)
_METADATA: Final = _header(
    "Upload-Metadata", "names and values in base64 (tus), 8,192 characters at most", type="string"
)


def _faults(*statuses: int) -> Members:
    every = sorted({400, 401, 403, 429, 500, 503, *statuses})
    told: Members = {str(status): {"$ref": f"#/components/responses/{status}"} for status in every}
    return told | {"412": {"description": "another version of tus; `Tus-Version` says which is spoken"}}


def _json(schema: Members, example: object, text: str) -> Members:
    return {"description": text, "content": {"application/json": {"schema": schema, "example": example}}}


def _operation(name: str, summary: str, text: str, responses: Members, **more: object) -> Members:
    return {
        "operationId": name,
        "tags": [_TAG],
        "summary": summary,
        "description": f"{text}\n\nTakes `store` at your facility.",
        "responses": responses,
        **more,
    }


_BYTES: Final[Members] = {"required": False, "content": {"application/octet-stream": {}}}
_PIECE: Final[Members] = {
    "required": True,
    "content": {"application/offset+octet-stream": {}, "application/partial-upload": {}},
}
_REPORT: Final[Members] = {"type": "object", "description": "what became of each file, as far as that is"}

UPLOADS: Final[Mapping[str, Members]] = {
    "/api/uploads": {
        "get": _operation(
            "get_uploads",
            "Lists your uploads",
            "Nobody sees those of another.",
            {
                "200": _json(
                    {
                        "type": "object",
                        "required": ["owner", "uploads"],
                        "properties": {
                            "owner": {"type": "string", "description": "whose they are"},
                            "uploads": {"type": "array", "items": _LISTED},
                        },
                    },
                    {"owner": "a1", "uploads": [_EXAMPLE]},
                    "the answer",
                ),
                **_faults(),
            },
        ),
        "post": _operation(
            "post_uploads",
            "Begins an upload, perhaps with all of it",
            "By tus 1.0.0, by draft-ietf-httpbis-resumable-upload, or with an ordinary body. A file of DICOM Part 10, "
            "or a ZIP of such files; `docs/upload.md` says what is taken.",
            {
                "201": {
                    "description": "it is begun; `Location` is its address",
                    "headers": {"Location": {"schema": {"type": "string"}, "description": "where the pieces go"}},
                },
                **_faults(404, 409, 413, 460),
            },
            parameters=[_TUS, _LENGTH, _DEFER, _COMPLETE, _METADATA],
            requestBody=_BYTES,
        ),
    },
    "/api/uploads/{upload}": {
        "parameters": [_UPLOAD],
        "get": _operation(
            "get_uploads_upload",
            "Tells of an upload",
            "How far it is and, once it is whole, what became of each file.",
            {"200": _json(_REPORT, {"state": "done", "stored": 120}, "the answer"), **_faults(404)},
        ),
        "head": _operation(
            "head_uploads_upload",
            "Says where an upload stands",
            "`Upload-Offset` is where the next piece begins.",
            {
                "204": {
                    "description": "the header fields say it",
                    "headers": {"Upload-Offset": {"schema": {"type": "integer"}, "description": "bytes that are kept"}},
                },
                **_faults(404),
            },
        ),
        "patch": _operation(
            "patch_uploads_upload",
            "Sends the next piece of an upload",
            "At the offset that is told: another is refused, and the answer says which one it is.",
            {
                "200": _json(_LISTED, _EXAMPLE, "it was the last piece (IETF draft)"),
                "204": {"description": "it is kept"},
                **_faults(404, 409, 413, 415, 460),
            },
            parameters=[_TUS, _OFFSET, _COMPLETE, _LENGTH],
            requestBody=_PIECE,
        ),
        "delete": _operation(
            "delete_uploads_upload",
            "Gives an upload up",
            "What was sent is forgotten.",
            {"204": {"description": "done"}, **_faults(404, 409)},
        ),
    },
    "/api/uploads/{upload}/report": {
        "parameters": [_UPLOAD],
        "get": _operation(
            "get_uploads_upload_report",
            "Says what became of an upload",
            "How many instances were stored, were here already, were kept aside; and what was refused, and why.",
            {"200": _json(_REPORT, {"state": "done", "stored": 120}, "the answer"), **_faults(404)},
        ),
    },
}
"""Paths of the description."""
