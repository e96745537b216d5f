"""A site with accounts, its pages behind its gate, in this process."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from litestar import Litestar
from litestar.types import ASGIApp

from sagittal.access import accounts
from sagittal.access.accounts import NewAccount
from sagittal.access.passwords import hash_password
from sagittal.archive.archive import Archive
from sagittal.audit.chronicle import Chronicle
from sagittal.entrance import Desk, Entrance, entrance
from sagittal.runtime.settings import Settings, parse_role
from sagittal.web.assets import assets
from sagittal.web.front_page import front_page
from sagittal.web.site import PROBLEMS, account_routes
from support.archives import archive_at

PASSWORD = "four words in a row"
_HASHED = hash_password(PASSWORD)


class Site(NamedTuple):
    """What a test asks, changes and looks at."""

    archive: Archive
    way_in: Entrance
    desk: Desk
    app: ASGIApp
    browser: Callable[..., httpx.AsyncClient]

    async def person(self, name: str, *roles: str, must_change: bool = False) -> int:
        new = NewAccount(name, password=_HASHED, must_change_password=must_change)
        given = [parse_role(role, "role") for role in roles]
        return await self.archive.records.write(lambda c: accounts.create(c, new, given, time.time_ns()))

    async def lines(self) -> list[tuple[str, str, str, int]]:
        """The ledger: act, who, detail, outcome."""
        return [tuple(row) for row in await self.archive.records.fetch(_LINES, ())]


_LINES = "SELECT kind, actor, detail, outcome FROM ledger ORDER BY seq"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    settings = Settings(public_url="https://pacs.example.org", trusted_proxies=("10.0.0.1",))
    opened: list[httpx.AsyncClient] = []

    async with (
        archive_at(tmp_path / "data") as archive,
        entrance(settings, archive, Chronicle(bytes(32)), is_open=False) as way_in,
    ):
        desk = way_in.desk
        assert desk is not None
        pages = account_routes(desk.sign_in, desk.own, desk.porter, desk.party, archive, "/dicom-web")
        routes = [*front_page(archive, dict), assets(), *pages]
        app = way_in.gate(Litestar(routes, openapi_config=None, exception_handlers=PROBLEMS))

        def browser(address: str = "192.0.2.1", **headers: str) -> httpx.AsyncClient:
            """Over TLS, as a person's; it follows where it is sent only when told to."""
            said = {"accept": "text/html", "sec-fetch-site": "same-origin", **headers}
            transport = httpx.ASGITransport(app=app, client=(address, 1))  # type: ignore[arg-type]  # another name for the same
            client = httpx.AsyncClient(transport=transport, base_url="https://pacs.example.org", headers=said)
            opened.append(client)
            return client

        yield Site(archive, way_in, desk, app, browser)
        for client in opened:
            await client.aclose()
