"""The VR of elements that came without one: the dictionary's, and its choices resolved by what came before."""

from collections.abc import Mapping

from sagittal.dicom.registry import vr_choice

BITS_ALLOCATED = 0x00280100
PIXEL_REPRESENTATION = 0x00280103
WAVEFORM_BITS_ALLOCATED = 0x54001004
DECIDING = frozenset((BITS_ALLOCATED, PIXEL_REPRESENTATION, WAVEFORM_BITS_ALLOCATED))
"""Attributes, all of VR US, that decide about others after them."""

_WAVEFORM_GROUP = 0x5400


def resolved_vr(tag: int, known: Mapping[int, int]) -> str:
    """The VR to write for an element of an Implicit VR data set.

    US or SS: as Pixel Representation says (PS3.3 Section C.7.6.3.1), US where it does not. OB or OW: OB if samples have
    8 bits or less (PS3.5 Sections 8.1.2 and A.2), else OW. Other choices hold 16-bit words: OW.

    Args:
        tag: of the element.
        known: values of the DECIDING attributes so far, in this item or around it.

    >>> resolved_vr(0x00280106, {PIXEL_REPRESENTATION: 1}), resolved_vr(0x7FE00010, {BITS_ALLOCATED: 8})
    ('SS', 'OB')
    """
    choice = vr_choice(tag)
    if len(choice) == 2:
        return choice
    if choice == "US or SS":
        return "SS" if known.get(PIXEL_REPRESENTATION) == 1 else "US"
    if choice == "OB or OW":
        decides = WAVEFORM_BITS_ALLOCATED if tag >> 16 == _WAVEFORM_GROUP else BITS_ALLOCATED
        return "OB" if known.get(decides, 16) <= 8 else "OW"
    return "OW"
