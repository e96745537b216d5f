"""The paths of resources (PS3.18 Sections 10.1 and 10.4.1), read and written."""

from urllib.parse import quote

from sagittal.dicom.identifiers import InstanceUID, SeriesUID, StudyUID
from sagittal.errors import Invalid
from sagittal.retrieve.scope import Scope


def scope_of(uids: tuple[str, ...]) -> Scope:
    """The part of the archive that the UIDs of a path name: a study, a series of it, an instance of that.

    >>> scope_of(("1.2", "1.2.3")).series
    '1.2.3'

    Raises:
        Invalid: one cannot be a UID. What is in the archive decides, not PS3.5: UIDs of other forms are in the field.
    """
    for uid, level in zip(uids, ("Study", "Series", "SOP"), strict=False):
        if not 0 < len(uid) <= 64 or not uid.isascii() or not uid.isprintable():
            raise Invalid(f"a {level} Instance UID in a path is 1 to 64 printable characters; got {len(uid)}")
    study, series, instance = (*uids, None, None, None)[:3]
    return Scope(
        study=StudyUID(study) if study else None,
        series=SeriesUID(series) if series else None,
        instance=InstanceUID(instance) if instance else None,
    )


def resource_url(base_url: str, study: str, series: str = "", instance: str = "") -> str:
    """The URL of a study, series or instance.

    >>> resource_url("http://h/dicom-web", "1.2", "1.3")
    'http://h/dicom-web/studies/1.2/series/1.3'
    """
    url = f"{base_url}/studies/{quote(study, safe='')}"
    if series:
        url += f"/series/{quote(series, safe='')}"
    if instance:
        url += f"/instances/{quote(instance, safe='')}"
    return url
