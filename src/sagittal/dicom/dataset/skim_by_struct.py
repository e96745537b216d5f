"""The loops of `skim` as an interpreter runs them fastest: heads are taken apart by `struct`."""

from itertools import repeat
from operator import length_hint
from struct import error as StructError  # noqa: N812 it is a class

from sagittal.dicom.dataset.elements import SMALL_BYTES, UNDEFINED_LENGTH, RawElement
from sagittal.dicom.dataset.layout import Layout
from sagittal.dicom.dataset.plan import Plan


def skim_explicit(
    data: bytes, at: int, room: int, layout: Layout, plan: Plan, elements: dict[int, RawElement]
) -> tuple[int, int]:
    """Steps over plain Explicit VR elements from `at` on, putting wanted ones into `elements`.

    At most `room` elements are looked at. Returns where it stopped, which may be behind the end of `data` if the rest
    is to be skipped, and how many elements it stepped over.
    """
    head, long_length, short, long, tags = layout.explicit, layout.long_length, layout.short, layout.long, plan.tags
    end = len(data)
    budget = repeat(None, room)
    try:
        for _ in budget:
            key, code, length = head(data, at)
            if code in short:
                stop = at + 8 + length
                if key in tags:
                    if stop > end or not tags[key]:
                        break
                    elements[tags[key]] = RawElement(short[code], data[at + 8 : stop])
            elif code in long:
                (length,) = long_length(data, at + 8)
                stop = at + 12 + length
                if length == UNDEFINED_LENGTH:
                    break
                if key in tags:
                    if stop > end or not tags[key] or length > SMALL_BYTES:
                        break
                    elements[tags[key]] = RawElement(long[code], data[at + 12 : stop])
            else:
                break
            at = stop
        else:
            return at, room
    except StructError:
        pass  # the end of `data`: cheaper to run into than to look out for
    return at, room - length_hint(budget) - 1


def skim_implicit(
    data: bytes, at: int, room: int, layout: Layout, plan: Plan, elements: dict[int, RawElement]
) -> tuple[int, int]:
    """As `skim_explicit`, for Implicit VR."""
    head, tags, vrs, end = layout.implicit, plan.tags, plan.vrs, len(data)
    budget = repeat(None, room)
    try:
        for _ in budget:
            key, length = head(data, at)
            stop = at + 8 + length
            if key in tags:
                tag = tags[key]
                if stop > end or not tag or length > SMALL_BYTES:
                    break
                elements[tag] = RawElement(vrs[tag], data[at + 8 : stop])
            elif length == UNDEFINED_LENGTH:
                break
            at = stop
        else:
            return at, room
    except StructError:
        pass
    return at, room - length_hint(budget) - 1
