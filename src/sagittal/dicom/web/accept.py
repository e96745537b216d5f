"""Which media type to answer with (PS3.18 Sections 8.3.3.1, 8.7.4, 8.7.5 and 8.7.8; RFC 9110 Section 12.5.1).

`Accept` names *media ranges*, each with a quality; the caller of `negotiate` names *offers*, in its own order of
preference. A multipart range says in its `type` parameter what the parts shall be, and in `transfer-syntax` how they
shall be encoded; where that is missing or `*` the instance may stay as it is stored.

Departs from PS3.18 Section 8.7.3.5.2: without the parameter `transfer-syntax` the standard's default is Explicit VR
Little Endian; here it is the Transfer Syntax as stored, which is what viewers that leave it out are able to read and
what other archives answer.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from sagittal.dicom.web.content_type import MediaType, parse_content_type, split_list
from sagittal.errors import Invalid

MAX_RANGES = 64
ANY = "*"


class MediaRange(msgspec.Struct, frozen=True):
    """One member of `Accept`.

    Attributes:
        essence: `type/subtype` in lower case, `type/*` or `*/*`.
        quality: 0.0 to 1.0; 0.0 means "not this".
        parameters: without `q`; names in lower case.
    """

    essence: str
    quality: float
    parameters: Mapping[str, str]

    @property
    def related_type(self) -> str:
        """What the parts of a multipart answer shall be; "" if any."""
        return self.parameters.get("type", "")

    @property
    def transfer_syntax(self) -> str:
        """A Transfer Syntax UID, or `*` for any, also when nothing is said."""
        return self.parameters.get("transfer-syntax", "") or ANY


class Offer(msgspec.Struct, frozen=True):
    """A representation that can be given.

    Attributes:
        essence: media type of the answer.
        related_type: media type of its parts when `essence` is multipart/related, else "".
        transfer_syntax: UID, or "" for what has none (JSON) or is whatever was stored.
    """

    essence: str
    related_type: str = ""
    transfer_syntax: str = ""


class Choice(NamedTuple):
    """The best offer and how much it was wanted."""

    offer: Offer
    quality: float


EVERYTHING = (MediaRange("*/*", 1.0, {}),)


def parse_accept(header_values: Iterable[str], query_values: Iterable[str] = ()) -> tuple[MediaRange, ...]:
    """The ranges of all `Accept` fields, or of the `accept` query parameters where there are any.

    Nothing at all means everything. `query_values` are percent-decoded already.

    >>> [(r.essence, r.quality) for r in parse_accept(["application/dicom+json;q=0.5, */*;q=0.1"])]
    [('application/dicom+json', 0.5), ('*/*', 0.1)]

    Raises:
        Invalid: a member is no media range, or there are too many.
    """
    ranges: list[MediaRange] = []
    for text in list(query_values) or header_values:
        for member in split_list(text):
            if len(ranges) == MAX_RANGES:
                raise Invalid(f"Accept names at most {MAX_RANGES} media types; got more")
            ranges.append(_range(parse_content_type(member)))
    return tuple(ranges) or EVERYTHING


def _range(media_type: MediaType) -> MediaRange:
    parameters = dict(media_type.parameters)
    text = parameters.pop("q", "1")
    try:
        quality = float(text)
    except ValueError:
        quality = -1.0
    if not 0.0 <= quality <= 1.0:
        raise Invalid("a quality value in Accept is a number from 0 to 1; got something else")
    return MediaRange(media_type.essence, quality, parameters)


def negotiate(ranges: Iterable[MediaRange], offers: Iterable[Offer]) -> Choice | None:
    """The offer wanted most; of equals the one offered first. None if none is acceptable.

    >>> json, xml = Offer("application/dicom+json"), Offer("multipart/related", "application/dicom+xml")
    >>> negotiate(parse_accept(["application/json"]), [json, xml]) is None
    True
    """
    ranges = tuple(ranges)
    best: Choice | None = None
    for offer in offers:
        quality = quality_of(ranges, offer)
        if quality > 0.0 and (best is None or quality > best.quality):
            best = Choice(offer, quality)
    return best


def quality_of(ranges: Iterable[MediaRange], offer: Offer) -> float:
    """How much an offer is wanted: the quality of the most specific range that it fits; 0.0 if it fits none."""
    fitting = [(_precision(media_range), media_range.quality) for media_range in ranges if _fits(media_range, offer)]
    if not fitting:
        return 0.0
    most_precise = max(precision for precision, _ in fitting)
    return max(quality for precision, quality in fitting if precision == most_precise)


def _precision(media_range: MediaRange) -> tuple[int, int, int]:
    essence_stars = media_range.essence.count("*")
    return 2 - essence_stars, int(media_range.related_type not in ("", "*/*")), int(media_range.transfer_syntax != ANY)


def _fits(media_range: MediaRange, offer: Offer) -> bool:
    if not _covers(media_range.essence, offer.essence):
        return False
    if media_range.related_type and not _covers(media_range.related_type, offer.related_type or offer.essence):
        return False
    wanted = media_range.transfer_syntax
    return wanted == ANY or not offer.transfer_syntax or wanted == offer.transfer_syntax


def _covers(pattern: str, essence: str) -> bool:
    if pattern in (essence, "*/*"):
        return True
    return pattern.endswith("/*") and essence.startswith(pattern[:-1])
