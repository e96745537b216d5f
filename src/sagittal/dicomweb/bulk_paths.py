"""The last segment of a BulkDataURI: tags with item numbers between them, `54000100.0.54001010`.

>>> parse_path(format_path((0x54000100, 0, 0x54001010))) == (0x54000100, 0, 0x54001010)
True
"""

import re

from sagittal.archive.model import StoredInstance
from sagittal.dicomweb.metadata_text import format_path
from sagittal.dicomweb.urls import resource_url
from sagittal.errors import NotFound

_FORM = re.compile(r"[0-9A-Fa-f]{8}(?:\.[0-9]{1,9}\.[0-9A-Fa-f]{8}){0,64}")


def parse_path(text: str) -> tuple[int, ...]:
    """The path that `format_path` wrote; NotFound if it wrote no such thing."""
    if not _FORM.fullmatch(text):
        raise NotFound("no bulk data has a path of that form")
    return tuple(int(number, 10 if place % 2 else 16) for place, number in enumerate(text.split(".")))


def bulk_url(base_url: str, instance: StoredInstance, path: tuple[int, ...]) -> str:
    """The BulkDataURI of the value at `path` of an instance."""
    url = resource_url(base_url, instance.study_instance_uid, instance.series_instance_uid, instance.sop_instance_uid)
    return f"{url}/bulkdata/{format_path(path)}"
