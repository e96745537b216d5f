"""All routes of a site, pages and API, in this process; nothing listens."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from sagittal.api.door import Api, Behind, api_door
from sagittal.archive.archive import Archive
from sagittal.audit.chronicle import Chronicle
from sagittal.dimse.dispatching import Dispatcher
from sagittal.entrance import entrance
from sagittal.runtime.pools import WorkerPool
from sagittal.runtime.settings import Destination, Settings
from sagittal.web.api_page import api_page
from sagittal.web.archive_pages import archive_pages
from sagittal.web.front_page import front_page
from sagittal.web.light_viewer import light_viewer
from sagittal.web.site import account_routes
from sagittal.web.study_changes import study_changes
from sagittal.web.upload_page import upload_pages
from sagittal.web.viewer_findings import findings_routes
from support.archives import archive_at


class Whole(NamedTuple):
    """What a test looks at."""

    archive: Archive
    api: Api
    app: Litestar

    def routes(self) -> set[tuple[str, str]]:
        """Method and path of every route."""
        return {
            (str(method), one.path)
            for one in self.app.routes
            if isinstance(one, HTTPRoute)
            for method in one.methods
            if str(method) != "OPTIONS"
        }


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Whole]:
    settings = Settings(destinations={"ELSEWHERE": Destination("192.0.2.9", 104)})
    async with contextlib.AsyncExitStack() as held:
        archive = await held.enter_async_context(archive_at(tmp_path / "data"))
        chronicle = Chronicle(bytes(32))
        way_in = await held.enter_async_context(entrance(settings, archive, chronicle, is_open=False))
        pool = WorkerPool()
        held.push_async_callback(pool.close)
        desk = way_in.desk
        assert desk is not None
        sending = Dispatcher(archive, settings, pool)
        pages = archive_pages(archive, pool, sending, chronicle, settings, "/dicom-web", has_ohif=True)
        beside = (*findings_routes(archive, "/studies/{study:str}/findings"), study_changes(pages.changes))
        api = api_door(Behind(archive, pool, sending, chronicle, settings, desk.own, desk.sign_in, beside))
        routes = [
            api.router,
            api_page(api.description.document),
            *pages.routes,
            *account_routes(desk.sign_in, desk.own, desk.porter, desk.party, archive, "/dicom-web"),
            *front_page(archive, dict),
            light_viewer(archive, pool),
            upload_pages(),
        ]
        yield Whole(archive, api, Litestar(routes, openapi_config=None))
