"""What each picture of an answer shows: frames of an instance, perhaps as a presentation state has them."""

from collections.abc import Sequence
from typing import NamedTuple

from sagittal.archive.model import StoredInstance
from sagittal.dicomweb.context import Context
from sagittal.dicomweb.exchange import Request
from sagittal.dicomweb.urls import scope_of
from sagittal.errors import Invalid
from sagittal.imaging.render.presentation.references import is_presentation_state
from sagittal.imaging.render.recipe import GIF, WEBP
from sagittal.retrieve.presented import Shown, State, read_state, shown_by
from sagittal.retrieve.rendered import cine_numbers, has_pixels, middle_frame
from sagittal.retrieve.scope import intact, locate

MOVING = (GIF, WEBP)


class Subject(NamedTuple):
    """What one picture shows: a frame, or several of one instance one after the other."""

    instance: StoredInstance
    numbers: Sequence[int]
    state: State | None = None

    @property
    def sources(self) -> tuple[StoredInstance, ...]:
        """The instances that the picture is made of."""
        return (self.instance,) if self.state is None else (self.instance, self.state.instance)

    @property
    def key(self) -> tuple[object, ...]:
        """The same for what gives the same picture."""
        return (*(source.digest for source in self.sources), tuple(self.numbers))


class Presented(NamedTuple):
    """What presentation states show.

    Attributes:
        shown: (state, instance and frames) of each.
        missing: how many images that they show are not kept here.
    """

    shown: tuple[tuple[State, Shown], ...]
    missing: int

    @property
    def is_cine(self) -> bool:
        """Whether it is frames of one instance, which can follow each other in one moving picture."""
        return len(self.shown) == 1 and len(self.shown[0][1].frames or range(self.shown[0][1].instance.frames)) > 1

    def pictures(self, media_type: str) -> list[Subject]:
        """The frames that are named, each for itself; of instances without named frames the one in the middle.

        As a moving picture all frames that are shown.
        """
        if self.is_cine and media_type in MOVING:
            state, (instance, frames) = self.shown[0]
            return [Subject(instance, sorted(frames) or cine_numbers(instance.frames), state)]
        return [
            Subject(shown.instance, (number,), state)
            for state, shown in self.shown
            for number in shown.frames or (middle_frame(shown.instance),)
        ]


def states_of(found: Sequence[StoredInstance]) -> list[StoredInstance]:
    """The presentation states, where there is nothing else that could be shown: else it would be shown twice."""
    states = [one for one in found if is_presentation_state(one.sop_class_uid)]
    return [] if any(has_pixels(one) for one in found if one not in states) else states


async def presented(context: Context, request: Request, states: Sequence[StoredInstance]) -> Presented:
    """What each of the states shows, of what is kept here.

    Raises:
        NotFound: a state shows nothing that is kept.
        Unsupported: a state is of a kind whose pictures are not made.
    """
    found: list[tuple[State, Shown]] = []
    missing = 0
    for instance in states:
        state = await read_state(context.archive, request.actor(), instance, request.deadline)
        shown, absent = await shown_by(context.archive, request.actor(), state, request.deadline)
        found.extend((state, one) for one in shown if has_pixels(one.instance))
        missing += absent
    return Presented(tuple(found), missing)


async def applied(
    context: Context, request: Request, state_names: tuple[str, ...], names: tuple[str, ...], number: int | None
) -> Presented:
    """One image, all of its frames or one, as a state of its study shows it (PS3.18 Section 9.4.1.2.1).

    Args:
        state_names, names: study, series and instance of the state and of the image.
        number: of the frame, from 1.

    Raises:
        NotFound: either is not here.
        Invalid: the state does not show that image.
    """
    found = intact(await locate(context.archive, request.actor(), scope_of(state_names), request.deadline))
    scope = scope_of(names)
    everything = await presented(context, request, found[:1])
    chosen = [
        (state, shown)
        for state, shown in everything.shown
        if shown.instance.sop_instance_uid == scope.instance and (not number or number in (shown.frames or (number,)))
    ]
    if not chosen:
        raise Invalid("the presentation state does not show that image, or not that frame of it")
    state, shown = chosen[0]
    return Presented(((state, Shown(shown.instance, (number,) if number else shown.frames)),), 0)
