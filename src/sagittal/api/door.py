"""The routes under `/api`, with their errors."""

from litestar import Router
from litestar.exceptions import HTTPException

from sagittal.access.governing import Governing, Scribe
from sagittal.api.governing import governing_routes
from sagittal.api.problems import problem_of_kind, problem_of_request, problem_unforeseen
from sagittal.api.rejections import rejection_routes
from sagittal.archive.archive import Archive
from sagittal.errors import SagittalError

PATH = "/api"
_TIMEOUT_S = 300.0


def api_door(archive: Archive, scribe: Scribe, timeout_s: float = _TIMEOUT_S) -> Router:
    """The door for one archive, with lines of the ledger by `scribe`; one request may take `timeout_s` seconds."""
    governing = Governing(archive, archive.records, scribe)
    return Router(
        path=PATH,
        route_handlers=[*rejection_routes(archive, timeout_s), *governing_routes(governing)],
        exception_handlers={
            SagittalError: problem_of_kind,
            HTTPException: problem_of_request,
            Exception: problem_unforeseen,
        },
    )
