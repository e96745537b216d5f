"""Sagittal without its gate and its ledger, for `bench.access` to measure what they cost; nothing else runs it."""

import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import uvloop
from litestar.types import ASGIApp, Receive, Scope, Send

from sagittal import serve
from sagittal.archive.archive import Archive
from sagittal.audit.chronicle import Chronicle
from sagittal.entrance import Entrance, entrance
from sagittal.runtime.actor import EVERYTHING, SCOPE_KEY, Actor
from sagittal.runtime.settings import Settings

_ANYBODY = Actor(door="dicomweb", grants=EVERYTHING)


class _NoLedger:
    def chronicle(self) -> Chronicle:
        return Chronicle(bytes(32))


@contextlib.asynccontextmanager
async def _no_ledger(*_: object) -> AsyncIterator[_NoLedger]:
    yield _NoLedger()


@contextlib.asynccontextmanager
async def _no_entrance(
    settings: Settings, archive: Archive, chronicle: Chronicle, *, is_open: bool
) -> AsyncIterator[Entrance]:
    del is_open
    async with entrance(settings, archive, chronicle, is_open=True) as way_in:
        yield msgspec.structs.replace(way_in, gate=_ungated)


def _ungated(app: ASGIApp) -> ASGIApp:
    async def enter(scope: Scope, receive: Receive, send: Send) -> None:
        scope[SCOPE_KEY] = _ANYBODY  # type: ignore[literal-required]  # the gate's own key
        await app(scope, receive, send)

    return enter


def main(data: str, dicom: str, http: str) -> None:
    replaced: Any = serve  # Any: a module whose functions are replaced
    replaced.kept_ledger, replaced.entrance = _no_ledger, _no_entrance
    uvloop.run(serve.run(Settings(data=data, dicom=dicom, http=http), lambda _: None))


main(*sys.argv[1:])
