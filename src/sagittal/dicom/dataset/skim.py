"""The two tight loops over the elements of one level.

A loop steps over plain elements, keeps what is wanted and small, and stops in front of whatever needs thought (pixel
data, undefined length, delimiters, odd VRs, a head or value that is not all there).

    skim_explicit(data, at, room, layout, plan, elements) -> (stop, count)
    skim_implicit(data, at, room, layout, plan, elements) -> (stop, count)

Elements from `at` on are looked at, `room` at most; wanted ones are put into `elements`. `stop` may be behind the end
of `data` if the rest is to be skipped; `count` is how many elements were stepped over.

There are two forms that do the same: where this package was compiled, the one that takes heads apart byte by byte is
eight times as fast as the one that an interpreter is good at, and five times slower where it was not.
"""

from types import FunctionType
from typing import Final

from sagittal.dicom.dataset import skim_by_byte, skim_by_struct

IS_COMPILED: Final = not isinstance(skim_by_byte.skim_explicit, FunctionType)
"""Whether this package runs as machine code."""

skim_explicit: Final = skim_by_byte.skim_explicit if IS_COMPILED else skim_by_struct.skim_explicit
skim_implicit: Final = skim_by_byte.skim_implicit if IS_COMPILED else skim_by_struct.skim_implicit
