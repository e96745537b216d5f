"""WADO-URI: one instance, or a picture of it, by query parameters (PS3.18 Section 9).

The parameters are those of the resource of WADO-RS in other words: they are put into those, and its handler answers.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

from sagittal.dicom.web.accept import MediaRange, Offer, parse_accept, quality_of
from sagittal.dicomweb import rendered
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, Request
from sagittal.dicomweb.objects import DICOM, retrieve_one
from sagittal.dicomweb.problems import NotAcceptable
from sagittal.dicomweb.video import or_video
from sagittal.errors import Invalid, Unsupported
from sagittal.imaging.render.recipe import JPEG, MEDIA_TYPES
from sagittal.retrieve.video import MP4, MPEG

_UIDS = ("studyUID", "seriesUID", "objectUID")
_LARGEST = "8192"  # the side that is not given: the other one decides, the picture keeps its shape
_PRESENTATION = ("presentationSeriesUID", "presentationUID")


_VIDEO = (MP4, MPEG)
_video = or_video(rendered.retrieve)


async def retrieve(context: Context, request: Request, _names: tuple[str, ...]) -> Answer:
    """`GET /wado?requestType=WADO&studyUID=...&seriesUID=...&objectUID=...&contentType=application/dicom`.

    Raises:
        Invalid: a parameter is missing or malformed.
        Unsupported: one asks for what is not done here, and leaving it out would show something else.
        NotAcceptable: none of the media types can be given.
    """
    said = {name: value for name, value in request.parameters() if value}
    if said.get("requestType") != "WADO":
        raise Invalid("requestType is to be WADO")
    missing = [name for name in _UIDS if name not in said]
    if missing:
        raise Invalid(f"a WADO request names {', '.join(_UIDS)}; there is no {missing[0]}")
    if said.get("anonymize", "no") != "no":
        raise Unsupported("anonymize is not done in a WADO request: an instance that only looks anonymous would leave")
    names = tuple(said[name] for name in _UIDS)
    media_type = _media_type(said)
    if media_type == DICOM:
        wanted = {"transfer-syntax": said["transferSyntax"]} if "transferSyntax" in said else {}
        ranges = (MediaRange(DICOM, 1.0, wanted), *([MediaRange(DICOM, 0.5, {})] if wanted else []))
        return await retrieve_one(context, request, names, ranges)
    picture = request.asking(urlencode(list(_rendering(said, media_type))))
    if media_type in _VIDEO:
        return await _video(context, picture, names)
    if any(name in said for name in _PRESENTATION):
        state, number = _state(said), _frame_number(said)
        return await rendered.retrieve_presented(context, picture, names, (names[0], *state), number)
    if "frameNumber" in said:
        return await rendered.retrieve_frames(context, picture, (*names, said["frameNumber"]))
    return await rendered.retrieve(context, picture, names)


def _state(said: Mapping[str, str]) -> tuple[str, ...]:
    """Series and instance of the presentation state (PS3.18 Section 9.4.1.2.1); it brings its own windows."""
    if not all(name in said for name in _PRESENTATION):
        raise Invalid(f"{' and '.join(_PRESENTATION)} come together; one is missing")
    if "windowCenter" in said or "windowWidth" in said:
        raise Invalid("windowCenter and windowWidth do not go with a presentation state, which has its own")
    return tuple(said[name] for name in _PRESENTATION)


def _frame_number(said: Mapping[str, str]) -> int | None:
    if "frameNumber" not in said:
        return None
    number = said["frameNumber"]
    if not number.isascii() or not number.isdigit() or len(number) > 9 or int(number) < 1:
        raise Invalid("frameNumber is a whole number from 1")
    return int(number)


def _media_type(said: Mapping[str, str]) -> str:
    """What is wanted most; of equals a picture, which is what the standard gives where nothing is said."""
    ranges = parse_accept([said.get("contentType", JPEG)])
    best = max((*MEDIA_TYPES, DICOM, *_VIDEO), key=lambda essence: quality_of(ranges, Offer(essence)))
    if quality_of(ranges, Offer(best)) <= 0:
        raise NotAcceptable(f"contentType is to be {DICOM} or one of {', '.join((*MEDIA_TYPES, *_VIDEO))}")
    return best


def _rendering(said: Mapping[str, str], media_type: str) -> Iterator[tuple[str, str]]:
    """The parameters of PS3.18 Section 9.4 in the words of Section 8.3.5."""
    yield "accept", media_type
    if "rows" in said or "columns" in said:
        yield "viewport", f"{said.get('columns', _LARGEST)},{said.get('rows', _LARGEST)}"
    if ("windowCenter" in said) != ("windowWidth" in said):
        raise Invalid("windowCenter and windowWidth come together; one is missing")
    if "windowCenter" in said:
        yield "window", f"{said['windowCenter']},{said['windowWidth']},linear"
    if "region" in said:
        yield "region", said["region"]
    if "imageQuality" in said:
        yield "quality", said["imageQuality"]
    if "annotation" in said:
        yield "annotation", said["annotation"]
