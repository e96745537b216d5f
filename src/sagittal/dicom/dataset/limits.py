"""How much of a data set from outside is believed."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Caps on what one data set may make us do; what goes beyond raises Exhausted.

    Attributes:
        max_depth: sequences within sequences.
        max_elements: data elements looked at, nested ones included. Those inside a sequence or item of defined length
            are stepped over as a whole by the header reader and do not count there.
        max_element_bytes: one value that is kept.
        max_optional_bytes: one value that is kept only if it is no longer than this, and passed by else.
        max_kept_bytes: all values over 64 KiB that are kept, together.
        max_header_bytes: all that comes before the pixel data, which is everything where there is none (documents,
            waveforms); it is passed by, not kept.
        max_inflated_bytes: what a deflated data set may inflate to, as far as it is looked at.
    """

    max_depth: int = 64
    max_elements: int = 4_000_000
    max_element_bytes: int = 8 << 20
    max_optional_bytes: int = 1 << 20
    max_kept_bytes: int = 16 << 20
    max_header_bytes: int = 16 << 30
    max_inflated_bytes: int = 1 << 30


DEFAULT_LIMITS = Limits()
"""Roomy for every object seen in the field, enhanced multi-frame and whole slides included."""
