"""From stored values to pictures: the display pipeline of PS3.3 and PS3.4 Annex N, and the encodings of pictures."""

from sagittal.imaging.render.pipeline import Choice, render_frame
from sagittal.imaging.render.voi import Window

__all__ = ["Choice", "Window", "render_frame"]
