"""`DELETE` of a study, a series or an instance: rejected, so that it is in no answer, and can be brought back.

Not in PS3.18; clients know it from dcm4chee and the Google Healthcare API. Rejected is not gone: the answer says which
rejection it is, `POST /api/rejections/{id}/undo` brings it back.
"""

import msgspec

from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Answer, Request
from sagittal.dicomweb.urls import scope_of
from sagittal.lifecycle.rejecting import reject as reject_instances


class Rejected(msgspec.Struct, frozen=True):
    """What was done.

    Attributes:
        rejection: its number.
        instances: how many are in no answer any more.
        undo: where to POST to bring them back.
    """

    rejection: int
    instances: int
    undo: str


async def reject(context: Context, request: Request, names: tuple[str, ...]) -> Answer:
    """Rejects what the path names; 404 if nothing is kept under it."""
    scope = scope_of(names)
    done = await reject_instances(
        context.archive,
        request.actor(),
        study=scope.study,
        series=scope.series,
        instance=scope.instance,
        deadline=request.deadline,
    )
    body = Rejected(done.id, done.instances, f"/api/rejections/{done.id}/undo")
    return Answer(200, (("content-type", "application/json"),), msgspec.json.encode(body))
