"""Transfer Syntaxes: how the bytes of a data set are to be read (PS3.5 Section 10, PS3.6 Table A-1)."""

import functools
from typing import NamedTuple

from sagittal.dicom.identifiers import TransferSyntaxUID

IMPLICIT_VR_LITTLE_ENDIAN = TransferSyntaxUID("1.2.840.10008.1.2")
EXPLICIT_VR_LITTLE_ENDIAN = TransferSyntaxUID("1.2.840.10008.1.2.1")
ENCAPSULATED_UNCOMPRESSED = TransferSyntaxUID("1.2.840.10008.1.2.1.98")
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = TransferSyntaxUID("1.2.840.10008.1.2.1.99")
EXPLICIT_VR_BIG_ENDIAN = TransferSyntaxUID("1.2.840.10008.1.2.2")
JPIP_DEFLATE = TransferSyntaxUID("1.2.840.10008.1.2.4.95")
JPIP_HTJ2K_DEFLATE = TransferSyntaxUID("1.2.840.10008.1.2.4.205")
DEFLATED_IMAGE_FRAME = TransferSyntaxUID("1.2.840.10008.1.2.8.1")

# "Private" data sets of GE that are Implicit VR Little Endian in all but the (big endian) pixel data.
PRIVATE_GE_IMPLICIT = TransferSyntaxUID("1.2.840.113619.5.2")


class Encoding(NamedTuple):
    """How the data set is written, apart from what is inside its pixel data.

    Attributes:
        is_implicit_vr: elements carry no VR.
        is_little_endian: byte order of tags, lengths and values.
        is_deflated: the whole data set is one raw deflate stream (PS3.5 Section A.5).
        is_encapsulated: pixel data is a sequence of fragments (PS3.5 Section A.4).
    """

    is_implicit_vr: bool
    is_little_endian: bool
    is_deflated: bool
    is_encapsulated: bool


_PLAIN: dict[str, Encoding] = {
    IMPLICIT_VR_LITTLE_ENDIAN: Encoding(True, True, False, False),
    EXPLICIT_VR_LITTLE_ENDIAN: Encoding(False, True, False, False),
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: Encoding(False, True, True, False),
    EXPLICIT_VR_BIG_ENDIAN: Encoding(False, False, False, False),
    JPIP_DEFLATE: Encoding(False, True, True, False),
    JPIP_HTJ2K_DEFLATE: Encoding(False, True, True, False),
    PRIVATE_GE_IMPLICIT: Encoding(True, True, False, False),
}
_ENCAPSULATED = Encoding(False, True, False, True)


@functools.lru_cache(maxsize=256)
def encoding_of(uid: str) -> Encoding:
    """How a data set in the Transfer Syntax `uid` is written.

    What is not in the table, future and private syntaxes included, is Explicit VR Little Endian with encapsulated
    pixel data, as PS3.5 Section A.4 asks of every compressed syntax.

    >>> encoding_of("1.2.840.10008.1.2").is_implicit_vr
    True
    """
    return _PLAIN.get(uid, _ENCAPSULATED)
