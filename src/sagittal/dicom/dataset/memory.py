"""What the beginnings of data sets have in common: most of a header is that of the instance before, byte for byte.

The elements of a header are cut into runs of a few. The same bytes mean the same elements, so a run that came before is
known by one comparison, and only the others are read.
"""

from typing import Final, NamedTuple

from sagittal.dicom.dataset.elements import RawElement
from sagittal.dicom.dataset.layout import Layout
from sagittal.dicom.dataset.skim import Plan, skim_explicit, skim_implicit

RUN_ELEMENTS: Final = 6
MAX_RUNS: Final = 64
MAX_RUN_BYTES: Final = 2048


class _Run(NamedTuple):
    """RUN_ELEMENTS elements: as encoded, and the wanted ones of them."""

    data: bytes
    elements: dict[int, RawElement]


_NO_RUN: Final = _Run(b"", {})


class HeaderMemory:
    """Remembers the header that was read last, up to 128 KiB, for readers of what comes next.

    One task at a time may read with it.
    """

    def __init__(self) -> None:
        self._read_as: tuple[Layout, Plan] | None = None
        self._runs: list[_Run] = []

    def skim(
        self, data: bytes, room: int, layout: Layout, plan: Plan, elements: dict[int, RawElement]
    ) -> tuple[int, int]:
        """As `skim_explicit` or `skim_implicit` from the first byte of a data set on; may stop before they would."""
        if self._read_as != (layout, plan):
            self._read_as, self._runs = (layout, plan), []
        skim = skim_implicit if layout.is_implicit_vr else skim_explicit
        runs, at, count = self._runs, 0, 0
        for place in range(min(MAX_RUNS, room // RUN_ELEMENTS)):
            if place == len(runs):
                runs.append(_NO_RUN)
            known, kept = runs[place]
            stop = at + len(known)
            if not known or data[at:stop] != known:
                kept = {}
                stop, read = skim(data, at, RUN_ELEMENTS, layout, plan, kept)
                if read < RUN_ELEMENTS or stop > len(data):
                    elements.update(kept)
                    return stop, count + read
                if stop - at <= MAX_RUN_BYTES:
                    runs[place] = _Run(data[at:stop], kept)
            elements.update(kept)
            at = stop
            count += RUN_ELEMENTS
        return at, count
