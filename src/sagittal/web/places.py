"""Where an actor can go from the head of every page."""

from typing import NamedTuple

from sagittal.access.permits import may, may_at
from sagittal.runtime.actor import Actor
from sagittal.web.wording import _

STUDIES = "/studies"
UPLOAD = "/upload"
ABOUT = "/about"


class Place(NamedTuple):
    """A link in the navigation bar."""

    path: str
    title: str


def places_of(actor: Actor) -> tuple[Place, ...]:
    """The places of somebody who is at home here; none for those who opened a share link."""
    if actor.kind not in {"person", "local"} or not may(actor, "query"):
        return ()
    places = [Place(STUDIES, _("Studies"))]
    if may_at(actor, "store", actor.facility):
        places.append(Place(UPLOAD, _("Upload")))
    places.append(Place(ABOUT, _("About")))
    return tuple(places)
