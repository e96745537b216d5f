"""`/series/{uid}/...` and `/instances/{uid}/...`: resources without the UIDs above them.

Not in PS3.18, where a resource is named from its study down, but some clients and conformance suites ask so. The
handlers are those of the full paths; what is looked up is only what the full path would have said.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from sagittal.dicom.identifiers import InstanceUID, SeriesUID
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, Request
from sagittal.dicomweb.urls import scope_of
from sagittal.errors import Conflict
from sagittal.retrieve.scope import Scope, locate

Handler: TypeAlias = Callable[[Context, Request, tuple[str, ...]], Awaitable[Answer]]


def by_series(handler: Handler) -> Handler:
    """The handler of a resource of a series, for a path that names the series only."""

    async def handle(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
        scope_of((names[0],))
        scope = Scope(series=SeriesUID(names[0]))
        found = await locate(context.archive, request.actor(), scope, request.deadline)
        studies = {one.study_instance_uid for one in found}
        if len(studies) > 1:  # some peers use one UID in two studies
            raise Conflict("there are series of that UID in several studies; the path is to name the study")
        return await handler(context, request, (studies.pop(), *names))

    return handle


def by_instance(handler: Handler) -> Handler:
    """The handler of a resource of an instance, for a path that names the instance only."""

    async def handle(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
        scope_of((names[0],))
        scope = Scope(instance=InstanceUID(names[0]))
        found = (await locate(context.archive, request.actor(), scope, request.deadline))[0]
        return await handler(context, request, (found.study_instance_uid, found.series_instance_uid, *names))

    return handle
