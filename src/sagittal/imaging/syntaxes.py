"""Which Transfer Syntaxes frames are read and written in (PS3.5 Section 10, PS3.6 Table A-1)."""

from collections.abc import Mapping
from typing import NamedTuple

from sagittal.dicom.dataset.reencode import NATIVE
from sagittal.dicom.transfer_syntax import encoding_of

_J = "1.2.840.10008.1.2.4."

READ = frozenset(
    (
        *("1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1"),
        *(_J + number for number in ("50", "51", "53", "55", "57", "70", "80", "81", "90", "91", "92", "93")),
        *(_J + number for number in ("110", "111", "112", "201", "202", "203")),
    )
)
"""Encapsulated Transfer Syntaxes whose frames are decoded. Video, JPIP and hierarchical JPEG are not."""

WRITTEN: Mapping[str, str] = {
    "1.2.840.10008.1.2.1.98": "",
    f"{_J}50": "ISO_10918_1",
    f"{_J}51": "ISO_10918_1",
    f"{_J}57": "",
    f"{_J}70": "",
    f"{_J}80": "",
    f"{_J}81": "ISO_14495_1",
    f"{_J}90": "",
    f"{_J}91": "ISO_15444_1",
    f"{_J}110": "",
    f"{_J}112": "ISO_18181_1",
    f"{_J}201": "",
    f"{_J}202": "",
    f"{_J}203": "ISO_15444_15",
    "1.2.840.10008.1.2.5": "",
    "1.2.840.10008.1.2.8.1": "",
}
"""Encapsulated Transfer Syntaxes that frames are encoded in, with their Lossy Image Compression Method (0028,2114)
(PS3.3 Section C.7.6.1.1.5.1): `""` if nothing is lost."""


class Encoded(NamedTuple):
    """A frame in another Transfer Syntax.

    Attributes:
        data: the codestream, not padded to even length.
        photometric_interpretation: that the data set has to say now; Planar Configuration becomes 0.
    """

    data: bytes
    photometric_interpretation: str


def is_decodable(transfer_syntax_uid: str) -> bool:
    """Whether there is a codec for it, or it needs none.

    >>> is_decodable("1.2.840.10008.1.2.4.80"), is_decodable("1.2.840.10008.1.2.4.102")
    (True, False)
    """
    return transfer_syntax_uid in READ or not encoding_of(transfer_syntax_uid).is_encapsulated


def is_lossless(transfer_syntax_uid: str) -> bool:
    """Whether frames written in it have the very pixels of their source."""
    return transfer_syntax_uid in NATIVE or not WRITTEN[transfer_syntax_uid]
