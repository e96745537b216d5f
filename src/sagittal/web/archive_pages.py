"""All pages about what is kept, put together."""

from typing import NamedTuple

from litestar import Router
from litestar.types import ControllerRouterHandler

from sagittal.archive.archive import Archive
from sagittal.web.site import PROBLEMS
from sagittal.web.study_changes import Changes, study_changes
from sagittal.web.study_list import study_list_pages


class ArchivePages(NamedTuple):
    """The routes, and the streams in them, which are to be closed before the server stops."""

    routes: list[ControllerRouterHandler]
    changes: Changes


def archive_pages(archive: Archive) -> ArchivePages:
    """The pages of one archive."""
    changes = Changes(archive)
    pages = [*study_list_pages(archive), study_changes(changes)]
    return ArchivePages([Router(path="/", route_handlers=pages, exception_handlers=PROBLEMS)], changes)
