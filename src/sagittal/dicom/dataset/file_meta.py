"""What stands in front of the data set in a DICOM file (PS3.10 Section 7.1)."""

from typing import NamedTuple

import msgspec

from sagittal.dicom.identifiers import TransferSyntaxUID


class FileMeta(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in front of the data set in a DICOM file.

    Attributes:
        transfer_syntax_uid: of the data set; guessed from its first element if `is_guessed`.
        sop_class_uid, sop_instance_uid: as written, without padding; `""` where missing. Not checked.
        implementation_class_uid, implementation_version_name: who wrote the file; `""` where missing.
        source_aet: Source Application Entity Title, or the Sending one; `""` where missing.
        receiving_aet: `""` where missing.
        data_set_offset: where the data set begins in the file, bytes.
    """

    transfer_syntax_uid: TransferSyntaxUID
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    implementation_class_uid: str = ""
    implementation_version_name: str = ""
    source_aet: str = ""
    receiving_aet: str = ""
    data_set_offset: int
    has_preamble: bool = True
    has_meta: bool = True
    is_guessed: bool = False


class NeedMore(NamedTuple):
    """The answer cannot be given before so many bytes of the file, from its beginning, are there."""

    size_bytes: int
