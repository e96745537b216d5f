"""Something kept aside, and decisions about it, in tests."""

from sagittal.archive.archive import Archive
from sagittal.archive.index.aside import Aside
from sagittal.lifecycle.deciding import Choice, Decision, decide, decisions, undo
from sagittal.lifecycle.quarantine import kept_aside
from sagittal.runtime.deadline import Deadline
from support.rejecting import PERSON


async def waiting(archive: Archive) -> tuple[Aside, ...]:
    """All that waits, the newest first."""
    return await kept_aside(archive, PERSON, deadline=Deadline.after(30))


async def choose(archive: Archive, number: int, choice: Choice, **more: str) -> Decision:
    """Decides."""
    return await decide(archive, PERSON, number, choice, deadline=Deadline.after(30), **more)


async def take_back(archive: Archive, decision: int) -> Decision:
    """Undoes a decision."""
    return await undo(archive, PERSON, decision, deadline=Deadline.after(30))


async def history(archive: Archive) -> tuple[Decision, ...]:
    """All decisions, the newest first."""
    return await decisions(archive, PERSON, deadline=Deadline.after(30))


async def content(archive: Archive, uid: str) -> bytes:
    """The data set that is found under a UID."""
    (one,) = await archive.locate(instance=uid)
    return b"".join([piece async for piece in archive.stream(one, one.data_set_offset)])
