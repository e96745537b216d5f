"""A whole deployment in a thread of the test's process: accounts, two facilities, devices, ledger, both doors."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx
import uvloop
from pydicom.dataset import Dataset
from sqlalchemy import Connection

from sagittal.access import accounts, devices, facilities, links, sessions, tokens
from sagittal.access.accounts import NewAccount
from sagittal.access.devices import NewDevice
from sagittal.access.links import NewLink
from sagittal.access.secrets import new_secret
from sagittal.access.sessions import Opening
from sagittal.access.tokens import NewToken
from sagittal.archive.archive import Archive
from sagittal.audit.ledger import Ledger
from sagittal.dicomweb.app import WebApp
from sagittal.dimse.listener import Listener
from sagittal.ingest import Part10Receiver
from sagittal.runtime.actor import ACTIONS, EVERYTHING, Action, Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.settings import Destination, RoleAt, Settings
from sagittal.serve import served
from support.archives import file_bytes, soon

T = TypeVar("T")

NORTH, SOUTH = "north", "south"


class Deployment(NamedTuple):
    """What runs. `run` awaits something in its event loop."""

    settings: Settings
    archive: Archive
    ledger: Ledger
    app: WebApp
    listener: Listener
    url: str
    loop: asyncio.AbstractEventLoop
    clients: list[httpx.Client]

    def run(self, awaitable: Coroutine[Any, Any, T]) -> T:
        future: Future[T] = asyncio.run_coroutine_threadsafe(awaitable, self.loop)
        return future.result(30)

    def change(self, run: Callable[[Connection], T]) -> T:
        """Changes the records."""
        return self.run(self.archive.records.write(run))

    def account(self, name: str, *roles: RoleAt, **more: Any) -> int:  # Any: fields of NewAccount
        """An account without a password."""
        new = NewAccount(name, **more)
        return self.change(lambda c: accounts.create(c, new, roles, self.archive.now_ns()))

    def token(self, account: int, *actions: Action, facility: str = "*") -> str:
        """A token for that; for everything its account may, if nothing is said."""
        new = NewToken(account, "of a test", actions or ACTIONS, facility)
        return self.change(lambda c: tokens.create(c, new, self.archive.now_ns()))[1]

    def session(self, account: int) -> str:
        """The secret of a browser's session."""
        secret, opening = new_secret(), Opening(account=account, method="password", address="127.0.0.1", agent="test")
        self.change(lambda c: sessions.create(c, opening, secret, self.archive.now_ns(), 3600))
        return secret

    def link_session(self, new: NewLink) -> str:
        """The secret of the session of whoever opened a share link."""

        def make(connection: Connection) -> str:
            number, _ = links.create(connection, new, self.archive.now_ns())
            secret = new_secret()
            opening = Opening(link=number, method="link", address="127.0.0.1", agent="test")
            sessions.create(connection, opening, secret, self.archive.now_ns(), 3600)
            return secret

        return self.change(make)

    def device(self, aet: str, facility: str, **more: Any) -> int:  # Any: fields of NewDevice
        new = NewDevice(aet, facility, **more)
        return self.change(lambda c: devices.add(c, new, "test", self.archive.now_ns()))

    def keep(self, facility: str, *instances: Dataset) -> None:
        """Puts instances in that a facility sent."""

        async def put() -> None:
            session = self.archive.session(Actor(door="dimse", name="CT", facility=facility, grants=EVERYTHING))
            for one in instances:
                receiver = Part10Receiver(session)
                receiver.write(file_bytes(one))
                await receiver.commit(soon())
            await session.close()

        self.run(put())

    def client(self, *, token: str = "", cookie: str = "") -> httpx.Client:
        """Whoever shows that; as a page of ours where it is a cookie. Closed with the deployment."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        if cookie:
            headers = {"cookie": f"sagittal={cookie}", "sec-fetch-site": "same-origin"}
        self.clients.append(httpx.Client(base_url=self.url, headers=headers, timeout=30, follow_redirects=False))
        return self.clients[-1]

    def lines(self, **where: str) -> list[dict[str, Any]]:  # Any: columns of several types
        """Lines of the ledger whose columns are so, with those that are still counted."""
        fields = (
            "kind, outcome, actor_kind, actor, door, address, called, facility, study_instance_uid, subject, detail"
        )
        condition = " AND ".join(f"{column} = ?" for column in where) or "1"

        async def look() -> list[tuple[Any, ...]]:
            await self.ledger.caught_up(Deadline.after(20))
            await asyncio.sleep(0.3)  # lines that nobody waits for gather so long
            return [
                row
                for table in ("ledger", "ledger_open")
                for row in await self.archive.records.fetch(
                    f"SELECT {fields} FROM {table} WHERE {condition}", tuple(where.values())
                )
            ]

        return [dict(zip(fields.split(", "), row, strict=True)) for row in self.run(look())]


@contextmanager
def deployed(root: Path, **more: Any) -> Iterator[Deployment]:  # Any: settings
    """A deployment over a new data folder, with the facilities north (called NORTH) and south (called SOUTH)."""
    loop = uvloop.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="deployment")
    thread.start()
    settings = Settings(data=str(root), http="127.0.0.1:0", dicom="127.0.0.1:0", **more)
    held = _running(settings)
    stop: list[asyncio.Event] = []
    ready: Future[Deployment] = Future()

    async def live() -> None:
        stop.append(asyncio.Event())
        try:
            async with held as deployment:
                ready.set_result(deployment._replace(loop=loop))
                await stop[0].wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            raise

    living = asyncio.run_coroutine_threadsafe(live(), loop)
    try:
        yield ready.result(30)
    finally:
        if ready.done() and ready.exception() is None:
            for client in ready.result().clients:
                client.close()
        if stop:
            loop.call_soon_threadsafe(stop[0].set)
        try:
            living.result(30)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()


@asynccontextmanager
async def _running(settings: Settings) -> AsyncIterator[Deployment]:
    async with served(settings) as site:
        assert site.web is not None
        await site.archive.records.write(_begin)
        url = f"http://127.0.0.1:{site.web.server.port}"
        loop = asyncio.get_running_loop()
        yield Deployment(settings, site.archive, site.ledger, site.web.app, site.listener, url, loop, [])


def _begin(connection: Connection) -> None:
    for name in (NORTH, SOUTH):
        facilities.add(connection, name, name.title(), [name.upper()], 1)
    accounts.create(connection, NewAccount("root"), [RoleAt("administrator", "*")], 1)


def destinations(**ports: int) -> dict[str, Destination]:
    """Where C-MOVE sends, by AE title."""
    return {aet: Destination("127.0.0.1", port) for aet, port in ports.items()}


def answers(response: httpx.Response) -> list[dict[str, Any]]:  # Any: DICOM JSON
    """What a search found."""
    found: list[dict[str, Any]] = json.loads(response.content)
    return found
