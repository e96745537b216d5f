"""The work of a worker process: it is named here without loading what it needs."""

from collections.abc import Sequence

from sagittal.imaging.render.recipe import EncodedFrame, EncodedState, Recipe


def make(
    header: bytes,
    transfer_syntax_uid: str,
    frames: Sequence[EncodedFrame],
    recipe: Recipe,
    state: EncodedState | None = None,
) -> bytes:
    """What `making.make_picture` gives."""
    from sagittal.imaging.render.making import make_picture  # numpy, imagecodecs and Pillow, for workers only

    return make_picture(header, transfer_syntax_uid, frames, recipe, state)
