"""Where an actor can go from the head of every page."""

from typing import NamedTuple

from sagittal.access.permits import may, may_at
from sagittal.runtime.actor import Action, Actor
from sagittal.web.wording import _

STUDIES = "/studies"
UPLOAD = "/upload"
ADMIN = "/admin"
QUARANTINE = "/quarantine"
ABOUT = "/about"
_ADMINISTERING: tuple[Action, ...] = ("manage", "configure", "audit")


class Place(NamedTuple):
    """A link in the navigation bar."""

    path: str
    title: str


def administers(actor: Actor) -> bool:
    """Whether the pages of administration are for them."""
    return any(may_at(actor, action, "*") for action in _ADMINISTERING)


def places_of(actor: Actor) -> tuple[Place, ...]:
    """The places of somebody who is at home here; none for those who opened a share link."""
    if actor.kind not in {"person", "local"}:
        return ()
    places = [Place(STUDIES, _("Studies"))] if may(actor, "query") else []
    if may_at(actor, "store", actor.facility):
        places.append(Place(UPLOAD, _("Upload")))
    if administers(actor):
        places.append(Place(ADMIN, _("Administration")))
    elif may(actor, "change"):
        places.append(Place(QUARANTINE, _("Quarantine")))
    places.append(Place(ABOUT, _("About")))
    return tuple(places)
