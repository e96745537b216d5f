"""What the beginnings of data sets have in common: most of a header is that of the instance before, byte for byte.

The elements of a header are cut into runs. The same bytes mean the same elements, so a run that came before is known by
one comparison, and only the others are read. Runs begin with a few elements. One that comes otherwise is cut into its
elements, of which those that differ again are from then on read without a comparison; what stays the same is put
together, until a header is a few long runs with the elements between them that differ in each instance.
"""

from typing import Final, NamedTuple

from sagittal.dicom.dataset.elements import RawElement
from sagittal.dicom.dataset.layout import Layout
from sagittal.dicom.dataset.plan import Plan
from sagittal.dicom.dataset.skim import skim_explicit, skim_implicit

RUN_ELEMENTS: Final = 6
MAX_RUNS: Final = 128
MAX_RUN_BYTES: Final = 2048
MAX_BYTES: Final = 1 << 17

_LOST: Final = 6  # runs that come otherwise one after the other: this header has other elements
_LOST_AT_FIRST: Final = 8  # the same while it is not known yet which elements vary
_STRIKES: Final = 8  # headers one after the other that have other elements: so will the next
_CALM: Final = 2  # headers of which each run was known or known to differ, after which runs are put together
_PATIENCE: Final = 16  # headers after which one such is enough


class _Run(NamedTuple):
    """Elements one after the other.

    Attributes:
        data: as encoded; empty if they differ from one instance to the next.
        elements: the wanted ones of them, if they do not.
        size: how many they are.
    """

    data: bytes
    elements: dict[int, RawElement]
    size: int


class HeaderMemory:
    """Remembers the header that was read last, up to some 128 KiB, for readers of what comes next.

    One task at a time may read with it.
    """

    def __init__(self) -> None:
        self._read_as: tuple[Layout, Plan] | None = None
        self._runs: list[_Run] = []
        self._count = 0  # elements in all runs
        self._is_loose = False  # there may be runs to put together
        self._lost = _LOST_AT_FIRST
        self._strikes = 0
        self._calm = self._age = 0  # headers since a run came otherwise, and since runs were put together

    def skim(
        self, data: bytes, room: int, layout: Layout, plan: Plan, elements: dict[int, RawElement]
    ) -> tuple[int, int]:
        """As `skim_explicit` or `skim_implicit` from the first byte of a data set on; may stop before they would."""
        if self._read_as != (layout, plan):
            self._read_as = (layout, plan)
            self._forget()
        if self._count > room:
            return 0, 0
        skim = skim_implicit if layout.is_implicit_vr else skim_explicit
        at = count = lost = 0
        others: list[tuple[int, int]] = []
        for place, (known, kept, size) in enumerate(self._runs):
            if known and data.startswith(known, at):
                elements.update(kept)
                at += len(known)
                lost = 0
            else:
                found: dict[int, RawElement] = {} if known else elements
                stop, read = skim(data, at, size, layout, plan, found)
                if known:
                    elements.update(found)
                if read < size or stop > len(data):
                    self._learn(data, others)
                    return stop, count + read
                if known:
                    others.append((place, at))
                    lost += 1
                    if lost == self._lost or found.keys() != kept.keys():
                        self._strike()
                        return stop, count + size
                at = stop
            count += size
        self._strikes = 0
        self._learn(data, others)
        return self._extend(data, at, count, room, elements)

    def _strike(self) -> None:
        self._strikes += 1
        if self._strikes == _STRIKES or self._lost == _LOST_AT_FIRST:
            self._forget()

    def _forget(self) -> None:
        self._runs, self._count, self._is_loose = [], 0, False
        self._lost, self._strikes = _LOST_AT_FIRST, 0
        self._calm = self._age = 0

    def _extend(self, data: bytes, at: int, count: int, room: int, elements: dict[int, RawElement]) -> tuple[int, int]:
        """Goes on behind what is remembered, and remembers that too."""
        while len(self._runs) < MAX_RUNS and at < MAX_BYTES and count + RUN_ELEMENTS <= room:
            run, stop = self._read(data, at, RUN_ELEMENTS)
            elements.update(run.elements)
            if run.size < RUN_ELEMENTS or stop > len(data):
                return stop, count + run.size
            self._runs.append(run if run.data else _varying(run.size))
            self._count += RUN_ELEMENTS
            self._is_loose = True
            at = stop
            count += RUN_ELEMENTS
        return at, count

    def _read(self, data: bytes, at: int, most: int) -> tuple[_Run, int]:
        """At most so many elements from `at` on, and where they end; without their bytes if these are too many."""
        if self._read_as is None:
            raise RuntimeError("nothing was read yet")
        layout, plan = self._read_as
        skim = skim_implicit if layout.is_implicit_vr else skim_explicit
        kept: dict[int, RawElement] = {}
        stop, read = skim(data, at, most, layout, plan, kept)
        return _Run(data[at:stop] if stop - at <= MAX_RUN_BYTES else b"", kept, read), stop

    def _learn(self, data: bytes, others: list[tuple[int, int]]) -> None:
        """Takes down what came otherwise (which run, and where it is now): in smaller runs, at last as varying."""
        self._calm += 1
        self._age += 1
        if others:
            self._calm = 0
            self._is_loose = True
            for place, at in reversed(others):
                self._runs[place : place + 1] = self._pieces(data, at, self._runs[place].size)
            if sum(len(run.data) for run in self._runs) > MAX_BYTES:
                self._forget()
        is_calm = self._calm >= (_CALM if self._age < _PATIENCE else 1)
        if self._is_loose and (is_calm or len(self._runs) > MAX_RUNS):
            self._join()

    def _pieces(self, data: bytes, at: int, count: int) -> list[_Run]:
        if count == 1:
            return [_varying(1)]
        size = RUN_ELEMENTS if count > RUN_ELEMENTS else 1
        pieces = []
        while count:
            run, at = self._read(data, at, min(size, count))
            pieces.append(run if run.data else _varying(run.size))
            count -= run.size
        return pieces

    def _join(self) -> None:
        """Puts together neighbours that stay the same, and neighbours that vary."""
        joined: list[_Run] = []
        for run in self._runs:
            last = joined[-1] if joined else None
            if last is None or bool(last.data) != bool(run.data) or len(last.data) + len(run.data) > MAX_RUN_BYTES:
                joined.append(run)
            else:
                joined[-1] = _Run(last.data + run.data, last.elements | run.elements, last.size + run.size)
        self._runs = joined
        self._is_loose, self._age, self._lost = False, 0, _LOST


def _varying(count: int) -> _Run:
    return _Run(b"", {}, count)
