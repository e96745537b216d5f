"""The data dictionary (PS3.6): attributes, UIDs, and the private elements somebody documented."""

from sagittal.dicom.registry.elements import (
    is_private,
    is_private_creator,
    keyword_of,
    name_of,
    parse_tag,
    private_entry,
    private_vr,
    tag_of,
    vm_of,
    vr_choice,
    vr_of,
)
from sagittal.dicom.registry.tables import ElementEntry, UidEntry, vr_table
from sagittal.dicom.registry.uids import (
    is_storage_class,
    is_transfer_syntax,
    storage_classes,
    uid_entry,
    uid_keyword,
    uid_name,
)

__all__ = [
    "ElementEntry",
    "UidEntry",
    "is_private",
    "is_private_creator",
    "is_storage_class",
    "is_transfer_syntax",
    "keyword_of",
    "name_of",
    "parse_tag",
    "private_entry",
    "private_vr",
    "storage_classes",
    "tag_of",
    "uid_entry",
    "uid_keyword",
    "uid_name",
    "vm_of",
    "vr_choice",
    "vr_of",
    "vr_table",
]
