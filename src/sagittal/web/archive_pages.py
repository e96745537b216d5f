"""All pages about what is kept, put together."""

from typing import NamedTuple

from litestar import Router
from litestar.types import ControllerRouterHandler

from sagittal.access.administering import Administering, Scribe
from sagittal.access.preferences import PreferencesInRecords
from sagittal.archive.archive import Archive
from sagittal.retrieve.sending import Sending
from sagittal.runtime.pools import WorkerPool
from sagittal.runtime.settings import Settings
from sagittal.web.admin_pages import Admin, admin_pages
from sagittal.web.language_page import language_page
from sagittal.web.patient_page import patient_page
from sagittal.web.quarantine_pages import quarantine_pages
from sagittal.web.site import PROBLEMS
from sagittal.web.study_changes import Changes, study_changes
from sagittal.web.study_files import study_files
from sagittal.web.study_list import study_list_pages
from sagittal.web.study_page import Around, study_pages


class ArchivePages(NamedTuple):
    """The routes, and the streams in them, which are to be closed before the server stops."""

    routes: list[ControllerRouterHandler]
    changes: Changes


def archive_pages(
    archive: Archive,
    pool: WorkerPool,
    sending: Sending,
    scribe: Scribe,
    settings: Settings,
    dicomweb_root: str,
    *,
    has_ohif: bool,
) -> ArchivePages:
    """The pages of one archive.

    Args:
        archive: what they are about.
        pool: makes pictures.
        sending: sends to other systems.
        scribe: writes lines of the ledger within changes.
        settings: what is in force.
        dicomweb_root: path of DICOMweb, where thumbnails come from.
        has_ohif: whether OHIF is served.
    """
    changes, kept = Changes(archive), PreferencesInRecords(archive.records)
    pages = [
        *study_list_pages(archive, kept),
        study_changes(changes),
        *study_pages(archive, Around(dicomweb_root, has_ohif, sending)),
        *study_files(archive, pool, sending),
        *quarantine_pages(archive, pool),
        patient_page(archive, dicomweb_root),
        language_page(kept),
        *admin_pages(Admin(archive, Administering(archive, archive.records, scribe), sending, settings)),
    ]
    return ArchivePages([Router(path="/", route_handlers=pages, exception_handlers=PROBLEMS)], changes)
