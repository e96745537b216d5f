"""Acts that repeat within some minutes become one line with a count.

A window opens with the first act and closes when its time is over or when too many are open. What it counts in
between is in memory; that it is open, and its count now and then, is in the database, so that a crash costs at most
the last part of a count.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from sagittal.audit.acts import MINOR_FAILURE, REFUSALS, SUCCESS, Kind
from sagittal.audit.line import Act
from sagittal.runtime.actor import Actor

OPEN_S: Final = 300.0
"""How long a window is open, s."""

MAX_OPEN: Final = 10_000
"""Windows open at one time; one more closes the oldest."""


class Same(NamedTuple):
    """What makes two acts the same: who, from where, what, and to which study or other thing."""

    door: str
    name: str
    address: str
    kind: Kind
    study_instance_uid: str
    subject: str = ""
    detail: str = ""


class Window:
    """A line that still counts.

    Attributes:
        id: of its row among the open ones; given when it is first written.
        count: acts so far; `saved` of them are in the database.
        at_ns, until_ns: of the first and the last act, nanoseconds since 1970-01-01 UTC.
        ends: when it closes, by the clock that the windows are asked with, s.
        patient, facility: of the study, as the ledger names them; filled in before it is first written.
    """

    __slots__ = ("actor", "at_ns", "count", "ends", "facility", "id", "patient", "same", "saved", "until_ns")

    def __init__(self, same: Same, actor: Actor, at_ns: int, ends: float) -> None:
        self.id = 0
        self.same = same
        self.actor = actor
        self.at_ns = self.until_ns = at_ns
        self.count = self.saved = 0
        self.ends = ends
        self.patient = self.facility = ""

    def add(self, count: int, at_ns: int) -> None:
        """Counts acts."""
        self.count += count
        self.until_ns = max(self.until_ns, at_ns)
        self.at_ns = min(self.at_ns, at_ns)

    def act(self) -> Act:
        """What the line will say."""
        return Act(
            kind=self.same.kind,
            actor=self.actor,
            outcome=MINOR_FAILURE if self.same.kind in REFUSALS else SUCCESS,
            subject=self.same.subject,
            detail=self.same.detail,
            study_instance_uid=self.same.study_instance_uid,
            facility=self.facility,
            count=self.count,
        )


class Windows:
    """The open windows, oldest first."""

    def __init__(self) -> None:
        self._open: dict[Same, Window] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Window]:
        return iter(tuple(self._open.values()))

    def find(self, same: Same, now: float) -> Window | None:
        """The window that counts such acts at time `now`, s."""
        window = self._open.get(same)
        return window if window is not None and now < window.ends else None

    def open(self, same: Same, actor: Actor, at_ns: int, now: float) -> tuple[Window, tuple[Window, ...]]:
        """A new window; and those that close for it: one of the same acts that is over, the oldest of too many."""
        closed = [earlier] if (earlier := self._open.pop(same, None)) is not None else []
        if len(self._open) >= MAX_OPEN:
            closed.append(self._open.pop(next(iter(self._open))))
        window = self._open[same] = Window(same, actor, at_ns, now + OPEN_S)
        return window, tuple(closed)

    def over(self, now: float) -> tuple[Window, ...]:
        """Takes out the windows whose time is over at `now`, s."""
        ended = []
        for same, window in tuple(self._open.items()):
            if window.ends > now:
                break
            ended.append(self._open.pop(same))
        return tuple(ended)

    def next_end(self) -> float | None:
        """When the first of them is over, s."""
        return next(iter(self._open.values())).ends if self._open else None


class Source(msgspec.Struct, frozen=True):
    """Who sent an instance, as the change feed says it: `door:name@address`."""

    door: str
    name: str
    address: str

    @classmethod
    def parse(cls, text: str) -> "Source":
        """Reads what `archive.index.rows.event_row` wrote.

        >>> Source.parse("dimse:CT@1@192.0.2.7")
        Source(door='dimse', name='CT@1', address='192.0.2.7')
        """
        door, _, rest = text.partition(":")
        name, _, address = rest.rpartition("@") if "@" in rest else (rest, "", "")
        return cls(door, name, address)
