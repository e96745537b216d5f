"""WADO-URI: one instance by query parameters (PS3.18 Section 9)."""

from collections.abc import Mapping

from sagittal.dicom.web.accept import MediaRange
from sagittal.dicom.web.content_type import parse_content_type, split_list
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, Request
from sagittal.dicomweb.objects import DICOM, retrieve_one
from sagittal.dicomweb.problems import NotAcceptable
from sagittal.errors import Invalid

_UIDS = ("studyUID", "seriesUID", "objectUID")


async def retrieve(context: Context, request: Request, _names: tuple[str, ...]) -> Answer:
    """`GET /wado?requestType=WADO&studyUID=...&seriesUID=...&objectUID=...&contentType=application/dicom`."""
    said = {name: value for name, value in request.parameters() if value}
    if said.get("requestType") != "WADO":
        raise Invalid("requestType is to be WADO")
    missing = [name for name in _UIDS if name not in said]
    if missing:
        raise Invalid(f"a WADO request names {', '.join(_UIDS)}; there is no {missing[0]}")
    if not _takes_dicom(said):
        raise NotAcceptable(f"contentType is to be {DICOM}; instances are given as they are")
    wanted = {"transfer-syntax": said["transferSyntax"]} if "transferSyntax" in said else {}
    ranges = (MediaRange(DICOM, 1.0, wanted), *([MediaRange(DICOM, 0.5, {})] if wanted else []))
    return await retrieve_one(context, request, tuple(said[name] for name in _UIDS), ranges)


def _takes_dicom(said: Mapping[str, str]) -> bool:
    """Whether application/dicom is among the types asked for; the standard's default is an image."""
    members = split_list(said.get("contentType", ""))
    return any(parse_content_type(member).essence in (DICOM, "application/*", "*/*") for member in members)
